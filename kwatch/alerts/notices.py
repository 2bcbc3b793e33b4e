"""Notices: moments that are told once per dedup window, in messages of their own (S-63).

A notice waits for its group's group_wait and goes out in an incident of its own, which is never open: it has no end.
"""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts import jumps, sequences, thresholds
from kwatch.alerts import ledger as fates
from kwatch.alerts.announcing import ALERTS, Address, Announcer, Remarks
from kwatch.alerts.digests import Digests
from kwatch.alerts.directory import Directory
from kwatch.alerts.grouping import wait_of
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.muting import Hold, Muting
from kwatch.alerts.records import Alert, NoticeBatch
from kwatch.alerts.register import Register
from kwatch.alerts.routing import Match
from kwatch.alerts.sight import Sight
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.views import view_of
from kwatch.model.alerts import AlertView
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.notifications import NotificationKind
from kwatch.model.routes import Destination
from kwatch.model.rules import Rule, Severity

#: Notices that wait for company at a time; some 1 KB each. Beyond, those that wait longest go out at once.
WAITING = 20_000

_SPEAKING = (FindingKind.STATE, FindingKind.OCCURRENCE)


class Notices:
    """The notices that wait to be told; when each fingerprint was told last stands in the register."""

    def __init__(
        self,
        register: Register,
        sight: Sight,
        directory: Directory,
        muting: Muting,
        digests: Digests,
        *,
        announcer: Announcer,
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self._batches: OrderedDict[str, NoticeBatch] = OrderedDict()
        self._waiting = 0  # notices in them
        self._register = register
        self._sight = sight
        self._directory = directory
        self._muting = muting
        self._digests = digests
        self._announcer = announcer
        self._timers = timers
        self._ledger = ledger

    def load(self, batches: Iterable[NoticeBatch], now: datetime) -> None:
        """Take back what was waiting."""
        for batch in batches:
            self._batches[batch.key] = batch
            self._waiting += len(batch.notices)
            self._timers.set((Phase.FLUSH, batch.key), batch.due_at)
        self.forget_removed(now)

    def row(self, key: str) -> NoticeBatch | None:
        """Return what must survive a restart, by the key of its row."""
        return self._batches.get(key)

    def jump(self, by: timedelta) -> None:
        """The clock was set: the waits go on for what was left of them."""
        for batch in self._batches.values():
            jumps.move_notices(batch, by)
            self._ledger.touch_group(batch.key)

    def forget_removed(self, now: datetime) -> None:
        """Let what waits for destinations that are none any more wait for those that took their place."""
        known = self._directory.destinations
        removed = [batch for batch in self._batches.values() if batch.destination not in known]
        for batch in removed:
            self._ledger.count(fates.DESTINATION_REMOVED)
            self._timers.set((Phase.FLUSH, batch.key), None)
            self._drop(batch.key)
        for batch in removed:
            self._reroute(batch, now)

    def _reroute(self, batch: NoticeBatch, now: datetime) -> None:
        """Tell what a batch holds to its receiver's other destinations, or where its labels lead now, once."""
        waiting = {(each.destination, _name(view)) for each in self._batches.values() for view in each.notices}
        waiting |= {(name, _name(view)) for name, view in self._digests.notices()}
        dropped = batch.dropped
        for view in batch.notices:
            wanting = self._directory.routing_of(view).wanting(view.severity)
            heirs = [pair for pair in wanting if pair[0].receiver == batch.receiver] or wanting
            for match, destination in heirs:
                hold = self._muting.hold_by_window(view.severity, match.route.schedule, now)
                is_muted = hold is not None and not hold.is_collecting
                if not is_muted and (destination.name, _name(view)) not in waiting:
                    self._place(view, match, destination, hold, due_at=batch.due_at, dropped=dropped, now=now)
            dropped = 0

    def observe(self, finding: Finding, now: datetime) -> None:
        """Take a finding of a rule of mode NOTICE."""
        if finding.kind not in _SPEAKING or finding.truth is Truth.FALSE:
            return
        fate = self._fate(finding)
        if fate is not None:
            self._ledger.count(fate)
            return
        alert = self._register.recall(finding)
        told = sequences.complete(alert, finding, now, self._ledger)
        is_reached = told is not None and thresholds.reaches(alert, told, now, self._ledger)
        alert.seen_at = max(alert.seen_at, min(finding.since_at, now))
        if not is_reached:
            self._ledger.count(fates.BELOW_THRESHOLD)
        elif alert.notice_at is not None and now < alert.notice_at + finding.rule.dedup_window:
            self._ledger.count(fates.DEDUPLICATED)
            alert.notices_dropped += 1
        else:
            self._tell(alert, told or finding, now)
        self._register.remember(alert, now)

    def _fate(self, finding: Finding) -> str | None:
        """Return why a finding says nothing at all."""
        if finding.truth is Truth.UNKNOWN:
            return fates.UNKNOWN
        if finding.kind is FindingKind.STATE:
            return fates.ALREADY_THERE if self._sight.is_present(finding) else None
        return None if finding.contribution is not None and finding.contribution.n > 0 else fates.NOTHING_NEW

    def review(self, now: datetime) -> None:
        """Windows have begun or ended, or are others: what they collected waits for the end that they have now."""
        for batch in self._batches.values():
            if batch.is_collected:
                self._await(batch, self._held_until(batch, now) or now)

    def run(self, key: str, now: datetime) -> None:
        """The wait of a batch is over, unless a window holds it now."""
        batch = self._batches[key]
        until = self._held_until(batch, now)
        if until is not None and batch.is_collected:
            self._await(batch, until)
            return
        if until is not None:
            self._collect(batch, until)
        if batch.notices:
            self._announce(key, now)
        else:
            self._drop(key)

    def _collect(self, batch: NoticeBatch, until: datetime) -> None:
        """A window has begun since a batch did: let all in it but the critical wait for the end."""
        held = [view for view in batch.notices if view.severity is not Severity.CRITICAL]
        if not held:
            return
        batch.notices = [view for view in batch.notices if view.severity is Severity.CRITICAL]
        self._waiting -= len(held)
        wanted = msgspec.structs.replace(batch, due_at=until, notices=[], dropped=0, is_collected=True)
        collected = self._batches.setdefault(wanted.key, wanted)
        if not batch.notices:
            collected.dropped += batch.dropped
        for view in held:
            self._add(collected, view)
        self._await(collected, until)

    def _held_until(self, batch: NoticeBatch, now: datetime) -> datetime | None:
        """Return when a window ends or changes that holds what is collected; None: none does any more."""
        view = batch.notices[0]
        wanting = self._directory.routing_of(view).wanting(view.severity)
        matches = [match for match, destination in wanting if destination.name == batch.destination]
        ends = (self._muting.collects_until(match.route.schedule, now) for match in matches)
        return next((at for at in ends if at is not None), None)

    def _await(self, batch: NoticeBatch, due_at: datetime) -> None:
        batch.due_at = due_at
        self._timers.set((Phase.FLUSH, batch.key), due_at)
        self._ledger.touch_group(batch.key)

    def _announce(self, key: str, now: datetime) -> None:
        batch = self._drop(key)
        address = Address(
            destination=batch.destination,
            receiver=batch.receiver,
            incident=self._announcer.new_incident(batch.id, now),
            labels=batch.labels,
        )
        self._announcer.announce(
            address, NotificationKind.NOTICE, batch.notices, now, Remarks(notices_dropped=batch.dropped)
        )

    def _drop(self, key: str) -> NoticeBatch:
        batch = self._batches.pop(key)
        self._waiting -= len(batch.notices)
        self._ledger.touch_group(key)
        return batch

    def _tell(self, alert: Alert, finding: Finding, now: datetime) -> None:
        self._ledger.count(fates.OPENED)
        view, dropped = self._view(alert, finding, now), alert.notices_dropped
        alert.notice_at, alert.notices_dropped = now, 0
        if (hold := self._muting.hold_everywhere(alert, now)) is not None:
            self._ledger.count(hold.fate)
        elif not self._muting.keeps(alert, view, finding.expected_until, now):
            self.tell(view, dropped, now)

    def tell(self, view: AlertView, dropped: int, now: datetime) -> None:
        """Let a notice wait for company wherever its labels lead; `dropped` repeats came before it."""
        routing = self._directory.routing_of(view)
        destinations = routing.wanting(view.severity)
        self._ledger.count(fates.RECEIVER_FALLBACK, routing.fallbacks)
        holds = [self._muting.hold_of(view, match.route.schedule, now) for match, _ in destinations]
        muted = [hold for hold in holds if hold is not None and not hold.is_collecting]
        fate = muted[0].fate if muted and len(muted) == len(destinations) else fates.LED_TO_NOTIFICATION
        self._ledger.count(routing.drop(view.severity) or fate)
        for (match, destination), hold in zip(destinations, holds, strict=True):
            if hold not in muted:
                due_at = now + wait_of(match.route.group_wait, match.route.critical_wait, view.severity)
                self._place(view, match, destination, hold, due_at=due_at, dropped=dropped, now=now)

    def _place(
        self,
        view: AlertView,
        match: Match,
        destination: Destination,
        hold: Hold | None,
        *,
        due_at: datetime,
        dropped: int,
        now: datetime,
    ) -> None:
        """Let a notice wait for company at one destination, or for the end of the window that holds it."""
        if destination.digest is not None:
            self._digests.notice(destination, view)
            return
        identity, labels = self._directory.group_of(match, view)
        if hold is not None:
            due_at = self._muting.collects_until(match.route.schedule, now) or due_at
        batch = NoticeBatch(
            destination=destination.name,
            receiver=match.receiver,
            id=identity,
            labels=labels,
            due_at=due_at,
            is_collected=hold is not None,
        )
        batch = self._batches.setdefault(batch.key, batch)
        batch.dropped += dropped
        self._add(batch, view)
        self._await(batch, min(batch.due_at, due_at))
        if self._waiting > WAITING:
            self._hurry(now)

    def _add(self, batch: NoticeBatch, view: AlertView) -> None:
        """Add a notice; beyond what a message can hold only their number grows."""
        if len(batch.notices) < ALERTS:
            batch.notices.append(view)
            self._waiting += 1
        else:
            batch.dropped += 1

    def _hurry(self, now: datetime) -> None:
        """Let the batch that waits longest go out."""
        oldest = next(iter(self._batches))
        self._ledger.reach(fates.NOTICE_HURRIED)
        self._timers.set((Phase.FLUSH, oldest), None)
        self._announce(oldest, now)

    def _view(self, alert: Alert, finding: Finding, now: datetime) -> AlertView:
        rule: Rule = finding.rule
        occurrences = finding.contribution.n if finding.contribution is not None else 0
        return msgspec.structs.replace(
            view_of(alert, rule, now),
            is_new=True,
            starts_at=min(finding.since_at, now),
            count=occurrences + alert.notices_dropped,
            members=(finding.member.name,),
            member_count=1,
            is_late=self._sight.is_late(finding.since_at),
        )


def _name(view: AlertView) -> tuple[str, datetime]:
    return view.fingerprint, view.starts_at
