"""The options of LIST and WATCH, their refusals, and lists: versions, pages, snapshots."""

import base64
import binascii
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.selectors import Predicate, selector
from kwatch.testing.fake.shapes import Form
from kwatch.testing.fake.statuses import Cause, StatusError, bad_request, expired, invalid, too_large_version
from kwatch.testing.fake.store import CompactedError, Object, Store

TRUE = frozenset({"true", "1", "yes", "True"})
MATCH = "resourceVersionMatch"
#: The version in a continue token that goes on with whatever is there now.
INCONSISTENT = -1
NO_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The query of a LIST or WATCH, read. `sends_initial` is None where it was not given."""

    is_watch: bool
    limit: int
    token: str
    version: str
    match: str
    timeout: int
    bookmarks: bool
    sends_initial: bool | None
    labels: str
    fields: str


def read_options(query: Mapping[str, str]) -> ListOptions:
    """Raise StatusError for numbers that are none."""
    return ListOptions(
        is_watch=query.get("watch", "") in TRUE,
        limit=max(0, _number(query.get("limit", ""))),
        token=query.get("continue", ""),
        version=query.get("resourceVersion", ""),
        match=query.get(MATCH, ""),
        timeout=_number(query.get("timeoutSeconds", "")),
        bookmarks=query.get("allowWatchBookmarks", "") in TRUE,
        sends_initial=query["sendInitialEvents"] in TRUE if query.get("sendInitialEvents") else None,
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
    )


def validate(options: ListOptions, *, watch_list: bool) -> None:
    """Refuse options that exclude each other, as apimachinery's `ValidateListOptions` does.

    `watch_list`: False is a server whose WatchList feature gate is off.
    """
    causes = _watch_causes(options, watch_list=watch_list) if options.is_watch else _list_causes(options)
    if causes:
        raise invalid("ListOptions", "meta.k8s.io", "", causes)


def scoped(kind: Kind, namespace: str, options: ListOptions) -> Predicate:
    """Return whether an object belongs to a LIST or WATCH: its namespace and the selectors."""
    selected = selector(kind, options.labels, options.fields)
    if not namespace:
        return selected
    return lambda body: body["metadata"].get("namespace") == namespace and selected(body)


def list_objects(store: Store, kind: Kind, namespace: str, options: ListOptions, form: Form) -> Object:
    """Answer a LIST. Raise StatusError."""
    version, start = _from(store, options)
    bodies = _snapshot(store, kind, version, options)
    found = bodies[bisect_left(bodies, start, key=_path) :]
    if namespace or options.labels or options.fields:
        wanted = scoped(kind, namespace, options)
        found = [body for body in found if wanted(body)]
    limit = 0 if options.version == "0" and not options.token else options.limit
    page = found[:limit] if limit else found
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if len(page) < len(found):
        metadata["continue"] = _token(version, _path(page[-1]) + "\0")
        if not options.labels and not options.fields:
            metadata["remainingItemCount"] = len(found) - len(page)
    return form.many(kind, page, metadata)


def version_number(text: str) -> int:
    """Raise StatusError for a resource version that is no number."""
    if not text.isdigit():
        raise StatusError(500, "", _bad_version(text))
    return int(text)


def _list_causes(options: ListOptions) -> list[Cause]:
    causes: list[Cause] = []
    if options.match and not options.version:
        causes.append((MATCH, "FieldValueForbidden", f"{MATCH} is forbidden unless resourceVersion is provided"))
    if options.match and options.token:
        causes.append((MATCH, "FieldValueForbidden", f"{MATCH} is forbidden when continue is provided"))
    if options.match not in ("", "Exact", "NotOlderThan"):
        text = f'"{options.match}": supported values: "Exact", "NotOlderThan", ""'
        causes.append((MATCH, "FieldValueNotSupported", text))
    if options.match == "Exact" and options.version == "0":
        text = f'{MATCH} "exact" is forbidden for resourceVersion "0"'
        causes.append((MATCH, "FieldValueForbidden", text))
    if options.sends_initial is not None:
        causes.append(("sendInitialEvents", "FieldValueForbidden", "sendInitialEvents is forbidden for list"))
    return causes


def _watch_causes(options: ListOptions, *, watch_list: bool) -> list[Cause]:
    causes: list[Cause] = []
    if options.sends_initial is not None and not watch_list:
        text = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        return [("sendInitialEvents", "FieldValueForbidden", text)]
    if options.sends_initial is None and options.match:
        text = f"{MATCH} is forbidden for watch unless sendInitialEvents is provided"
        causes.append((MATCH, "FieldValueForbidden", text))
    if options.token:
        causes.append((MATCH, "FieldValueForbidden", f"{MATCH} is forbidden when continue is provided"))
    if options.sends_initial is not None and options.match != "NotOlderThan":
        text = f"sendInitialEvents requires setting {MATCH} to NotOlderThan"
        causes.append((MATCH, "FieldValueForbidden", text))
        if options.match:
            causes.append((MATCH, "FieldValueNotSupported", f'"{options.match}": supported values: "NotOlderThan"'))
    return causes


def _from(store: Store, options: ListOptions) -> tuple[int, str]:
    """Return the version that a list shows and the path at which the page starts."""
    if options.token:
        if options.version and options.version != "0":
            raise bad_request("specifying resource version is not allowed when using continue")
        version, start = _read_token(options.token)
        return (store.version if version == INCONSISTENT else version), start
    if not options.version:
        return store.version, ""
    if not options.version.isdigit():
        raise bad_request(f"invalid resource version: {_bad_version(options.version)}")
    asked = int(options.version)
    if asked > store.version:
        raise too_large_version(asked, store.version)
    is_exact = options.match == "Exact" or (options.limit and not options.match and asked > 0)
    return (asked if is_exact else store.version), ""


def _snapshot(store: Store, kind: Kind, version: int, options: ListOptions) -> list[Object]:
    if version == store.version:
        return store.objects(kind.storage)
    try:
        return store.objects_at(kind.storage, version)
    except CompactedError:
        if options.token:
            _, start = _read_token(options.token)
            raise expired(NO_CONTINUE, token=_token(INCONSISTENT, start)) from None
        raise expired("The resourceVersion for the provided list is too old.") from None


def _path(body: Object) -> str:
    return f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"


def _token(version: int, start: str) -> str:
    content = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": version, "start": start})
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    try:
        content = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(content["rv"]), str(content["start"])
    except (binascii.Error, msgspec.DecodeError, KeyError, TypeError, ValueError):
        where = f"illegal base64 data at input byte {len(token) // 4 * 4}"
        raise bad_request(f"invalid continue token: continue key is not valid: {where}") from None


def _number(text: str) -> int:
    if text and not text.removeprefix("-").isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text or 0)


def _bad_version(text: str) -> str:
    return f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
