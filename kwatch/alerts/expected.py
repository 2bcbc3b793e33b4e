"""What is wrong with the members of an alert, and whether that is expected: Pods that end as they should."""

from datetime import datetime

from kwatch.alerts.records import Alert, Member
from kwatch.model.findings import Truth


def _wrong(alert: Alert) -> list[Member]:
    return [member for member in alert.members.values() if member.truth is Truth.TRUE]


def until(alert: Alert) -> datetime | None:
    """Return when what is wrong with one of its Pods begins not to be expected; None: no time decides."""
    return min((each.expected_until for each in _wrong(alert) if each.expected_until is not None), default=None)


def is_all(alert: Alert, now: datetime) -> bool:
    """Return whether all that is wrong are Pods that end as they should."""
    wrong = _wrong(alert)
    return bool(wrong) and all(each.expected_until is not None and now < each.expected_until for each in wrong)


def is_wrong(alert: Alert, since: datetime, now: datetime) -> bool:
    """Return whether something is wrong that no plan explains: seen to be so now, or a moment later than `since`."""
    return any(
        (each.is_live or (alert.is_moment and each.seen_at > since))
        for each in _wrong(alert)
        if each.expected_until is None or each.expected_until <= now
    )
