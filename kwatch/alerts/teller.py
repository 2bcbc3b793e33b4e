"""What a group says to its destination: that something began, changed, goes on, and is over."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kwatch.alerts import grouping
from kwatch.alerts.announcing import Address, Announcer, Remarks
from kwatch.alerts.groups import Groups
from kwatch.alerts.muting import Muting
from kwatch.alerts.records import Alert, Group, Member
from kwatch.alerts.register import Register
from kwatch.alerts.told import Told
from kwatch.alerts.wrong import is_well
from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.notifications import NotificationKind


class Teller:
    """Speaks for the groups, one at a time."""

    def __init__(self, register: Register, groups: Groups, muting: Muting, announcer: Announcer, told: Told) -> None:
        self._register = register
        self._groups = groups
        self._muting = muting
        self._announcer = announcer
        self._told = told

    def is_to_repeat(self, key: str, now: datetime) -> bool:
        """Whether the deadline of a group that has come is that of a repeat, not of news."""
        if key not in self._groups:
            return False
        group = self._groups[key]
        return group.incident != "" and (group.due_at is None or group.due_at > now)

    def rests_on_unseen(self, key: str) -> bool:
        """Whether a group is about to tell something for the first time that nobody sees to go on."""
        if key not in self._groups:
            return False
        untold = [self._register.alerts[each] for each, is_told in self._groups[key].members.items() if not is_told]
        return any(alert.members and all(map(_is_unseen, alert.members.values())) for alert in untold)

    def run(self, key: str, now: datetime) -> None:
        """The deadline of a group has come."""
        group = self._groups[key]
        if group.due_at is not None and group.due_at <= now:
            self._flush(group, now)
        else:
            repeat_at = grouping.repeat_at(group)
            if repeat_at is not None and repeat_at <= now:
                self._repeat(group, now)
        self._groups.save(group, now)

    def sent(self, destination: str, incident: str, at: datetime) -> list[Group]:
        """A message of an incident has arrived, or was given up; return the groups that it spoke for."""
        groups = self._groups.spoken_for(destination, incident)
        for group in groups:
            group.sent_at = at if group.sent_at is None else max(group.sent_at, at)
            group.is_awaiting = False
            self._groups.save(group)
        return groups

    def ended(self, destination: str, incident: str, at: datetime) -> None:
        """One has while kwatch runs: show what has become outdated meanwhile."""
        for group in self.sent(destination, incident, at):
            self.edit(group, at)

    def untold(self, group: Group, now: datetime) -> list[Alert]:
        """Return the members that are to be told; note of the others what holds them back.

        One that only flapping keeps open, or that was held back and is well by now, is told when it is wrong again.
        """
        untold = []
        for fingerprint, is_told in group.members.items():
            alert = self._register.alerts[fingerprint]
            if is_told or alert.is_over or (group.key in alert.held_back_by and is_well(alert)):
                continue
            hold = self._muting.hold_of(alert, group.schedule, now)
            if hold is None:
                untold.append(alert)
                continue
            group.is_collecting |= hold.is_collecting
            self._register.hold_back(alert, group.key, hold.by)
        return untold

    def begin(self, group: Group, news: Iterable[Alert], now: datetime) -> None:
        """Open an incident, in the thread of the one before where an episode goes on with it (S-39)."""
        group.incident = self._announcer.new_incident(group.id, now)
        group.sequence = 0
        if not group.thread or all(alert.continues is None for alert in news):
            group.thread = group.incident

    def mark_told(self, group: Group, alert: Alert) -> None:
        """Note that a group has told of an alert."""
        group.members[alert.fingerprint] = True
        alert.told_in[group.destination] = group.incident
        self._told.note(alert)

    def edit(self, group: Group, now: datetime) -> None:
        """Show what is outdated, unless news are under way, which will or after which it is done."""
        known = self._known(group)
        if not group.is_outdated or group.is_awaiting or group.due_at is not None or not known:
            return
        flushed_at = group.flushed_at  # an edit is no news: the next ones wait for it no longer
        views = [self._held_view(group, alert, now) for alert in known]
        self._tell(group, NotificationKind.UPDATE, views, now, is_quiet=True)
        group.flushed_at = flushed_at
        self._groups.save(group)

    def take_leave(self, group: Group, now: datetime) -> None:
        """End what a destination that is removed holds open, as nobody will end it later (F-32)."""
        over = {"state": AlertState.EXPIRED, "ends_at": now, "end_reason": EndReason.DESTINATION_REMOVED}
        views = [msgspec.structs.replace(self._register.view(alert, now), **over) for alert in self._known(group)]
        if views or group.ended:
            self._tell(group, NotificationKind.EXPIRED, views + group.ended, now)

    def _known(self, group: Group) -> list[Alert]:
        """Return the members that the destination was told of."""
        return [self._register.alerts[fingerprint] for fingerprint, is_told in group.members.items() if is_told]

    def _flush(self, group: Group, now: datetime) -> None:
        group.due_at = None
        news = self.untold(group, now)
        if not news and not group.ended and not group.is_changed:
            self.edit(group, now)
            return
        told = self._known(group)
        kind = _kind(group, is_over=not news and not told)
        if not group.incident:
            self.begin(group, news, now)
        views = [self._register.view(alert, now, new_in=group.key) for alert in news]
        known = [self._held_view(group, alert, now) for alert in told]
        is_quiet = not news and all(view.muted_by for view in group.ended)
        if group.is_changed:
            is_quiet &= all(view.muted_by or view.acked_by for view in known)
        self._tell(group, kind, views + known + group.ended, now, is_quiet=is_quiet)
        for alert in news:
            self.mark_told(group, alert)
        group.ended, group.is_changed = [], False
        if not self._collects(group, now):
            group.came_and_went, group.is_collecting = [], False
        if kind.closes:
            self._groups.close(group, now)

    def _repeat(self, group: Group, now: datetime) -> None:
        views = [self._held_view(group, alert, now) for alert in self._known(group)]
        if not all(view.muted_by or view.acked_by for view in views):
            self._tell(group, NotificationKind.REPEAT, views, now)
        else:
            group.sent_at = now  # acknowledged, held back, or about to be told as over: ask again after the interval

    def _tell(
        self, group: Group, kind: NotificationKind, views: list[AlertView], now: datetime, *, is_quiet: bool = False
    ) -> None:
        group.sequence += 1
        group.flushed_at = now
        group.is_awaiting, group.is_outdated = True, False
        address = Address(
            destination=group.destination,
            receiver=group.receiver,
            incident=group.incident,
            sequence=group.sequence,
            labels=group.labels,
            thread_of="" if group.thread == group.incident else group.thread,
        )
        group.severity = self._announcer.announce(
            address,
            kind,
            [msgspec.structs.replace(view, incident=group.incident) for view in views],
            now,
            Remarks(
                severity_before=group.severity,
                came_and_went=() if self._collects(group, now) else tuple(group.came_and_went),
                is_quiet=is_quiet,
                meant_for=group.meant_for,
            ),
        )
        group.meant_for = ""

    def _collects(self, group: Group, now: datetime) -> bool:
        """Whether a window has held something that is to be told at its end, and goes on."""
        return group.is_collecting and self._muting.is_collecting(group.schedule, now)

    def _held_view(self, group: Group, alert: Alert, now: datetime) -> AlertView:
        """Return a told alert as it is now, with what holds it."""
        hold = self._muting.hold_of(alert, group.schedule, now)
        return msgspec.structs.replace(self._register.view(alert, now), muted_by=hold.says if hold else "")


def _kind(group: Group, *, is_over: bool) -> NotificationKind:
    if not group.incident:
        return NotificationKind.FIRING
    if not is_over:
        return NotificationKind.UPDATE
    is_unseen = any(view.state is AlertState.EXPIRED for view in group.ended)
    return NotificationKind.EXPIRED if is_unseen else NotificationKind.RESOLVED


def _is_unseen(member: Member) -> bool:
    """Whether the object's state speaks of it, and is not seen now."""
    return member.is_observed and member.is_frozen
