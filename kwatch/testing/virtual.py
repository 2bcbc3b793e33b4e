"""Virtual time: an asyncio loop whose clock jumps to the next timer as soon as nothing else can run.

A day passes in the time that its callbacks take, in the same order each time. Sockets of this process work (they are
polled before each jump); real threads do not, since the loop cannot know that one will answer: executors run inline.
Must not be imported by anything that is shipped to run against a cluster in real time.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar, TypeVarTuple

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

#: Microseconds by which a sum of floats may be short: some times the resolution that asyncio itself allows its timers.
_ROUNDING = 5e-3


class DeadlockError(Exception):
    """Every task waits, and nothing is scheduled that could wake one."""


class InlineExecutor(Executor):
    """Run each call at once, in the caller's thread."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - an executor hands every exception to the one who asked
            future.set_exception(error)
        return future


class _JumpingSelector(selectors.DefaultSelector):
    """Poll instead of waiting; where the loop would wait, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0  # seconds since the loop was made

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise DeadlockError("every task waits and no timer is set")
        self.time += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and passes only while nothing can run."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time

    def run_in_executor(self, executor: Executor | None, func: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """Run `func` inline when no executor is named: the default one would be a real thread."""
        return super().run_in_executor(executor or InlineExecutor(), func, *args)


class VirtualClock:
    """A `kwatch.clock.Clock` that shows the virtual time of `loop`, counted from `start`."""

    def __init__(self, start: datetime, loop: asyncio.AbstractEventLoop) -> None:
        self._start = start
        self._loop = loop
        self._slept = 0.0

    def now(self) -> datetime:
        """Return the last microsecond that has passed: what is due now is not due before the loop's time has come."""
        return self._start + timedelta(microseconds=int(self._loop.time() * 1e6 + _ROUNDING))

    def monotonic(self) -> float:
        return self._loop.time() + self._slept

    def awake(self) -> float:
        return self._loop.time()

    def set_by(self, seconds: float) -> None:
        """Set the wall clock."""
        self._start += timedelta(seconds=seconds)

    def oversleep(self, seconds: float) -> None:
        """Let the machine have slept: nothing ran, and no timer of the loop went on."""
        self._start += timedelta(seconds=seconds)
        self._slept += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` on a fresh virtual loop and return its result.

    Raises `DeadlockError` when nothing could ever happen again before `main` is done.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
