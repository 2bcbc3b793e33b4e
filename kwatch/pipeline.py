"""The flow, in reading order: watch events in, decisions committed, the outbox woken.

    put(batch) → decide → tick → take → commit → wake

Deciding happens on the event loop and never waits; committing happens on the store's thread. While one commit is under
way the next batches are decided, and what they decided is committed together. Nothing reaches the outbox, and no
checkpoint moves, before its commit is durable. A decision is held until then, and committing it twice is the same as
once. When the store fails, intake stops (the inbox fills, the watches feel the push back) and the same decision is
committed again until it holds.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, wait_exponential, wait_random

from kwatch.clock import Clock
from kwatch.errors import FencedError, StateError
from kwatch.model.decisions import Decision
from kwatch.model.objects import Batch
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Batches that wait to be decided; a full inbox makes the watches wait, and through TCP the API server. Other steps are
#: few (one per look-up and per delivery under way) and never wait.
INBOX_SIZE = 32
#: Observations that may be decided ahead of the commit under way.
MAX_AHEAD = 4096
#: Timers wait for the batches that arrived before they were due, but not longer than this.
TICK_EVERY = timedelta(seconds=1)
#: Turns of the event loop that a frame may need from the socket to the inbox.
SETTLING_TURNS = 16
#: Seconds of rest after a bug, so that one that comes again at once does not spin.
BUG_PAUSE = 1.0

#: Something for the decider to do at an instant.
Step = Callable[[datetime], None]


def _may_pass(error: BaseException) -> bool:
    """Whether a commit that failed like that may hold later."""
    return isinstance(error, Exception) and not isinstance(error, FencedError)


class Deciding(Protocol):
    """What the pipeline needs of the decider."""

    def decide(self, batch: Batch, now: datetime) -> None:
        """Observe everything in the batch, in order."""
        ...

    def tick(self, now: datetime) -> None:
        """Do what is due."""
        ...

    def wake_at(self) -> datetime | None:
        """Return when `tick` has something to do next; None: not before the next step."""
        ...

    def take(self) -> Decision | None:
        """Return all that was decided since the last call; None when nothing was."""
        ...


class Committer(Protocol):
    """What the pipeline needs of the store."""

    async def commit(self, decision: Decision) -> None:
        """Make the decision durable, whole, or raise StateError and change nothing."""
        ...


class Pipeline:
    """Run the decider over what the watches put, and commit what it decides.

    `wake` is called after each commit with the destinations that have something new; `heed_clock` before each step, to
    take over what has happened to the time before anything is decided by it.
    """

    def __init__(
        self,
        decider: Deciding,
        store: Committer,
        *,
        clock: Clock,
        counters: Counters,
        wake: Callable[[Iterable[str]], None],
        heed_clock: Callable[[], None],
    ) -> None:
        self._decider = decider
        self._store = store
        self._clock = clock
        self._counters = counters
        self._wake = wake
        self._heed_clock = heed_clock
        self._inbox: deque[Step] = deque()
        self._arrived = asyncio.Event()  # a batch, or another step
        self._space = asyncio.Event()  # the inbox has room
        self._dirty = asyncio.Event()  # something may be worth a commit
        self._gate = asyncio.Event()  # closed while deciding has to wait for a commit
        self._gate.set()
        self._ahead = 0  # observations decided since the last take
        self._ticked_at = clock.now() - TICK_EVERY
        self._pending: Decision | None = None  # taken, and not known to be durable
        self._answers: list[Callable[[], None]] = []  # of steps whose decision is not taken yet
        self._pending_answers: list[Callable[[], None]] = []  # of steps whose decision is `_pending`
        self._asking: set[asyncio.Future[Any]] = set()  # what `perform` waits for
        self._is_finished = False
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_exponential(multiplier=0.1, max=5) + wait_random(0, 0.1),
            sleep=clock.sleep,
            reraise=True,
        )
        self.store_error = ""  # why intake is stopped; empty while it is not

    async def put(self, batch: Batch) -> None:
        """Hand a batch over; wait while the inbox is full."""
        while len(self._inbox) >= INBOX_SIZE:
            self._space.clear()
            await self._space.wait()
        self.submit(lambda now: self._decide(batch, now))

    def submit(self, step: Step) -> None:
        """Take a step of the decider in its turn, after the batches that came before."""
        self._inbox.append(step)
        self._arrived.set()

    async def perform(self, step: Callable[[datetime], T]) -> T:
        """Take a step in its turn; return what it gives back once that is durable. What it raises is raised here.

        Raise StateError where the pipeline finishes before that.
        """
        if self._is_finished:
            raise StateError("kwatch is stopping: ask again when it runs")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asking.add(answer)
        answer.add_done_callback(self._asking.discard)

        def take(now: datetime) -> None:
            try:
                result = step(now)
            except Exception as error:  # noqa: BLE001 - a bug too is the asker's to hear of, and costs this step alone
                if not answer.done():
                    answer.set_exception(error)
            else:
                self._answers.append(lambda: None if answer.done() else answer.set_result(result))

        self.submit(take)
        return await answer

    async def run(self) -> None:
        """Decide and commit until cancelled; `finish` then does the rest."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._decide_forever(), name="decide")
            tasks.create_task(self._commit_forever(), name="commit")

    async def finish(self, seconds: float) -> None:
        """Decide what has arrived, and commit all of it; give up after some seconds of a failing store.

        What is given up is decided anew at the next start: its checkpoints have not moved.
        """
        while self._inbox:
            self._guarded(self._take_step)
        try:
            async with asyncio.timeout(seconds):
                await self._flush()
        except TimeoutError:
            log.warning("state cannot be written, the next start decides again", extra={"error": self.store_error})
        self._is_finished = True
        for answer in self._asking:
            if not answer.done():
                answer.set_exception(StateError("kwatch is stopping: look before you ask again"))

    async def _decide_forever(self) -> None:
        while True:
            await self._wait_for_work()
            await self._gate.wait()
            if not (self._guarded(self._take_step) and self._guarded(self._tick)):
                await self._clock.sleep(BUG_PAUSE)
            self._dirty.set()
            if self._ahead >= MAX_AHEAD:
                self._gate.clear()
            await asyncio.sleep(0)

    def _guarded(self, step: Step) -> bool:
        """Take a step as of now; a bug in it costs this step alone (the bulkhead). Return whether it went well."""
        try:
            self._heed_clock()
            step(self._clock.now())
        except Exception:
            log.exception("deciding failed by a bug")
            self._counters.add("decide_errors")
            return False
        return True

    def _take_step(self, now: datetime) -> None:
        if self._inbox:
            step = self._inbox.popleft()
            self._space.set()
            step(now)

    def _tick(self, now: datetime) -> None:
        if not self._inbox or not timedelta(0) <= now - self._ticked_at < TICK_EVERY:  # the clock may be set back
            self._ticked_at = now
            self._decider.tick(now)

    def _decide(self, batch: Batch, now: datetime) -> None:
        self._ahead += len(batch.events)
        self._counters.measure("decide_lag_seconds", max(0.0, (now - batch.received_at).total_seconds()))
        self._decider.decide(batch, now)

    async def _wait_for_work(self) -> None:
        """Return when a step is there, or when the engine wants to be woken."""
        if self._inbox:
            return
        self._arrived.clear()
        wake_at = self._decider.wake_at()
        seconds = None if wake_at is None else (wake_at - self._clock.now()).total_seconds()
        if seconds is not None and seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            await self._settle()

    async def _settle(self) -> None:
        """Let what arrives at the instant of a deadline come first: observations before timers (S-53)."""
        for _ in range(SETTLING_TURNS):
            if self._inbox:
                return
            await asyncio.sleep(0)

    async def _commit_forever(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._flush()

    async def _flush(self) -> None:
        """Commit what has been decided so far; again and again until it holds."""
        await self._retrying(self._try_to_flush)

    async def _try_to_flush(self) -> None:
        try:
            while (decision := self._next_decision()) is not None:
                await self._commit(decision)
                self._answer()
            self._answer()
        except Exception as error:
            self._stop_intake(error)
            raise
        self._gate.set()

    def _next_decision(self) -> Decision | None:
        """Return what has to be committed next, and hold it until it is durable."""
        if self._pending is None:
            self._ahead = 0
            self._pending = self._decider.take()
            self._pending_answers, self._answers = self._answers, []
        return self._pending

    def _answer(self) -> None:
        for answer in self._pending_answers:
            answer()
        self._pending_answers = []

    async def _commit(self, decision: Decision) -> None:
        await self._store.commit(decision)
        self._pending = None
        if self.store_error:
            log.info("state can be written again, intake goes on")
        self.store_error = ""
        self._gate.set()
        for name, amount in decision.counters.items():
            self._counters.add("decisions", amount, outcome=name)
        self._wake(dict.fromkeys(notification.destination for notification in decision.notifications))

    def _stop_intake(self, error: Exception) -> None:
        """Let nothing more be decided until a commit holds; after a bug too, or what was decided would be lost."""
        if not self.store_error:
            bug = None if isinstance(error, StateError) else error
            log.error("state cannot be written, intake stopped", extra={"error": str(error)}, exc_info=bug)
        self.store_error = str(error) or type(error).__name__
        self._gate.clear()
        self._counters.add("commit_failures")
