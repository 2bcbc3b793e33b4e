"""One destination's pace at work: says when the next attempt may be made, and folds what there is no room for.

Buckets and storms go by the clock that nobody sets; the time on the wall is for the store and for people.
"""

import logging
from collections.abc import Container
from datetime import UTC, datetime, timedelta
from typing import Final

from kwatch.clock import Clock
from kwatch.model.notifications import Delivery, NotificationKind
from kwatch.model.pace import Paces
from kwatch.model.rules import Severity
from kwatch.outbox.pacing import Folding, Pacer, RuleBuckets
from kwatch.store.state import State
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

#: Some instant to count steady time from.
_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Throttle:
    """The buckets and the storm of one destination, kept in memory; what a process begins with: `resume` (S-96)."""

    def __init__(self, destination: str, state: State, counters: Counters, clock: Clock) -> None:
        self._clock = clock
        self._paces = Paces()
        self._pacer: Pacer | None = None  # no pace
        self._rules = RuleBuckets({}, self._steady())
        self._is_resumed = False
        self._destination = destination
        self._state = state
        self._counters = counters

    def use(self, paces: Paces) -> None:
        """Go by other paces; a bucket whose pace is as it was stays as full as it is."""
        before, self._paces = self._paces, paces
        pace, now = paces.destinations.get(self._destination), self._steady()
        if pace != before.destinations.get(self._destination):
            self._pacer = Pacer.starting(pace, now) if pace is not None else None
        self._rules.use(paces.rules, now)

    async def resume(self) -> None:
        """Go on where the process before us was, once: what it attempted is spent. May raise StateError.

        While an overflow is open the storm goes on, and there is one token.
        """
        if self._pacer is None or self._is_resumed:
            return
        attempts = await self._state.attempts_since(self._destination, self._clock.now() - self._pacer.pace.memory)
        self._is_resumed = True
        if attempts is not None and self._pacer is not None:
            self._pacer = self._pacer.resumed(attempts, self._steady())

    @property
    def storm_since(self) -> datetime | None:
        """Since when the destination is in a storm, by the time on the wall; None: it is not in one."""
        if self._pacer is None or (storm := self._pacer.at(self._steady()).storm) is None:
            return None
        return self._clock.now() - (self._steady() - storm.since)

    def wait(self, delivery: Delivery) -> timedelta:
        """Return how long an attempt has to wait; 0: it may be made now."""
        is_urgent = delivery.notification.severity is Severity.CRITICAL or delivery.notification.kind.closes
        return timedelta(0) if self._pacer is None else self._pacer.wait(self._steady(), is_urgent=is_urgent)

    def take(self) -> None:
        """Note an attempt."""
        self._pacer = None if self._pacer is None else self._pacer.take(self._steady())

    async def fold_rest(self, in_flight: Container[str]) -> bool:
        """Fold what there is no room for; return whether there was any. May raise StateError."""
        if self._pacer is None:
            return False
        now = self._clock.now()
        self._pacer = self._pacer.at(self._steady())
        folding = self._pacer.folding(self._steady())
        if folding is Folding.NOTHING:
            return False
        everything = folding is Folding.EVERYTHING
        found = await self._state.foldable(self._destination, now, with_critical=everything)
        ids = [id_ for id_ in found if id_ not in in_flight]
        if not ids:
            return False
        await self._state.fold(ids, now)
        self._note_storm(len(ids))
        return True

    async def fold_by_rule(self, delivery: Delivery) -> bool:
        """Fold a delivery whose rules have told as much as they may; return whether that is so. May raise StateError.

        What counts is what opens: the rest of an incident follows its trigger.
        """
        notification = delivery.notification
        is_new = notification.kind in (NotificationKind.FIRING, NotificationKind.NOTICE)
        is_first = delivery.attempts == 0 and not delivery.is_ambiguous
        rules = {alert.rule for alert in notification.content.alerts}
        if not (is_new and is_first) or self._rules.take(rules, self._steady()):
            return False
        await self._state.fold([notification.id], self._clock.now())
        return True

    def _note_storm(self, folded: int) -> None:
        if self._pacer is None:  # meanwhile it has none
            return
        if self._pacer.storm is None:
            log.warning("storm: more comes than the pace allows", extra={"destination": self._destination})
            self._counters.add("storms", destination=self._destination)
        self._pacer = self._pacer.folded(folded, self._steady())

    def _steady(self) -> datetime:
        return _BEGIN + timedelta(seconds=self._clock.monotonic())
