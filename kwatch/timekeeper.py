"""What becomes of a clock that was set, and of a machine that slept.

    set     durations go on as if nothing had been: every deadline moves along; schedules follow the new time
    slept   nobody watched (S-119): everything is unknown, the watches are opened anew, and until they are in sync
            repeats and escalations wait

Who did not watch for longer than the API server keeps Events says so: what happened then may never be known (S-120).
"""

import asyncio
import logging
from datetime import datetime, timedelta

from kwatch.alerts.engine import Engine
from kwatch.clock import Change, SteadyClock
from kwatch.deciding.decider import Decider
from kwatch.model.rules import Severity
from kwatch.outbox.outbox import Outbox
from kwatch.pipeline import Pipeline
from kwatch.telemetry import Counters
from kwatch.watch.fleet import Fleet
from kwatch.watch.status import SourceState

log = logging.getLogger(__name__)

#: How long API servers keep Events, unless they are told otherwise (`--event-ttl`).
EVENT_TTL = timedelta(hours=1)
#: How often it is written down that the cluster is watched: what is found after a restart began no earlier.
NOTE_EVERY = timedelta(minutes=1)
#: Seconds between two looks at the clock.
LOOK_SECONDS = 30.0

#: A watch that is refused shows nothing until it is let in.
_AS_GOOD_AS_IT_GETS = (SourceState.WATCHING, SourceState.FORBIDDEN)


class Timekeeper:
    """Look at the clock now and then, and draw the consequences."""

    def __init__(
        self,
        clock: SteadyClock,
        engine: Engine,
        decider: Decider,
        pipeline: Pipeline,
        outbox: Outbox,
        fleet: Fleet,
        *,
        counters: Counters,
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._decider = decider
        self._pipeline = pipeline
        self._outbox = outbox
        self._fleet = fleet
        self._counters = counters
        self._changed = asyncio.Event()
        self._changes: list[tuple[datetime, Change]] = []  # each with how the clock stood, in the time of after it

    def heed(self) -> None:
        """Take over what has happened to the time; called before anything is decided."""
        if not self._clock.has_jumped:
            return
        before, change = self._clock.undisturbed_until, self._clock.adopt()
        self._note(change)
        if change.set_by:
            self._decider.jump(change.set_by)
            self._outbox.jump(change.set_by)
        if change.slept:
            self._engine.blind(before + change.set_by)
        self._changes.append((before + change.set_by, change))
        self._changed.set()

    async def run(self) -> None:
        """Do what takes time after each change, until cancelled."""
        while True:
            due = self._clock.awake() + LOOK_SECONDS
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                self._counters.measure("loop_lag_seconds", max(0.0, self._clock.awake() - due))
                self._pipeline.submit(self._note_if_due)  # the clock is heeded before it
            self._changed.clear()
            while self._changes:
                await self._follow(*self._changes.pop(0))

    def note_watched(self, now: datetime) -> None:
        """Write down that the cluster is watched now, but for what may not be."""
        refused = [each.source_id for each in self._fleet.statuses() if each.state is SourceState.FORBIDDEN]
        self._engine.note_watched(now, tuple(refused))

    def _note_if_due(self, now: datetime) -> None:
        last = self._engine.watched_until
        is_due = last is None or now - last >= NOTE_EVERY
        if is_due and self.is_in_sync():
            self.note_watched(now)

    def is_in_sync(self) -> bool:
        """Whether every watch shows what there is."""
        return all(source.state in _AS_GOOD_AS_IT_GETS for source in self._fleet.statuses())

    def say_if_blind(self, since: datetime, now: datetime) -> None:
        """Tell of a time without watching, which is over now, if it was long."""
        if now - since > EVENT_TTL:
            first = f"blind from {since:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC"
            more = "That is longer than API servers keep Events: what they told of that time may never be known."
            self._engine.tell_about_itself(f"{first}\n{more}", Severity.WARNING, now)

    async def _follow(self, before: datetime, change: Change) -> None:
        if change.set_by:
            await self._outbox.bring_forward(change.set_by)
        if change.slept:
            await self._fleet.resync()
            self._pipeline.submit(lambda now: self._see(before, now))

    def _see(self, blind_since: datetime, now: datetime) -> None:
        self._engine.sighted(now)
        self.say_if_blind(blind_since, now)

    def _note(self, change: Change) -> None:
        for cause, by in (("set", change.set_by), ("slept", change.slept)):
            if by:
                log.warning("the clock has jumped", extra={"cause": cause, "seconds": by.total_seconds()})
                self._counters.add("clock_jumps", cause=cause)
