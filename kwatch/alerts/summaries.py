"""One message per destination for what many groups hold: what was already there, and what a window has collected.

The groups are then open as announced, in the thread of that message: each of its alerts names the incident of its
group, in which it will end.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kwatch.alerts import grouping
from kwatch.alerts.announcing import ALERTS, Address, Announcer, Remarks
from kwatch.alerts.groups import SUMMARY, Groups
from kwatch.alerts.membership import TITLES, Membership
from kwatch.alerts.muting import Muting
from kwatch.alerts.records import Alert, Group
from kwatch.alerts.register import Register
from kwatch.alerts.routing import Match
from kwatch.alerts.teller import Teller
from kwatch.alerts.wrong import is_well
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import NotificationKind
from kwatch.model.routes import Destination

_Telling = tuple[Group, list[Alert]]
_NO_REMARKS = Remarks()


class Summaries:
    """Speaks for several groups at once."""

    def __init__(
        self,
        register: Register,
        groups: Groups,
        membership: Membership,
        teller: Teller,
        muting: Muting,
        announcer: Announcer,
    ) -> None:
        self._register = register
        self._groups = groups
        self._membership = membership
        self._teller = teller
        self._muting = muting
        self._announcer = announcer

    def announce_present(self, alerts: list[Alert], now: datetime) -> None:
        """Tell each destination in one summary what was already there (first start)."""
        for alert in alerts:
            self._membership.enlist(alert, now, quietly=True)
        present = {alert.fingerprint for alert in alerts}
        by_destination: dict[str, list[_Telling]] = {}
        for group in self._groups.all():
            untold = [alert for alert in self._teller.untold(group, now) if alert.fingerprint in present]
            if untold:
                by_destination.setdefault(group.destination, []).append((group, untold))
        for telling in by_destination.values():
            self._summarise(_to(telling), telling, now)

    def stand_in(
        self, destination: Destination, alerts: Iterable[tuple[Alert, Match]], remarks: Remarks, now: datetime
    ) -> None:
        """Tell a destination in one message what another could not be told; what it knows is left out."""
        taken: dict[str, tuple[Group, set[str]]] = {}
        for alert, match in alerts:
            if (group := self._membership.take_up(alert, match, destination)) is not None:
                taken.setdefault(group.key, (group, set()))[1].add(alert.fingerprint)
        telling = [
            (group, [alert for alert in self._teller.untold(group, now) if alert.fingerprint in names])
            for group, names in taken.values()
        ]
        if remarks.came_and_went or any(untold for _, untold in telling):
            self._summarise((destination.name, destination.receiver), telling, now, remarks)
        for group, _ in telling:
            self._groups.save(group)

    def end_collection(self, now: datetime) -> None:
        """Tell each destination in one message what windows have collected for it, where they are over (S-89)."""
        by_destination: dict[str, list[_Telling]] = {}
        for group in [group for group in self._groups.all() if group.is_collecting]:
            untold = self._teller.untold(group, now)
            if self._muting.is_collecting(group.schedule, now):
                continue
            group.is_collecting = False
            self._add_well(group)
            if group.incident or not (untold or group.came_and_went):
                self._tell_alone(group, untold, now)
            else:
                by_destination.setdefault(group.destination, []).append((group, untold))
        for telling in by_destination.values():
            if len(telling) == 1 and telling[0][1]:
                self._tell_alone(*telling[0], now)
            else:
                remarks = Remarks(held_in=", ".join(self._windows_of(telling)))
                self._summarise(_to(telling), telling, now, remarks)

    def _add_well(self, group: Group) -> None:
        """What only waits until it is certain that it is over has come and gone, too."""
        untold = [self._register.alerts[name] for name, is_told in group.members.items() if not is_told]
        well = [alert.title for alert in untold if is_well(alert)]
        group.came_and_went = [*(title for title in group.came_and_went if title not in well), *well][-TITLES:]

    def _tell_alone(self, group: Group, untold: Iterable[Alert], now: datetime) -> None:
        for alert in untold:
            grouping.released(group, alert.severity, now)
        self._groups.save(group, now)

    @staticmethod
    def _windows_of(telling: Iterable[_Telling]) -> Iterable[str]:
        return dict.fromkeys(name for group, _ in telling for name in group.schedule.hold_in)

    def _summarise(
        self, to: tuple[str, str], telling: list[_Telling], now: datetime, remarks: Remarks = _NO_REMARKS
    ) -> None:
        incident = self._announcer.new_incident(SUMMARY, now)
        views: dict[str, AlertView] = {}
        came_and_went = list(remarks.came_and_went)
        for group, untold in telling:
            fresh = [self._register.view(alert, now, new_in=group.key) for alert in untold]
            came_and_went += group.came_and_went
            group.came_and_went = []
            self._open(group, untold, incident, now)
            views |= {view.fingerprint: msgspec.structs.replace(view, incident=group.incident) for view in fresh}
        address = Address(destination=to[0], receiver=to[1], incident=incident)
        remarks = msgspec.structs.replace(remarks, came_and_went=tuple(dict.fromkeys(came_and_went))[:ALERTS])
        self._announcer.announce(address, NotificationKind.SUMMARY, views.values(), now, remarks)

    def _open(self, group: Group, told: list[Alert], incident: str, now: datetime) -> None:
        if told and not group.incident:
            self._teller.begin(group, told, now)
            group.thread = incident
            group.flushed_at, group.is_awaiting = now, True
        if told:
            group.severity = max(alert.severity for alert in told)
        for alert in told:
            self._teller.mark_told(group, alert)
        self._groups.save(group, now)


def _to(telling: list[_Telling]) -> tuple[str, str]:
    """Return the destination of some groups, and its receiver."""
    first = telling[0][0]
    return first.destination, first.receiver
