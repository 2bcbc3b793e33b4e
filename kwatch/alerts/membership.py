"""Who is told of which alerts: what joins the groups of destinations, changes in them, and leaves them.

An alert joins the groups that its labels lead to when its episode begins, and stays with them until it ends, whatever
becomes of the routes meanwhile (D3, S-61). A destination that was never told of an alert is not told of its end (D2).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.alerts import grouping
from kwatch.alerts import ledger as fates
from kwatch.alerts.digests import Digests
from kwatch.alerts.directory import Directory
from kwatch.alerts.groups import Groups
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.muting import Hold, Muting
from kwatch.alerts.reconfiguring import apply_timings, lose, route_of
from kwatch.alerts.records import Alert, Group
from kwatch.alerts.register import Register
from kwatch.alerts.routing import Match, Router
from kwatch.alerts.teller import Teller
from kwatch.model.alerts import AlertView
from kwatch.model.decisions import IncidentRow
from kwatch.model.routes import Destination
from kwatch.model.windows import Schedule

#: Lines of what came and went, the newest; one that does so again and again is one line.
TITLES = 100


class Membership:
    """Puts alerts where they are to be told, and takes them out."""

    def __init__(
        self,
        register: Register,
        directory: Directory,
        groups: Groups,
        teller: Teller,
        digests: Digests,
        muting: Muting,
        ledger: Ledger,
    ) -> None:
        self._register = register
        self._directory = directory
        self._groups = groups
        self._teller = teller
        self._digests = digests
        self._muting = muting
        self._ledger = ledger

    def load(self, groups: Iterable[Group], incidents: Iterable[IncidentRow], now: datetime) -> None:
        """Take back what was kept. What the outbox knows to be sent counts, also where the engine never heard of it."""
        self._groups.load(groups, self._register.alerts)
        self._forget_removed(now)
        for incident in incidents:
            if incident.last_sent_at is not None:
                self._teller.sent(incident.destination, incident.incident, incident.last_sent_at)
        self._groups.wake()

    def use(self, router: Router, now: datetime) -> None:
        """Go by other routes: members stay where they were announced (S-61), removed destinations go."""
        before = self._directory.destinations
        self._directory.use(router)
        self._forget_removed(now, before)
        for group in self._groups.all():
            route = route_of(group, self._register.alerts, router)
            if route is not None and apply_timings(group, route):
                self._groups.save(group)

    def enlist(self, alert: Alert, now: datetime, *, quietly: bool = False) -> None:
        """Put an alert into the groups of destinations that have none with it; `quietly`: without a reason to speak."""
        having, routing = self._destinations_with(alert), self._directory.routing_of(alert)
        alert.fate = routing.drop(alert.severity)
        self._ledger.count(fates.RECEIVER_FALLBACK, routing.fallbacks)
        for match, destination in routing.wanting(alert.severity):
            if destination.digest is not None:
                self._digests.enlist(alert, destination)
            elif destination.name not in having:
                group = self._join(match, destination, alert)
                if not quietly:
                    grouping.joined(group, alert.severity, now)
                self._groups.save(group)

    def escalate(self, alert: Alert, match: Match, now: datetime, *, meant_for: str = "") -> bool:
        """Tell one more receiver of an alert, at once or in its digest; return whether it was not told of it anyway.

        `meant_for`: the destination in whose place it is told.
        """
        is_new = False
        for destination in match.destinations:
            if alert.severity < destination.severity:
                continue
            if destination.digest is not None:
                is_new |= self._digests.enlist(alert, destination)
            elif (group := self.take_up(alert, match, destination)) is not None:
                is_new, group.meant_for = True, meant_for
                grouping.hasten(group, now)
                self._groups.save(group)
        return is_new

    def take_up(self, alert: Alert, match: Match, destination: Destination) -> Group | None:
        """Put an alert into its group at a destination, without a reason to speak; None: it is in one there."""
        if destination.name in self._destinations_with(alert):
            return None
        self._ledger.touch_alert(alert.fingerprint)
        return self._join(match, destination, alert)

    def regrade(self, alert: Alert, now: datetime, *, is_raised: bool) -> None:
        """Tell another severity: a worse one at once, also to whom that one leads; a lesser one at the next flush."""
        for group in self._groups.of(alert):
            group.is_changed |= group.members.get(alert.fingerprint, False)
            if is_raised:
                grouping.joined(group, alert.severity, now)
            elif group.is_changed:
                grouping.changed(group, alert.severity, now)
            self._groups.save(group)
        if is_raised:
            self.enlist(alert, now)

    def retell(self, alert: Alert, now: datetime, *, is_answer: bool = False) -> None:
        """Tell whom an alert was told to what it is now: at the next flush, or, as an answer to somebody, at once."""
        for group in self._groups.of(alert):
            if group.members.get(alert.fingerprint, False):
                group.is_changed = True
                if not is_answer:
                    grouping.changed(group, alert.severity, now)
                elif group.due_at is None:
                    grouping.hasten(group, now)
                self._groups.save(group)

    def relapsed(self, alert: Alert, now: datetime) -> None:
        """Tell an alert that flapping alone kept open, where it was not told: now, as it may be well again at once."""
        for group in self._groups.of(alert):
            if not group.members[alert.fingerprint] and self._muting.hold_of(alert, group.schedule, now) is None:
                grouping.released(group, alert.severity, now)
                self._teller.run(group.key, now)

    def worsened(self, alert: Alert, now: datetime) -> None:
        """Tell an alert that was held back, and is not any more, as something is wrong with it, or something else."""
        for group in self._groups.of(alert):
            is_waiting = group.due_at is None and not group.members[alert.fingerprint]
            if is_waiting and self._muting.hold_of(alert, group.schedule, now) is None:
                # An Event is to be told also where its object is seen to be well at once.
                alert.held_back_by.pop(group.key, None)
                grouping.released(group, alert.severity, now)
                self._groups.save(group)

    def release(self, now: datetime, *, at_once: bool = False) -> None:
        """Something that held alerts back is over: those that nothing else holds back are to be told.

        `at_once`: what has waited for a given instant does not wait for company after it (S-78).
        """
        for group in self._groups.waiting():
            waiting = self._teller.untold(group, now)
            for alert in waiting:
                (grouping.released if at_once else grouping.changed)(group, alert.severity, now)
            if waiting:
                self._groups.save(group)

    def outdate(self, alert: Alert, now: datetime) -> None:
        """What holds a told alert has changed: show it where a message can be edited, which calls nobody (S-81)."""
        for group in self._groups.of(alert):
            is_own = group.incident and group.thread == group.incident
            can_edit = self._directory.destinations[group.destination].can_edit
            if is_own and group.members.get(alert.fingerprint) and can_edit:
                group.is_outdated = True
                self._teller.edit(group, now)

    def delist(self, alert: Alert, view: AlertView, now: datetime) -> None:
        """Take an alert whose episode has ended out of its groups, and remember where its end must be told."""
        if not alert.is_told:
            alert.fate = alert.fate or self._fate_untold(alert, now)
            self._ledger.count(alert.fate)
        for group in self._groups.of(alert):
            self._leave(group, alert, view, now)
        self._digests.delist(alert, view, now)

    def hold_of(self, alert: Alert, now: datetime) -> Hold | None:
        """Return what holds an alert back, in one of its groups, or from one of its digests, at least."""
        schedules = [group.schedule for group in self._groups.of(alert)] + self._digests.schedules_of(alert)
        holds = (self._muting.hold_of(alert, schedule, now) for schedule in schedules or [Schedule()])
        return next((hold for hold in holds if hold is not None), None)

    def _fate_untold(self, alert: Alert, now: datetime) -> str:
        hold = self.hold_of(alert, now)
        return fates.CAME_AND_WENT if hold is None or self._digests.shows_end(alert, now) else hold.fate

    def _destinations_with(self, alert: Alert) -> set[str]:
        return {group.destination for group in self._groups.of(alert)}

    def _join(self, match: Match, destination: Destination, alert: Alert) -> Group:
        group = self._groups.obtain(match, destination, *self._directory.group_of(match, alert))
        group.members[alert.fingerprint] = False
        alert.groups = [*alert.groups, group.key]
        return group

    def _leave(self, group: Group, alert: Alert, view: AlertView, now: datetime) -> None:
        hold = self._muting.hold_of(alert, group.schedule, now)
        group.is_collecting |= hold is not None and hold.is_collecting
        is_told = group.members.pop(alert.fingerprint, False)
        if is_told and self._directory.destinations[group.destination].send_resolved:
            group.ended.append(msgspec.structs.replace(view, muted_by=hold.says if hold else ""))
        elif not is_told and (group.incident or group.is_collecting if hold is None else hold.is_collecting):
            group.came_and_went = [*(title for title in group.came_and_went if title != alert.title), alert.title]
            del group.came_and_went[:-TITLES]
        if group.incident and not any(group.members.values()) and not self._teller.untold(group, now):
            if group.ended:
                grouping.all_over(group, [ended.severity for ended in group.ended], now)
            else:
                self._groups.close(group, now)
        elif is_told and group.ended:
            grouping.changed(group, alert.severity, now)
        self._groups.save(group, now)

    def _forget_removed(self, now: datetime, before: Mapping[str, Destination] = {}) -> None:
        """Let go of the groups of destinations that are none any more: those of today are told of their members.

        They are told the end of what they hold open, after a restart once they are back; `before`: as they were.
        """
        for group in [each for each in self._groups.all() if each.destination not in self._directory.destinations]:
            self._ledger.count(fates.DESTINATION_REMOVED)
            destination = before.get(group.destination)
            if group.incident and (destination is None or destination.send_resolved):
                self._teller.take_leave(group, now)
            for alert in map(self._register.alerts.__getitem__, group.members):
                lose(alert, group.key)
                self._ledger.touch_alert(alert.fingerprint)
            self._groups.forget(group)
