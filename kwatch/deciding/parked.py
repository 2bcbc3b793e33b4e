"""Observations about objects that are not known well enough: they wait for a look-up, in order per object."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache

#: Objects that may be waited for at a time; what is about one more is decided at once, with what is known.
MAX_PARKED = 1000

#: What waits for an object, and goes on with what was found out about it.
Waiting = Callable[[About | None, datetime], None]


class Parked:
    """What waits, by object. `look_up` asks for one that is missing."""

    def __init__(self, cache: ObjectCache, look_up: Callable[[ObjectRef], None], counters: Counters) -> None:
        self._cache = cache
        self._look_up = look_up
        self._counters = counters
        self._waiting: dict[ObjectRef, deque[tuple[str, Waiting]]] = {}

    def with_object(self, source_id: str, ref: ObjectRef, go_on: Waiting, now: datetime) -> None:
        """Go on now when the object is known, else when it has been looked up; behind what waits for it already.

        `source_id`: whose checkpoint must not move before; empty: none's.
        """
        if (waiting := self._waiting.get(ref)) is not None:
            waiting.append((source_id, go_on))
        elif (about := self._cache.about(ref)) is not None:
            go_on(about, now)
        elif len(self._waiting) >= MAX_PARKED:
            self._counters.add("lookups_failed")
            go_on(None, now)
        else:
            self._waiting[ref] = deque([(source_id, go_on)])
            self._look_up(ref)

    def take(self, ref: ObjectRef) -> list[Waiting]:
        """Return what waited for an object, in its order."""
        return [go_on for _, go_on in self._waiting.pop(ref, ())]

    def holding(self) -> set[str]:
        """Return the sources of what waits."""
        return {source_id for waiting in self._waiting.values() for source_id, _ in waiting}
