"""The instants of a play, in seconds since its start, and the clocks that show them."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kwatch.testing import virtual
from kwatch.testing.fake.objects import timestamp

#: Seconds by which what happens at an instant comes before kwatch's own timers of that instant; no clock shows them.
_AHEAD = 2e-9


@dataclass(frozen=True, slots=True)
class Absence:
    """When kwatch is not there; `text`: the configuration from then on, empty for the same."""

    begin: float
    end: float
    text: str = ""
    is_killed: bool = True


class Timeline:
    """Virtual time from `lead` seconds before `start`: the stage's own, and that of the machine that kwatch runs on."""

    def __init__(self, start: datetime, lead: float) -> None:
        self._start = start.astimezone(UTC)
        begin = self._start - timedelta(seconds=lead)
        self.loop = virtual.VirtualLoop()
        self.clock = virtual.VirtualClock(begin, self.loop)
        self.own_clock = virtual.VirtualClock(begin, self.loop)  # of kwatch's machine
        self._lead = lead
        self._sleeps: list[tuple[float, float]] = []  # of kwatch's machine

    def now(self) -> float:
        """Return seconds since the start."""
        return round((self.clock.now() - self._start).total_seconds(), 3)

    def time(self, at: float) -> str:
        """Return an instant as the API server writes it, with microseconds."""
        return (self._start + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def second(self, at: float) -> str:
        """Return an instant as the API server writes it, cut to the second."""
        return timestamp(self._start + timedelta(seconds=at))

    def plan_sleep(self, begin: float, end: float) -> None:
        """The machine will sleep so long: the loop's time stands still meanwhile."""
        self._sleeps.append((begin, end))

    def oversleep(self, seconds: float) -> None:
        """The machine sleeps now."""
        for clock in (self.clock, self.own_clock):
            clock.oversleep(seconds)

    def left(self, at: float) -> float:
        """Return the seconds of the loop that are left until an instant."""
        slept = sum(max(0.0, min(at, end) - begin) for begin, end in self._sleeps)
        return at + self._lead - slept - self.loop.time()

    async def until(self, at: float) -> None:
        """Wait for an instant."""
        await asyncio.sleep(max(0.0, self.left(at)))

    async def until_just_before(self, at: float) -> None:
        """Wait until what is played at an instant is due."""
        await self.until(at - _AHEAD)
