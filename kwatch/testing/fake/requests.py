"""One request in, one answer out: paths, verbs, authorization. The way in for both wires, memory and socket."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kwatch.testing.fake import openapi, verbs
from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.faults import ConnectionDroppedError, Effect, Fault, Frames, disturbed, silence, too_old
from kwatch.testing.fake.lists import TRUE, list_objects, read_options, validate
from kwatch.testing.fake.shapes import Form
from kwatch.testing.fake.statuses import StatusError, method_not_allowed, no_such_path, not_found, too_many_requests
from kwatch.testing.fake.watches import Watch

VERSION = {
    "major": "1",
    "minor": "35",
    "emulationMajor": "1",
    "emulationMinor": "35",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "34",
    "gitVersion": "v1.35.4",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}
HTML_500 = b"<html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>\n"
#: HTTP method → verb of a request on one object, and on a collection.
ON_OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
ON_COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client sent; `headers` has lower-case keys."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_watch(self) -> bool:
        return self.method == "GET" and self.query.get("watch", "") in TRUE


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is whole, or a stream of frames that may raise ConnectionDroppedError."""

    status: int
    body: bytes | Frames
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a path names."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


async def answer(cluster: FakeCluster, request: Request) -> Answer:
    """Answer a request, faults included. Raise ConnectionDroppedError."""
    fault = cluster.faults.take(request.method, request.path, is_watch=request.is_watch)
    if fault is None:
        return _answer(cluster, request)
    if not fault.is_within:
        return await _faulty(cluster, request, fault)
    given = _answer(cluster, request)
    if isinstance(given.body, bytes):
        return given
    return Answer(given.status, disturbed(given.body, fault), given.headers)


async def _faulty(cluster: FakeCluster, request: Request, fault: Fault) -> Answer:
    match fault.effect:
        case Effect.DROP | Effect.CLOSE:
            raise ConnectionDroppedError
        case Effect.HALF_OPEN:
            await silence()
        case Effect.DELAY:
            await cluster.clock.sleep(fault.seconds)
        case Effect.HTML_500:
            return Answer(500, HTML_500, {"content-type": "text/html"})
        case Effect.TOO_MANY:
            seconds = int(fault.seconds)
            head = {"content-type": "application/json", "retry-after": str(seconds)}
            return Answer(429, msgspec.json.encode(too_many_requests(seconds).body), head)
        case Effect.GONE:
            return _json(410, too_old().body)
    return _answer(cluster, request)


def _answer(cluster: FakeCluster, request: Request) -> Answer:
    try:
        cluster.access.authenticate(request.headers)
        return _plain(cluster, request) or _on_resource(cluster, request, _target(cluster, request.path))
    except StatusError as error:
        return _json(error.code, error.body)


def _json(status: int, body: Any) -> Answer:
    return Answer(status, msgspec.json.encode(body) + b"\n")


def _text(status: int, text: bytes) -> Answer:
    return Answer(status, text, {"content-type": "text/plain; charset=utf-8"})


def _plain(cluster: FakeCluster, request: Request) -> Answer | None:
    """Answer what is no resource: versions, discovery, health; None for a path to a resource."""
    parts = request.path.strip("/").split("/")
    match parts:
        case ["api", _, _, *_]:
            return None
        case ["apis", group, _, _, *_] if cluster.catalog.has_group(group):
            return None
        case ["livez" | "readyz" | "healthz"]:
            return _text(200, b"ok")
    found = _document(cluster, request, parts)
    if found is None:
        return _text(404, b"404 page not found\n")
    if request.method != "GET":
        raise method_not_allowed()
    return _json(200, found)


def _document(cluster: FakeCluster, request: Request, parts: list[str]) -> Mapping[str, Any] | None:
    """Return the answer on a path of discovery; None where nothing is."""
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            address = {"clientCIDR": "0.0.0.0/0", "serverAddress": request.headers.get("host", "")}
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]}
        case ["apis"]:
            return cluster.catalog.group_list()
        case ["apis", group]:
            return cluster.catalog.group(group)
        case ["api", version]:
            return _known(cluster.catalog.resource_list("", version))
        case ["apis", group, version] if cluster.catalog.has_group(group):
            return _known(cluster.catalog.resource_list(group, version))
        case ["openapi", "v3"]:
            return openapi.index(cluster.catalog)
        case ["openapi", "v3", "api", version]:
            return openapi.document(cluster.catalog, "", version)
        case ["openapi", "v3", "apis", group, version]:
            return openapi.document(cluster.catalog, group, version)
    return None


def _known(found: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if found is None:
        raise no_such_path()
    return found


def _target(cluster: FakeCluster, path: str) -> Target:
    parts = path.strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = ""
    match rest:
        case ["namespaces", inside, plural, *more] if plural not in ("status", "finalize"):
            namespace, rest = inside, [plural, *more]
    kind = cluster.catalog.kind(group, version, rest[0])
    name, subresource = (*rest[1:], "", "")[:2]
    if kind is None or bool(namespace) > kind.namespaced or (name and bool(namespace) < kind.namespaced):
        raise no_such_path()
    if subresource and subresource not in kind.subresources:
        raise not_found(kind.plural, kind.group, name) if kind.is_custom else no_such_path()
    return Target(kind=kind, namespace=namespace, name=name, subresource=subresource)


def _on_resource(cluster: FakeCluster, request: Request, target: Target) -> Answer:
    kind = target.kind
    verb = (ON_OBJECT if target.name else ON_COLLECTION).get(request.method, "")
    resource = f"{kind.plural}/{target.subresource}" if target.subresource else kind.plural
    is_everywhere = kind.namespaced and not target.namespace
    if (verb not in kind.verbs and not target.subresource) or (is_everywhere and verb != "list"):
        raise method_not_allowed()
    asked = "watch" if verb == "list" and request.is_watch else verb
    cluster.access.authorize(asked, resource, kind.group, namespace=target.namespace, name=target.name)
    form = Form(request.headers.get("accept", ""), cluster.clock.now())
    if asked == "watch":
        return Answer(200, _watch(cluster, request, target, form))
    if asked == "list":
        options = read_options(request.query)
        validate(options, watch_list=cluster.watch_list)
        return _json(200, list_objects(cluster.store, kind, target.namespace, options, form))
    status, body = verbs.perform(
        cluster,
        verb,
        verbs.Call(
            kind=kind,
            namespace=target.namespace,
            name=target.name,
            subresource=target.subresource,
            query=request.query,
            media_type=request.headers.get("content-type", "application/json").partition(";")[0],
            body=request.body,
            form=form,
        ),
    )
    return _json(status, body)


def _watch(cluster: FakeCluster, request: Request, target: Target, form: Form) -> Frames:
    options = read_options(request.query)
    validate(options, watch_list=cluster.watch_list)
    if request.path in cluster.streams:
        return cluster.streams[request.path](target.kind, options)
    watch = Watch(cluster.store, target.kind, target.namespace, options, form)
    return _registered(cluster, watch, request.path)


async def _registered(cluster: FakeCluster, watch: Watch, path: str) -> Frames:
    cluster.watches[watch] = path
    try:
        async with aclosing(watch.frames()) as frames:
            async for frame in frames:
                yield frame
    finally:
        del cluster.watches[watch]
