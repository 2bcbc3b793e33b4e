"""`kwatch.cluster.wire.Wire` onto a fake cluster in the same process: no sockets, only the running loop's time."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from kwatch.cluster.wire import NOTHING, READ_LIMIT
from kwatch.errors import ClusterError
from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.faults import ConnectionDroppedError
from kwatch.testing.fake.requests import Answer, Request, answer

DROPPED = "connection reset by peer"


class FakeResponse:
    """An answer of the fake cluster."""

    def __init__(self, given: Answer, read_timeout: float | None) -> None:
        self._body = given.body
        self._read_timeout = read_timeout
        self.status = given.status
        self.headers = given.headers

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        body = b""
        async for piece in self.chunks():
            body += piece
            if len(body) > limit:
                raise ClusterError(f"the answer is longer than {limit} bytes")
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        if isinstance(self._body, bytes):
            yield self._body
            return
        while True:
            try:
                async with asyncio.timeout(self._read_timeout):
                    piece = await anext(self._body)
            except StopAsyncIteration:
                return
            except ConnectionDroppedError:
                raise ClusterError(DROPPED) from None
            yield piece


class FakeWire:
    """Requests to a fake cluster. `token` is sent as the bearer token and may be changed at any time."""

    def __init__(self, cluster: FakeCluster, *, token: str = "") -> None:
        self.token = token
        self._cluster = cluster

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        timeout: float | None = 30.0,  # noqa: ASYNC109 - the interface's word
        read_timeout: float | None = None,
    ) -> AsyncIterator[FakeResponse]:
        sent = {name.lower(): value for name, value in headers.items()} | {"authorization": f"Bearer {self.token}"}
        request = Request(method=method, path=path, query=query, headers=sent, body=body)
        async with asyncio.timeout(timeout):
            try:
                async with asyncio.timeout(read_timeout):
                    given = await answer(self._cluster, request)
            except ConnectionDroppedError:
                raise ClusterError(DROPPED) from None
            async with _closing(given):
                yield FakeResponse(given, read_timeout)


@asynccontextmanager
async def _closing(given: Answer) -> AsyncIterator[None]:
    """End a stream that its reader has left."""
    if isinstance(given.body, bytes):
        yield
        return
    async with aclosing(given.body):
        yield
