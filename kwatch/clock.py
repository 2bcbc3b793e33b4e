"""The only reader of time and the only sleeper.

Everything else takes `now` as a value or a `Clock` as an argument, so that all of kwatch runs in virtual time.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

#: By how many seconds two clocks may part between two looks; drift and the small steps of a time daemon are less.
DRIFT = 5.0


class Clock(Protocol):
    """Wall time for instants, monotonic time for durations."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go back; they pass while the machine sleeps, too."""
        ...

    def awake(self) -> float:
        """Return seconds from an arbitrary start that pass only while the machine does not sleep."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`; zero or less only yields."""
        ...


#: Elsewhere than on Linux a sleep of the machine looks as if its clock had been set.
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_MONOTONIC)

    def awake(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to the time: by how much the clock was set, and how long the machine slept; zero: not."""

    set_by: timedelta = timedelta(0)
    slept: timedelta = timedelta(0)


_NONE = Change()


class _Look(NamedTuple):
    """What the clocks showed at an instant."""

    wall: datetime
    monotonic: float
    awake: float


class SteadyClock:
    """A clock that heeds neither that the wall clock was set nor that the machine has slept, until that is taken over.

    Till then it goes on by the time awake. So nothing comes due by a jump before somebody has decided what that means,
    and nothing that is measured meanwhile is too short. It begins no earlier than `not_before`, the
    last instant that is written down: where that lies ahead, the clock was set back before this process began.
    """

    def __init__(self, clock: Clock, *, not_before: datetime | None = None) -> None:
        self._clock = clock
        self._last = self._look()
        if not_before is not None:
            self._last = self._last._replace(wall=max(self._last.wall, not_before))

    def now(self) -> datetime:
        look = self._look()
        if _between(self._last, look) is _NONE:
            self._last = look
            return look.wall
        return self._last.wall + timedelta(seconds=look.awake - self._last.awake)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def awake(self) -> float:
        return self._clock.awake()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    @property
    def has_jumped(self) -> bool:
        """Whether there is something to take over."""
        return _between(self._last, self._look()) is not _NONE

    @property
    def undisturbed_until(self) -> datetime:
        """The last instant before there was; one that was asked for."""
        return self._last.wall

    def adopt(self) -> Change:
        """Go on with the time that it really is; return what happened to it."""
        before, self._last = self._last, self._look()
        return _between(before, self._last)

    def _look(self) -> _Look:
        return _Look(self._clock.now(), self._clock.monotonic(), self._clock.awake())


def _between(last: _Look, look: _Look) -> Change:
    """Return what happened to the time between two looks; `_NONE`: nothing beyond drift."""
    passed = look.monotonic - last.monotonic
    set_by = (look.wall - last.wall).total_seconds() - passed
    slept = passed - (look.awake - last.awake)
    if abs(set_by) <= DRIFT and abs(slept) <= DRIFT:
        return _NONE
    return Change(set_by=_beyond_drift(set_by), slept=_beyond_drift(slept))


def _beyond_drift(seconds: float) -> timedelta:
    return timedelta(seconds=seconds) if abs(seconds) > DRIFT else timedelta(0)
