"""From an object as the API server sends it to the state that kwatch keeps of it. Pure.

An object without a valid `metadata` is malformed; a status condition in another form is left out. Values are scalars
found by walking a path; whatever else lies there is left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.objects import ObjectRef, Owner, Resource
from kwatch.model.observations import ObjectState, StatusCondition
from kwatch.watch.normalise import Instant, Moment, Version

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
    resource_version: Version
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


def find(body: Any, path: Path) -> Iterator[Scalar]:
    """Yield every scalar at `path`, in order."""
    if not path:
        if isinstance(body, str | float) or (isinstance(body, int) and -(2**63) <= body < 2**63):
            yield body
        return
    step, rest = path[0], path[1:]
    if step is not None:
        if isinstance(body, dict) and step in body:
            yield from find(body[step], rest)
    elif isinstance(body, list):
        for element in body:
            yield from find(element, rest)


def _values_of(body: Mapping[str, Any], paths: frozenset[Path]) -> Mapping[Path, tuple[Scalar, ...]]:
    found = ((path, tuple(find(body, path))) for path in paths)
    return {path: values for path, values in found if values}


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
