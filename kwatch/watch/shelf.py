"""The objects of one kind, packed: what the cache keeps per object is one record. No I/O; nothing here waits."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from kwatch.model.objects import ObjectRef, Owner
from kwatch.model.observations import ObjectState, Position, StatusCondition
from kwatch.watch.extract import Projection, Scalar

Kind = tuple[str, str]  # group, kind

RECENT = 64  # objects of a kind that are kept unpacked; some 3 KB each


class Shelf:
    """The packed objects of one kind, by `namespace/name`. `partial`: not seen since other fields are kept of them."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.partial: set[str] = set()
        self._seen_paths = projection.paths  # of those that are partial
        self._paths = tuple(sorted(projection.paths, key=repr))
        self._numbers = {path: number for number, path in enumerate(self._paths)}
        self._records: dict[str, bytes] = {}
        # One frame asks for its object up to four times, and objects share owners: what was put last, and what was
        # asked for since, is kept unpacked, too.
        self._recent: dict[str, tuple[bytes, ObjectState]] = {}

    def get(self, ref: ObjectRef) -> ObjectState | None:
        key = key_of(ref)
        record = self._records.get(key)
        if record is None:
            return None
        recent = self._recent.get(key)
        if recent is None or recent[0] is not record:
            recent = record, self._unpacked(ref.group, ref.kind, ref.namespace, ref.name, record)
            if len(self._recent) >= RECENT:
                self._recent = {}
            self._recent[key] = recent
        return recent[1]

    def state(self, kind: Kind, key: str) -> ObjectState:
        namespace, _, name = key.partition("/")
        return self._unpacked(*kind, namespace, name, self._records[key])

    def put(self, state: ObjectState) -> None:
        owner = state.owner
        record = _ENCODER.encode(
            _Record(
                state.ref.uid,
                state.resource_version,
                state.created_at,
                state.labels,
                state.annotations,
                None if owner is None else (owner.kind, owner.name, owner.group, owner.uid),
                state.node,
                tuple(state.values.get(path, ()) for path in self._paths),
                {
                    kind: (condition.status, condition.reason, condition.message, condition.changed_at)
                    for kind, condition in state.conditions.items()
                },
                {self._numbers[path]: each for path, each in state.positions.items() if path in self._numbers},
            )
        )
        key = key_of(state.ref)
        self._records[key] = record
        self._recent = {key: (record, state)}
        self.partial.discard(key)

    def remove(self, key: str) -> None:
        del self._records[key]
        self.partial.discard(key)

    def moved_to(self, projection: Projection, kind: Kind) -> "Shelf":
        """Return a shelf for other fields with the same objects, all of them partial."""
        other = Shelf(projection)
        for key in self._records:
            other.put(self.state(kind, key))
        other.partial = set(self._records)
        other._seen_paths = self._seen_paths if self.partial else self.projection.paths
        return other

    def completed(self, before: ObjectState, now: ObjectState) -> ObjectState:
        """Return a partial object as it was; of what was not seen then nobody knows that it was another."""
        unseen = {path: values for path, values in now.values.items() if path not in self._seen_paths}
        conditions = before.conditions or now.conditions
        positions = {**now.positions, **before.positions}
        return msgspec.structs.replace(
            before, values={**before.values, **unseen}, positions=positions, conditions=conditions
        )

    def keys(self, namespace: str) -> list[str]:
        prefix = f"{namespace}/" if namespace else ""
        return [key for key in self._records if key.startswith(prefix)]

    def uids(self, namespace: str) -> frozenset[str]:
        return frozenset(_HEAD.decode(self._records[key]).uid for key in self.keys(namespace))

    def _unpacked(self, group: str, kind: str, namespace: str, name: str, record: bytes) -> ObjectState:
        packed = _RECORD.decode(record)
        return ObjectState(
            ref=ObjectRef(kind, name, namespace, group, packed.uid),
            resource_version=packed.resource_version,
            created_at=packed.created_at,
            labels=packed.labels,
            annotations=packed.annotations,
            owner=None if packed.owner is None else Owner(*packed.owner),
            node=packed.node,
            values={path: values for path, values in zip(self._paths, packed.values, strict=True) if values},
            conditions={kind: StatusCondition(*condition) for kind, condition in packed.conditions.items()},
            positions={self._paths[number]: positions for number, positions in packed.positions.items()},
        )


class _Head(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The start of a record."""

    uid: str


class _Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An object as it is kept: MessagePack without names; paths are those of the shelf, in its order."""

    uid: str
    resource_version: str
    created_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner: tuple[str, str, str, str] | None
    node: str
    values: tuple[tuple[Scalar, ...], ...]
    conditions: Mapping[str, tuple[str, str, str, datetime | None]]
    positions: Mapping[int, tuple[Position, ...]]  # by the number of the path; most objects have none


_ENCODER = msgspec.msgpack.Encoder()
_RECORD = msgspec.msgpack.Decoder(_Record)
_HEAD = msgspec.msgpack.Decoder(_Head)


def key_of(ref: ObjectRef) -> str:
    """Return the name of an object on its shelf."""
    return f"{ref.namespace}/{ref.name}"
