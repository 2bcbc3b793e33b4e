"""What must be known of objects over a restart: the values that `changed` compares, what was noticed, who was there.

What objects look like is listed anew at each start; with this, a value that changed meanwhile is still a change, told
once, as is an object that came or went, and a state of which a notice has told is no news. Kept for the kinds and paths
that rules with `changed` or `change` ask for, and for objects that notices match; written only when that changes. No
I/O: what is to be stored is handed out as rows.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.decisions import Row, Table
from kwatch.model.objects import ObjectRef, Owner
from kwatch.model.observations import About, Change, ObjectChange, ObjectState

Values = Mapping[Path, tuple[str | int | float | bool, ...]]


class _Record(msgspec.Struct, frozen=True, array_like=True):
    ref: ObjectRef
    values: tuple[tuple[Path, tuple[str | int | float | bool, ...]], ...]
    noticed: tuple[str, ...] = ()  # the rules whose notices match it
    labels: dict[str, str] = {}  # of it and what follows: where a rule asks for the end of its kind
    owner: Owner | None = None
    node: str = ""
    workload: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What rules ask of a kind and group over a restart."""

    paths: Callable[[str, str], frozenset[Path]]  # which values they compare
    life: Callable[[str, str], bool]  # whether it came or went
    states: Callable[[str, str], bool]  # whether a state has begun

    def anything(self, kind: str, group: str) -> bool:
        """Return whether they ask for any of it."""
        return bool(self.paths(kind, group)) or self.life(kind, group) or self.states(kind, group)


class _Head(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The start of a record."""

    ref: ObjectRef


_encode = msgspec.msgpack.Encoder(order="deterministic").encode  # so that what is the same has the same bytes
_decode = msgspec.msgpack.Decoder(_Record).decode
_head = msgspec.msgpack.Decoder(_Head).decode


class Remembered:
    """The records, by object, packed. `asked`: what to keep; `covered_until`: see `complete`.

    Values are kept and compared as `redact` leaves them.
    """

    def __init__(self, asked: Asked, redact: Callable[[str], str], *, covered_until: datetime) -> None:
        self._asked = asked
        self._redact = redact
        self._covered_until = covered_until
        self._records: dict[str, bytes] = {}

    def load(self, rows: Iterable[Row]) -> None:
        """Take over what an earlier run kept."""
        for row in rows:
            if row.table is Table.SEEN and row.body is not None:
                self._records[row.key] = row.body

    def complete(self, change: ObjectChange, unwatched_since: datetime | None) -> tuple[ObjectChange, ...]:
        """Return what a listed object really is: as it was, updated, or come since nobody watched, for another maybe.

        Nobody knows when it was updated; that is dated to the last instant that was covered, so that it is told as
        late. `unwatched_since` None: it was seen, or it is no list after a start.
        """
        if change.change is not Change.EXISTING:
            return (change,)
        packed = self._records.get(_key(change.state.ref))
        record = None if packed is None else _decode(packed)
        if record is not None and record.ref.uid == change.state.ref.uid:
            return (self._completed(change, record),)
        created_at = change.state.created_at
        if created_at is None or unwatched_since is None or created_at < unwatched_since or not self._lives(change):
            return (change,)
        came = ObjectChange(Change.CREATED, change.state, None, created_at, listed_at=change.received_at)
        return (came,) if record is None else (self._end_of(record, change.received_at), came)

    def note(
        self, change: ObjectChange, noticed: tuple[str, ...] | None = None, about: About | None = None
    ) -> Row | None:
        """Keep what was asked for; `noticed`: the rules whose notices match it, None: none is about its kind.

        Return the row to store, None when nothing has to be written.
        """
        ref, lives = change.state.ref, self._lives(change)
        if change.change is Change.DELETED or not (self._paths(ref) or noticed or lives):
            return self.forget(ref)
        key = _key(ref)
        record = _Record(ref, tuple(sorted(self._values(change.state).items(), key=repr)), noticed or ())
        if lives:
            record = self._as_last_seen(record, change.state, "" if about is None else about.workload)
        packed = _encode(record)
        if self._records.get(key) == packed:
            return None
        self._records[key] = packed
        return Row(Table.SEEN, key, packed)

    def gone(
        self, kind: str, group: str, namespace: str, present: Container[str], listed_at: datetime
    ) -> tuple[ObjectChange, ...]:
        """Return the ends of the objects of a kind that a complete list did not show; they are to be forgotten."""
        listed = f"{group}/{kind}/{namespace}/" if namespace else f"{group}/{kind}/"
        gone = [
            packed
            for key, packed in self._records.items()
            if key.startswith(listed) and _head(packed).ref.uid not in present
        ]
        return tuple(self._end_of(_decode(packed), listed_at) for packed in gone)

    def knows(self, ref: ObjectRef) -> bool:
        """Return whether something of an object is kept."""
        return _key(ref) in self._records

    def forget_inside(self, namespace: str) -> tuple[Row, ...]:
        """Forget what is in a namespace; return the rows to store."""
        return self._forget_where(lambda ref: ref.namespace == namespace)

    def forget_unasked(self) -> tuple[Row, ...]:
        """Forget the kinds of which no rule asks for anything; return the rows to store."""
        return self._forget_where(lambda ref: not self._asked.anything(ref.kind, ref.group))

    def forget(self, ref: ObjectRef) -> Row | None:
        """Forget an object that is gone; return the row to store, None when nothing has to be written."""
        if not self._records:
            return None
        key = _key(ref)
        return Row(Table.SEEN, key, None) if self._records.pop(key, None) is not None else None

    def _forget_where(self, is_forgotten: Callable[[ObjectRef], bool]) -> tuple[Row, ...]:
        keys = [key for key, packed in self._records.items() if is_forgotten(_head(packed).ref)]
        for key in keys:
            del self._records[key]
        return tuple(Row(Table.SEEN, key, None) for key in keys)

    def _completed(self, change: ObjectChange, record: _Record) -> ObjectChange:
        now = self._values(change.state)
        kept = {path: values for path, values in record.values if path in now}  # a rule may ask for more than before
        noticed = frozenset(record.noticed)
        if all(now[path] == values for path, values in kept.items()):
            return msgspec.structs.replace(change, noticed=noticed) if noticed else change
        before = msgspec.structs.replace(change.state, values={**change.state.values, **kept})
        return ObjectChange(Change.UPDATED, change.state, before, self._covered_until, noticed, change.received_at)

    def _as_last_seen(self, record: _Record, state: ObjectState, workload: str) -> _Record:
        labels = {name: self._redact(value) for name, value in state.labels.items()}
        return msgspec.structs.replace(record, labels=labels, owner=state.owner, node=state.node, workload=workload)

    def _end_of(self, record: _Record, listed_at: datetime) -> ObjectChange:
        """Return that an object is gone, as it was when it was seen last; dated as an update is."""
        state = ObjectState(
            ref=record.ref,
            resource_version="",
            labels=record.labels,
            owner=record.owner,
            node=record.node,
            values=dict(record.values),
        )
        return ObjectChange(
            Change.DELETED, state, state, self._covered_until, listed_at=listed_at, workload=record.workload
        )

    def _lives(self, change: ObjectChange) -> bool:
        return self._asked.life(change.state.ref.kind, change.state.ref.group)

    def _paths(self, ref: ObjectRef) -> frozenset[Path]:
        return self._asked.paths(ref.kind, ref.group)

    def _values(self, state: ObjectState) -> Values:
        return {path: tuple(map(self._kept, state.values.get(path, ()))) for path in self._paths(state.ref)}

    def _kept(self, value: str | float | bool) -> str | int | float | bool:
        return self._redact(value) if isinstance(value, str) else value


def _key(ref: ObjectRef) -> str:
    """Return group/kind/namespace/name, or group/kind/name: `gone` finds objects by how it begins."""
    return f"{ref.group}/{ref}"
