"""`kill -9` from outside: what a process does is seen where it has an effect, and it is killed there."""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.crash.entry import AT_START, BOUNDARIES

#: What can be seen from outside, and up to how many passages of it there are while a process starts and works: a write
#: that the API server has accepted, a write to the state's journal (some are commits, some parts of one), a request
#: whose head has arrived at the receiver, one that was read, and one that was answered.
OUTSIDE = {"written": 150, "journal": 60, "arriving": 15, "read": 15, "answered": 15}
#: Passages of a boundary inside.
INSIDE = 15
#: Seconds between two looks at the journal; a commit takes about as long.
LOOK = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How one process ends: at the n-th passage of a boundary, or after some seconds."""

    boundary: str = ""
    passages: int = 0
    seconds: float = 0.0


def lives(target: str, rng: random.Random) -> Iterator[Life]:
    """Return three lives that end at a target: a boundary, or "random". A start is passed once in each."""
    for number in range(3):
        if target == "random" or (target in AT_START and number != 1):
            yield Life(seconds=rng.uniform(0.3, 2.2))
        else:
            most = 1 if target in AT_START else INSIDE if target in BOUNDARIES else OUTSIDE[target]
            yield Life(boundary=target, passages=rng.randint(1, most))


class Trap:
    """Kills a process at the n-th passage of a boundary that is seen from outside."""

    def __init__(self, process: asyncio.subprocess.Process, life: Life) -> None:
        self._process = process
        self._boundary = life.boundary
        self._left = life.passages

    def passed(self, boundary: str) -> None:
        """Kill it when it is time."""
        if boundary != self._boundary:
            return
        self._left -= 1
        if not self._left and self._process.returncode is None:
            self._process.kill()


async def see_writes(path: Path, written: Callable[[], None]) -> None:
    """Call when a file was written to, until cancelled."""
    before = _changed_at(path)
    while True:
        await asyncio.sleep(LOOK)
        if (now := _changed_at(path)) != before:
            before = now
            written()


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
