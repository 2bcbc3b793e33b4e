"""From an object as the API server sends it to the state that kwatch keeps of it. Pure.

An object without a valid `metadata` is malformed; a status condition in another form is left out. Values are scalars
found by walking a path; whatever else lies there is left out.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.objects import ObjectRef, Owner, Resource
from kwatch.model.observations import ObjectState, StatusCondition
from kwatch.watch.normalise import Instant, Moment

Scalar = str | int | float | bool


_T = TypeVar("_T")


class Projection(msgspec.Struct, frozen=True):
    """What is kept of the objects of one kind, beyond identity, labels, owner, node and conditions."""

    paths: frozenset[Path] = frozenset()
    annotations: bool = False


class _OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    kind: str
    name: str
    api_version: str = ""
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str
    resource_version: str
    uid: str = ""
    namespace: str | None = None
    creation_timestamp: Instant = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[_OwnerReference, ...] | None = None


class _Condition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: Any = None


def state_of(resource: Resource, projection: Projection, body: Mapping[str, Any]) -> ObjectState:
    """Return what is kept of `body`. Raise msgspec.ValidationError when its metadata is malformed."""
    metadata = msgspec.convert(body.get("metadata"), _Metadata)
    return ObjectState(
        ref=ObjectRef(resource.kind, metadata.name, metadata.namespace or "", resource.group, metadata.uid),
        resource_version=metadata.resource_version,
        created_at=metadata.creation_timestamp,
        labels=metadata.labels or {},
        annotations=(metadata.annotations or {}) if projection.annotations else {},
        owner=_owner_of(metadata.owner_references or ()),
        node=_node_of(resource, metadata.name, body),
        values=_values_of(body, projection.paths),
        conditions=_conditions_of(body.get("status")),
    )


class _Step:
    """What is done at one place of a body: keep it, if a path ends here, and go on to what lies below."""

    __slots__ = ("fields", "items", "path")

    def __init__(self) -> None:
        self.path: Path | None = None
        self.fields: dict[str, _Step] = {}
        self.items: _Step | None = None

    def below(self, name: str | None) -> "_Step":
        """Return the step of a field or, with None, of the elements of a list; made when it is not there."""
        if name is not None:
            return self.fields.setdefault(name, _Step())
        if self.items is None:
            self.items = _Step()
        return self.items


@lru_cache(maxsize=256)
def _steps(paths: frozenset[Path]) -> _Step:
    """Return the paths as a tree: what they share is walked once."""
    root = _Step()
    for path in sorted(paths, key=repr):
        step = root
        for name in path:
            step = step.below(name)
        step.path = path
    return root


def _walk(body: Any, step: _Step, found: dict[Path, list[Scalar]]) -> None:
    """Collect every scalar at the paths, in order."""
    if isinstance(body, dict):
        for name, below in step.fields.items():
            value = body.get(name)
            if value is not None:
                _walk(value, below, found)
    elif isinstance(body, list):
        if step.items is not None:
            for element in body:
                _walk(element, step.items, found)
    elif step.path is not None and isinstance(body, str | int | float):
        found.setdefault(step.path, []).append(body)


def _values_of(body: Mapping[str, Any], paths: frozenset[Path]) -> Mapping[Path, tuple[Scalar, ...]]:
    found: dict[Path, list[Scalar]] = {}
    _walk(body, _steps(paths), found)
    return {path: tuple(values) for path, values in found.items()}


def _owner_of(references: tuple[_OwnerReference, ...]) -> Owner | None:
    for reference in references:
        if reference.controller:
            group, slash, _ = reference.api_version.partition("/")
            return Owner(reference.kind, reference.name, group if slash else "", reference.uid)
    return None


def _node_of(resource: Resource, name: str, body: Mapping[str, Any]) -> str:
    if resource.kind == "Node" and not resource.group:
        return name
    spec = body.get("spec")
    node = spec.get("nodeName") if isinstance(spec, dict) else None
    return node if isinstance(node, str) else ""


def _conditions_of(status: Any) -> Mapping[str, StatusCondition]:
    listed = status.get("conditions") if isinstance(status, dict) else None
    if not listed:
        return {}
    found = (_converted(condition, _Condition) for condition in listed if isinstance(listed, list))
    return {
        condition.type: StatusCondition(
            condition.status,
            condition.reason or "",
            condition.message or "",
            _converted(condition.last_transition_time, Moment),
        )
        for condition in found
        if condition is not None
    }


def _converted(value: Any, form: type[_T]) -> _T | None:
    """Return `value` in the given form; None where it has another, for custom resources put anything anywhere."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError:
        return None
