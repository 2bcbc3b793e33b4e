"""What was seen, normalised: one Kubernetes event, or one change of an object."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.objects import ObjectRef, Owner


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """`n` occurrences somewhere in `(t0, t1]`; a point at `t1` when both are equal or n is 1 (spec 2.1)."""

    n: int
    t0: datetime
    t1: datetime


class KubeEvent(msgspec.Struct, frozen=True, gc=False):
    """One observation of an Event object, from either API, normalised (spec 2.3, D4).

    `count` is max(count, series.count, 1); `is_series` says that a series is present (C10).
    `first_at` and `last_at` are effective times: the best that is there, never null.
    """

    ref: ObjectRef  # the Event object itself
    regarding: ObjectRef
    type: str  # Normal, Warning
    reason: str
    message: str  # without the "(combined from similar events): " prefix
    is_combined: bool
    component: str
    host: str
    count: int
    is_series: bool
    first_at: datetime
    last_at: datetime
    resource_version: str


class StatusCondition(msgspec.Struct, frozen=True, gc=False):
    """One entry of `status.conditions`."""

    status: str
    reason: str = ""
    message: str = ""
    changed_at: datetime | None = None  # lastTransitionTime


#: Where a value stands: its index in each list on its path.
Position = tuple[int, ...]


class ObjectState(msgspec.Struct, frozen=True, gc=False):
    """What kwatch keeps of an object: identity, metadata that rules need, and the values at the paths they ask for.

    `values[path]` holds every value found at the path, scalars only, in order; a path without values is left out.
    `positions[path]` says where each of them stands, of the paths that rules match element by element; it is left out
    where there is one value and it stands first in its lists, as in most objects.
    """

    ref: ObjectRef
    resource_version: str
    created_at: datetime | None = None
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner: Owner | None = None
    node: str = ""  # spec.nodeName; for a Node its own name
    values: Mapping[Path, tuple[str | int | float | bool, ...]] = {}
    positions: Mapping[Path, tuple[Position, ...]] = {}
    conditions: Mapping[str, StatusCondition] = {}

    def positions_of(self, path: Path) -> tuple[Position, ...]:
        """Return where the values of a path stand."""
        if path not in self.values:
            return ()
        return self.positions.get(path) or ((0,) * path.count(None),)


class Change(Enum):
    """What happened to the object. EXISTING: listed, as it was already there."""

    EXISTING = "existing"
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class ObjectChange(msgspec.Struct, frozen=True, gc=False):
    """One change of an object: its state now, and the one before where kwatch has seen one.

    `noticed`: the rules whose notices had begun to match it in an earlier run; None: `before` says so. `listed_at`:
    when the first list of a start has shown what this change must have come of. `workload`: that of what had gone by
    then, maybe with its owners; empty: not known.
    """

    change: Change
    state: ObjectState
    before: ObjectState | None
    received_at: datetime
    noticed: frozenset[str] | None = None
    listed_at: datetime | None = None
    workload: str = ""

    def as_listed(self) -> "ObjectChange":
        """Return what a list has shown, if this came of one: a state in it may be younger than the change."""
        if self.listed_at is None or self.change is Change.DELETED:
            return self
        return msgspec.structs.replace(self, change=Change.EXISTING, before=None, received_at=self.listed_at)


class About(msgspec.Struct, frozen=True, gc=False):
    """What is known of the object that an observation is about.

    `state` is None when the object is not known (never seen, or gone); `workload` is then the object itself.
    """

    state: ObjectState | None
    workload: str  # `Kind/name` of the top controller, else of the object itself
    is_gone: bool = False  # it was deleted, or the API server does not have it

    @classmethod
    def alone(cls, state: ObjectState) -> "About":
        """Return what is known of an object when its owners could not be looked up."""
        return cls(state, f"{state.ref.kind}/{state.ref.name}")
