"""What the contract tells of: a crash loop at a fixed instant, complete and valid, for behaviours to vary."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.notifications import (
    Content,
    Delivery,
    DeliveryState,
    Message,
    Notification,
    NotificationKind,
    Receipt,
    Thread,
)
from kwatch.model.rules import Severity

NOW = datetime(2026, 3, 1, 14, 14, tzinfo=UTC)
ALONE = Thread()
INCIDENT = "kw/g5h2j7/1"


def alert(**changes: Any) -> AlertView:
    """Return a crash loop of payments/worker, since 12 minutes."""
    view = AlertView(
        fingerprint="7qf3zk2m5x4w6y1a9bcdefghij",
        episode=1,
        rule="crash-loop",
        state=AlertState.FIRING,
        severity=Severity.CRITICAL,
        labels={
            "cluster": "prod-eu",
            "rule": "crash-loop",
            "severity": "critical",
            "kind": "Pod",
            "namespace": "payments",
            "name": "worker-7d9c-x2x1",
            "workload": "Deployment/worker",
            "node": "n-17",
            "reason": "BackOff",
        },
        annotations={
            "summary": "{{ workload }} keeps crashing",
            "explanation": "The container ends soon after each start; the kubelet waits longer each time.",
            "next_step": "kubectl -n {{ namespace }} logs {{ name }} --previous",
            "runbook": "https://runbooks.example.com/crash-loop",
        },
        message="Back-off restarting failed container worker in pod worker-7d9c-x2x1",
        details={"image": "registry.example.com/worker:1.4.2"},
        count=43,
        window_count=30,
        starts_at=NOW - timedelta(minutes=12),
        members=("worker-7d9c-x2x1", "worker-7d9c-k8fq"),
        member_count=5,
        is_new=True,
    )
    return msgspec.structs.replace(view, **changes)


def ended(view: AlertView, kind: NotificationKind = NotificationKind.RESOLVED) -> AlertView:
    """Return the alert, resolved now, or no longer observed."""
    ends = {NotificationKind.EXPIRED: (AlertState.EXPIRED, EndReason.NOT_OBSERVED)}
    state, reason = ends.get(kind, (AlertState.RESOLVED, EndReason.HEALTHY))
    return msgspec.structs.replace(view, state=state, ends_at=NOW, end_reason=reason, is_new=False)


def content(*alerts: AlertView, kind: NotificationKind = NotificationKind.FIRING, **changes: Any) -> Content:
    """Return the facts of a notification about the alerts (one crash loop when none are given)."""
    views = alerts or (alert(),)
    if kind.closes:
        views = tuple(ended(view, kind) for view in views)
    facts = Content(
        kind=kind,
        cluster="prod-eu",
        receiver="team",
        severity=max(view.severity for view in views),
        group_labels={"namespace": "payments", "workload": "Deployment/worker"},
        alerts=views,
        alert_count=len(views),
        firing_count=sum(view.state is AlertState.FIRING for view in views),
        starts_at=min(view.starts_at for view in views),
        ends_at=NOW if kind.closes or kind is NotificationKind.DIGEST else None,
    )
    return msgspec.structs.replace(facts, **changes)


def notification(
    facts: Content | None = None, *, sequence: int = 1, incident: str = INCIDENT, **changes: Any
) -> Notification:
    """Return a notification of the facts."""
    said = facts or content()
    group = "" if incident == INCIDENT else f"-{incident.removeprefix('kw/').replace('/', '-')}"
    made = Notification(
        id=f"n7qf3{group}-{sequence}",
        destination="team-slack",
        incident=incident,
        sequence=sequence,
        kind=said.kind,
        severity=said.severity,
        content=said,
        created_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def delivery(of: Notification, message: Message, thread: Thread = ALONE) -> Delivery:
    """Return the outbox row of a notification that is being sent."""
    return Delivery(notification=of, state=DeliveryState.LEASED, due_at=NOW, message=message, thread=thread, attempts=1)


def thread_of(receipt: Receipt) -> Thread:
    """Return the incident as it is known after a delivery: a receipt that says nothing is kept as none."""
    return Thread(receipt) if receipt.values else ALONE
