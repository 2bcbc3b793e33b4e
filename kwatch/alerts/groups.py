"""The groups of every destination: made, found, kept for as long as something needs them, and woken when it is time.

What a group says is `teller`, who is in it `membership`, when it speaks `grouping`.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from kwatch.alerts import grouping, jumps
from kwatch.alerts import ledger as fates
from kwatch.alerts.idle import Idle
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.reconfiguring import apply_timings
from kwatch.alerts.records import Alert, Group
from kwatch.alerts.routing import Match
from kwatch.alerts.timers import Phase, Timers
from kwatch.model.routes import Destination

#: The group part of the incidents that list what other groups hold.
SUMMARY = "summary"


class Groups:
    """The groups by their rows' keys."""

    def __init__(self, memory: timedelta, timers: Timers, ledger: Ledger) -> None:
        self._groups: dict[str, Group] = {}
        self._waiting: dict[str, None] = {}  # groups with untold members and no instant at which to tell them
        self._idle = Idle()  # groups that are over
        self._memory = memory  # how long an incident that is over can be gone on with
        self._timers = timers
        self._ledger = ledger

    def load(self, groups: Iterable[Group], known: Collection[str]) -> None:
        """Take back what was kept, but for members that are not known any more."""
        for group in groups:
            group.members = {name: is_told for name, is_told in group.members.items() if name in known}
            self._groups[group.key] = group

    def wake(self) -> None:
        """Set when each group is to be looked at."""
        for group in self.all():
            self._schedule(group)

    def use(self, memory: timedelta) -> None:
        """Remember what is over for another while."""
        self._memory = memory

    def row(self, key: str) -> Group | None:
        """Return what must survive a restart, by the key of its row."""
        return self._groups.get(key)

    def jump(self, by: timedelta) -> None:
        """The clock was set: waits, intervals and repeats go on for what was left of them."""
        for group in self._groups.values():
            jumps.move_group(group, by)
            self._ledger.touch_group(group.key)

    # finding

    def __contains__(self, key: str) -> bool:
        return key in self._groups

    def __getitem__(self, key: str) -> Group:
        return self._groups[key]

    def all(self) -> list[Group]:
        """Return every group."""
        return list(self._groups.values())

    def of(self, alert: Alert) -> list[Group]:
        """Return the groups that an alert is in, by whatever labels they were made (S-61)."""
        return [self._groups[key] for key in alert.groups if key in self._groups]

    def waiting(self) -> list[Group]:
        """Return the groups that hold something that is not told, and not about to be."""
        return [self._groups[key] for key in self._waiting]

    def told_in(self, incident: str) -> list[str]:
        """Return the fingerprints that an incident, or a summary, has told of, and that go on."""
        return _told(group for group in self.all() if group.incident and incident in (group.incident, group.thread))

    def told_at(self, destination: str) -> list[str]:
        """Return the fingerprints that a destination was told of, and that go on."""
        return _told(group for group in self.all() if group.destination == destination)

    def spoken_for(self, destination: str, incident: str) -> list[Group]:
        """Return the groups that a message of an incident has spoken for; a summary does for all that it opened."""
        identity = incident.removeprefix("kw/").partition("/")[0]
        if identity == SUMMARY:
            groups = [group for group in self.all() if group.destination == destination]
            return [group for group in groups if group.incident and group.thread == incident and not group.sequence]
        group = self._groups.get(f"{destination}/{identity}")
        return [group] if group is not None and group.incident == incident else []

    # keeping

    def obtain(self, match: Match, destination: Destination, identity: str, labels: dict[str, str]) -> Group:
        """Return a group, made if need be, as its route is now."""
        route = match.route
        group = self._groups.get(f"{destination.name}/{identity}")
        if group is None:
            group = Group(
                destination=destination.name,
                receiver=match.receiver,
                id=identity,
                labels=labels,
                wait=route.group_wait,
                critical_wait=route.critical_wait,
                interval=route.group_interval,
                repeat=route.repeat_interval,
            )
            self._groups[group.key] = group
        group.labels = labels
        apply_timings(group, route)
        return group

    def close(self, group: Group, now: datetime) -> None:
        """Nothing of an incident is open any more: remember its thread for a while."""
        group.incident, group.ended, group.labels = "", [], {}
        if not group.is_collecting:  # else it is told when the window ends
            group.came_and_went = []
        group.flushed_at = group.sent_at = group.due_at = group.severity = None
        group.is_changed = False
        group.is_awaiting = False
        group.forget_at = now + self._memory

    def save(self, group: Group, now: datetime | None = None) -> None:
        """Keep what has changed, and let go of a group that has nothing left to say or to remember."""
        self._ledger.touch_group(group.key)
        is_idle = not group.members and not group.incident and not group.is_collecting
        if not is_idle:
            group.forget_at = None
        if is_idle and (
            not group.thread or (now is not None and group.forget_at is not None and group.forget_at <= now)
        ):
            self.forget(group)
            return
        if is_idle and group.forget_at is None and now is not None:
            group.due_at, group.forget_at = None, now + self._memory
        self._schedule(group)

    def forget(self, group: Group) -> None:
        """Keep a group no longer."""
        self._timers.set((Phase.FLUSH, group.key), None)
        self._ledger.touch_group(group.key)
        self._waiting.pop(group.key, None)
        self._idle.discard(group.key)
        del self._groups[group.key]

    def _schedule(self, group: Group) -> None:
        if group.forget_at is None:
            self._idle.discard(group.key)
        elif (oldest := self._idle.add(group.key)) is not None:
            self._ledger.reach(fates.THREAD_DROPPED)
            self.forget(self._groups[oldest])
        self._timers.set((Phase.FLUSH, group.key), grouping.wake_at(group))
        if group.due_at is None and not all(group.members.values()):
            self._waiting[group.key] = None
        else:
            self._waiting.pop(group.key, None)


def _told(groups: Iterable[Group]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name, is_told in group.members.items() if is_told))
