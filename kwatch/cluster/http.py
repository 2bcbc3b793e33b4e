"""HTTP to the API server over aiohttp: the one real `Wire`.

Per request: the Authorization header and the TLS context of that moment. No redirect is followed and no cookie kept, so
a token goes to the API server and nowhere else. aiohttp's defaults that would end a watch (300 s in all, 100
connections) are off.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

import aiohttp
import yarl

from kwatch import __version__
from kwatch.cluster.credentials import Access, Credentials
from kwatch.cluster.wire import NOTHING, READ_LIMIT
from kwatch.errors import ClusterError

CONNECT_TIMEOUT = 10.0  # seconds for TCP and TLS
READ_BUFFER = 128 << 10  # bytes; a piece has at most twice as much, about 2 ms of decoding on the loop


class AiohttpWire:
    """Requests with the given credentials. Must be made inside a running event loop."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BUFFER,
            headers={"User-Agent": f"kwatch/{__version__}"},
        )

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        timeout: float | None = 30.0,  # noqa: ASYNC109 - aiohttp's own limits cover the body, read after this returns
        read_timeout: float | None = None,
    ) -> AsyncIterator["AiohttpResponse"]:
        """See `Wire.request`. A 401 is answered once with credentials that were read again."""
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT, sock_read=read_timeout)
        access = await self._credentials.access()
        response = await self._send(access, method, path, query, headers, body, limits)
        if response.status == 401 and (renewed := await self._credentials.renew(access)):
            response.close()
            response = await self._send(renewed, method, path, query, headers, body, limits)
        try:
            yield AiohttpResponse(response)
        finally:
            _let_go(response)

    async def _send(
        self,
        access: Access,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        with _translated():
            return await self._session.request(
                method,
                yarl.URL(access.server + path, encoded=True).update_query(query),
                headers=[*headers.items(), *access.headers],
                data=body or None,
                allow_redirects=False,
                proxy=access.proxy or None,
                ssl=access.tls or True,
                server_hostname=access.tls_server_name or None,
                timeout=limits,
            )

    async def close(self) -> None:
        """End all requests and connections; for whoever made it."""
        await self._session.close()


def _let_go(response: aiohttp.ClientResponse) -> None:
    """Give the connection back; one whose body was not read to its end is cut.

    Closed in order, TLS would wait for the server's good-bye, also after the loop has ended.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.release()


class AiohttpResponse:
    """See `Response`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self.chunks():
            size += len(piece)
            if size > limit:
                raise ClusterError(f"the API server sent a body of more than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        content = self._response.content
        while True:
            with _translated():
                piece = await content.readany()
            if not piece:
                return
            yield piece


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise aiohttp's errors as those of `Wire`; a time-out of aiohttp is a TimeoutError and a ClientError."""
    try:
        yield
    except TimeoutError as error:
        raise TimeoutError("the API server did not answer in time") from error
    except aiohttp.ClientConnectorError as error:  # its own text shows the memory address of the TLS context
        raise ClusterError(f"no connection to the API server {error.host}:{error.port}: {error.strerror}") from error
    except aiohttp.ClientError as error:
        raise ClusterError(f"no connection to the API server: {str(error) or type(error).__name__}") from error
