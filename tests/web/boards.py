"""A board with a little of everything on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kwatch.errors import RefusedError
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.conditions import AllOf
from kwatch.model.decisions import AuditEntry
from kwatch.model.notifications import (
    Attempt,
    Content,
    Delivery,
    DeliveryState,
    Folded,
    Message,
    Notification,
    NotificationKind,
)
from kwatch.model.rules import Severity
from kwatch.model.silences import Silence
from kwatch.telemetry import Series
from kwatch.web.reasons import Reasons
from kwatch.web.views import ConfigurationView, DestinationView, Overview, SourceState, SourceView, StoreView

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def alert(rule: str, workload: str, namespace: str = "shop", **fields: Any) -> AlertView:
    defaults: dict[str, Any] = {
        "fingerprint": f"f-{rule}",
        "episode": 1,
        "rule": rule,
        "state": AlertState.FIRING,
        "severity": Severity.WARNING,
        "labels": {"namespace": namespace, "workload": workload},
        "annotations": {},
        "message": "",
        "details": {},
        "count": 0,
        "window_count": 0,
        "starts_at": ago(minutes=12),
    }
    return AlertView(**{**defaults, **fields})


def delivery(
    delivery_id: str,
    state: DeliveryState,
    *alerts: AlertView,
    text: str = "",
    created_at: datetime = NOW,
    **fields: Any,
) -> Delivery:
    content = Content(
        kind=NotificationKind.FIRING,
        cluster="prod-eu",
        receiver="team",
        severity=Severity.WARNING,
        group_labels={},
        alerts=alerts,
        alert_count=len(alerts),
        firing_count=len(alerts),
        starts_at=created_at,
        text=text,
    )
    notification = Notification(
        id=delivery_id,
        destination=fields.pop("destination", "team-slack"),
        incident="kw/1/1",
        sequence=1,
        kind=fields.pop("kind", NotificationKind.FIRING),
        severity=Severity.WARNING,
        content=content,
        created_at=created_at,
    )
    return Delivery(notification=notification, state=state, due_at=created_at, **fields)


CRASH = alert(
    "crash-loop",
    "Deployment/worker",
    "payments",
    severity=Severity.CRITICAL,
    message="Back-off restarting failed container app in pod worker-7d9f-abcde",
    count=14,
    member_count=3,
)
PULL = alert("image-pull", "Deployment/web", message='Back-off pulling image "registry.example.com/shop/web:1.2.4"')
NODE = alert("node-not-ready", "Node/worker-3", "", starts_at=ago(hours=3, minutes=5), is_late=True)
WAITING = alert("rollout-stuck", "Deployment/web", state=AlertState.PENDING)

OVERVIEW = Overview(
    version="0.1.0",
    cluster="prod-eu",
    now=NOW,
    started_at=ago(days=3, hours=4),
    alerts=(PULL, NODE, WAITING, CRASH),
    sources=(
        SourceView(id="v1/pods", state=SourceState.WATCHING, since=ago(hours=1), last_frame_at=ago(seconds=4)),
        SourceView(id="v1/nodes", state=SourceState.WATCHING, since=ago(hours=1), last_frame_at=NOW),
    ),
    destinations=(
        DestinationView(name="team-slack", type="slack"),
        DestinationView(name="oncall-webhook", type="webhook", queued=2, oldest_at=ago(seconds=90)),
    ),
    store=StoreView(path="/var/lib/kwatch"),
    configuration=ConfigurationView(loaded_at=ago(minutes=30)),
)
TROUBLED = replace(
    OVERVIEW,
    sources=(
        *OVERVIEW.sources,
        SourceView(id="batch/v1/jobs", state=SourceState.FORBIDDEN, since=ago(hours=1), error="may not list jobs"),
    ),
    destinations=(
        OVERVIEW.destinations[0],
        replace(OVERVIEW.destinations[1], suspended="unauthorized", queued=7),
    ),
)

DELIVERIES = (
    delivery("n-3", DeliveryState.RETRY_WAIT, PULL, created_at=ago(seconds=40), reason="unavailable", attempts=2),
    delivery("n-2", DeliveryState.SENT, CRASH, PULL, created_at=ago(minutes=2), attempts=1, finished_at=ago(minutes=2)),
    delivery(
        "n-1", DeliveryState.DEAD, text="12 problems were already there", created_at=ago(hours=2), reason="too_large"
    ),
)
ATTEMPT = Attempt(
    number=1, started_at=ago(seconds=121), ended_at=ago(minutes=2), outcome="sent", reason="", detail="200 OK"
)


FOLDED = Folded("n-0", "kw/0/1", NotificationKind.FIRING)


@dataclass
class FixedBoard:
    """A board that shows what it is given."""

    shown: Overview = OVERVIEW
    rows: tuple[Delivery, ...] = DELIVERIES
    counted: Mapping[Series, int] = field(default_factory=dict)
    why_degraded: str = ""
    stood_for: Mapping[str, tuple[Folded, ...]] = field(default_factory=lambda: {"n-1": (FOLDED,)})

    async def overview(self) -> Overview:
        return self.shown

    def degraded(self) -> str:
        return self.why_degraded

    def muted(self) -> Mapping[str, str]:
        return {}

    def counters(self) -> Mapping[Series, int]:
        return self.counted

    async def deliveries(
        self, states: Iterable[DeliveryState], limit: int, destination: str = ""
    ) -> tuple[Delivery, ...]:
        wanted = tuple(states) or tuple(DeliveryState)
        rows = [row for row in self.rows if destination in {"", row.notification.destination}]
        return tuple(row for row in rows if row.state in wanted)[:limit]

    async def delivery(self, delivery_id: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        for row in self.rows:
            if row.notification.id == delivery_id:
                return msgspec.structs.replace(row, message=Message(body=b'{"text": "hi"}')), (ATTEMPT,)
        return None

    async def folded(self, delivery_id: str, limit: int) -> tuple[Folded, ...]:
        return self.stood_for.get(delivery_id, ())

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        return CHANGES[:limit]

    async def why(self, subject: str) -> Reasons:
        return Reasons(subject=subject, now=NOW, problem="there is no such object")

    async def delivery_counts(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        return {"team-slack": {DeliveryState.SENT: 128, DeliveryState.DEAD: 1}}


TOKEN = "the-token-of-the-fixed-control-0123456789"
SILENCE = Silence(
    id="s-1",
    match=AllOf(()),
    asked="namespace: shop",
    starts_at=ago(minutes=5),
    ends_at=NOW + timedelta(hours=2),
    owner="alice",
    comment="maintenance",
    created_at=ago(minutes=5),
)
CHANGES = (
    AuditEntry(at=ago(minutes=5), actor="alice", action="silence added", subject="s-1", detail="namespace: shop"),
)


@dataclass
class FixedControl:
    """A control that notes what it is asked for."""

    token: str = TOKEN
    asked: list[tuple[object, str]] = field(default_factory=list)

    async def add_silence(self, asked: Mapping[str, object], actor: str) -> tuple[Silence, int]:
        self.asked.append((asked, actor))
        if "match" not in asked:
            raise RefusedError("'match' is missing")
        return SILENCE, 2

    async def expire_silence(self, silence_id: str, actor: str) -> bool:
        self.asked.append((silence_id, actor))
        return silence_id == SILENCE.id

    async def ack(self, target: str, actor: str, comment: str) -> tuple[AlertView, ...]:
        self.asked.append(((target, comment), actor))
        if target != CRASH.fingerprint:
            raise RefusedError("nothing that fires has this fingerprint or incident")
        return (msgspec.structs.replace(CRASH, acked_by=actor, acked_at=NOW, ack_comment=comment),)

    async def retry_delivery(self, delivery_id: str, actor: str) -> bool:
        return self._dealt_with("retry", delivery_id, actor)

    async def drop_delivery(self, delivery_id: str, actor: str) -> bool:
        return self._dealt_with("drop", delivery_id, actor)

    def _dealt_with(self, act: str, delivery_id: str, actor: str) -> bool:
        self.asked.append(((act, delivery_id), actor))
        if delivery_id == "n-2":
            raise RefusedError("it is sent: there is nothing to do")
        return delivery_id in ("n-1", "kw/1/1")

    async def unack(self, target: str, actor: str) -> tuple[AlertView, ...]:
        self.asked.append((target, actor))
        return (CRASH,)
