"""Which object is meant, and what a watch says of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec


class Resource(msgspec.Struct, frozen=True, gc=False):
    """A kind as the API server serves it. `group` is empty for the core API."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def group_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The path below the server's root that all of a group version's resources share."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


class ObjectRef(msgspec.Struct, frozen=True, gc=False):
    """One object. The uid makes it unique in time; fingerprints leave it out. Cluster-scoped: `namespace` is empty."""

    kind: str
    name: str
    namespace: str = ""
    group: str = ""
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


class Owner(msgspec.Struct, frozen=True, gc=False):
    """The controller that owns an object (`metadata.ownerReferences` with `controller: true`)."""

    kind: str
    name: str
    group: str = ""
    uid: str = ""


class WatchEventType(Enum):
    """What a frame of a watch says. LISTED: it was already there; SYNCED: the end of a list; LOST: not in sync now."""

    LISTED = "LISTED"
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    SYNCED = "SYNCED"
    LOST = "LOST"


class Source(msgspec.Struct, frozen=True, gc=False):
    """One watch: a resource, everywhere or in one namespace. `metadata_only` asks for PartialObjectMetadata."""

    resource: Resource
    namespace: str = ""
    metadata_only: bool = False

    @property
    def id(self) -> str:
        """A stable name: key of the checkpoint, label of the metrics."""
        scope = f"@{self.namespace}" if self.namespace else ""
        return f"{self.resource.group_version}/{self.resource.plural}{scope}"


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One frame, decoded.

    `body` is a `KubeEventBody` (from `kwatch.watch.normalise`) on the Events source, a `Body` (from
    `kwatch.watch.extract`) elsewhere, and None for SYNCED and LOST. A SYNCED with a resource version ends a list:
    what was not LISTED since the last LOST is gone. Without one it says that a broken watch goes on where it was.
    """

    type: WatchEventType
    body: Any
    resource_version: str
    received_at: datetime


class Batch(msgspec.Struct, frozen=True, gc=False):
    """What one source said at once, in order.

    `resource_version` is where a later watch may resume once the batch is committed; empty while a list is under way.
    """

    source: Source
    events: tuple[WatchEvent, ...]
    resource_version: str
    received_at: datetime


Body = Mapping[str, Any]
