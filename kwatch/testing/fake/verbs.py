"""What the verbs on objects do: get, create, update, patch, delete, deletecollection, access reviews."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.cluster import DEFINITIONS, FakeCluster
from kwatch.testing.fake.lists import list_objects, read_options
from kwatch.testing.fake.objects import checked_type, created, timestamp, updated, with_next_generation
from kwatch.testing.fake.patches import merged, strategically_merged
from kwatch.testing.fake.scales import scale_of, scaled
from kwatch.testing.fake.shapes import Form, as_served
from kwatch.testing.fake.statuses import (
    already_exists,
    bad_request,
    conflict,
    details_of,
    method_not_allowed,
    not_found,
    too_large_version,
    unsupported_media_type,
)
from kwatch.testing.fake.store import Object, key_of

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
#: Real servers speak it for the built-in kinds; here it is refused, as they do for custom ones.
PROTOBUF = "application/vnd.kubernetes.protobuf"
#: Tables whose DELETE is answered with the object instead of a Status.
ANSWERED_WITH_OBJECT = frozenset({"pods", "namespaces", DEFINITIONS})
WRITABLE = frozenset({"application/json", "application/yaml"})
UNKNOWN_FORMAT = "the body of the request was in an unknown format - accepted media types include"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on a resource, its path understood."""

    kind: Kind
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    media_type: str
    body: bytes
    form: Form


def perform(cluster: FakeCluster, verb: str, call: Call) -> tuple[int, Any]:
    """Return the status and the body of the answer. Raise StatusError."""
    _check_served(call)
    match verb:
        case "get" | "update" | "patch" if call.subresource == "scale":
            return 200, _scale(cluster, verb, call)
        case "get":
            return 200, call.form.one(call.kind, _get(cluster, call))
        case "create" if call.kind.plural == "selfsubjectaccessreviews":
            return 201, _review(cluster, call)
        case "create":
            return 201, call.form.one(call.kind, _create(cluster, call))
        case "update":
            return 200, call.form.one(call.kind, _update(cluster, call, _decoded(call)))
        case "patch":
            return 200, call.form.one(call.kind, _patch(cluster, call))
        case "delete":
            return 200, _delete(cluster, call)
        case "deletecollection":
            return 200, _delete_collection(cluster, call)
    raise method_not_allowed()


def _check_served(call: Call) -> None:
    """Refuse what would otherwise be done to the object itself."""
    if call.subresource not in ("", "status", "scale"):
        raise method_not_allowed()
    if call.query.get("dryRun"):
        raise bad_request("dry runs are not served here")


def _get(cluster: FakeCluster, call: Call) -> Object:
    version = call.query.get("resourceVersion", "")
    if version.isdigit() and int(version) > cluster.store.version:
        raise too_large_version(int(version), cluster.store.version)
    return _existing(cluster, call)


def _existing(cluster: FakeCluster, call: Call) -> Object:
    found = cluster.store.get(call.kind.storage, (call.namespace, call.name))
    if found is None:
        raise not_found(call.kind.plural, call.kind.group, call.name)
    return found


def _create(cluster: FakeCluster, call: Call) -> Object:
    body, kind = _decoded(call), call.kind
    checked_type(kind, body)
    uid, now = cluster.new_uid(), cluster.clock.now()
    stored = created(kind, body, namespace=call.namespace, uid=uid, now=now)
    if kind.namespaced and cluster.store.get("namespaces", ("", call.namespace)) is None:
        raise not_found("namespaces", "", call.namespace)
    if cluster.store.get(kind.storage, key_of(stored)) is not None:
        raise already_exists(kind.plural, kind.group, stored["metadata"]["name"])
    return cluster.put(kind, stored)


def _update(cluster: FakeCluster, call: Call, body: Mapping[str, Any]) -> Object:
    checked_type(call.kind, body)
    name = (body.get("metadata") or {}).get("name", "")
    if name != call.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
    before = _existing(cluster, call)
    after = updated(call.kind, before, body, status_only=call.subresource == "status")
    if after == before:
        return before
    if after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers"):
        cluster.remove(call.kind, key_of(after))
        return after
    return cluster.put(call.kind, after)


def _patch(cluster: FakeCluster, call: Call) -> Object:
    return _update(cluster, call, _patched(call, as_served(call.kind, _existing(cluster, call))))


def _patched(call: Call, before: Object) -> dict[str, Any]:
    """Return an object with a patch applied."""
    is_strategic = call.media_type == STRATEGIC_PATCH
    if is_strategic and call.kind.is_custom:
        known = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        raise unsupported_media_type(f"{UNKNOWN_FORMAT}: {known}")
    if call.media_type != MERGE_PATCH and not is_strategic:
        raise unsupported_media_type("415: Unsupported Media Type", {})
    try:
        patch = msgspec.json.decode(call.body)
    except msgspec.DecodeError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if not isinstance(patch, dict):
        unfit = "json: cannot unmarshal array into Go value of type map[string]interface {}"
        raise bad_request(f"error decoding patch: {unfit}")
    return strategically_merged(before, patch) if is_strategic else merged(before, patch)


def _scale(cluster: FakeCluster, verb: str, call: Call) -> Object:
    before = _existing(cluster, call)
    if verb == "get":
        return scale_of(before)
    scale = _decoded(call) if verb == "update" else _patched(call, scale_of(before))
    return scale_of(_update(cluster, call, scaled(as_served(call.kind, before), scale)))


def _delete(cluster: FakeCluster, call: Call) -> Object:
    kind, before = call.kind, _existing(cluster, call)
    _check_preconditions(call, before)
    if before["metadata"].get("finalizers"):
        return call.form.one(kind, _marked(cluster, call, before))
    gone = cluster.remove(kind, key_of(before))
    if kind.storage in ANSWERED_WITH_OBJECT:
        return call.form.one(kind, _terminating(cluster, kind, gone))
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**head, "details": details_of(kind.plural, call.name, kind.group, uid=before["metadata"]["uid"])}


def _delete_collection(cluster: FakeCluster, call: Call) -> Object:
    options = read_options(call.query)
    listed = list_objects(cluster.store, call.kind, call.namespace, options, call.form)
    for item in listed["items"]:
        cluster.remove(call.kind, (call.namespace, item["metadata"]["name"]))
    return listed


def _marked(cluster: FakeCluster, call: Call, before: Object) -> Object:
    """Deletion waits for the finalizers."""
    if before["metadata"].get("deletionTimestamp"):
        return before
    at = timestamp(cluster.clock.now())
    metadata = {**before["metadata"], "deletionTimestamp": at, "deletionGracePeriodSeconds": 0}
    return cluster.put(call.kind, with_next_generation({**before, "metadata": metadata}))


def _terminating(cluster: FakeCluster, kind: Kind, gone: Object) -> Object:
    """The object as a real server answers it: its end has begun. Here it is already over."""
    gone = {**gone, "metadata": {**gone["metadata"], "deletionTimestamp": timestamp(cluster.clock.now())}}
    return {**gone, "status": {"phase": "Terminating"}} if kind.storage == "namespaces" else gone


def _check_preconditions(call: Call, before: Object) -> None:
    wanted = (_decoded(call) if call.body else {}).get("preconditions") or {}
    metadata, name = before["metadata"], call.name
    for field, label, end in (
        ("uid", "UID", "The object might have been deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "The object might have been modified"),
    ):
        if field in wanted and wanted[field] != metadata[field]:
            versus = f"({wanted[field]}) does not match the {label} in record ({metadata[field]})"
            raise conflict(call.kind.kind, call.kind.group, name, f"the {label} in the precondition {versus}. {end}")


def _review(cluster: FakeCluster, call: Call) -> Object:
    body = _decoded(call)
    asked = body["spec"].get("resourceAttributes", {})
    words = (asked.get(word, "") for word in ("verb", "resource", "group", "namespace"))
    head = {"kind": call.kind.kind, "apiVersion": call.kind.group_version, "metadata": {}}
    return {**head, "spec": body["spec"], "status": {"allowed": cluster.access.allows(*words)}}


def _decoded(call: Call) -> dict[str, Any]:
    if call.media_type == PROTOBUF:
        raise unsupported_media_type(f"{UNKNOWN_FORMAT}: application/json, application/yaml")
    if call.media_type not in WRITABLE:
        known = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        raise unsupported_media_type(f"{UNKNOWN_FORMAT}: {known}")
    try:
        body = msgspec.json.decode(call.body)
    except msgspec.DecodeError as error:
        raise bad_request(f"{_unrecognized(call)}; json parse error: {error}") from None
    if not isinstance(body, dict):
        raise bad_request(f"{_unrecognized(call)}; json parse error: the body is no object")
    return body


def _unrecognized(call: Call) -> str:
    return f"the object provided is unrecognized (must be of type {call.kind.kind}): couldn't get version/kind"
