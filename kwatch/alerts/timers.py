"""Deadlines by key, in the order of their instants: a heap whose stale entries are dropped when they surface."""

import heapq
from datetime import datetime, timedelta
from enum import IntEnum


class Phase(IntEnum):
    """What runs first at one instant (spec 2.1)."""

    CONDITION = 0
    EDGE = 1  # what holds alerts back begins or ends
    STEP = 2  # of an escalation
    FLUSH = 3


Key = tuple[Phase, str]


class Timers:
    """At most one deadline per key. Equal instants run by phase, then by name: the order is the same in every run."""

    def __init__(self) -> None:
        self._at: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []
        self._deferred: dict[Key, None] = {}

    def set(self, key: Key, at: datetime | None) -> None:
        """Move the deadline of a key, also one that was deferred; None takes it away."""
        self._deferred.pop(key, None)
        if at is None:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))
        if len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, key) for key, at in self._at.items()]
            heapq.heapify(self._heap)

    def defer(self, key: Key) -> None:
        """Keep what came due until it can be run."""
        self._deferred[key] = None

    def resume(self, now: datetime) -> None:
        """What was deferred is due now."""
        for key in tuple(self._deferred):
            self.set(key, now)

    def move(self, by: timedelta) -> None:
        """Move every deadline but those that name an instant of the wall clock."""
        self._at = {key: at if key[0] is Phase.EDGE else at + by for key, at in self._at.items()}
        self._heap = [(at, key) for key, at in self._at.items()]
        heapq.heapify(self._heap)

    def earliest(self) -> datetime | None:
        """Return the next deadline."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, until: datetime, *, inclusive: bool) -> Key | None:
        """Take the first deadline before `until`, or at it, and return whose it was."""
        first = self.earliest()
        if first is None or first > until or (first == until and not inclusive):
            return None
        _, key = heapq.heappop(self._heap)
        del self._at[key]
        return key
