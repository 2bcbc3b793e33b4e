"""The one writer: group commit.

Jobs wait in a queue and run on one thread. A round takes what waits, and what arrives while it runs, up to 256 jobs or
5 ms; each job has a savepoint, all share one commit, which begins at once when the thread is idle. Answers are given
after the commit: what a caller was told is on disk. The queue needs no bound of its own: each caller waits for its
answer.

A process that was paused may wake up after another one has taken its place. The first round begins an epoch; each looks
in its own transaction whether that goes on, so nothing is written by one whose epoch is over (F-38).
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

import apsw

from kwatch.clock import SystemClock
from kwatch.errors import FencedError, StateError
from kwatch.telemetry import Counters

_T = TypeVar("_T")

#: The ends of a round.
MAX_JOBS: Final = 256
MAX_SECONDS: Final = 0.005


class _Job:
    """Some work, who waits for it, and how it ended."""

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Callable[[apsw.Connection], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None

    def answer(self) -> None:
        if self.future.done():  # the caller was cancelled; what it asked for is committed all the same
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Run work on the connection, on the executor's one thread."""

    def __init__(self, connection: apsw.Connection, executor: Executor, counters: Counters) -> None:
        self._connection = connection
        self._executor = executor
        self._counters = counters
        self._monotonic = SystemClock().monotonic  # of the thread: real also where the loop's time is virtual
        self._waiting: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._epoch = _epoch(connection)  # of the process before us, until something is written
        self._is_in_charge = False
        self._is_running = False

    async def write(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """Return what `work` returned once it is durable.

        Raises `StateError` when it could not be stored: nothing of it was, and it may be tried again as it is.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        with self._lock:
            self._waiting.append(job)
            is_idle, self._is_running = not self._is_running, True
        if is_idle:
            self._executor.submit(self._round, loop)
        return await job.future  # type: ignore[no-any-return]  # a queue holds jobs of every type

    async def read(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """Return what `work` found; it sees all that was committed before, and writes nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._look, work)

    def _look(self, work: Callable[[apsw.Connection], _T]) -> _T:
        try:
            return work(self._connection)
        except apsw.Error as error:
            raise _state_error(error) from error

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs: list[_Job] = []
        try:
            self._commit(jobs)
        except (apsw.Error, FencedError) as error:
            for job in jobs:  # first of all, as nobody may wait for ever
                job.error = job.error or (_state_error(error) if isinstance(error, apsw.Error) else error)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._hand_back(jobs, loop)

    def _hand_back(self, jobs: list[_Job], loop: asyncio.AbstractEventLoop) -> None:
        """Answer, and go on if more waits: in a round of its own, so that reads have their turn between two."""
        with self._lock:
            self._is_running = bool(self._waiting)
            is_more = self._is_running
        loop.call_soon_threadsafe(self._answer, jobs)
        if is_more:
            self._executor.submit(self._round, loop)

    def _answer(self, jobs: list[_Job]) -> None:
        self._counters.add("commits")
        for job in jobs:
            job.answer()

    def _commit(self, jobs: list[_Job]) -> None:
        """Run jobs, add them to `jobs` as they are taken, and commit."""
        ends_at = self._monotonic() + MAX_SECONDS
        jobs.append(self._waiting.popleft())
        self._connection.execute("BEGIN IMMEDIATE")
        epoch = self._stay_in_charge()
        self._run(jobs[0])
        while self._waiting and len(jobs) < MAX_JOBS and self._monotonic() < ends_at:
            jobs.append(self._waiting.popleft())
            self._run(jobs[-1])
        self._connection.execute("COMMIT")
        self._epoch, self._is_in_charge = epoch, True

    def _stay_in_charge(self) -> int:
        """Return the epoch that is this process's once the round is committed; FencedError: another one's has begun."""
        if _epoch(self._connection) != self._epoch:
            raise FencedError("another kwatch has taken over the state folder")
        if self._is_in_charge:
            return self._epoch
        self._connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (self._epoch + 1,))
        return self._epoch + 1

    def _run(self, job: _Job) -> None:
        """Run one job; undo it alone if it fails. Raises when the failure took the whole transaction with it."""
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except Exception as error:  # the bulkhead between jobs: the caller gets it, whatever it is
            job.error = _state_error(error) if isinstance(error, apsw.Error) else error
            if not self._connection.in_transaction:
                raise apsw.AbortError("the transaction was rolled back") from error
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")


def _epoch(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT value FROM meta WHERE key = 'epoch'").get)


def _state_error(error: apsw.Error) -> StateError:
    state_error = StateError(f"the state cannot be used: {error}")
    state_error.__cause__ = error
    return state_error
