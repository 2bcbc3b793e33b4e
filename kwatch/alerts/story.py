"""Why an alert was told, or not: everything that the engine knows of it, for people to read. It decides nothing."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kwatch.alerts import grouping
from kwatch.alerts.annotated import Asked
from kwatch.alerts.lifecycle import judge
from kwatch.alerts.muting import Hold
from kwatch.alerts.records import Alert, Group
from kwatch.alerts.views import view_of
from kwatch.model.alerts import AlertView
from kwatch.model.findings import Truth
from kwatch.model.rules import Rule

#: Members in a story; the count in its view is of all.
MEMBERS = 100


class MemberStory(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the alert."""

    object: str
    truth: Truth
    since_at: datetime
    seen_at: datetime
    is_observed: bool  # its own state can be judged
    is_frozen: bool  # its source is not in sync
    is_gone: bool


class TellingStory(msgspec.Struct, frozen=True, kw_only=True):
    """What one destination knows of it, in which group, and when it is spoken to next."""

    destination: str
    receiver: str
    group_labels: dict[str, str]
    incident: str  # empty: none is open
    is_told: bool
    last_at: datetime | None  # the last message of the incident
    next_at: datetime | None  # the next, if nothing changes
    is_repeat: bool  # the next says again what was said


class AlertStory(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: what it is, why, until when, what holds it back, and whom it was told."""

    view: AlertView
    reason: str  # of its state
    due_at: datetime | None  # when that is judged again
    rate_count: int  # occurrences in the window that the rule asks for; 0: it has no rate
    held_by: str  # empty: nothing holds it back
    hold_fate: str
    members: tuple[MemberStory, ...]
    tellings: tuple[TellingStory, ...]
    asked: tuple[Asked, ...]  # annotations that may act on it, the nearest first


def story_of(
    alert: Alert,
    rule: Rule | None,
    groups: Iterable[Group],
    hold: Hold | None,
    asked: tuple[Asked, ...],
    now: datetime,
) -> AlertStory:
    """Return the story of an alert as it is now; `groups` are those that it is in."""
    verdict = judge(alert, rule, now, may_expire=True) if rule is not None and alert.is_open else None
    return AlertStory(
        view=view_of(alert, rule, now),
        reason=verdict.reason if verdict is not None else "",
        due_at=verdict.due_at if verdict is not None else None,
        rate_count=rule.rate.count if rule is not None and rule.rate is not None else 0,
        held_by=hold.by if hold is not None else "",
        hold_fate=hold.fate if hold is not None else "",
        members=_members(alert),
        tellings=tuple(_telling(group, alert) for group in groups),
        asked=asked,
    )


def _members(alert: Alert) -> tuple[MemberStory, ...]:
    return tuple(
        MemberStory(
            object=str(member.ref),
            truth=member.truth,
            since_at=member.since_at,
            seen_at=member.seen_at,
            is_observed=member.is_observed,
            is_frozen=member.is_frozen,
            is_gone=member.is_gone,
        )
        for member in list(alert.members.values())[:MEMBERS]
    )


def _telling(group: Group, alert: Alert) -> TellingStory:
    repeat_at = grouping.repeat_at(group)
    return TellingStory(
        destination=group.destination,
        receiver=group.receiver,
        group_labels=group.labels,
        incident=group.incident,
        is_told=group.members.get(alert.fingerprint, False),
        last_at=group.flushed_at,
        next_at=group.due_at or repeat_at,
        is_repeat=group.due_at is None and repeat_at is not None,
    )
