"""When a group speaks (S-52 to S-59, S-64 to S-68): arithmetic over one `Group`, nothing else.

Of several reasons the earliest counts:

    never told           first change + group_wait
    changed, long quiet  change + group_wait, where group_interval has passed since the last message
    changed              last message + group_interval
    new and critical     at once, where the group has spoken before; its group_wait is 0 by default
    all over             last message + group_wait, or at once
    unchanged            last success + repeat_interval, while nothing is under way
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from kwatch.alerts.records import Group
from kwatch.model.rules import Severity


def wait_of(wait: timedelta, critical_wait: timedelta, severity: Severity) -> timedelta:
    """Return how long an alert waits for company."""
    return critical_wait if severity is Severity.CRITICAL else wait


def hasten(group: Group, at: datetime) -> None:
    """Let the group speak at an instant, or earlier if it was about to."""
    group.due_at = at if group.due_at is None else min(group.due_at, at)


def changed(group: Group, severity: Severity, now: datetime) -> None:
    """Something is to be told: an alert began, or ended among others."""
    wait = wait_of(group.wait, group.critical_wait, severity)
    if group.flushed_at is None or now >= group.flushed_at + group.interval:
        hasten(group, now + wait)
    else:
        hasten(group, group.flushed_at + group.interval)


def joined(group: Group, severity: Severity, now: datetime) -> None:
    """A new alert is to be told; a critical one does not wait for the interval (S-58)."""
    if severity is Severity.CRITICAL and group.flushed_at is not None:
        hasten(group, now)
    else:
        changed(group, severity, now)


def released(group: Group, severity: Severity, now: datetime) -> None:
    """What was held back until now is to be told; it has waited long enough."""
    is_due = severity is Severity.CRITICAL or group.flushed_at is None
    hasten(group, now if is_due or group.flushed_at is None else max(now, group.flushed_at + group.interval))


def all_over(group: Group, severities: Iterable[Severity], now: datetime) -> None:
    """The last alert that was told has ended."""
    wait = min(wait_of(group.wait, group.critical_wait, severity) for severity in severities)
    hasten(group, now if group.flushed_at is None else max(now, group.flushed_at + wait))


def repeat_at(group: Group) -> datetime | None:
    """Say when it is told again that nothing has changed; None: not while something is under way, or never."""
    if not group.incident or group.is_awaiting or group.sent_at is None or not group.repeat:
        return None
    return group.sent_at + group.repeat


def wake_at(group: Group) -> datetime | None:
    """Say when the group has to be looked at."""
    deadlines = (group.due_at, repeat_at(group), group.forget_at)
    return min((at for at in deadlines if at is not None), default=None)
