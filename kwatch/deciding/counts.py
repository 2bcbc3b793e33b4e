"""What was counted of every Event object, kept as rows; the arithmetic is in `watch.counting`."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from kwatch.deciding.unwritten import Unwritten
from kwatch.model.decisions import Row, Table
from kwatch.model.observations import KubeEvent
from kwatch.telemetry import Counters
from kwatch.watch import counting

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(counting.Counted).decode


class Counts:
    """The counts by namespace and name of the Event; `on_dropped` is told of each that memory does not suffice for."""

    def __init__(self, unwritten: Unwritten, counters: Counters, on_dropped: Callable[[], None]) -> None:
        self._counts: OrderedDict[str, counting.Counted] = OrderedDict()  # the one written longest ago first
        self._unwritten = unwritten
        self._counters = counters
        self._on_dropped = on_dropped

    def load(self, rows: Iterable[Row]) -> None:
        """Take over the counts of an earlier run."""
        for row in rows:
            if row.table is Table.COUNTS and row.body is not None:
                self._counts[row.key] = _decode(row.body)

    def count(self, event: KubeEvent, *, covered_from: datetime, is_listed: bool, now: datetime) -> counting.Count:
        """Count one observation, and remember it."""
        key = _key(event)
        counted = counting.count(event, self._counts.get(key), covered_from=covered_from, is_listed=is_listed, now=now)
        self._counters.add("contributions", case=counted.case.name)
        if counted.is_clamped:
            self._counters.add("contributions_clamped")
        self._keep(key, counted.state)
        return counted

    def end(self, event: KubeEvent, now: datetime) -> None:
        """An Event that is deleted has only aged: its count is kept for a while, in case it is written anew (C12)."""
        key = _key(event)
        if (last := self._counts.get(key)) is not None:
            self._keep(key, counting.end(last, now))

    def sweep(self, now: datetime) -> None:
        """Drop the counts of Events that are long gone."""
        for key in counting.stale(self._counts, now):
            del self._counts[key]
            self._unwritten.store(Row(Table.COUNTS, key, None))

    def _keep(self, key: str, counted: counting.Counted) -> None:
        self._counts[key] = counted
        self._counts.move_to_end(key)
        self._unwritten.store(Row(Table.COUNTS, key, _encode(counted)))
        if len(self._counts) > counting.KEPT:
            oldest, _ = self._counts.popitem(last=False)
            self._unwritten.store(Row(Table.COUNTS, oldest, None))
            self._on_dropped()


def _key(event: KubeEvent) -> str:
    return f"{event.ref.namespace}/{event.ref.name}"
