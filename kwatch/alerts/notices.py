"""Notices: moments that are told once per dedup window, in messages of their own (S-63).

A notice waits for its group's group_wait and goes out in an incident of its own, which is never open: it has no end.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
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
from kwatch.alerts.records import Alert, NoticeBatch, UntoldNotice, untold_key
from kwatch.alerts.register import Register
from kwatch.alerts.routing import Match
from kwatch.alerts.sight import Sight
from kwatch.alerts.story import TellingStory, hold_story
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.untold import UntoldNotices
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
        self._untold = UntoldNotices(register, ledger)
        self._register = register
        self._sight = sight
        self._directory = directory
        self._muting = muting
        self._digests = digests
        self._announcer = announcer
        self._timers = timers
        self._ledger = ledger

    def load(self, batches: Iterable[NoticeBatch], untold: Iterable[UntoldNotice], now: datetime) -> None:
        """Take back what was waiting."""
        self._untold.load(untold)
        for batch in batches:
            self._batches[batch.key] = batch
            self._waiting += len(batch.notices)
            self._timers.set((Phase.FLUSH, batch.key), batch.due_at)
        self.forget_removed(now)

    def row(self, key: str) -> NoticeBatch | UntoldNotice | None:
        """Return what must survive a restart, by the key of its row."""
        return self._batches.get(key) or self._untold.row(key)

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
            self._drop(batch.key)
        for batch in removed:
            self._reroute(batch, now)

    def _reroute(self, batch: NoticeBatch, now: datetime) -> None:
        """Tell what a batch holds to its receiver's other destinations, or where its labels lead now, once."""
        waiting = {(each.destination, untold_key(view)) for each in self._batches.values() for view in each.notices}
        waiting |= {(name, untold_key(view)) for name, view in self._digests.notices()}
        dropped = batch.dropped
        for view in batch.notices:
            routing = self._directory.routing_of(view)
            wanting = routing.wanting(view.severity)
            heirs = [pair for pair in wanting if pair[0].receiver == batch.receiver] or wanting
            told = self._untold.told_at(view)
            new = [
                pair for pair in heirs if pair[1].name not in told and (pair[1].name, untold_key(view)) not in waiting
            ]
            self._untold.spread(view, len(new))
            self._untold.hold_back(view, routing.drop(view.severity))
            for match, destination in new:
                self._place(view, match, destination, due_at=batch.due_at, dropped=dropped, now=now)
            dropped = 0

    def tellings(self, alert: Alert, now: datetime) -> Iterator[TellingStory]:
        """Yield the destinations at which a notice waits to be told, and what holds it there."""
        for batch in self._batches.values():
            view = next((view for view in batch.notices if view.fingerprint == alert.fingerprint), None)
            if view is not None:
                schedule = self._directory.router.schedule(view.labels, batch.receiver)
                yield TellingStory(
                    destination=batch.destination,
                    receiver=batch.receiver,
                    group_labels=batch.labels,
                    next_at=batch.due_at,
                    hold=hold_story(self._muting.hold_of(view, schedule, now)),
                )

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
                ends = [self._collects_until(view, batch.receiver, now) or now for view in batch.notices]
                self._await(batch, min(ends))

    def run(self, key: str, now: datetime) -> None:
        """The wait of a batch is over: tell it, but for what a window collects now."""
        batch = self._drop(key)
        due, dropped = [], batch.dropped
        for view in batch.notices:
            until = self._collects_until(view, batch.receiver, now)
            if until is None:
                due.append(view)
            else:
                collected = msgspec.structs.replace(batch, due_at=until, notices=[], dropped=0, is_collected=True)
                self._wait(collected, view, dropped)
                dropped = 0
        self._announce(batch, due, dropped, now)

    def _collects_until(self, view: AlertView, receiver: str, now: datetime) -> datetime | None:
        """Return when a window ends or changes that collects a notice now; the critical pass. None: none does."""
        if view.severity is Severity.CRITICAL:
            return None
        return self._muting.collects_until(self._directory.router.schedule(view.labels, receiver), now)

    def _mute_of(self, view: AlertView, receiver: str, now: datetime) -> Hold | None:
        """Return what mutes a notice now, for good: it is a moment, which is over when that is."""
        hold = self._muting.hold_of(view, self._directory.router.schedule(view.labels, receiver), now)
        return None if hold is None or hold.is_collecting else hold

    def _announce(self, batch: NoticeBatch, due: Iterable[AlertView], dropped: int, now: datetime) -> None:
        """Tell those of a batch that nothing mutes now."""
        told = []
        for view in due:
            if (mute := self._mute_of(view, batch.receiver, now)) is not None:
                self._untold.hold_back(view, mute.fate)
            else:
                self._untold.told(view)
                told.append(view)
        if told:
            address = Address(
                destination=batch.destination,
                receiver=batch.receiver,
                incident=self._announcer.new_incident(batch.id, now),
                labels=batch.labels,
            )
            self._announcer.announce(address, NotificationKind.NOTICE, told, now, Remarks(notices_dropped=dropped))
            for view in told:
                self._untold.told_in(address, view)

    def _drop(self, key: str) -> NoticeBatch:
        batch = self._batches.pop(key)
        self._waiting -= len(batch.notices)
        self._timers.set((Phase.FLUSH, key), None)
        self._ledger.touch_group(key)
        return batch

    def _tell(self, alert: Alert, finding: Finding, now: datetime) -> None:
        self._ledger.count(fates.OPENED)
        view, dropped = self._view(alert, finding, now), alert.notices_dropped
        alert.notice_at, alert.notices_dropped = now, 0
        alert.is_told, alert.fate, alert.told_in = False, "", {}
        if (hold := self._muting.hold_everywhere(alert, now)) is not None:
            self._untold.end(alert.fingerprint, hold.fate)
        elif not self._muting.keeps(alert, view, finding.expected_until, now):
            self.tell(view, dropped, now)

    def tell(self, view: AlertView, dropped: int, now: datetime) -> None:
        """Let a notice wait for company wherever its labels lead; `dropped` repeats came before it."""
        routing = self._directory.routing_of(view)
        self._ledger.count(fates.RECEIVER_FALLBACK, routing.fallbacks)
        if drop := routing.drop(view.severity):
            self._untold.end(view.fingerprint, drop)
            return
        wanting = routing.wanting(view.severity)
        self._untold.add(view, len(wanting))
        for match, destination in wanting:
            if (mute := self._mute_of(view, match.receiver, now)) is not None:
                self._untold.hold_back(view, mute.fate)
            else:
                due_at = now + wait_of(match.route.group_wait, match.route.critical_wait, view.severity)
                self._place(view, match, destination, due_at=due_at, dropped=dropped, now=now)

    def _place(
        self, view: AlertView, match: Match, destination: Destination, *, due_at: datetime, dropped: int, now: datetime
    ) -> None:
        """Let a notice wait for company at one destination, or for the end of the window that collects it."""
        if destination.digest is not None:
            self._untold.told(view)
            self._digests.notice(destination, view)
            return
        identity, labels = self._directory.group_of(match, view)
        until = self._collects_until(view, match.receiver, now)
        batch = NoticeBatch(
            destination=destination.name,
            receiver=match.receiver,
            id=identity,
            labels=labels,
            due_at=until or due_at,
            is_collected=until is not None,
        )
        self._wait(batch, view, dropped)
        if self._waiting > WAITING:
            self._hurry(now)

    def _wait(self, wanted: NoticeBatch, view: AlertView, dropped: int) -> None:
        """Add a notice to a batch; beyond what a message can hold only their number grows."""
        batch = self._batches.setdefault(wanted.key, wanted)
        batch.dropped += dropped
        if len(batch.notices) < ALERTS:
            batch.notices.append(view)
            self._waiting += 1
        else:
            batch.dropped += 1
            self._untold.told(view)
        self._await(batch, min(batch.due_at, wanted.due_at))

    def _await(self, batch: NoticeBatch, due_at: datetime) -> None:
        batch.due_at = due_at
        self._timers.set((Phase.FLUSH, batch.key), due_at)
        self._ledger.touch_group(batch.key)

    def _hurry(self, now: datetime) -> None:
        """Let the batch that waits longest go out."""
        self._ledger.reach(fates.NOTICE_HURRIED)
        batch = self._drop(next(iter(self._batches)))
        self._announce(batch, batch.notices, batch.dropped, now)

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
