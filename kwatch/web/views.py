"""What the pages and endpoints show, as values: `Board` in, plain values out.

Pure: no framework, no clock, no I/O. `now` comes with the overview. Everything is told as it is; a view never hides
what is wrong so that a page looks healthy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.decisions import AuditEntry
from kwatch.model.notifications import Attempt, Delivery, DeliveryState, Folded
from kwatch.model.silences import Silence
from kwatch.telemetry import Series


class SourceState(Enum):
    """What a watch is doing."""

    LISTING = "listing"
    WATCHING = "watching"
    WAITING = "waiting"  # the connection failed; it will be tried again
    FORBIDDEN = "forbidden"  # this kind cannot be watched with these credentials; the others go on


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One watch. `last_frame_at` is None before the first frame; `error` is empty while there is none."""

    id: str
    state: SourceState
    since: datetime
    last_frame_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationView:
    """One destination's queue. `oldest_at` is None when nothing waits; `suspended` is why nothing is sent, or empty."""

    name: str
    type: str
    queued: int = 0
    oldest_at: datetime | None = None
    suspended: str = ""
    failing: str = ""  # why others are told that it cannot be told, or empty
    paused_until: datetime | None = None  # it asked to wait
    silent_until: datetime | None = None  # it does not answer, and is tried again then
    storm_since: datetime | None = None  # more comes than its pace allows, and is told in overflows


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """The state folder. `error` says why nothing can be written now, and is empty while it can."""

    path: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationView:
    """The configuration in use. `error` says why that on the disk is not, and is empty while it is."""

    loaded_at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How kwatch is at the instant `now`."""

    version: str
    cluster: str
    now: datetime
    started_at: datetime
    alerts: tuple[AlertView, ...]
    sources: tuple[SourceView, ...]
    destinations: tuple[DestinationView, ...]
    store: StoreView
    configuration: ConfigurationView
    silences: tuple[Silence, ...] = ()  # the next to end first
    is_stopping: bool = False
    gauges: Mapping[Series, float] = field(default_factory=dict)  # further ones, named as counters are


class Board(Protocol):
    """What the running kwatch lets its readers see."""

    async def overview(self) -> Overview:
        """Return the state of this instant; also when the store fails, which it then says."""
        ...

    def muted(self) -> Mapping[str, str]:
        """Return what holds back each open alert that something does, by fingerprint."""
        ...

    def counters(self) -> Mapping[Series, int]:
        """Return all counters."""
        ...

    async def deliveries(self, states: Iterable[DeliveryState], limit: int) -> tuple[Delivery, ...]:
        """Return the newest deliveries in one of the states, in all when none is given; newest first."""
        ...

    async def delivery(self, delivery_id: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts; None when there is no such id."""
        ...

    async def folded(self, delivery_id: str, limit: int) -> tuple[Folded, ...]:
        """Return what an overflow stands for, oldest first; nothing for other deliveries."""
        ...

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """Return the newest changes that were made by hand, newest first."""
        ...

    async def delivery_counts(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        """Return how many deliveries are in which state, by destination."""
        ...


class Readiness(Enum):
    """DEGRADED: a kind is forbidden, a destination is suspended, a reload was refused, while the rest is told."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not ready"


def readiness(overview: Overview) -> Readiness:
    """Say whether problems are seen, kept and told now.

    Not ready: stopping, the store cannot be written, a watch is not in sync, or no destination is left to tell.
    """
    suspended = [bool(destination.suspended or destination.failing) for destination in overview.destinations]
    out_of_sync = any(source.state in (SourceState.LISTING, SourceState.WAITING) for source in overview.sources)
    forbidden = [source.state is SourceState.FORBIDDEN for source in overview.sources]
    told_to_nobody = bool(suspended) and all(suspended)
    sees_nothing = all(forbidden)
    if overview.is_stopping or overview.store.error or out_of_sync or told_to_nobody or sees_nothing:
        return Readiness.NOT_READY
    is_degraded = any(suspended) or any(forbidden) or bool(overview.configuration.error)
    return Readiness.DEGRADED if is_degraded else Readiness.READY


def readiness_report(overview: Overview) -> dict[str, Any]:
    """Return the body of `/readyz`."""
    return {
        "status": readiness(overview).value,
        "stopping": overview.is_stopping,
        "store": {"ok": not overview.store.error, "error": overview.store.error},
        "configuration": {
            "ok": not overview.configuration.error,
            "loaded_at": overview.configuration.loaded_at.isoformat(),
            "error": overview.configuration.error,
        },
        "sources": [
            {
                "id": source.id,
                "ok": source.state is SourceState.WATCHING,
                "state": source.state.value,
                "since": source.since.isoformat(),
                "last_frame_at": _instant(source.last_frame_at),
                "error": source.error,
            }
            for source in overview.sources
        ],
        "destinations": [
            {
                "name": destination.name,
                "ok": not (destination.suspended or destination.failing),
                "queued": destination.queued,
                "oldest_at": _instant(destination.oldest_at),
                "suspended": destination.suspended,
                "failing": destination.failing,
                "paused_until": _instant(destination.paused_until),
                "silent_until": _instant(destination.silent_until),
                "storm_since": _instant(destination.storm_since),
            }
            for destination in overview.destinations
        ],
    }


def alert_report(alert: AlertView, muted_by: str = "") -> dict[str, Any]:
    """Return one alert as `/api/v1/alerts` lists it, with what holds it back; empty: nothing does."""
    return {
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "rule": alert.rule,
        "state": alert.state.value,
        "severity": alert.severity.word,
        "labels": dict(alert.labels),
        "message": alert.message,
        "details": dict(alert.details),
        "count": alert.count,
        "starts_at": alert.starts_at.isoformat(),
        "members": list(alert.members),
        "member_count": alert.member_count,
        "late": alert.is_late,
        "throttled": alert.is_throttled,
        "flapping": alert.is_flapping,
        "acked_by": alert.acked_by,
        "acked_at": _instant(alert.acked_at),
        "ack_comment": alert.ack_comment,
        "escalated_to": list(alert.escalated_to),
        "muted_by": muted_by,
    }


def silence_report(silence: Silence) -> dict[str, Any]:
    """Return one silence as `/api/v1/silences` lists it."""
    return {
        "id": silence.id,
        "match": silence.asked,
        "starts_at": silence.starts_at.isoformat(),
        "ends_at": _instant(silence.ends_at),
        "until_resolved": silence.is_until_resolved,
        "owner": silence.owner,
        "comment": silence.comment,
        "created_at": silence.created_at.isoformat(),
    }


def audit_report(entry: AuditEntry) -> dict[str, Any]:
    """Return one change as `/api/v1/audit` lists it."""
    return {
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }


def delivery_report(delivery: Delivery) -> dict[str, Any]:
    """Return one delivery as `/api/v1/deliveries` lists it; without the message, which may be long."""
    notification = delivery.notification
    return {
        "id": notification.id,
        "destination": notification.destination,
        "incident": notification.incident,
        "sequence": notification.sequence,
        "kind": notification.kind.value,
        "severity": notification.severity.word,
        "state": delivery.state.value,
        "title": title_of(delivery),
        "attempts": delivery.attempts,
        "created_at": notification.created_at.isoformat(),
        "due_at": None if delivery.state.is_final else delivery.due_at.isoformat(),
        "finished_at": _instant(delivery.finished_at),
        "reason": delivery.reason,
    }


def delivery_story(delivery: Delivery, attempts: tuple[Attempt, ...], folded: tuple[Folded, ...]) -> dict[str, Any]:
    """Return `/api/v1/deliveries/{id}`: the delivery, every attempt, what was sent, and of an overflow for what.

    The body is in the message as text; it holds no credential, as those are added when a request is made.
    """
    message = delivery.message
    return {
        **delivery_report(delivery),
        "degraded": delivery.is_degraded,
        "ambiguous": delivery.is_ambiguous,
        "tries": [
            {
                "number": attempt.number,
                "started_at": attempt.started_at.isoformat(),
                "ended_at": attempt.ended_at.isoformat(),
                "outcome": attempt.outcome,
                "reason": attempt.reason,
                "detail": attempt.detail,
            }
            for attempt in attempts
        ],
        "folded": [{"id": each.id, "kind": each.kind.value, "incident": each.incident} for each in folded],
        "message": None
        if message is None
        else {
            "content_type": message.content_type,
            "body": message.body.decode(errors="replace"),
            "fallback_reason": message.fallback_reason,
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCard:
    """One open alert on the page."""

    fingerprint: str
    severity: str
    rule: str
    where: str
    message: str
    since: str
    started_at: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """One recent delivery on the page."""

    id: str
    state: str
    is_bad: bool
    kind: str
    title: str
    destination: str
    age: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationLine:
    """One destination on the page, with what became of its deliveries."""

    name: str
    type: str
    sent: int
    waiting: int
    dead: int
    is_bad: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One watch on the page."""

    id: str
    state: str
    is_bad: bool
    since: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLine:
    """One silence on the page."""

    id: str
    match: str
    until: str
    owner: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """The context of `templates/web/status.html`."""

    cluster: str
    version: str
    uptime: str
    shown_at: str
    readiness: str
    store_error: str
    store_path: str
    configuration_error: str
    alerts: tuple[AlertCard, ...]
    pending_count: int
    silences: tuple[SilenceLine, ...]
    destinations: tuple[DestinationLine, ...]
    deliveries: tuple[DeliveryLine, ...]
    sources: tuple[SourceLine, ...]


def status_page(
    overview: Overview,
    deliveries: tuple[Delivery, ...],
    counts: Mapping[str, Mapping[DeliveryState, int]],
    muted: Mapping[str, str] = {},
) -> StatusPage:
    """Return the status page: what is firing, worst and newest first, then how the messages and the watches do."""
    now = overview.now
    firing = [alert for alert in overview.alerts if alert.state is AlertState.FIRING]
    firing.sort(key=lambda alert: (alert.severity, alert.starts_at, alert.fingerprint), reverse=True)
    return StatusPage(
        cluster=overview.cluster,
        version=overview.version,
        uptime=span(now - overview.started_at),
        shown_at=f"{now:%H:%M:%S} UTC",
        readiness=readiness(overview).value,
        store_error=overview.store.error,
        store_path=overview.store.path,
        configuration_error=overview.configuration.error,
        alerts=tuple(_card(alert, muted.get(alert.fingerprint, ""), now) for alert in firing),
        silences=tuple(_silence_line(silence, now) for silence in overview.silences),
        pending_count=sum(alert.state is AlertState.PENDING for alert in overview.alerts),
        destinations=tuple(_destination_line(each, counts, now) for each in overview.destinations),
        deliveries=tuple(_delivery_line(delivery, now) for delivery in deliveries),
        sources=tuple(_source_line(source, now) for source in overview.sources),
    )


def span(duration: timedelta) -> str:
    """Write a duration for people: its two largest units (`3 d 4 h`, `12 min`, `8 s`); less than a second is `now`."""
    seconds = int(duration.total_seconds())
    if seconds <= 0:
        return "now"
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    units = [(days, "d"), (hours, "h"), (minutes, "min")]
    largest = next(i for i, (amount, _) in enumerate(units) if amount)
    return " ".join(f"{amount} {unit}" for amount, unit in units[largest : largest + 2] if amount)


def _card(alert: AlertView, muted_by: str, now: datetime) -> AlertCard:
    facts = (
        f"{alert.count} times" if alert.count > 1 else "",
        f"{alert.member_count} objects" if alert.member_count > 1 else "",
        "source throttled, end not observable" if alert.is_throttled else "",
        "began while kwatch was not watching" if alert.is_late else "",
        "flapping, held open until it is stable" if alert.is_flapping else "",
        f"acknowledged by {alert.acked_by}" if alert.acked_by else "",
        f"escalated to {', '.join(alert.escalated_to)}" if alert.escalated_to else "",
        muted_by,
    )
    return AlertCard(
        fingerprint=alert.fingerprint,
        severity=alert.severity.word,
        rule=alert.rule,
        where=_where(alert.labels),
        message=alert.message,
        since=span(now - alert.starts_at),
        started_at=f"{alert.starts_at:%Y-%m-%d %H:%M:%S} UTC",
        facts=tuple(filter(None, facts)),
    )


def _silence_line(silence: Silence, now: datetime) -> SilenceLine:
    if silence.starts_at > now:
        until = f"begins in {span(silence.starts_at - now)}"
    else:
        until = "until resolved" if silence.ends_at is None else f"{span(silence.ends_at - now)} left"
    return SilenceLine(id=silence.id, match=silence.asked, until=until, owner=silence.owner, comment=silence.comment)


def _where(labels: Mapping[str, str]) -> str:
    """Name the object: `namespace/Kind/name` of the workload, as messages do."""
    subject = labels.get("workload") or "/".join(filter(None, (labels.get("kind"), labels.get("name"))))
    return "/".join(filter(None, (labels.get("namespace"), subject)))


def title_of(delivery: Delivery) -> str:
    """Say in one line what a delivery is about."""
    content = delivery.notification.content
    if not content.alerts:
        return content.text.partition("\n")[0]
    first = content.alerts[0]
    others = content.alert_count - 1
    return f"{first.rule} {_where(first.labels)}".rstrip() + (f" and {others} more" if others > 0 else "")


def _delivery_line(delivery: Delivery, now: datetime) -> DeliveryLine:
    return DeliveryLine(
        id=delivery.notification.id,
        state=delivery.state.value,
        is_bad=delivery.state in (DeliveryState.DEAD, DeliveryState.RETRY_WAIT),
        kind=delivery.notification.kind.value,
        title=title_of(delivery),
        destination=delivery.notification.destination,
        age=span(now - delivery.notification.created_at),
        reason=delivery.reason,
    )


def _destination_line(
    destination: DestinationView, counts: Mapping[str, Mapping[DeliveryState, int]], now: datetime
) -> DestinationLine:
    counted = counts.get(destination.name, {})
    return DestinationLine(
        name=destination.name,
        type=destination.type,
        sent=counted.get(DeliveryState.SENT, 0),
        waiting=destination.queued,
        dead=counted.get(DeliveryState.DEAD, 0),
        is_bad=bool(destination.suspended or destination.failing),
        note=queue_note(destination, now),
    )


def queue_note(destination: DestinationView, now: datetime) -> str:
    """Say why a destination is not told at once; empty: it is."""
    if destination.suspended:
        return f"suspended: {destination.suspended}"
    if destination.paused_until and destination.paused_until > now:
        return f"paused for {span(destination.paused_until - now)}"
    if destination.silent_until and destination.silent_until > now:
        return f"does not answer, tried again in {span(destination.silent_until - now)}"
    if destination.storm_since:
        return f"storm for {span(now - destination.storm_since)}: told in overflows"
    if destination.oldest_at:
        return f"oldest waits {span(now - destination.oldest_at)}"
    return ""


def _source_line(source: SourceView, now: datetime) -> SourceLine:
    heard = f"last heard {span(now - source.last_frame_at)} ago" if source.last_frame_at else "nothing heard yet"
    return SourceLine(
        id=source.id,
        state=source.state.value,
        is_bad=source.state in (SourceState.WAITING, SourceState.FORBIDDEN),
        since=span(now - source.since),
        note=source.error or heard.replace("now ago", "just now"),
    )


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
