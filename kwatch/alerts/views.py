"""Snapshots of alerts, complete by themselves."""

from datetime import datetime, timedelta

from kwatch.alerts.quiet import is_throttled
from kwatch.alerts.records import Alert
from kwatch.alerts.thresholds import window_sum
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.findings import Truth
from kwatch.model.rules import Rule

#: Names of members in a view; the count beside them is of all.
NAMES = 10


def view_of(alert: Alert, rule: Rule | None, now: datetime, *, new_in: str = "") -> AlertView:
    """Return what an alert is now; `new_in`: the group or digest that tells of it for the first time."""
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
        window=rate.within if rate is not None else timedelta(0),
        starts_at=_begins_at(alert),
        ends_at=alert.ends_at,
        last_at=max((m.seen_at for m in alert.members.values()), default=None) if alert.count > 1 else None,
        end_reason=alert.end_reason,
        members=tuple(member.ref.name for member in names),
        member_count=len(alert.members) + alert.unlisted,
        continues=alert.continues,
        is_late=alert.is_late,
        is_new=new_in != "",
        is_varied=alert.is_varied,
        is_throttled=rule is not None and alert.is_open and is_throttled(alert, rule, now),
        held_back_by=alert.held_back_by.get(new_in, ""),
        is_flapping=alert.is_flapping,
        is_stable=alert.is_stable,
        acked_by=alert.acked_by,
        acked_at=alert.acked_at,
        ack_comment=alert.ack_comment,
        escalated_to=tuple(alert.escalated_to),
    )


def _begins_at(alert: Alert) -> datetime:
    """Return the start of the episode; of a pending alert, when its first member became wrong."""
    if alert.state is not AlertState.PENDING and alert.starts_at is not None:
        return alert.starts_at
    return min((m.since_at for m in alert.members.values() if m.truth is Truth.TRUE), default=alert.seen_at)


def order_of(view: AlertView) -> tuple[bool, int, datetime, str, int]:
    """Return a sort key: firing before ended, worst first, oldest first."""
    is_over = view.state is not AlertState.FIRING
    return is_over, -view.severity, view.starts_at, view.fingerprint, view.episode
