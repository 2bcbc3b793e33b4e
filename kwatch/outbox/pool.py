"""The total cap: how much may be in flight at once, over all destinations.

The first of each destination needs no place, so that however many hang, each of the others is told.
"""

from collections.abc import Callable
from typing import Final

#: Places beside the first of each destination: few enough for sockets and memory, far more than a fast one needs.
PLACES: Final = 64


class Pool:
    """Places that destinations share, given to those who wait in turn."""

    def __init__(self, places: int = PLACES) -> None:
        self._free = places
        self._waiting: dict[Callable[[], None], None] = {}

    def take(self, call: Callable[[], None]) -> bool:
        """Take a place; False: there is none, and `call` is called once there is."""
        if self._free:
            self._free -= 1
            return True
        self._waiting[call] = None
        return False

    def give_back(self) -> None:
        """Leave a place to whoever waits longest."""
        self._free += 1
        if self._waiting:
            call = next(iter(self._waiting))
            del self._waiting[call]
            call()
