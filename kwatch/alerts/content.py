"""What a notification says: snapshots of alerts, complete by themselves."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kwatch.alerts.records import Alert
from kwatch.alerts.thresholds import window_sum
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.findings import Truth
from kwatch.model.notifications import Content, NotificationKind
from kwatch.model.rules import Rule, Severity

#: Names of members in a view, and alerts in a notification; the counts beside them are of all.
NAMES = 10
ALERTS = 1000


class Frame(msgspec.Struct, frozen=True):
    """What is the same in every notification of this kwatch."""

    cluster: str
    public_url: str


def view_of(alert: Alert, rule: Rule | None, now: datetime, *, is_new: bool = False) -> AlertView:
    """Return what an alert is now."""
    rate = rule.rate if rule is not None else None
    names = sorted(alert.members.values(), key=lambda member: member.truth is not Truth.TRUE)[:NAMES]
    return AlertView(
        fingerprint=alert.fingerprint,
        episode=alert.episode,
        rule=alert.rule,
        state=alert.state,
        severity=alert.severity,
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        message=alert.message,
        details=dict(alert.details),
        count=alert.count,
        window_count=window_sum(alert.window, rate, now) if rate is not None else 0,
        starts_at=_begins_at(alert),
        ends_at=alert.ends_at,
        end_reason=alert.end_reason,
        members=tuple(member.ref.name for member in names),
        member_count=len(alert.members) + alert.unlisted,
        continues=alert.continues,
        is_late=alert.is_late,
        is_new=is_new,
        held_back_by=alert.held_back_by if is_new else "",
    )


def _begins_at(alert: Alert) -> datetime:
    """Return the start of the episode; of a pending alert, when its first member became wrong."""
    if alert.state is not AlertState.PENDING and alert.starts_at is not None:
        return alert.starts_at
    return min((m.since_at for m in alert.members.values() if m.truth is Truth.TRUE), default=alert.seen_at)


def content_of(
    kind: NotificationKind,
    frame: Frame,
    receiver: str,
    group_labels: dict[str, str],
    views: Iterable[AlertView],
    *,
    came_and_went: Iterable[str] = (),
    notices_dropped: int = 0,
) -> Content:
    """Put views into order and sum them up; there is at least one."""
    ordered = sorted(views, key=_order)
    firing = [view for view in ordered if view.state is AlertState.FIRING]
    return Content(
        kind=kind,
        cluster=frame.cluster,
        receiver=receiver,
        severity=worst(firing or ordered),
        group_labels=group_labels,
        alerts=tuple(ordered[:ALERTS]),
        alert_count=len(ordered),
        firing_count=len(firing),
        starts_at=min(view.starts_at for view in ordered),
        ends_at=max((view.ends_at for view in ordered if view.ends_at is not None), default=None)
        if kind.closes
        else None,
        came_and_went=tuple(came_and_went),
        notices_dropped=notices_dropped,
        is_late=any(view.is_late and view.is_new for view in ordered),
        public_url=frame.public_url,
    )


def worst(views: Iterable[AlertView]) -> Severity:
    """Return the highest severity."""
    return max(view.severity for view in views)


def _order(view: AlertView) -> tuple[bool, int, datetime, str, int]:
    is_over = view.state is not AlertState.FIRING
    return is_over, -view.severity, view.starts_at, view.fingerprint, view.episode
