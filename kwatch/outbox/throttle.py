"""One destination's pace at work: says when the next attempt may be made, and folds what there is no room for."""

import logging
from collections.abc import Container
from datetime import datetime, timedelta

from kwatch.model.notifications import Delivery, NotificationKind
from kwatch.model.pace import Paces
from kwatch.model.rules import Severity
from kwatch.outbox.pacing import Folding, Pacer, RuleBuckets, Storm
from kwatch.store.state import State
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)


class Throttle:
    """The buckets and the storm of one destination, kept in memory; what a process begins with: `resume` (S-96)."""

    def __init__(self, destination: str, paces: Paces, state: State, counters: Counters, now: datetime) -> None:
        pace = paces.destinations.get(destination)
        self._pacer = Pacer.starting(pace, now) if pace is not None else None  # None: no pace
        self._rules = RuleBuckets(paces.rules, now)
        self._paces = paces
        self._destination = destination
        self._state = state
        self._counters = counters

    def use(self, paces: Paces, now: datetime) -> None:
        """Go by other paces; a bucket whose pace is as it was stays as full as it is."""
        before, self._paces = self._paces, paces
        pace = paces.destinations.get(self._destination)
        if pace != before.destinations.get(self._destination):
            self._pacer = Pacer.starting(pace, now) if pace is not None else None
        self._rules.use(paces.rules, now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: what is in the buckets stays."""
        self._pacer = None if self._pacer is None else self._pacer.moved(by)
        self._rules.move(by)

    async def resume(self, now: datetime) -> None:
        """Go on where the process before us was: what it attempted is spent. May raise StateError.

        While an overflow is open the storm goes on, and there is one token.
        """
        if self._pacer is None:
            return
        attempts = await self._state.attempts_since(self._destination, now - self._pacer.pace.memory)
        if attempts is not None:
            self._pacer = self._pacer.resumed(attempts, now)

    def storm(self, now: datetime) -> Storm | None:
        """Return the storm that the destination is in."""
        return None if self._pacer is None else self._pacer.at(now).storm

    def wait(self, delivery: Delivery, now: datetime) -> timedelta:
        """Return how long an attempt has to wait; 0: it may be made now."""
        is_urgent = delivery.notification.severity is Severity.CRITICAL or delivery.notification.kind.closes
        return timedelta(0) if self._pacer is None else self._pacer.wait(now, is_urgent=is_urgent)

    def take(self, now: datetime) -> None:
        """Note an attempt."""
        self._pacer = None if self._pacer is None else self._pacer.take(now)

    async def fold_rest(self, now: datetime, in_flight: Container[str]) -> bool:
        """Fold what there is no room for; return whether there was any. May raise StateError."""
        if self._pacer is None:
            return False
        self._pacer = self._pacer.at(now)
        folding = self._pacer.folding(now)
        if folding is Folding.NOTHING:
            return False
        everything = folding is Folding.EVERYTHING
        found = await self._state.foldable(self._destination, now, with_critical=everything)
        ids = [id_ for id_ in found if id_ not in in_flight]
        if not ids:
            return False
        await self._state.fold(ids, now)
        self._note_storm(self._pacer, len(ids), now)
        return True

    async def fold_by_rule(self, delivery: Delivery, now: datetime) -> bool:
        """Fold a delivery whose rules have told as much as they may; return whether that is so. May raise StateError.

        What counts is what opens: the rest of an incident follows its trigger.
        """
        notification = delivery.notification
        is_new = notification.kind in (NotificationKind.FIRING, NotificationKind.NOTICE)
        is_first = delivery.attempts == 0 and not delivery.is_ambiguous
        rules = {alert.rule for alert in notification.content.alerts}
        if not (is_new and is_first) or self._rules.take(rules, now):
            return False
        await self._state.fold([notification.id], now)
        return True

    def _note_storm(self, pacer: Pacer, folded: int, now: datetime) -> None:
        if pacer.storm is None:
            log.warning("storm: more comes than the pace allows", extra={"destination": self._destination})
            self._counters.add("storms", destination=self._destination)
        self._pacer = pacer.folded(folded, now)
