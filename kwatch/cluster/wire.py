"""HTTP as the Kubernetes client needs it: what `AiohttpWire` is over a socket, and the fake API server in memory."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Protocol

NOTHING: Mapping[str, str] = MappingProxyType({})

#: Bytes of a body that `Response.read` takes at most, unless told otherwise.
READ_LIMIT = 64 << 20


class Response(Protocol):
    """An answer whose head has arrived and whose body is still to be read, once.

    `headers` has lower-case keys. Bodies come decompressed.
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        """Return the whole body. Raise ClusterError when it is longer than `limit` bytes or breaks off."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield pieces of the body as they arrive, never empty ones; line ends may be anywhere in them.

        The iteration ends where the server ends the body. Raise ClusterError when it breaks off, TimeoutError
        after `read_timeout` of silence.
        """
        ...


class Wire(Protocol):
    """One API server, with credentials. Any status is an answer, not an error."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        timeout: float | None = 30.0,
        read_timeout: float | None = None,
    ) -> AbstractAsyncContextManager[Response]:
        """Send one request; leaving the context ends it, read or not.

        `path` starts with a slash and is below the server's root. `timeout`: seconds for the whole request, body
        included; None: no limit (watches). `read_timeout`: the longest silence in seconds, before the head and between
        pieces. Raise TimeoutError for either, ClusterError (without a status) when there is no connection.
        """
        ...
