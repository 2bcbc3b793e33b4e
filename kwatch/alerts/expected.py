"""What of an alert is expected: Pods that end as they should, and that something was changed."""

from datetime import datetime

from kwatch.alerts.records import Alert, Member
from kwatch.model.conditions import is_edge
from kwatch.model.findings import Truth
from kwatch.model.rules import Rule, Subject


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


def is_word_of_change(rule: Rule, alert: Alert) -> bool:
    """Return whether an alert says that something was changed (a Deployment's image): it is told, and no bad sign."""
    is_change = rule.on is Subject.RESOURCE and is_edge(rule.match)
    return rule.planned is None and is_change and alert.labels.get("kind") != "Pod"
