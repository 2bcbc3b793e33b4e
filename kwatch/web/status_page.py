"""What the status page shows, as values. Pure: no framework, no clock, no I/O; `now` comes with the overview.

Everything is told as it is; the page never hides what is wrong so that it looks healthy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Delivery, DeliveryState
from kwatch.model.silences import Silence
from kwatch.web.reports import place_of, title_of
from kwatch.web.views import DestinationView, Overview, SourceState, SourceView, readiness


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
        where=place_of(alert.labels),
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
        is_bad=destination.is_closed,
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
