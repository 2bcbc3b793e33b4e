"""The few requests that kwatch makes of an API server: get, list by pages, watch, fetch one object.

Statuses become errors here; bodies stay bytes, so that each caller decodes only what it needs. Nothing is retried here.
See https://kubernetes.io/docs/reference/using-api/api-concepts/ for lists, watches and their parameters.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from kwatch.cluster.wire import NOTHING, Response, Wire
from kwatch.errors import ClusterError, ForbiddenError, GoneError, UnauthorizedError
from kwatch.model.objects import Resource, Source

LIST_LIMIT = 256 << 20  # bytes of one page of a list; an object has at most 1.5 MiB, most have less than 10 KiB
LIST_TIMEOUT = 60.0  # seconds for one page
ERROR_LIMIT = 64 << 10  # bytes of an error's body that are read

_METADATA = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_ERRORS: Mapping[int, type[ClusterError]] = {401: UnauthorizedError, 403: ForbiddenError, 410: GoneError}


class Page(msgspec.Struct, frozen=True):
    """A part of a list. Every page of one list has the same resource version."""

    items: tuple[msgspec.Raw, ...]
    resource_version: str


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: Annotated[str, msgspec.Meta(max_length=256)] = ""
    continue_: str = msgspec.field(name="continue", default="")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: tuple[msgspec.Raw, ...] | None = None


class _Status(msgspec.Struct):
    """https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/"""

    code: int | None = None
    message: str | None = None


_LIST = msgspec.json.Decoder(_List)
_STATUS = msgspec.json.Decoder(_Status)


def error_of(status: int, message: str, retry_after: float | None = None) -> ClusterError:
    """Return the error that stands for a status of the API server, given as the answer's or inside a stream."""
    return _ERRORS.get(status, ClusterError)(message, status=status, retry_after=retry_after)


class KubeClient:
    """One API server. Every method raises ClusterError or one of its kinds, and TimeoutError."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        #: Whether the server may be asked to send a list as a watch; set to False for good by the first refusal.
        self.has_watch_list = True

    async def get(self, path: str, query: Mapping[str, str] = NOTHING, headers: Mapping[str, str] = NOTHING) -> Any:
        """Return the decoded JSON of one GET."""
        async with self._wire.request("GET", path, query=query, headers=headers) as response:
            await _check(response)
            return _decode(msgspec.json.decode, await response.read())

    async def list_pages(self, source: Source, *, limit: int = 500) -> AsyncIterator[Page]:
        """Yield a source's objects, `limit` at a time. GoneError in the middle: the list must start again."""
        query = {"limit": str(limit)}
        headers = {"Accept": _accept(source.metadata_only, _METADATA_LIST), "Accept-Encoding": "gzip"}
        while True:
            async with self._wire.request(
                "GET", collection_path(source), query=query, headers=headers, timeout=LIST_TIMEOUT
            ) as response:
                await _check(response)
                body = await response.read(LIST_LIMIT)
            page: _List = _decode(_LIST.decode, body)
            yield Page(page.items or (), page.metadata.resource_version)
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_

    @contextlib.asynccontextmanager
    async def watch(
        self, source: Source, *, resource_version: str, initial: bool, timeout_seconds: int, read_timeout: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch and give its pieces; once inside, the server has accepted it.

        `initial` asks for what is there as a list inside the stream (KEP-3157), `resource_version` is then left out.
        `timeout_seconds`: when the server shall end it; `read_timeout`: the longest silence in seconds.
        """
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(timeout_seconds)}
        if initial:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        else:
            query |= {"resourceVersion": resource_version}
        headers = {"Accept": _accept(source.metadata_only, _METADATA), "Accept-Encoding": "identity"}
        async with self._wire.request(
            "GET", collection_path(source), query=query, headers=headers, timeout=None, read_timeout=read_timeout
        ) as response:
            await _check(response)
            yield response.chunks()

    async def fetch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        metadata_only: bool,
        timeout: float,  # noqa: ASYNC109 - handed to the wire
    ) -> bytes | None:
        """Return one object as JSON; None when it is not there. `timeout` in seconds."""
        path = f"{collection_path(Source(resource, namespace))}/{quote(name, safe='')}"
        headers = {"Accept": _accept(metadata_only, _METADATA)}
        async with self._wire.request("GET", path, headers=headers, timeout=timeout) as response:
            if response.status == 404:
                return None
            await _check(response)
            return await response.read()


def collection_path(source: Source) -> str:
    """Return the path that lists a source's objects."""
    scope = f"/namespaces/{quote(source.namespace, safe='')}" if source.namespace else ""
    return f"{source.resource.path}{scope}/{source.resource.plural}"


def _accept(metadata_only: bool, form: str) -> str:
    return f"application/json;{form}" if metadata_only else "application/json"


async def _check(response: Response) -> None:
    """Raise what a status other than 2xx stands for; its body may be a Status object, HTML, or nothing."""
    if 200 <= response.status < 300:
        return
    body = await response.read(ERROR_LIMIT)
    try:
        message = _STATUS.decode(body).message or ""
    except msgspec.DecodeError:
        message = ""
    raise error_of(
        response.status, message or f"the API server answered {response.status}", _retry_after(response.headers)
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After; the API server never sends its date form."""
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None


def _decode(decode: Any, body: bytes) -> Any:
    try:
        return decode(body)
    except msgspec.DecodeError as error:
        raise ClusterError(f"the API server sent no valid answer: {error}") from error
