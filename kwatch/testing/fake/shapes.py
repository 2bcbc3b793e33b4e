"""The forms in which a stored object leaves the server. Pure.

Events are stored as core/v1 and converted on the way in and out; any object can be asked for as its metadata alone
(PartialObjectMetadata) or as rows of a Table with the columns Name and Age.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.statuses import not_acceptable, not_transformable
from kwatch.testing.fake.store import Object

#: Field of core/v1 → field of events.k8s.io/v1, where they differ.
RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
RESTORED = {new: core for core, new in RENAMED.items()}
#: What the server writes when a field is not set, in each API.
CORE_ZEROS: Mapping[str, Any] = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
NEW_ZEROS: Mapping[str, Any] = {
    "eventTime": None,
    "regarding": {},
    "deprecatedSource": {},
    "deprecatedFirstTimestamp": None,
    "deprecatedLastTimestamp": None,
}
META_VERSION = "meta.k8s.io/v1"
NAME_COLUMN = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
AGE_COLUMN = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
_JSON = ("application/json", "application/*", "*/*")

#: Turns a stored object into what the request asked for.
Shape = Callable[[Object], Object]


def core_event(body: Mapping[str, Any]) -> Object:
    """Return an Event of either API as core/v1."""
    renamed = {RESTORED.get(field, field): value for field, value in body.items()}
    return {**CORE_ZEROS, **renamed, "apiVersion": "v1", "kind": "Event"}


def new_event(body: Mapping[str, Any]) -> Object:
    """Return a stored Event as events.k8s.io/v1."""
    renamed = {RENAMED.get(field, field): value for field, value in body.items()}
    for field in ("reportingController", "reportingInstance"):
        if not renamed.get(field):
            renamed.pop(field, None)
    return {**NEW_ZEROS, **renamed, "apiVersion": "events.k8s.io/v1"}


def as_served(kind: Kind, body: Object) -> Object:
    """Return a stored object in the version of `kind`."""
    if kind.is_event:
        return new_event(body) if kind.group else body
    return {**body, "apiVersion": kind.group_version, "kind": kind.kind}


def partial(body: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": META_VERSION, "metadata": body["metadata"]}


def bookmark(kind: Kind, version: int, *, ends_initial: bool) -> Object:
    """Return the object of a BOOKMARK frame."""
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if ends_initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return {"kind": kind.kind, "apiVersion": kind.group_version, "metadata": metadata, **_zeros(kind)}


@cache
def _zeros(kind: Kind) -> Mapping[str, Any]:
    """Return the fields that the server writes of an empty object of a kind, as it does in bookmarks."""
    zeros: Mapping[str, Mapping[str, Any]] = json.loads(
        resources.files(__package__).joinpath("zeros.json").read_text(encoding="utf-8")
    )
    return zeros.get(f"{kind.group_version}/{kind.plural}", {})


class Form:
    """The form that an Accept header asks for: the object itself, its metadata, or a Table.

    `now` is for the ages in a Table. Raise StatusError when the server knows none of the accepted forms.
    """

    def __init__(self, accept: str, now: datetime) -> None:
        self._now = now
        self._transform = _transform(accept)

    def one(self, kind: Kind, body: Object) -> Object:
        served = as_served(kind, body)
        match self._transform:
            case "PartialObjectMetadata" | "PartialObjectMetadataList":
                return partial(served)
            case "Table":
                return self._table([served], {"resourceVersion": served["metadata"]["resourceVersion"]})
        return served

    def many(self, kind: Kind, bodies: list[Object], metadata: dict[str, Any]) -> Object:
        served = [as_served(kind, body) for body in bodies]
        match self._transform:
            case "PartialObjectMetadata" | "PartialObjectMetadataList":
                head = {"kind": "PartialObjectMetadataList", "apiVersion": META_VERSION}
                return {**head, "metadata": metadata, "items": [partial(body) for body in served]}
            case "Table":
                return self._table(served, metadata)
        head = {"kind": f"{kind.kind}List", "apiVersion": kind.group_version}
        if kind.is_custom:
            return {**head, "metadata": {"continue": "", **metadata}, "items": served}
        return {**head, "metadata": metadata, "items": [_without_type(body) for body in served]}

    def _table(self, bodies: list[Object], metadata: dict[str, Any]) -> Object:
        rows = [{"cells": [body["metadata"]["name"], self._age(body)], "object": partial(body)} for body in bodies]
        columns = [
            {"name": "Name", "type": "string", "format": "name", "description": NAME_COLUMN, "priority": 0},
            {"name": "Age", "type": "date", "format": "", "description": AGE_COLUMN, "priority": 0},
        ]
        head = {"kind": "Table", "apiVersion": META_VERSION, "metadata": metadata}
        return {**head, "columnDefinitions": columns, "rows": rows}

    def _age(self, body: Object) -> str:
        created = datetime.fromisoformat(body["metadata"]["creationTimestamp"])
        return f"{max(0, int((self._now - created).total_seconds()))}s"


def _without_type(body: Object) -> Object:
    """The items of a list of a built-in kind do not repeat their type."""
    return {field: value for field, value in body.items() if field not in ("kind", "apiVersion")}


def _transform(accept: str) -> str:
    """Return what the first acceptable media type asks for after `as=`; empty: the object itself."""
    refusal = not_acceptable()
    for media in accept.split(",") if accept else ["*/*"]:
        name, *parameters = (part.strip() for part in media.split(";"))
        if name not in _JSON:
            continue
        wanted = next((p.removeprefix("as=") for p in parameters if p.startswith("as=")), "")
        if not wanted or re.fullmatch("Table|PartialObjectMetadata(List)?", wanted):
            return wanted
        refusal = not_transformable()
    raise refusal
