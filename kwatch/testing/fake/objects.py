"""What the server makes of an object that a client writes: checks, defaults, generations. Pure.

There are no schemas: fields are kept as they come.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.shapes import core_event
from kwatch.testing.fake.statuses import Cause, StatusError, bad_request, conflict, invalid
from kwatch.testing.fake.store import Object

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
BAD_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
BAD_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
#: Metadata that only the server writes.
OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def timestamp(at: datetime) -> str:
    """Return an instant as `metav1.Time` is written."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def checked_type(kind: Kind, body: Mapping[str, Any]) -> None:
    """Raise StatusError unless `apiVersion` and `kind` fit; built-in kinds may leave them out."""
    version, name = body.get("apiVersion", ""), body.get("kind", "")
    if kind.is_custom:
        if version != kind.group_version:
            message = f"the API version in the data ({version}) does not match the expected API version"
            raise bad_request(f"{message} ({kind.group_version})")
        if name != kind.kind:
            cause = ("kind", "FieldValueInvalid", f'"{name}": must be {kind.kind}')
            raise invalid(name, kind.group, body["metadata"].get("name", ""), [cause])
    elif name not in ("", kind.kind):
        converting = f"converting (v1.{name}) to (core.{kind.kind}): unknown conversion"
        raise bad_request(f'{name} in version "{version}" cannot be handled as a {kind.kind}: {converting}')


def created(kind: Kind, body: Mapping[str, Any], *, namespace: str, uid: str, now: datetime) -> Object:
    """Return what is stored when a client creates `body`. Raise StatusError."""
    metadata = dict(body.get("metadata") or {})
    if metadata.get("namespace", namespace) != namespace and kind.namespaced:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if metadata.get("resourceVersion"):
        raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + uid[-5:]
    stored = _stored(kind, body, _owned(kind, metadata, namespace, uid, now))
    if kind.has_status and kind.storage not in ("nodes", "namespaces"):
        stored.pop("status", None)
    return _validated(kind, _defaulted(kind, stored))


def updated(kind: Kind, before: Object, body: Mapping[str, Any], *, status_only: bool) -> Object:
    """Return what is stored when a client replaces `before` by `body`: the status or all but the status.

    Raise StatusError on a resource version or a name that does not fit.
    """
    old, metadata = before["metadata"], dict(body.get("metadata") or {})
    _check_identity(kind, old, metadata)
    metadata |= {field: old[field] for field in OWNED if field in old}
    metadata |= {field: old[field] for field in ("name", "namespace", "resourceVersion") if field in old}
    metadata = {field: value for field, value in metadata.items() if value not in ({}, [])}
    stored = _stored(kind, body, metadata)
    if status_only:
        stored = {**before, "status": stored.get("status")}
    elif kind.has_status:
        stored.pop("status", None)
        stored |= {"status": before["status"]} if "status" in before else {}
    if kind.has_generation and _spec_of(stored) != _spec_of(before):
        stored = with_next_generation(stored)
    return _validated(kind, stored)


def with_next_generation(body: Object) -> Object:
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, "generation": metadata.get("generation", 0) + 1}}


def _stored(kind: Kind, body: Mapping[str, Any], metadata: dict[str, Any]) -> Object:
    head = {"kind": kind.kind, "apiVersion": kind.group_version}
    stored = {**body, **head, "metadata": metadata}
    return core_event(stored) if kind.is_event else stored


def _owned(kind: Kind, metadata: dict[str, Any], namespace: str, uid: str, now: datetime) -> dict[str, Any]:
    metadata = {field: value for field, value in metadata.items() if field not in OWNED}
    metadata |= {"uid": uid, "creationTimestamp": timestamp(now)}
    if kind.namespaced:
        metadata["namespace"] = namespace
    if kind.has_generation:
        metadata["generation"] = 1
    return metadata


def _defaulted(kind: Kind, stored: Object) -> Object:
    metadata = stored["metadata"]
    match kind.storage:
        case "namespaces":
            labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
            metadata["labels"] = labels
            return {**stored, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        case "pods":
            return {**stored, "status": {"phase": "Pending"}}
    return stored


def _check_identity(kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    name = old["name"]
    if new.get("name") != name:
        raise bad_request(f"the name of the object ({new.get('name', '')}) does not match the name on the URL ({name})")
    version = new.get("resourceVersion")
    if not version and kind.needs_version:
        cause = ("metadata.resourceVersion", "FieldValueInvalid", "0: must be specified for an update")
        raise invalid(kind.plural, kind.group, name, [cause])
    if version and version != old["resourceVersion"]:
        raise conflict(kind.plural, kind.group, name)
    if new.get("uid", old["uid"]) != old["uid"]:
        precondition = f"UID in precondition: {new['uid']}, UID in object meta: {old['uid']}"
        path = "/".join(part for part in ("/registry", kind.plural, old.get("namespace", ""), name) if part)
        where = f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0"
        raise conflict(
            kind.plural, kind.group, name, f"{where}, AdditionalErrorMsg: Precondition failed: {precondition}"
        )


def _spec_of(body: Object) -> dict[str, Any]:
    return {field: value for field, value in body.items() if field not in ("metadata", "status")}


def _validated(kind: Kind, stored: Object) -> Object:
    name = stored["metadata"].get("name", "")
    causes = _name_causes(kind, name)
    if kind.is_event:
        causes += _event_causes(kind, stored)
    if causes:
        raise invalid(kind.kind, "" if kind.is_event else kind.group, name, causes)
    return stored


def _name_causes(kind: Kind, name: str) -> list[Cause]:
    if not name:
        return [("metadata.name", "FieldValueRequired", "name or generateName is required")]
    if kind.group == "rbac.authorization.k8s.io" or re.fullmatch(_SUBDOMAIN, name):
        if kind.storage == "namespaces" and "." in name:
            return [("metadata.name", "FieldValueInvalid", f'"{name}": must not contain dots')]
        return []
    text = BAD_LABEL if kind.storage == "namespaces" else BAD_SUBDOMAIN
    return [("metadata.name", "FieldValueInvalid", f'"{name}": {text}')]


def _event_causes(kind: Kind, stored: Object) -> list[Cause]:
    causes: list[Cause] = []
    namespace = stored["involvedObject"].get("namespace", "")
    if namespace != stored["metadata"]["namespace"] and (namespace or stored["metadata"]["namespace"] != "default"):
        text = f'"{namespace}": does not match event.namespace'
        causes.append(("involvedObject.namespace", "FieldValueInvalid", text))
    if kind.group and stored["eventTime"] is None and "count" not in stored:
        causes.append(("eventTime", "FieldValueRequired", ""))
    if kind.group and stored.get("type") not in ("Normal", "Warning"):
        text = f'"{stored.get("type", "")}": has invalid value: {stored.get("type", "")}'
        causes.append(("type", "FieldValueInvalid", text))
    return causes
