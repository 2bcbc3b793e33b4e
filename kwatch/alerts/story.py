"""Why an alert was told, or not: everything that the engine knows of it, for people to read. It decides nothing."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from kwatch.alerts import grouping
from kwatch.alerts import ledger as fates
from kwatch.alerts.annotated import Asked
from kwatch.alerts.lifecycle import judge
from kwatch.alerts.muting import Hold
from kwatch.alerts.quiet import quiet_at
from kwatch.alerts.records import Alert, Group
from kwatch.alerts.routing import Routing
from kwatch.alerts.views import view_of
from kwatch.model.alerts import AlertView
from kwatch.model.findings import Truth
from kwatch.model.rules import Mode, Rule
from kwatch.model.windows import Schedule

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


class HoldStory(msgspec.Struct, frozen=True, kw_only=True):
    """What holds it back now, and until when."""

    reason: str  # the code of the drop, if it ends so
    by: str
    says: str
    until: datetime | None  # None: that is not known


class TellingStory(msgspec.Struct, frozen=True, kw_only=True):
    """What one destination knows of it, in which group, and when it is spoken to next."""

    destination: str
    receiver: str = ""
    group_labels: dict[str, str] = {}
    incident: str = ""  # empty: it was told in none
    thread: str = ""  # the incident in whose thread that one lives
    is_told: bool = False
    last_at: datetime | None = None  # the last message of the incident
    next_at: datetime | None = None  # the next, if nothing changes
    is_repeat: bool = False  # the next says again what was said
    is_digest: bool = False  # it is told in digests alone
    hold: HoldStory | None = None


class DropStory(msgspec.Struct, frozen=True):
    """A destination of its routes that it does not go to, and the reason's code."""

    destination: str
    reason: str
    severity: str  # the least that is told there


class StepStory(msgspec.Struct, frozen=True):
    """A step of its escalation that lies ahead."""

    receiver: str
    due_at: datetime
    is_suspended: bool  # something holds the alert back: the step goes on with what is left of its time


class NoticeStory(msgspec.Struct, frozen=True):
    """The last moment that its rule was to tell, and until when the same one is not told again."""

    noticed_at: datetime
    repeats_from: datetime
    dropped: int  # repeats since then
    is_told: bool  # else it waits, or `drop` says why not


class AlertStory(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: what it is, why, until when, what holds it back, and whom it was told."""

    view: AlertView
    key: dict[str, str]
    reason: str  # of its state
    due_at: datetime | None  # when that is judged again
    quiet_at: datetime | None  # when it ends if nothing more happens; None: it does not end so, or that is not seen
    stable_at: datetime | None  # when it has flapped for the last time, if nothing changes
    rate_count: int  # occurrences in the window that the rule asks for; 0: it has no rate
    hold: HoldStory | None
    drop: str  # the code of why it is told to nobody; empty: it is, or may yet be
    drops: tuple[DropStory, ...]
    escalation: tuple[StepStory, ...]
    notice: NoticeStory | None
    members: tuple[MemberStory, ...]
    tellings: tuple[TellingStory, ...]
    asked: tuple[Asked, ...] = ()  # annotations that may act on it, the nearest first


def story_of(alert: Alert, rule: Rule | None, routing: Routing, hold: Hold | None, now: datetime) -> AlertStory:
    """Return the story of an alert as it is now, but for `tellings` and `asked`; `routing` is where its labels lead."""
    verdict = judge(alert, rule, now, may_expire=True) if rule is not None and alert.is_open else None
    return AlertStory(
        view=view_of(alert, rule, now),
        key=dict(zip(rule.key, alert.key_values, strict=False)) if rule is not None else {},
        reason=verdict.reason if verdict is not None else "",
        due_at=verdict.due_at if verdict is not None else None,
        quiet_at=quiet_at(alert, rule) if rule is not None and alert.is_open else None,
        stable_at=alert.transitions[-1] + rule.flapping.stable if rule is not None and alert.is_flapping else None,
        rate_count=rule.rate.count if rule is not None and rule.rate is not None else 0,
        hold=hold_story(hold),
        drop=routing.drop(alert.severity) if alert.is_open else alert.fate,
        drops=_drops(alert, routing),
        escalation=tuple(StepStory(step.receiver, step.due_at, step.is_held) for step in alert.escalation),
        notice=_notice(alert, rule),
        members=_members(alert),
        tellings=(),
    )


def tellings(
    alert: Alert, groups: Iterable[Group], hold_of: Callable[[Alert, Schedule, datetime], Hold | None], now: datetime
) -> Iterator[TellingStory]:
    """Yield what each destination knows that tells it at once; `groups` are those that it is in."""
    told = dict(alert.told_in)
    for group in groups:
        incident = told.pop(group.destination, "")
        repeat_at = grouping.repeat_at(group)
        yield TellingStory(
            destination=group.destination,
            receiver=group.receiver,
            group_labels=group.labels,
            incident=incident or group.incident,
            thread=group.thread,
            is_told=group.members.get(alert.fingerprint, False),
            last_at=group.flushed_at,
            next_at=group.due_at or repeat_at,
            is_repeat=group.due_at is None and repeat_at is not None,
            hold=hold_story(hold_of(alert, group.schedule, now)),
        )
    if not alert.is_open:
        for destination, incident in told.items():
            yield TellingStory(destination=destination, incident=incident, is_told=True)


def hold_story(hold: Hold | None) -> HoldStory | None:
    """Return what holds an alert back, for people."""
    return None if hold is None else HoldStory(reason=hold.fate, by=hold.by, says=hold.says, until=hold.until)


def _drops(alert: Alert, routing: Routing) -> tuple[DropStory, ...]:
    if not alert.is_open:
        return ()
    return tuple(
        DropStory(destination.name, fates.MUTED_SEVERITY, destination.severity.word)
        for _, destination in routing.named
        if alert.severity < destination.severity
    )


def _notice(alert: Alert, rule: Rule | None) -> NoticeStory | None:
    if alert.notice_at is None or rule is None or rule.mode is not Mode.NOTICE:
        return None
    return NoticeStory(
        alert.notice_at, alert.notice_at + rule.dedup_window, dropped=alert.notices_dropped, is_told=alert.is_told
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
