"""Objects by resource and the log of their changes under one resource version. Pure: no clock, no I/O.

What is stored is never changed in place: whoever updates an object puts a new one.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, NamedTuple

Object = dict[str, Any]
#: Namespace (empty for cluster-scoped objects) and name.
Key = tuple[str, str]


class Change(Enum):
    """What an entry of the log did to its object; the words of a watch frame."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Entry(NamedTuple):
    """One change. `before` is the object that it replaced or removed."""

    version: int
    change: Change
    key: Key
    object: Object
    before: Object | None


class CompactedError(Exception):
    """The log no longer holds what lies after the version asked for."""


def key_of(body: Mapping[str, Any]) -> Key:
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class _Table:
    """One resource: its objects, its log, and since which version the log is whole."""

    def __init__(self, compacted: int) -> None:
        self.objects: dict[Key, Object] = {}
        self.log: list[Entry] = []
        self.compacted = compacted
        self.ordered: list[Object] | None = None  # the objects as lists show them, until something changes


class Store:
    """Hold objects and their history. `resource` is any string that names a table.

    `history`: entries kept per resource; the older half is compacted away when there are more, so that a demonstration
    may run for days.
    """

    def __init__(self, history: int = 20_000) -> None:
        self.version = 1
        self._history = history
        self._tables: dict[str, _Table] = {}
        self._compacted = 0  # for the tables that are still to come
        self._listeners: dict[str, set[Callable[[], None]]] = {}

    def get(self, resource: str, key: Key) -> Object | None:
        return self._table(resource).objects.get(key)

    def objects(self, resource: str) -> list[Object]:
        """Return all objects in the order of lists; not to be changed."""
        table = self._table(resource)
        if table.ordered is None:
            table.ordered = [table.objects[key] for key in sorted(table.objects, key="/".join)]
        return table.ordered

    def objects_at(self, resource: str, version: int) -> list[Object]:
        """Return all objects as they were at `version`, in the order of lists. Raise CompactedError."""
        table = self._table(resource)
        then = dict(table.objects)
        for entry in reversed(self.entries(resource, version)):
            if entry.before is None:
                then.pop(entry.key, None)
            else:
                then[entry.key] = entry.before
        return [then[key] for key in sorted(then, key="/".join)]

    def put(self, resource: str, body: Object) -> Object:
        """Create or replace; return the object with its new resource version."""
        table, key = self._table(resource), key_of(body)
        before = table.objects.get(key)
        stored = self._stamped(body)
        table.objects[key] = stored
        self._record(resource, Change.ADDED if before is None else Change.MODIFIED, key, stored, before)
        return stored

    def remove(self, resource: str, key: Key, *, last: Object | None = None) -> Object:
        """Delete what is there; return it, or its `last` state if given, with the resource version of its deletion."""
        before = self._table(resource).objects.pop(key)
        gone = self._stamped(before if last is None else last)
        self._record(resource, Change.DELETED, key, gone, before)
        return gone

    def advance(self, version: int) -> None:
        """Let at least `version` have been reached, by changes that are kept elsewhere."""
        self.version = max(self.version, version)

    def entries(self, resource: str, after: int) -> list[Entry]:
        """Return the changes after a version, oldest first. Raise CompactedError."""
        table = self._table(resource)
        if after < table.compacted:
            raise CompactedError
        return table.log[bisect_right(table.log, after, key=lambda entry: entry.version) :]

    def compact(self, before: int | None = None) -> None:
        """Forget the history up to and with the version `before`, or all of it."""
        limit = self.version if before is None else before
        self._compacted = max(self._compacted, limit)
        for table in self._tables.values():
            self._compact(table, limit)

    @contextmanager
    def listening(self, resource: str, call: Callable[[], None]) -> Iterator[None]:
        """Call `call` after each change of a resource."""
        listeners = self._listeners.setdefault(resource, set())
        listeners.add(call)
        try:
            yield
        finally:
            listeners.discard(call)

    def _table(self, resource: str) -> _Table:
        if resource not in self._tables:
            self._tables[resource] = _Table(self._compacted)
        return self._tables[resource]

    def _stamped(self, body: Object) -> Object:
        self.version += 1
        return {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}

    def _record(self, resource: str, change: Change, key: Key, body: Object, before: Object | None) -> None:
        table = self._table(resource)
        table.ordered = None
        table.log.append(Entry(self.version, change, key, body, before))
        if len(table.log) > self._history:
            self._compact(table, table.log[len(table.log) // 2].version)
        for call in tuple(self._listeners.get(resource, ())):
            call()

    @staticmethod
    def _compact(table: _Table, limit: int) -> None:
        table.compacted = max(table.compacted, limit)
        del table.log[: bisect_right(table.log, limit, key=lambda entry: entry.version)]
