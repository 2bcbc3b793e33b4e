"""Who is told of which alerts: every (destination, group), and the notifications that they make.

An alert joins the groups that its labels lead to when its episode begins, and stays with them until it ends, whatever
becomes of the routes meanwhile (D3, S-61). A destination that was never told of an alert is not told of its end (D2).
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts import grouping, jumps
from kwatch.alerts import ledger as fates
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.announcing import Address, Announcer, Remarks
from kwatch.alerts.digests import Digests
from kwatch.alerts.idle import Idle
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.muting import Hold, Muting
from kwatch.alerts.reconfiguring import apply_timings, lose, route_of
from kwatch.alerts.records import Alert, Group
from kwatch.alerts.routing import Match, Router, Routing
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.views import view_of
from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.decisions import IncidentRow
from kwatch.model.identity import group_id
from kwatch.model.notifications import NotificationKind
from kwatch.model.routes import Destination
from kwatch.model.rules import Rule
from kwatch.model.windows import Schedule

#: The group part of the incidents that list what other groups hold.
SUMMARY = "summary"
#: Lines of what came and went, the newest; one that does so again and again is one line.
TITLES = 100


class Groups:
    """The groups of every destination. `alerts` is the book's; it is read here, but for what was told."""

    def __init__(  # noqa: PLR0913 - the engine alone wires it, and each is a part of its own
        self,
        alerts: Mapping[str, Alert],
        rules: Mapping[str, Rule],
        router: Router,
        muting: Muting,
        digests: Digests,
        *,
        annotations: Annotations,
        announcer: Announcer,
        memory: timedelta,
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self.groups: dict[str, Group] = {}
        self.newly_told: list[Alert] = []  # for the first time in their episode; whoever needs to know takes them out
        self._waiting: dict[str, None] = {}  # groups with untold members and no instant at which to tell them
        self._idle = Idle()  # groups that are over
        self._alerts = alerts
        self._rules = rules
        self._router = router
        self._muting = muting
        self._annotations = annotations
        self._digests = digests
        self._announcer = announcer
        self._memory = memory  # how long an incident that is over can be gone on with
        self._timers = timers
        self._ledger = ledger

    def load(self, groups: Iterable[Group], incidents: Iterable[IncidentRow], now: datetime) -> None:
        """Take back what was kept. What the outbox knows to be sent counts, also where the engine never heard of it."""
        for group in groups:
            group.members = {name: told for name, told in group.members.items() if name in self._alerts}
            self.groups[group.key] = group
        self._forget_removed(now)
        for incident in incidents:
            if incident.last_sent_at is not None:
                self._note_sent(incident.destination, incident.incident, incident.last_sent_at)
        for group in list(self.groups.values()):
            self._schedule(group)

    def use(self, rules: Mapping[str, Rule], router: Router, now: datetime, *, memory: timedelta) -> None:
        """Go by other rules and routes: members stay where they were announced (S-61), removed destinations go."""
        before, self._router = self._router, router
        self._rules, self._memory = rules, memory
        self._forget_removed(now, before.destinations)
        for group in list(self.groups.values()):
            route = route_of(group, self._alerts, router)
            if route is not None and apply_timings(group, route):
                self.save(group)

    def row(self, key: str) -> Group | None:
        """Return what must survive a restart, by the key of its row."""
        return self.groups.get(key)

    def jump(self, by: timedelta) -> None:
        """The clock was set: waits, intervals and repeats go on for what was left of them."""
        for group in self.groups.values():
            jumps.move_group(group, by)
            self._ledger.touch_group(group.key)

    @property
    def known_destinations(self) -> Container[str]:
        """The destinations of the configuration."""
        return self._router.destinations

    def enlist(self, alert: Alert, now: datetime, *, quietly: bool = False) -> None:
        """Put an alert into the groups of destinations that have none with it; `quietly`: without a reason to speak."""
        having, routing = self._destinations_with(alert), self.routing_of(alert)
        alert.fate = routing.drop(alert.severity)
        self._ledger.count(fates.RECEIVER_FALLBACK, routing.fallbacks)
        for match, destination in routing.wanting(alert.severity):
            if destination.digest is not None:
                self._digests.enlist(alert, destination)
            elif destination.name not in having:
                group = self._group_of(match, destination, alert)
                self._join(group, alert)
                if not quietly:
                    grouping.joined(group, alert.severity, now)
                self.save(group)

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
                self.save(group)
        return is_new

    def take_up(self, alert: Alert, match: Match, destination: Destination) -> Group | None:
        """Put an alert into its group at a destination, without a reason to speak; None: it is in one there."""
        if destination.name in self._destinations_with(alert):
            return None
        group = self._group_of(match, destination, alert)
        self._join(group, alert)
        self._ledger.touch_alert(alert.fingerprint)
        return group

    def regrade(self, alert: Alert, now: datetime, *, is_raised: bool) -> None:
        """Tell another severity: a worse one at once, also to whom that one leads; a lesser one at the next flush."""
        for group in [self.groups[key] for key in alert.groups if key in self.groups]:
            group.is_changed |= group.members.get(alert.fingerprint, False)
            if is_raised:
                grouping.joined(group, alert.severity, now)
            elif group.is_changed:
                grouping.changed(group, alert.severity, now)
            self.save(group)
        if is_raised:
            self.enlist(alert, now)

    def retell(self, alert: Alert, now: datetime, *, is_answer: bool = False) -> None:
        """Tell whom an alert was told to what it is now: at the next flush, or, as an answer to somebody, at once."""
        for group in [self.groups[key] for key in alert.groups if key in self.groups]:
            if group.members.get(alert.fingerprint, False):
                group.is_changed = True
                if not is_answer:
                    grouping.changed(group, alert.severity, now)
                elif group.due_at is None:
                    grouping.hasten(group, now)
                self.save(group)

    def relapsed(self, alert: Alert, now: datetime) -> None:
        """Tell an alert that flapping alone kept open, where it was not told: now, as it may soon be well again."""
        for group in [self.groups[key] for key in alert.groups if key in self.groups]:
            if not group.members[alert.fingerprint] and self._muting.hold_of(alert, group.schedule, now) is None:
                grouping.released(group, alert.severity, now)
                self.save(group)

    def told_in(self, incident: str) -> list[Alert]:
        """Return the firing alerts that an incident, or a summary, has told of."""
        groups = [
            group for group in self.groups.values() if group.incident and incident in (group.incident, group.thread)
        ]
        told = {name: None for group in groups for name, is_told in group.members.items() if is_told}
        return [self._alerts[name] for name in told]

    def told_at(self, destination: str) -> list[Alert]:
        """Return the alerts that a destination was told of, and that go on."""
        groups = [group for group in self.groups.values() if group.destination == destination]
        told = {name: None for group in groups for name, is_told in group.members.items() if is_told}
        return [self._alerts[name] for name in told]

    def delist(self, alert: Alert, view: AlertView, now: datetime) -> None:
        """Take an alert whose episode has ended out of its groups, and remember where its end must be told."""
        if not alert.is_told:
            alert.fate = alert.fate or self._fate_untold(alert, now)
            self._ledger.count(alert.fate)
        for key in alert.groups:
            if key in self.groups:
                self._leave(self.groups[key], alert, view, now)
        self._digests.delist(alert, view, now)

    def _fate_untold(self, alert: Alert, now: datetime) -> str:
        hold = self.hold_of(alert, now)
        return fates.CAME_AND_WENT if hold is None or self._digests.shows_end(alert, now) else hold.fate

    def hold_of(self, alert: Alert, now: datetime) -> Hold | None:
        """Return what holds an alert back, in one of its groups, or from one of its digests, at least."""
        schedules = [self.groups[key].schedule for key in alert.groups if key in self.groups]
        schedules += self._digests.schedules_of(alert)
        holds = (self._muting.hold_of(alert, schedule, now) for schedule in schedules or [Schedule()])
        return next((hold for hold in holds if hold is not None), None)

    def is_collecting(self, group: Group, now: datetime) -> bool:
        """Return whether a window collects what is new in a group."""
        return self._muting.is_collecting(group.schedule, now)

    def release(self, now: datetime, *, at_once: bool = False) -> None:
        """Something that held alerts back is over: those that nothing else holds back are to be told.

        `at_once`: what has waited for a given instant does not wait for company after it (S-78).
        """
        for group in [self.groups[key] for key in self._waiting]:
            waiting = self.untold(group, now)
            for alert in waiting:
                (grouping.released if at_once else grouping.changed)(group, alert.severity, now)
            if waiting:
                self.save(group)

    def outdate(self, alert: Alert, now: datetime) -> None:
        """What holds a told alert has changed: show it where a message can be edited, which calls nobody (S-81)."""
        for group in [self.groups[key] for key in alert.groups if key in self.groups]:
            is_own = group.incident and group.thread == group.incident
            if (
                is_own
                and group.members.get(alert.fingerprint)
                and self._router.destinations[group.destination].can_edit
            ):
                group.is_outdated = True
                self._edit(group, now)

    def is_to_repeat(self, key: str, now: datetime) -> bool:
        """Whether the deadline of a group that has come is that of a repeat, not of news."""
        group = self.groups.get(key)
        return group is not None and group.incident != "" and (group.due_at is None or group.due_at > now)

    def run(self, key: str, now: datetime) -> None:
        """The deadline of a group has come."""
        group = self.groups[key]
        if group.due_at is not None and group.due_at <= now:
            self._flush(group, now)
        else:
            repeat_at = grouping.repeat_at(group)
            if repeat_at is not None and repeat_at <= now:
                self._repeat(group, now)
        self.save(group, now)

    def ended(self, destination: str, incident: str, at: datetime) -> None:
        """A message of an incident has arrived, or was given up; of a summary: for every group that it opened."""
        for group in self._note_sent(destination, incident, at):
            self._edit(group, at)

    def routing_of(self, alert: Alert | AlertView) -> Routing:
        """Return where its labels lead, and what its owner asks for by annotation."""
        return self._router.route(alert.labels, self._annotations.receiver_of(alert.labels))

    def group_id(self, match: Match, alert: Alert | AlertView) -> tuple[str, dict[str, str]]:
        """Return the group of an alert at a receiver, and the labels that make it."""
        labels = match.group(alert.labels)
        return group_id(self._announcer.cluster, match.receiver, labels), labels

    # membership

    def _group_of(self, match: Match, destination: Destination, alert: Alert) -> Group:
        identity, labels = self.group_id(match, alert)
        route = match.route
        group = self.groups.get(f"{destination.name}/{identity}")
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
            self.groups[group.key] = group
        group.labels = labels
        apply_timings(group, route)
        return group

    def _destinations_with(self, alert: Alert) -> set[str]:
        """Return the destinations that have a group with an alert, by whatever labels it was made (S-61)."""
        return {self.groups[key].destination for key in alert.groups if key in self.groups}

    @staticmethod
    def _join(group: Group, alert: Alert) -> None:
        group.members[alert.fingerprint] = False
        alert.groups = [*alert.groups, group.key]

    def _leave(self, group: Group, alert: Alert, view: AlertView, now: datetime) -> None:
        hold = self._muting.hold_of(alert, group.schedule, now)
        group.is_collecting |= hold is not None and hold.is_collecting
        is_told = group.members.pop(alert.fingerprint, False)
        if is_told and self._router.destinations[group.destination].send_resolved:
            group.ended.append(msgspec.structs.replace(view, muted_by=hold.says if hold else ""))
        elif not is_told and (group.incident or group.is_collecting if hold is None else hold.is_collecting):
            group.came_and_went = [*(title for title in group.came_and_went if title != alert.title), alert.title]
            del group.came_and_went[:-TITLES]
        if group.incident and not any(group.members.values()) and not self.untold(group, now):
            if group.ended:
                grouping.all_over(group, [ended.severity for ended in group.ended], now)
            else:
                self._close(group, now)
        elif is_told and group.ended:
            grouping.changed(group, alert.severity, now)
        self.save(group, now)

    def _note_sent(self, destination: str, incident: str, at: datetime) -> list[Group]:
        groups = self._spoken_for(destination, incident)
        for group in groups:
            group.sent_at = at if group.sent_at is None else max(group.sent_at, at)
            group.is_awaiting = False
            self.save(group)
        return groups

    def _spoken_for(self, destination: str, incident: str) -> list[Group]:
        """Return the groups that a message of an incident has spoken for."""
        identity = incident.removeprefix("kw/").partition("/")[0]
        if identity == SUMMARY:
            groups = [group for group in self.groups.values() if group.destination == destination]
            return [group for group in groups if group.incident and group.thread == incident and not group.sequence]
        group = self.groups.get(f"{destination}/{identity}")
        return [group] if group is not None and group.incident == incident else []

    def untold(self, group: Group, now: datetime) -> list[Alert]:
        """Return the members that are to be told; note of the others what holds them back.

        One that only flapping keeps open is wrong no more: it is told when it is wrong again.
        """
        untold = []
        for fingerprint, is_told in group.members.items():
            alert = self._alerts[fingerprint]
            if is_told or alert.is_over:
                continue
            hold = self._muting.hold_of(alert, group.schedule, now)
            if hold is None:
                untold.append(alert)
                continue
            group.is_collecting |= hold.is_collecting
            if alert.held_back_by != hold.by:
                alert.held_back_by = hold.by
                self._ledger.touch_alert(fingerprint)
        return untold

    # messages

    def _flush(self, group: Group, now: datetime) -> None:
        group.due_at = None
        news = self.untold(group, now)
        if not news and not group.ended and not group.is_changed:
            self._edit(group, now)
            return
        told = [self._alerts[fingerprint] for fingerprint, is_told in group.members.items() if is_told]
        kind = self._kind(group, is_over=not news and not told)
        if not group.incident:
            self.begin(group, news, now)
        views = [self.view(alert, now, is_new=True) for alert in news]
        known = [self._held_view(group, alert, now) for alert in told]
        is_quiet = not news and all(view.muted_by for view in group.ended)
        if group.is_changed:
            is_quiet &= all(view.muted_by or view.acked_by for view in known)
        self._tell(group, kind, views + known + group.ended, now, is_quiet=is_quiet)
        for alert in news:
            self.mark_told(group, alert)
        group.ended, group.came_and_went, group.is_changed, group.is_collecting = [], [], False, False
        if kind.closes:
            self._close(group, now)

    @staticmethod
    def _kind(group: Group, *, is_over: bool) -> NotificationKind:
        if not group.incident:
            return NotificationKind.FIRING
        if not is_over:
            return NotificationKind.UPDATE
        is_unseen = any(view.state is AlertState.EXPIRED for view in group.ended)
        return NotificationKind.EXPIRED if is_unseen else NotificationKind.RESOLVED

    def _repeat(self, group: Group, now: datetime) -> None:
        told = [self._alerts[fingerprint] for fingerprint, is_told in group.members.items() if is_told]
        views = [self._held_view(group, alert, now) for alert in told]
        if not all(view.muted_by or view.acked_by for view in views):
            self._tell(group, NotificationKind.REPEAT, views, now)
        else:
            group.sent_at = now  # acknowledged, held back, or about to be told as over: ask again after the interval

    def begin(self, group: Group, news: list[Alert], now: datetime) -> None:
        """Open an incident, in the thread of the one before where an episode goes on with it (S-39)."""
        group.incident = self._announcer.new_incident(group.id, now)
        group.sequence = 0
        if not group.thread or all(alert.continues is None for alert in news):
            group.thread = group.incident

    def _close(self, group: Group, now: datetime) -> None:
        group.incident, group.ended, group.came_and_went, group.labels = "", [], [], {}
        group.flushed_at = group.sent_at = group.due_at = group.severity = None
        group.is_changed = False
        group.is_awaiting = False
        group.forget_at = now + self._memory

    def _take_leave(self, group: Group, now: datetime) -> None:
        """End what a destination that is removed holds open, as nobody will end it later (F-32)."""
        told = [self._alerts[fingerprint] for fingerprint, is_told in group.members.items() if is_told]
        over = {"state": AlertState.EXPIRED, "ends_at": now, "end_reason": EndReason.DESTINATION_REMOVED}
        views = [msgspec.structs.replace(self.view(alert, now), **over) for alert in told]
        if views or group.ended:
            self._tell(group, NotificationKind.EXPIRED, views + group.ended, now)

    def _edit(self, group: Group, now: datetime) -> None:
        """Show what is outdated, unless news are under way, which will or after which it is done."""
        told = [self._alerts[fingerprint] for fingerprint, is_told in group.members.items() if is_told]
        if not group.is_outdated or group.is_awaiting or group.due_at is not None or not told:
            return
        flushed_at = group.flushed_at  # an edit is no news: the next ones wait for it no longer
        views = [self._held_view(group, alert, now) for alert in told]
        self._tell(group, NotificationKind.UPDATE, views, now, is_quiet=True)
        group.flushed_at = flushed_at
        self.save(group)

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
                came_and_went=tuple(group.came_and_went),
                is_quiet=is_quiet,
                meant_for=group.meant_for,
            ),
        )
        group.meant_for = ""

    def mark_told(self, group: Group, alert: Alert) -> None:
        """Note that a group has told of an alert."""
        group.members[alert.fingerprint] = True
        alert.told_in[group.destination] = group.incident
        self._ledger.touch_alert(alert.fingerprint)
        if not alert.is_told:
            alert.is_told, alert.fate = True, ""
            self._ledger.count(fates.LED_TO_NOTIFICATION)
            self.newly_told.append(alert)

    def view(self, alert: Alert, now: datetime, *, is_new: bool = False) -> AlertView:
        """Return an alert as it is now."""
        return view_of(alert, self._rules.get(alert.rule_id), now, is_new=is_new)

    def _held_view(self, group: Group, alert: Alert, now: datetime) -> AlertView:
        """Return a told alert as it is now, with what holds it."""
        hold = self._muting.hold_of(alert, group.schedule, now)
        return msgspec.structs.replace(self.view(alert, now), muted_by=hold.says if hold else "")

    # memory

    def save(self, group: Group, now: datetime | None = None) -> None:
        """Keep what has changed, and let go of a group that has nothing left to say or to remember."""
        self._ledger.touch_group(group.key)
        is_idle = not group.members and not group.incident and not group.is_collecting
        if not is_idle:
            group.forget_at = None
        if is_idle and (
            not group.thread or (now is not None and group.forget_at is not None and group.forget_at <= now)
        ):
            self._forget(group)
            return
        if is_idle and group.forget_at is None and now is not None:
            group.due_at, group.forget_at = None, now + self._memory
        self._schedule(group)

    def _forget_removed(self, now: datetime, before: Mapping[str, Destination] = {}) -> None:
        """Let go of the groups of destinations that are none any more: those of today are told of their members.

        They are told the end of what they hold open, after a restart once they are back; `before`: as they were.
        """
        for group in [each for each in self.groups.values() if each.destination not in self._router.destinations]:
            self._ledger.count(fates.DESTINATION_REMOVED)
            destination = before.get(group.destination)
            if group.incident and (destination is None or destination.send_resolved):
                self._take_leave(group, now)
            for alert in map(self._alerts.__getitem__, group.members):
                lose(alert, group.key)
                self._ledger.touch_alert(alert.fingerprint)
            self._forget(group)

    def _forget(self, group: Group) -> None:
        self._timers.set((Phase.FLUSH, group.key), None)
        self._ledger.touch_group(group.key)
        self._waiting.pop(group.key, None)
        self._idle.discard(group.key)
        del self.groups[group.key]

    def _schedule(self, group: Group) -> None:
        if group.forget_at is None:
            self._idle.discard(group.key)
        elif (oldest := self._idle.add(group.key)) is not None:
            self._ledger.reach(fates.THREAD_DROPPED)
            self._forget(self.groups[oldest])
        self._timers.set((Phase.FLUSH, group.key), grouping.wake_at(group))
        if group.due_at is None and not all(group.members.values()):
            self._waiting[group.key] = None
        else:
            self._waiting.pop(group.key, None)
