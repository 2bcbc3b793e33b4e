"""What kwatch knows of the objects it watches: compact, and the source of every object change.

Each object is one packed record: identity, labels, owner, node, status conditions and the values at the paths that
rules ask for; `benchmarks/cache.py` says what that costs. A list that is complete makes up the deletions that nobody
saw; what is listed unchanged is no change. No I/O; nothing here waits.
"""

from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from kwatch.model.objects import ObjectRef, Owner, Resource, Source, WatchEvent, WatchEventType
from kwatch.model.observations import About, Change, ObjectChange, ObjectState
from kwatch.watch.extract import Projection, state_of
from kwatch.watch.moves import Moves
from kwatch.watch.shelf import Kind, Shelf, key_of

GONE_LIMIT = 4096  # deleted objects that Events may still be about
FETCHED_LIMIT = 4096  # objects that were asked for one by one, found or not
CHAIN_LIMIT = 4  # owners from a Pod to its workload, and one for luck: owners may form a ring

#: Controllers whose own owner may be the workload.
FOLLOWED = frozenset({("apps", "ReplicaSet"), ("batch", "Job")})

_Name = tuple[str, str, str, str]  # group, kind, namespace, name


class _Answer(Enum):
    """What a fetch has brought instead of the object."""

    ABSENT = "absent"  # it is not there, or another one of that name
    MALFORMED = "malformed"


class ObjectCache:
    """The objects of the watched kinds; `keep` says which these are."""

    def __init__(self) -> None:
        self._shelves: dict[Kind, Shelf] = {}
        self._listed: dict[str, set[str]] = {}  # source id → what its unfinished list has brought
        self._synced: dict[str, str] = {}  # source id → version of its last complete list
        self._gone: OrderedDict[_Name, ObjectState] = OrderedDict()
        self._fetched: OrderedDict[tuple[_Name, str], ObjectState | _Answer] = OrderedDict()

    def keep(self, resource: Resource, projection: Projection) -> None:
        """Keep the objects of a kind, as far as `projection` says; before its first frame.

        What is kept of it already, by another projection, is partial until it is listed anew.
        """
        kind = resource.group, resource.kind
        before = self._shelves.get(kind)
        if before is None:
            self._shelves[kind] = Shelf(projection)
        elif before.projection != projection:
            self._shelves[kind] = before.moved_to(projection, kind)
            for entry in [each for each in self._fetched if each[0][:2] == kind]:
                del self._fetched[entry]

    def rearrange(self, moves: Moves) -> None:
        """Follow the watches: forget what is not watched any more, and keep of the rest what is asked for now."""
        for source in moves.stopped:
            if not moves.goes_on(source):
                self._leave(source)
        for resource, projection in moves.kinds.items():
            self.keep(resource, projection)
        for resource in {source.resource for source in moves.stopped} - set(moves.kinds):
            self._shelves.pop((resource.group, resource.kind), None)

    def apply(self, source: Source, event: WatchEvent) -> tuple[ObjectChange, ...]:
        """Take one frame and return what changed by it; nothing for what is known already or older than that.

        What a later list brings anew counts as created, what it leaves out as deleted. Raise msgspec.ValidationError
        when the object's metadata is malformed.
        """
        shelf = self._shelf(source.resource)
        match event.type:
            case WatchEventType.LOST:
                self._listed.pop(source.id, None)
                return ()
            case WatchEventType.SYNCED:
                return self._sync(source, shelf, event) if event.resource_version else ()
            case WatchEventType.DELETED:
                return self._delete(shelf, state_of(source.resource, shelf.projection, event.body), event.received_at)
            case WatchEventType.LISTED:
                state = state_of(source.resource, shelf.projection, event.body)
                self._listed.setdefault(source.id, set()).add(key_of(state.ref))
                first = Change.CREATED if source.id in self._synced else Change.EXISTING
                return self._put(shelf, state, first, event.received_at)
            case WatchEventType.ADDED | WatchEventType.MODIFIED:
                state = state_of(source.resource, shelf.projection, event.body)
                if self._is_late(source, shelf, state):
                    return ()
                return self._put(shelf, state, Change.CREATED, event.received_at)

    def get(self, ref: ObjectRef) -> ObjectState | None:
        """Return a watched object that exists; one of the same name with another uid is another object."""
        shelf = self._shelves.get((ref.group, ref.kind))
        state = shelf.get(ref) if shelf else None
        return state if state is not None and _is_same(ref, state) else None

    def about(self, ref: ObjectRef) -> About | None:
        """Return what is known of an object and its workload; None when `missing` names something to fetch first.

        Of an object that was deleted a short time ago labels, owner and node are known, its status is not.
        """
        state, workload, missing = self._trace(ref)
        if missing is not None:
            return None
        name = _name(ref)
        is_gone = (
            self._fetched.get((name, ref.uid)) is _Answer.ABSENT if state is None else state is self._gone.get(name)
        )
        return About(state, workload, is_gone)

    def missing(self, ref: ObjectRef) -> ObjectRef | None:
        """Return the object or owner of a watched kind that is not known and was not asked for yet."""
        return self._trace(ref)[2]

    def put_fetched(self, ref: ObjectRef, resource: Resource, body: bytes | None) -> None:
        """Remember the answer to a fetch of `ref`; None: it is not there. It makes no change: the watch will."""
        answer = _Answer.ABSENT if body is None else self._decoded(resource, body) or _Answer.MALFORMED
        if isinstance(answer, ObjectState) and not _is_same(ref, answer):
            answer = _Answer.ABSENT
        self._fetched[_name(ref), ref.uid] = answer
        if len(self._fetched) > FETCHED_LIMIT:
            self._fetched.popitem(last=False)

    def bury(self, state: ObjectState) -> None:
        """Remember an object that is gone: its end, and Events, are told of it as it was."""
        name = _name(state.ref)
        self._gone[name] = msgspec.structs.replace(state, values={}, positions={}, conditions={})
        self._gone.move_to_end(name)
        if len(self._gone) > GONE_LIMIT:
            self._gone.popitem(last=False)

    def uids(self, kind: str, group: str, namespace: str) -> AbstractSet[str]:
        """Return the uids of all objects of a kind, in one namespace or, with an empty one, everywhere."""
        shelf = self._shelves.get((group, kind))
        return shelf.uids(namespace) if shelf else frozenset()

    def objects_of(self, kind: str, group: str) -> Iterator[ObjectState]:
        """Yield all objects of a kind."""
        shelf = self._shelves.get((group, kind))
        if shelf:
            yield from (shelf.state((group, kind), key) for key in shelf.keys(""))

    def objects_in(self, namespace: str) -> Iterator[ObjectState]:
        """Yield all objects of a namespace, with an empty one of all; but for those that are partial."""
        for kind, shelf in self._shelves.items():
            for key in shelf.keys(namespace):
                if key not in shelf.partial:
                    yield shelf.state(kind, key)

    def named(self, kind: str, namespace: str, name: str) -> tuple[ObjectState, ...]:
        """Return the watched objects of that name; kinds of several groups may have the same name."""
        refs = [ObjectRef(kind, name, namespace, group) for group, each in self._shelves if each == kind]
        return tuple(state for ref in refs if (state := self.get(ref)) is not None)

    def _leave(self, source: Source) -> None:
        """Forget the objects of a source: they are not deleted."""
        self._synced.pop(source.id, None)
        shelf = self._shelf(source.resource)
        for key in shelf.keys(source.namespace):
            shelf.remove(key)

    def _shelf(self, resource: Resource) -> Shelf:
        kind = resource.group, resource.kind
        if kind not in self._shelves:
            self._shelves[kind] = Shelf(Projection())
        return self._shelves[kind]

    def _decoded(self, resource: Resource, body: bytes) -> ObjectState | None:
        try:
            return state_of(resource, self._shelf(resource).projection, msgspec.json.decode(body, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def _sync(self, source: Source, shelf: Shelf, event: WatchEvent) -> tuple[ObjectChange, ...]:
        """End a list: what it did not bring is gone."""
        listed = self._listed.pop(source.id, set())
        self._synced[source.id] = event.resource_version
        self._drop_future(source.resource, event.resource_version)
        kind = (source.resource.group, source.resource.kind)
        gone = [shelf.state(kind, key) for key in shelf.keys(source.namespace) if key not in listed]
        return tuple(self._forget(shelf, state, state, event.received_at) for state in gone)

    def _drop_future(self, resource: Resource, version: str) -> None:
        """Drop deletions that a server, restored from a backup, has not reached: new frames are older than they."""
        kind = (resource.group, resource.kind)
        for name in [
            n for n, gone in self._gone.items() if n[:2] == kind and _is_older(version, gone.resource_version)
        ]:
            del self._gone[name]

    def _put(self, shelf: Shelf, state: ObjectState, first: Change, received_at: datetime) -> tuple[ObjectChange, ...]:
        before = shelf.get(state.ref)
        if before is None:
            shelf.put(state)
            return (ObjectChange(first, state, None, received_at),)
        if before.ref.uid != state.ref.uid:
            ended = self._forget(shelf, before, before, received_at)
            shelf.put(state)
            return (ended, ObjectChange(Change.CREATED, state, None, received_at))
        is_partial, is_same = key_of(state.ref) in shelf.partial, before.resource_version == state.resource_version
        if is_partial:
            before = shelf.completed(before, state)
        elif is_same:
            return ()
        shelf.put(state)
        if is_same:  # and yet news: more of it is known
            return (ObjectChange(Change.EXISTING, state, None, received_at),)
        return (ObjectChange(Change.UPDATED, state, before, received_at),)

    def _is_late(self, source: Source, shelf: Shelf, state: ObjectState) -> bool:
        """Tell whether a frame is older than what is known: the object, its deletion, or a list without it.

        A list itself is never late: a restored server starts lower.
        """
        if (known := shelf.get(state.ref)) is not None:
            return _is_older(state.resource_version, known.resource_version)
        gone = self._gone.get(_name(state.ref))
        versions = (self._synced.get(source.id, ""), gone.resource_version if gone is not None else "")
        return any(_is_older(state.resource_version, version) for version in versions)

    def _delete(self, shelf: Shelf, state: ObjectState, received_at: datetime) -> tuple[ObjectChange, ...]:
        before = shelf.get(state.ref)
        if before is None or before.ref.uid != state.ref.uid:
            return ()
        return (self._forget(shelf, state, before, received_at),)

    def _forget(self, shelf: Shelf, state: ObjectState, before: ObjectState, received_at: datetime) -> ObjectChange:
        shelf.remove(key_of(state.ref))
        self.bury(state)
        return ObjectChange(Change.DELETED, state, before, received_at)

    def _trace(self, ref: ObjectRef) -> tuple[ObjectState | None, str, ObjectRef | None]:
        """Return the object, its workload, and what would have to be fetched to be sure of both."""
        state, is_missing = self._look_up(ref)
        if state is None:
            return None, f"{ref.kind}/{ref.name}", ref if is_missing else None
        current = state
        for _ in range(CHAIN_LIMIT):
            owner = current.owner
            if owner is None:
                break
            owner_ref = ObjectRef(owner.kind, owner.name, current.ref.namespace, owner.group, owner.uid)
            found, is_missing = self._look_up(owner_ref) if _is_followed(owner) else (None, False)
            if found is None:
                return state, f"{owner.kind}/{owner.name}", owner_ref if is_missing else None
            current = found
        return state, f"{current.ref.kind}/{current.ref.name}", None

    def _look_up(self, ref: ObjectRef) -> tuple[ObjectState | None, bool]:
        """Return the object, alive or not, and whether it is one to fetch."""
        shelf = self._shelves.get((ref.group, ref.kind))
        if shelf is None:
            return None, False
        if (state := self.get(ref)) is not None and key_of(ref) not in shelf.partial:
            return state, False
        name = _name(ref)
        gone = self._gone.get(name)
        if gone is not None and _is_same(ref, gone):
            return gone, False
        answer = self._fetched.get((name, ref.uid))
        return (answer, False) if isinstance(answer, ObjectState) else (None, answer is None)


def _name(ref: ObjectRef) -> _Name:
    return (ref.group, ref.kind, ref.namespace, ref.name)


def _is_same(ref: ObjectRef, state: ObjectState) -> bool:
    """Compare uids where both are known. The kubelet's Events about a Node carry the Node's name as its uid."""
    return ref.uid in ("", ref.name, state.ref.uid)


def _is_followed(owner: Owner) -> bool:
    return (owner.group, owner.kind) in FOLLOWED


def _is_older(version: str, known: str) -> bool:
    """Compare resource versions of one kind of one server, which are ordered as integers."""
    return version.isdecimal() and known.isdecimal() and int(version) < int(known)
