"""What must be known of objects over a restart: the values that `changed` compares, and what was noticed.

What objects look like is listed anew at each start; with this, a value that changed meanwhile is still a change, told
once, and a state of which a notice has told is no news. Kept for the kinds and paths that rules with `changed` ask for,
and for objects that notices match; written only when that changes. No I/O: what is to be stored is handed out as rows.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.decisions import Row, Table
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Change, ObjectChange, ObjectState

Values = Mapping[Path, tuple[str | int | float | bool, ...]]


class _Record(msgspec.Struct, frozen=True, array_like=True):
    ref: ObjectRef
    values: tuple[tuple[Path, tuple[str | int | float | bool, ...]], ...]
    noticed: tuple[str, ...] = ()  # the rules whose notices match it


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


class Remembered:
    """The records, by object. `paths_of`: what to keep of a kind and group; `covered_until`: see `complete`.

    Values are kept and compared as `redact` leaves them.
    """

    def __init__(
        self,
        paths_of: Callable[[str, str], frozenset[Path]],
        redact: Callable[[str], str],
        *,
        covered_until: datetime,
    ) -> None:
        self._paths_of = paths_of
        self._redact = redact
        self._covered_until = covered_until
        self._records: dict[str, _Record] = {}

    def load(self, rows: Iterable[Row]) -> None:
        """Take over what an earlier run kept."""
        for row in rows:
            if row.table is Table.SEEN and row.body is not None:
                self._records[row.key] = _decode(row.body)

    def complete(self, change: ObjectChange) -> ObjectChange:
        """Return what a listed object really is, where its values are others than those that were kept: an update.

        It knows what was noticed of it. Nobody knows when it was updated; that is dated to the last instant that was
        covered, so that it is told as late.
        """
        if change.change is not Change.EXISTING:
            return change
        record = self._records.get(_key(change.state.ref))
        if record is None or record.ref.uid != change.state.ref.uid:
            return change
        now = self._values(change.state)
        kept = {path: values for path, values in record.values if path in now}  # a rule may ask for more than before
        noticed = frozenset(record.noticed)
        if all(now[path] == values for path, values in kept.items()):
            return msgspec.structs.replace(change, noticed=noticed) if noticed else change
        before = msgspec.structs.replace(change.state, values={**change.state.values, **kept})
        return ObjectChange(Change.UPDATED, change.state, before, self._covered_until, noticed)

    def note(self, change: ObjectChange, noticed: tuple[str, ...] | None = None) -> Row | None:
        """Keep the values of a change, and the rules whose notices match what came of it; None: none is about its kind.

        Return the row to store, None when nothing has to be written.
        """
        ref = change.state.ref
        if not self._paths(ref) and noticed is None:
            return None
        key = _key(ref)
        if change.change is Change.DELETED or not (self._paths(ref) or noticed):
            return self._forget(key) if key in self._records else None
        record = _Record(ref, tuple(sorted(self._values(change.state).items(), key=repr)), noticed or ())
        if self._records.get(key) == record:
            return None
        self._records[key] = record
        return Row(Table.SEEN, key, _encode(record))

    def keep_only(self, kind: str, group: str, namespace: str, present: Container[str]) -> tuple[Row, ...]:
        """Forget the objects of a kind that a complete list did not show; return the rows to store."""
        gone = [
            key
            for key, record in self._records.items()
            if (record.ref.kind, record.ref.group) == (kind, group)
            and namespace in ("", record.ref.namespace)
            and record.ref.uid not in present
        ]
        return tuple(self._forget(key) for key in gone)

    def _paths(self, ref: ObjectRef) -> frozenset[Path]:
        return self._paths_of(ref.kind, ref.group)

    def _values(self, state: ObjectState) -> Values:
        return {path: tuple(map(self._kept, state.values.get(path, ()))) for path in self._paths(state.ref)}

    def _kept(self, value: str | float | bool) -> str | int | float | bool:
        return self._redact(value) if isinstance(value, str) else value

    def _forget(self, key: str) -> Row:
        del self._records[key]
        return Row(Table.SEEN, key, None)


def _key(ref: ObjectRef) -> str:
    return f"{ref.group}/{ref}"
