"""The fake cluster: what is in it, and what tests, scenarios and recordings do to it without HTTP."""

import random
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from kwatch.clock import Clock
from kwatch.testing.fake.access import Access
from kwatch.testing.fake.catalog import EVENTS, Catalog, Kind
from kwatch.testing.fake.faults import ON_OPEN, Fault, Faults, Frames
from kwatch.testing.fake.lists import ListOptions
from kwatch.testing.fake.objects import created, timestamp, with_next_generation
from kwatch.testing.fake.patches import merged
from kwatch.testing.fake.shapes import core_event
from kwatch.testing.fake.store import Key, Object, Store, key_of
from kwatch.testing.fake.watches import Watch

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
#: How long the server keeps an Event after its last write.
EVENT_TTL = timedelta(hours=1)

#: Yields the frames of a watch on a kind, asked for with these options.
Stream = Callable[[Kind, ListOptions], Frames]


class FakeCluster:
    """Hold the objects, the faults and the open watches. All calls are from one event loop's thread."""

    def __init__(self, clock: Clock, *, watch_list: bool = True) -> None:
        self.clock = clock
        self.watch_list = watch_list  # False: like a server whose WatchList feature gate is off
        self.store = Store()
        self.catalog = Catalog()
        self.access = Access()
        self.faults = Faults()
        self.watches: dict[Watch, str] = {}  # open ones, with their path
        self.streams: dict[str, Stream] = {}  # by path: watches that are fed by something else than the store
        self._uids = random.Random(0)  # noqa: S311 - names, no secrets; the same in every run
        self._event_expiry: dict[Key, Any] = {}
        for name in NAMESPACES:
            self.ensure_namespace(name)

    def apply(self, manifest: Mapping[str, Any]) -> Object:
        """Create an object as it stands, status and all, or merge the manifest into the one that exists.

        Its namespace comes into being with it; owner references without a uid find their owner's. Raise LookupError
        for a kind that is not served.
        """
        kind = self.catalog.kind_of(manifest)
        metadata = dict(manifest["metadata"])
        if kind.namespaced:
            metadata.setdefault("namespace", "default")
            self.ensure_namespace(metadata["namespace"])
        if "ownerReferences" in metadata:
            metadata["ownerReferences"] = [self._owner(metadata, owner) for owner in metadata["ownerReferences"]]
        body = {**manifest, "metadata": metadata}
        before = self.store.get(kind.storage, key_of(body))
        return self.create(kind, body) if before is None else self._merge(kind, before, body)

    def delete(self, manifest: Mapping[str, Any]) -> Object:
        """Remove the object that a manifest names, without finalizers or grace. Raise LookupError when it is absent."""
        kind = self.catalog.kind_of(manifest)
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace", "default") if kind.namespaced else ""
        return self.remove(kind, (namespace, metadata["name"]))

    def strike(self, fault: Fault) -> int:
        """Let a fault happen now to every open watch whose path fits; return how many were hit.

        Raise ValueError for an effect that is none of an open stream.
        """
        if fault.effect not in ON_OPEN:
            raise ValueError(f"{fault.effect.value} cannot strike an open stream")
        hit = [watch for watch, path in self.watches.items() if fault.concerns("GET", path, is_watch=True)]
        for watch in hit:
            watch.strike(fault)
        return len(hit)

    def compact(self) -> None:
        """Forget the history: resuming from any version but the current one is answered with 410."""
        self.store.compact()

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self._uids.getrandbits(128), version=4))

    def create(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Store a new object with its status as given; uid and times that it brings are kept."""
        brought = {"uid": self.new_uid(), "creationTimestamp": timestamp(self.clock.now())}
        generation = {"generation": 1} if kind.has_generation else {}
        metadata = {**brought, **generation, **body["metadata"]}
        stored = {**body, "metadata": metadata}
        return self.put(kind, core_event(stored) if kind.is_event else stored)

    def put(self, kind: Kind, stored: Object) -> Object:
        """Store an object, and do what follows from it."""
        if kind.is_event:
            self._expire_events()
            self._event_expiry.pop(key_of(stored), None)
            self._event_expiry[key_of(stored)] = self.clock.now() + EVENT_TTL
        if kind.storage == DEFINITIONS:
            before = self.store.get(kind.storage, key_of(stored))
            return self._define(stored) if before is None else self._redefine(before, stored)
        return self.store.put(kind.storage, stored)

    def remove(self, kind: Kind, key: Key) -> Object:
        """Remove an object and what lives in it. Raise LookupError when it is absent."""
        body = self.store.get(kind.storage, key)
        if body is None:
            raise LookupError(f"{kind.kind} {'/'.join(filter(None, key))} is not there")
        if kind.storage == "namespaces":
            self._remove_all(self.catalog.namespaced_kinds(), lambda other: other[0] == key[1])
        if kind.storage == DEFINITIONS:
            self._remove_all(self._defined_by(body), lambda other: True)
            self._serve_no_more(body)
        return self.store.remove(kind.storage, key)

    def ensure_namespace(self, name: str) -> None:
        if self.store.get("namespaces", ("", name)) is None:
            kind = self.catalog.kind_of({"apiVersion": "v1", "kind": "Namespace"})
            manifest = {"metadata": {"name": name}}
            self.put(kind, created(kind, manifest, namespace="", uid=self.new_uid(), now=self.clock.now()))

    def _merge(self, kind: Kind, before: Object, manifest: Object) -> Object:
        after = merged(before, core_event(manifest) if kind.is_event else manifest)
        if kind.has_generation and after.get("spec") != before.get("spec"):
            after = with_next_generation(after)
        return before if after == before else self.put(kind, after)

    def _owner(self, metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
        kind = self.catalog.kind_of(owner)
        namespace = metadata["namespace"] if kind.namespaced else ""
        found = self.store.get(kind.storage, (namespace, owner["name"]))
        return {"uid": found["metadata"]["uid"] if found else "", **owner}

    def _remove_all(self, kinds: tuple[Kind, ...], belongs: Callable[[Key], bool]) -> None:
        for kind in kinds:
            for body in self.store.objects(kind.storage):
                if belongs(key_of(body)):
                    self.store.remove(kind.storage, key_of(body))

    def _defined_by(self, definition: Object) -> tuple[Kind, ...]:
        spec = definition["spec"]
        names = [version["name"] for version in spec["versions"] if version["served"]]
        found = (self.catalog.kind(spec["group"], name, spec["names"]["plural"]) for name in names)
        return tuple(kind for kind in found if kind is not None)

    def _define(self, definition: Object) -> Object:
        """Store a new CustomResourceDefinition, then do what its controllers would, and serve what it defines."""
        spec = definition["spec"]
        kind = spec["names"]["kind"]
        names = {"singular": kind.lower(), "listKind": f"{kind}List", **spec["names"]}
        spec = {"conversion": {"strategy": "None"}, **spec, "names": names}
        stored = [version["name"] for version in spec["versions"] if version["storage"]]
        status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}
        fresh = self.store.put(DEFINITIONS, {**definition, "spec": spec, "status": status})
        self.catalog.add(fresh)
        conditions = _conditions_of_definition(timestamp(self.clock.now()))
        self.store.put(DEFINITIONS, {**fresh, "status": {**status, "conditions": conditions, "acceptedNames": names}})
        return fresh

    def _redefine(self, before: Object, after: Object) -> Object:
        """Store a definition that was changed, and serve what it defines now; the objects stay."""
        if before["spec"] != after["spec"]:
            self._serve_no_more(before)
            self.catalog.add(after)
        return self.store.put(DEFINITIONS, after)

    def _serve_no_more(self, definition: Object) -> None:
        """Take a kind out of the catalog; its watches end."""
        spec = definition["spec"]
        self.catalog.remove(definition)
        paths = f"/apis/{spec['group']}/*{spec['names']['plural']}"
        for watch in [watch for watch, path in self.watches.items() if fnmatchcase(path, paths)]:
            watch.end()

    def _expire_events(self) -> None:
        now = self.clock.now()
        while self._event_expiry:
            key, at = next(iter(self._event_expiry.items()))
            if at > now:
                return
            del self._event_expiry[key]
            if self.store.get(EVENTS, key) is not None:
                self.store.remove(EVENTS, key)


def _conditions_of_definition(at: str) -> list[dict[str, str]]:
    accepted = ("NamesAccepted", "NoConflicts", "no conflicts found")
    established = ("Established", "InitialNamesAccepted", "the initial names have been accepted")
    return [
        {"type": name, "status": "True", "lastTransitionTime": at, "reason": reason, "message": message}
        for name, reason, message in (accepted, established)
    ]
