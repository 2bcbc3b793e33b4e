"""Digests: what happened in a period, told on a schedule (S-98 to S-105, S-118).

A destination with a digest is told nothing else. Its period runs from the slot of the last digest to the next slot, so
periods are contiguous whatever becomes of the process, the clock or the schedule: a slot that is done is never the next
one, and slots that passed while kwatch was not running are told in one digest. What ended or was noticed is kept, an
entry each, until it is told; what is open is asked of the book then. None goes out before every source has been heard.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.alerts.announcing import ALERTS, Address, Announcer
from kwatch.alerts.directory import Directory
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.muting import Hold, Muting
from kwatch.alerts.reconfiguring import lose
from kwatch.alerts.records import Alert, DigestEntry, DigestPeriod, period_key
from kwatch.alerts.register import Register
from kwatch.alerts.sight import Sight
from kwatch.alerts.story import TellingStory, hold_story
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.told import Told
from kwatch.alerts.views import order_of
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.identity import incident_id
from kwatch.model.notifications import Content, NotificationKind, Part, Section, Suppressed
from kwatch.model.routes import Destination, DigestPlan
from kwatch.model.rules import Severity
from kwatch.model.windows import Schedule

#: The group part of a digest's incident; its number is the slot.
DIGEST: Final = "digest"
#: So many of what keeps alerts from being told are counted by name.
SUPPRESSED: Final = 20
OTHERS: Final = "others"

#: How a part is sorted; the others worst first.
_ORDERS: Final = {Part.STILL_OPEN: attrgetter("starts_at", "fingerprint")}


class Digests:
    """The periods of every destination that has digests, and what is kept for them."""

    def __init__(
        self,
        register: Register,
        directory: Directory,
        muting: Muting,
        sight: Sight,
        told: Told,
        *,
        announcer: Announcer,
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self.periods: dict[str, DigestPeriod] = {}
        self._register = register
        self._directory = directory
        self._told = told
        self._entries: dict[str, DigestEntry] = {}
        self._sight = sight
        self._plans: dict[str, tuple[Destination, DigestPlan]] = {}
        self._muting = muting
        self._announcer = announcer
        self._timers = timers
        self._ledger = ledger

    def load(self, periods: Iterable[DigestPeriod], entries: Iterable[DigestEntry], now: datetime) -> None:
        """Take back what was kept."""
        self.periods |= {period.key: period for period in periods}
        self._entries |= {entry.key: entry for entry in entries}
        self.review(now)

    def row(self, key: str) -> DigestPeriod | DigestEntry | None:
        """Return what must survive a restart, by the key of its row."""
        return self.periods.get(key) or self._entries.get(key)

    def review(self, now: datetime) -> None:
        """The destinations may be others: those that are gone are forgotten, new ones begin their first period."""
        destinations = self._directory.destinations.values()
        self._plans = {each.name: (each, each.digest) for each in destinations if each.digest is not None}
        removed = [each for each in self.periods.values() if each.destination not in self._plans]
        untold = [entry for each in removed for entry in self._entries_of(each) if entry.part is not Part.ENDED]
        began_at = min((each.begins_at for each in removed), default=now)
        for each in removed:
            self._forget(each)
        heirs = [name for name in self._plans if period_key(name) not in self.periods]
        for name in heirs:
            self.periods[period_key(name)] = DigestPeriod(destination=name, begins_at=now)
            self._ledger.touch_group(period_key(name))
        self._bequeath(untold, heirs, began_at)

    def _bequeath(self, untold: Iterable[DigestEntry], heirs: Collection[str], began_at: datetime) -> None:
        """Keep for new destinations what those that are gone have told nobody, once, where its labels lead to them."""
        known: set[tuple[str, str, datetime]] = set()
        for part, view in ((entry.part, entry.view) for entry in untold):
            wanting = self._directory.routing_of(view).wanting(view.severity)
            keys = [period_key(each.name) for _, each in wanting if each.name in heirs]
            if not keys and part is Part.NOTICES:
                self._ledger.count(fates.DESTINATION_REMOVED)
            for key in keys:
                if (key, view.fingerprint, view.starts_at) not in known:
                    known.add((key, view.fingerprint, view.starts_at))
                    self.periods[key].begins_at = min(self.periods[key].begins_at, began_at)
                    self._keep(key, part, view)

    def start(self) -> None:
        """Every source has been heard: digests may go out."""
        for period in self.periods.values():
            self._schedule(period)

    def clock_was_set(self) -> None:
        """Slots are instants of the wall clock: whatever was moved along with it, they were not."""
        if not self._sight.is_starting:
            self.start()

    def enlist(self, alert: Alert, destination: Destination) -> bool:
        """Keep an alert for the next digest of a destination; return whether it was not kept for it anyway."""
        key = period_key(destination.name)
        if key in alert.groups:
            return False
        alert.groups = [*alert.groups, key]
        self._ledger.count(fates.HELD_FOR_DIGEST)
        self._ledger.touch_alert(alert.fingerprint)
        return True

    def delist(self, alert: Alert, view: AlertView, now: datetime) -> None:
        """Keep that an episode has ended; what something holds back is told only where it was."""
        for destination, _ in self._plans.values():
            key = period_key(destination.name)
            if key not in alert.groups:
                continue
            if key in alert.listed:
                if destination.send_resolved:
                    self._keep(key, Part.ENDED, _held(view, self._hold_of(alert, destination, now)))
            elif (hold := self._hold_of_end(alert, destination, now)) is None:
                self._keep(key, Part.CAME_AND_WENT, view)
            else:
                self._suppress(key, hold)

    def shows_end(self, alert: Alert, now: datetime) -> bool:
        """Return whether a digest will say of an alert that ends now, and was told to nobody, that it came and went."""
        return any(self._hold_of_end(alert, destination, now) is None for destination, _ in self._plans_of(alert))

    def _hold_of_end(self, alert: Alert, destination: Destination, now: datetime) -> Hold | None:
        """Return what keeps a digest from saying that an alert came and went; a window does only if it began in one."""
        if (hold := self._muting.hold_everywhere(alert, now)) is not None:
            return hold
        schedule, rule = (
            self._directory.router.schedule(alert.labels, destination.receiver),
            self._register.rule_of(alert),
        )
        fired_at = (alert.starts_at or now) + (rule.for_ if rule is not None else timedelta(0))
        for at in (now, fired_at):
            hold = self._muting.hold_by_window(alert.severity, schedule, at)
            if hold is None or hold.is_collecting:
                return None
        return hold

    def schedules_of(self, alert: Alert) -> list[Schedule]:
        """Return when those may be told of an alert whose digests it is kept for."""
        receivers = [destination.receiver for destination, _ in self._plans_of(alert)]
        return [self._directory.router.schedule(alert.labels, receiver) for receiver in receivers]

    def notice(self, destination: Destination, view: AlertView) -> None:
        """Keep a notice for the next digest of a destination."""
        self._ledger.count(fates.HELD_FOR_DIGEST)
        self._keep(period_key(destination.name), Part.NOTICES, view)

    def notices(self) -> Iterator[tuple[str, AlertView]]:
        """Yield the notices that wait, each with its destination."""
        return ((each.destination, each.view) for each in self._entries.values() if each.part is Part.NOTICES)

    def run(self, key: str, now: datetime) -> None:
        """A slot has come: tell the period, and begin the next one."""
        period = self.periods[key]
        slot, slots = self._plans[period.destination][1].schedule.passed(period.begins_at, now)
        if slot is not None:
            self._tell(period, slot, slots, now)
            self._clear(period, slot)
        self._schedule(period)

    def tellings(self, alert: Alert, now: datetime) -> tuple[TellingStory, ...]:
        """Return what destinations with digests know of an alert."""
        names = {name for name, view in self.notices() if view.fingerprint == alert.fingerprint}
        periods = [each for each in self.periods.values() if each.key in alert.groups or each.destination in names]
        return tuple(self._telling(period, alert, now) for period in periods)

    def _telling(self, period: DigestPeriod, alert: Alert, now: datetime) -> TellingStory:
        destination, plan = self._plans[period.destination]
        is_listed = period.key in alert.listed
        return TellingStory(
            destination=destination.name,
            receiver=destination.receiver,
            incident=alert.told_in.get(destination.name, ""),
            is_told=is_listed,
            last_at=period.begins_at if is_listed else None,
            next_at=plan.schedule.after(period.begins_at),
            is_repeat=is_listed,
            is_digest=True,
            hold=hold_story(self._hold_of(alert, destination, now)),
        )

    # parts

    def _tell(self, period: DigestPeriod, slot: datetime, slots: int, now: datetime) -> None:
        """Tell what there is; nothing happened: only if that is asked for (S-103)."""
        destination, plan = self._plans[period.destination]
        opened = [alert for alert in self._register.alerts.values() if self._is_open(alert, period, now)]
        views, sections = self._parts(period, opened, now)
        if not sections and not plan.send_empty:
            return
        firing = [view for view in views if view.state is AlertState.FIRING]
        content = Content(
            kind=NotificationKind.DIGEST,
            cluster=self._announcer.cluster,
            receiver=destination.receiver,
            severity=max((view.severity for view in firing), default=Severity.INFO),
            group_labels={},
            alerts=tuple(views),
            alert_count=sum(section.count for section in sections),
            firing_count=len(opened),
            starts_at=period.begins_at,
            ends_at=slot,
            sections=tuple(sections),
            suppressed=self._suppressed(period, now),
            slots=slots,
            public_url=self._announcer.public_url,
        )
        incident = incident_id(DIGEST, int(slot.timestamp()))
        address = Address(destination=destination.name, receiver=destination.receiver, incident=incident)
        self._announcer.post(address, content, now)
        for alert in opened:
            alert.told_in[destination.name] = incident
            self._mark_listed(alert, period.key)

    def _is_open(self, alert: Alert, period: DigestPeriod, now: datetime) -> bool:
        """Return whether an open alert is to be told; note of the others what holds them back."""
        if alert.state is not AlertState.FIRING or period.key not in alert.groups:
            return False
        hold = self._hold_of(alert, self._plans[period.destination][0], now)
        if hold is None or period.key in alert.listed:
            return not alert.is_over or period.key in alert.listed
        self._register.hold_back(alert, period.key, hold.by)
        return False

    def _suppressed(self, period: DigestPeriod, now: datetime) -> tuple[Suppressed, ...]:
        """Return what was kept from being told in the period, or is now."""
        counted = Counter(period.suppressed)
        destination = self._plans[period.destination][0]
        for alert in self._register.alerts.values():
            is_untold = period.key in alert.groups and period.key not in alert.listed
            if is_untold and alert.state is AlertState.FIRING and (hold := self._hold_of(alert, destination, now)):
                counted[hold.by] += 1
        ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
        return tuple(Suppressed(by, count) for by, count in ordered[:SUPPRESSED])

    def _hold_of(self, alert: Alert, destination: Destination, now: datetime) -> Hold | None:
        return self._muting.hold_of(alert, self._directory.router.schedule(alert.labels, destination.receiver), now)

    def _plans_of(self, alert: Alert) -> list[tuple[Destination, DigestPlan]]:
        return [plan for plan in self._plans.values() if period_key(plan[0].name) in alert.groups]

    def _parts(
        self, period: DigestPeriod, opened: Iterable[Alert], now: datetime
    ) -> tuple[list[AlertView], list[Section]]:
        """Return the alerts of all sections in their order, and the sections; empty ones are left out."""
        found: dict[Part, list[AlertView]] = {part: [] for part in Part}
        for alert in opened:
            is_new = period.key not in alert.listed
            view = self._register.view(alert, now, new_in=period.key if is_new else "")
            if is_new:
                found[Part.NEW].append(view)
            else:
                hold = self._hold_of(alert, self._plans[period.destination][0], now)
                found[Part.STILL_OPEN].append(_held(view, hold))
        for entry in self._entries_of(period):
            found[entry.part].append(entry.view)
        counts = {part: period.counts.get(part.value, len(views)) for part, views in found.items()}
        listed = {part: sorted(views, key=_ORDERS.get(part, order_of))[:ALERTS] for part, views in found.items()}
        sections = [Section(part, counts[part], len(listed[part])) for part in Part if counts[part]]
        return [view for views in listed.values() for view in views], sections

    def _mark_listed(self, alert: Alert, key: str) -> None:
        if key not in alert.listed:
            alert.listed = [*alert.listed, key]
        self._told.note(alert)

    # memory

    def _keep(self, key: str, part: Part, view: AlertView) -> None:
        """Keep an entry; beyond so many it is only counted."""
        period = self.periods[key]
        count = period.counts.get(part.value, 0) + 1
        period.counts = {**period.counts, part.value: count}
        self._ledger.touch_group(key)
        if count > ALERTS:
            return
        period.last += 1
        entry = DigestEntry(destination=period.destination, number=period.last, part=part, view=view)
        self._entries[entry.key] = entry
        self._ledger.touch_group(entry.key)

    def _suppress(self, key: str, hold: Hold) -> None:
        """Count what ended without being told, by what held it."""
        counted = self.periods[key].suppressed
        by = hold.by if hold.by in counted or len(counted) < SUPPRESSED else OTHERS
        self.periods[key].suppressed = {**counted, by: counted.get(by, 0) + 1}
        self._ledger.touch_group(key)

    def _entries_of(self, period: DigestPeriod) -> list[DigestEntry]:
        return [entry for entry in self._entries.values() if entry.destination == period.destination]

    def _clear(self, period: DigestPeriod, slot: datetime) -> None:
        """Begin the next period."""
        self._drop_entries(period)
        period.begins_at, period.counts, period.suppressed = slot, {}, {}
        self._ledger.touch_group(period.key)

    def _forget(self, period: DigestPeriod) -> None:
        for alert in [each for each in self._register.alerts.values() if period.key in each.groups]:
            lose(alert, period.key)
            self._ledger.touch_alert(alert.fingerprint)
        self._drop_entries(period)
        self._timers.set((Phase.FLUSH, period.key), None)
        self._ledger.count(fates.DESTINATION_REMOVED)
        self._ledger.touch_group(period.key)
        del self.periods[period.key]

    def _drop_entries(self, period: DigestPeriod) -> None:
        for entry in self._entries_of(period):
            del self._entries[entry.key]
            self._ledger.touch_group(entry.key)

    def _schedule(self, period: DigestPeriod) -> None:
        _, plan = self._plans[period.destination]
        self._timers.set((Phase.FLUSH, period.key), plan.schedule.after(period.begins_at))


def _held(view: AlertView, hold: Hold | None) -> AlertView:
    """Return an alert that was told, with what holds it."""
    return msgspec.structs.replace(view, muted_by=hold.says if hold else "")
