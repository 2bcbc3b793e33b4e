"""From an object as the API server sends it to the state that kwatch keeps of it. Pure.

An object without a valid `metadata` is malformed; a status condition in another form is left out. Values are scalars
found by walking a path; whatever else lies there is left out.

Bodies come in two shapes: a `form_of` what is kept, which spares decoding the rest (most of a Pod), or a plain dict
where an object has another form than that.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.objects import ObjectRef, Owner, Resource
from kwatch.model.observations import ObjectState, Position, StatusCondition
from kwatch.model.self_service import PREFIX
from kwatch.rules.needs import Need
from kwatch.watch.concealed import is_whole, kept_paths, mark, marked_paths, without_last_applied
from kwatch.watch.normalise import Instant, Moment, Version

Scalar = str | int | float | bool


_T = TypeVar("_T")


class Projection(msgspec.Struct, frozen=True):
    """What is kept of the objects of one kind, beyond identity, labels, owner, node and conditions."""

    paths: frozenset[Path] = frozenset()
    annotations: bool = False  # all of them
    elementwise: frozenset[Path] = frozenset()  # of the paths, those whose values are kept with where they stand
    self_service: bool = False  # the annotations that are meant for kwatch

    def __or__(self, other: "Projection") -> "Projection":
        return Projection(
            self.paths | other.paths,
            self.annotations or other.annotations,
            self.elementwise | other.elementwise,
            self.self_service or other.self_service,
        )


def projection_of(need: Need) -> Projection:
    """Return what is kept of the objects of a kind for what rules need to see of them."""
    return Projection(need.paths, need.annotations, need.elementwise)


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


class _TimedCondition(_Condition, frozen=True, gc=False, rename="camel"):
    last_transition_time: Instant = None


_TIMED_CONDITIONS = list[_TimedCondition]
_TEXTS = frozenset(("type", "status", "reason", "message"))  # of a condition


#: A decoded object: of a form, or a dict.
Body = msgspec.Struct | Mapping[str, Any]

_NODE: Path = ("spec", "nodeName")
_CONDITIONS: Path = ("status", "conditions")


def state_of(resource: Resource, projection: Projection, body: Body) -> ObjectState:
    """Return what is kept of `body`. Raise msgspec.ValidationError when its metadata is malformed."""
    metadata = metadata_of(body)
    found = _found(body, projection, resource)
    return ObjectState(
        ref=ObjectRef(resource.kind, metadata.name, metadata.namespace or "", resource.group, metadata.uid),
        resource_version=metadata.resource_version,
        created_at=metadata.creation_timestamp,
        labels=metadata.labels or {},
        annotations=_annotations_of(metadata.annotations, projection),
        owner=_owner_of(metadata.owner_references or ()),
        node=_node_of(resource, metadata.name, body),
        values={path: tuple(values) for path, values in found.values.items()},
        positions={path: tuple(at) for path, at in found.positions.items() if len(at) > 1 or any(at[0])},
        conditions=_conditions_of(_at(body, _CONDITIONS)),
    )


def _annotations_of(annotations: Mapping[str, str] | None, projection: Projection) -> Mapping[str, str]:
    if not annotations or projection.annotations:
        return without_last_applied(annotations or {})
    return (
        {key: value for key, value in annotations.items() if key.startswith(PREFIX)} if projection.self_service else {}
    )


def metadata_of(body: Body) -> _Metadata:
    """Return what is read of `metadata`. Raise msgspec.ValidationError when it is malformed."""
    metadata = _field(body, "metadata")
    return metadata if isinstance(metadata, _Metadata) else msgspec.convert(metadata, _Metadata)


def form_of(projection: Projection) -> type[msgspec.Struct] | None:
    """Return the type of bodies that hold what is kept and nothing else; None: only a dict will do."""
    root = _tree({*projection.paths, _NODE})
    of_metadata = root.fields.pop("metadata", _Step())
    status = root.below("status")
    known = {field.encode_name for field in msgspec.structs.fields(_Metadata)}
    if root.items or status.items or status.path or of_metadata.items or known & of_metadata.fields.keys():
        return None
    asked = status.fields.pop("conditions", None)
    conditions = list[_TimedCondition] | None if asked is None or _is_of_texts(asked) else Any
    places = {
        "metadata": msgspec.defstruct("Metadata", _places(of_metadata), bases=(_Metadata,), frozen=True, gc=False),
        "status": _part(status, {"conditions": conditions}) | None,
        **{name: _form(below) for name, below in root.fields.items() if name != "status"},
    }
    fields = [(_attribute(name), form, msgspec.field(name=name, default=None)) for name, form in places.items()]
    return msgspec.defstruct("Body", fields, frozen=True, gc=False)


def _is_of_texts(conditions: "_Step") -> bool:
    """Tell whether no more is asked of conditions than texts that are kept of them anyway."""
    if conditions.path is not None or conditions.fields or conditions.items is None:
        return False
    below = conditions.items.fields
    return below.keys() <= _TEXTS and not any(step.fields or step.items for step in below.values())


def _form(step: "_Step") -> Any:
    """Return the type of what is at a step."""
    if step.path is not None or (step.fields and step.items):
        return Any
    if step.items is not None:
        return list[_form(step.items)] | None  # type: ignore[misc]  # made at run time
    return _part(step, {}) | None


def _part(step: "_Step", beside: Mapping[str, Any]) -> Any:
    named = [(_attribute(name), form, msgspec.field(name=name, default=None)) for name, form in beside.items()]
    return msgspec.defstruct("Part", [*_places(step), *named], frozen=True, gc=False)


def _places(step: "_Step") -> list[Any]:
    return [
        (_attribute(name), _form(below), msgspec.field(name=name, default=None)) for name, below in step.fields.items()
    ]


@lru_cache(maxsize=4096)
def _attribute(name: str) -> str:
    """Return the name of an attribute for a field of any name; those of a condition bear their own."""
    return name if name in _TEXTS else f"f{name.encode().hex()}"


def _field(body: Any, name: str) -> Any:
    """Return a field of either shape; None when it is not there."""
    return body.get(name) if isinstance(body, dict) else getattr(body, _attribute(name), None)


def _at(body: Any, path: Path) -> Any:
    for name in path:
        body = _field(body, str(name))
    return body


class _Step:
    """What is done at one place of a body: keep it, if a path ends here, and go on to what lies below."""

    __slots__ = ("attribute", "fields", "is_elementwise", "is_whole", "items", "path")

    def __init__(self, name: str = "") -> None:
        self.attribute = _attribute(name)
        self.path: Path | None = None
        self.is_elementwise = False  # where its values stand is kept, too
        self.is_whole = False  # all that lies here is one value
        self.fields: dict[str, _Step] = {}
        self.items: _Step | None = None

    def below(self, name: str | None) -> "_Step":
        """Return the step of a field or, with None, of the elements of a list; made when it is not there."""
        if name is not None:
            return self.fields.setdefault(name, _Step(name))
        if self.items is None:
            self.items = _Step()
        return self.items


def _tree(paths: Iterable[Path], elementwise: Container[Path] = ()) -> _Step:
    """Return the paths as a tree: what they share is walked once."""
    root = _Step()
    for path in sorted(paths, key=repr):
        step = root
        for name in path:
            step = step.below(name)
        step.path, step.is_elementwise, step.is_whole = path, path in elementwise, is_whole(path)
    return root


_steps = lru_cache(maxsize=256)(_tree)


_WORDS = (str, float)


def _is_kept(value: Any) -> bool:
    """Tell whether this is a scalar, and a number not beyond what the API can hold."""
    return isinstance(value, _WORDS) or (isinstance(value, int) and -(2**63) <= value < 2**63)


class _Found:
    """The values of each path in order, and of some paths where they stand."""

    __slots__ = ("positions", "values")

    def __init__(self) -> None:
        self.values: dict[Path, list[Scalar]] = {}
        self.positions: dict[Path, list[Position]] = {}

    def add(self, value: Scalar, path: Path, at: Position | None) -> None:
        """Keep a value, and with a position where it stands."""
        self.values.setdefault(path, []).append(value)
        if at is not None:
            self.positions.setdefault(path, []).append(at)


def _walk(body: Any, step: _Step, at: Position, found: _Found) -> None:
    """Collect every scalar at the paths, in order."""
    if step.path is not None and _is_kept(body):
        found.add(body, step.path, at if step.is_elementwise else None)
    elif isinstance(body, list):
        if step.items is not None:
            for index, element in enumerate(body):
                _walk(element, step.items, (*at, index), found)
    else:
        _walk_fields(body, step, at, found)


def _walk_fields(body: Any, step: _Step, at: Position, found: _Found) -> None:
    """Do the same in an object of either shape; of most fields there is nothing."""
    if isinstance(body, msgspec.Struct):
        for below in step.fields.values():
            value = getattr(body, below.attribute)
            if below.path is not None and isinstance(value, str):  # most of what is there: spares a call for each
                found.add(value, below.path, at if below.is_elementwise else None)
            elif value is not None:
                _walk(value, below, at, found)
    elif isinstance(body, dict):
        if step.is_whole and step.path is not None:
            found.add(msgspec.json.encode(body).decode(), step.path, at if step.is_elementwise else None)
        for name, below in step.fields.items():
            if (value := body.get(name)) is not None:
                _walk(value, below, at, found)


def _found(body: Body, projection: Projection, resource: Resource) -> _Found:
    found = _Found()
    paths = kept_paths(resource.kind, resource.group, projection.paths)
    _walk(body, _steps(paths, projection.elementwise), (), found)
    for path in marked_paths(resource.kind, resource.group, paths):
        if path in found.values:
            found.values[path] = mark(found.values[path])
    return found


def _owner_of(references: tuple[_OwnerReference, ...]) -> Owner | None:
    for reference in references:
        if reference.controller:
            group, slash, _ = reference.api_version.partition("/")
            return Owner(reference.kind, reference.name, group if slash else "", reference.uid)
    return None


def _node_of(resource: Resource, name: str, body: Body) -> str:
    if resource.kind == "Node" and not resource.group:
        return name
    node = _at(body, _NODE)
    return node if isinstance(node, str) else ""


def _conditions_of(listed: Any) -> Mapping[str, StatusCondition]:
    if not isinstance(listed, list):
        return {}
    found = _converted(listed, _TIMED_CONDITIONS)
    if found is None:  # one of them has another form: the others count all the same
        found = [condition for each in listed if (condition := _condition_of(each)) is not None]
    return {
        condition.type: StatusCondition(
            condition.status, condition.reason or "", condition.message or "", _meant(condition.last_transition_time)
        )
        for condition in found
    }


def _meant(at: datetime | None) -> datetime | None:
    """Return a time, but for the one that a controller writes in Go where it has none."""
    return None if at is None or at.year == 1 else at


def _condition_of(value: Any) -> _TimedCondition | None:
    condition = _converted(value, _Condition)
    if condition is None:
        return None
    at = _converted(condition.last_transition_time, Moment)
    return _TimedCondition(condition.type, condition.status, condition.reason, condition.message, at)


def _converted(value: Any, form: type[_T]) -> _T | None:
    """Return `value` in the given form; None where it has another, for custom resources put anything anywhere."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError:
        return None
