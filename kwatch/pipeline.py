"""The flow, in reading order: watch events in, decisions committed, the outbox woken.

    put(batch) → decide → tick → take → commit → wake

Deciding happens on the event loop and never waits; committing happens on the store's thread. While one commit is under
way the next batches are decided, and what they decided is committed together. Nothing reaches the outbox, and no
checkpoint moves, before its commit is durable. When the store fails, intake stops (the inbox fills, the watches feel
the push back) and the same decision is committed again until it holds.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential, wait_random

from kwatch.clock import Clock
from kwatch.decider import Decider
from kwatch.errors import StateError
from kwatch.model.decisions import Decision
from kwatch.model.objects import Batch
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

#: Batches that wait to be decided; a full inbox makes the watches wait, and through TCP the API server.
INBOX_SIZE = 32
#: Observations that may be decided ahead of the commit under way.
MAX_AHEAD = 4096
#: Turns of the event loop that a frame may need from the socket to the inbox.
SETTLING_TURNS = 16


#: Something for the decider to do at an instant.
Step = Callable[[datetime], None]


class Committer(Protocol):
    """What the pipeline needs of the store."""

    async def commit(self, decision: Decision) -> None:
        """Make the decision durable, whole, or raise StateError and change nothing."""
        ...


class Pipeline:
    """Run the decider over what the watches put, and commit what it decides.

    `wake` is called after each commit with the destinations that have something new.
    """

    def __init__(
        self,
        decider: Decider,
        store: Committer,
        *,
        clock: Clock,
        counters: Counters,
        wake: Callable[[Iterable[str]], None],
    ) -> None:
        self._decider = decider
        self._store = store
        self._clock = clock
        self._counters = counters
        self._wake = wake
        self._inbox: deque[Step] = deque()
        self._arrived = asyncio.Event()  # a batch, or another reason to look
        self._space = asyncio.Event()  # the inbox has room
        self._dirty = asyncio.Event()  # something may be worth a commit
        self._gate = asyncio.Event()  # closed while deciding has to wait for a commit
        self._space.set()
        self._gate.set()
        self._ahead = 0
        self.store_error = ""  # why intake is stopped; empty while it is not

    async def put(self, batch: Batch) -> None:
        """Hand a batch over; wait while the inbox is full."""
        while len(self._inbox) >= INBOX_SIZE:
            self._space.clear()
            await self._space.wait()
        self._ahead += len(batch.events)
        self.submit(lambda now: self._decider.decide(batch, now))

    def submit(self, step: Step) -> None:
        """Take a step of the decider in its turn, after the batches that came before."""
        self._inbox.append(step)
        self._arrived.set()

    async def run(self) -> None:
        """Decide and commit until cancelled; a commit under way is finished first."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._decide_forever(), name="decide")
            tasks.create_task(self._commit_forever(), name="commit")

    async def _decide_forever(self) -> None:
        while True:
            await self._gate.wait()
            await self._wait_for_work()
            now = self._clock.now()
            if self._inbox:
                step = self._inbox.popleft()
                self._space.set()
                step(now)
            if not self._inbox:
                self._decider.tick(now)
            self._dirty.set()
            if self._ahead >= MAX_AHEAD:
                self._gate.clear()
            await asyncio.sleep(0)

    async def _wait_for_work(self) -> None:
        """Return when a batch is there, when somebody poked, or when the engine wants to be woken."""
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
            await self.flush()

    async def flush(self) -> None:
        """Commit what has been decided so far; on a failing store, again and again until it holds."""
        decision = self._decider.take()
        self._ahead = 0
        if decision is not None:
            await asyncio.shield(self._commit(decision))
        self._gate.set()

    async def _commit(self, decision: Decision) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(StateError),
            wait=wait_exponential(multiplier=0.1, max=5) + wait_random(0, 0.1),
            sleep=self._clock.sleep,
        )
        async for attempt in retrying:
            with attempt:
                await self._try_commit(decision)
        for name, amount in decision.counters.items():
            self._counters.add("decisions", amount, outcome=name)
        self._wake(dict.fromkeys(notification.destination for notification in decision.notifications))

    async def _try_commit(self, decision: Decision) -> None:
        try:
            await self._store.commit(decision)
        except StateError as error:
            if not self.store_error:
                log.error("state cannot be written, intake stopped", extra={"error": str(error)})  # noqa: TRY400
            self.store_error = str(error)
            self._gate.clear()
            self._counters.add("commit_failures")
            raise
        if self.store_error:
            log.info("state can be written again, intake goes on")
        self.store_error = ""
