"""A connection over which a vendor speaks to kwatch: texts in, texts out.

Like `kwatch.notify.http` it connects to vetted addresses only, keeps no cookie, uses no proxy of the environment, and
puts no URL into an error: that of a connection is a credential.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, DummyCookieJar, TCPConnector, WSMsgType

from kwatch.errors import Failure, Reason
from kwatch.notify.addresses import RefusedAddressError, vetted_socket
from kwatch.notify.base import Connection
from kwatch.notify.http import current_proxy, failed
from kwatch.notify.tls import client_context

_MOST = 1 << 20  # bytes of a text
_HEARTBEAT = 20.0  # seconds between pings; a peer that does not answer one is gone


class WebSocket:
    """An open connection."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def texts(self) -> AsyncIterator[str]:
        """Yield what comes, until the connection ends, however it does."""
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                yield message.data

    async def send(self, text: str) -> None:
        """Send a text; raise SendError where the connection has ended."""
        try:
            await self._socket.send_str(text)
        except (ClientError, OSError):
            raise failed(Failure.RETRY, Reason.RESET, "the connection has ended") from None


@asynccontextmanager
async def connect(url: str, connection: Connection) -> AsyncIterator[WebSocket]:
    """Open a connection; raise SendError where that fails."""
    context = client_context(connection.ca, connection.cert, connection.key)
    connector = TCPConnector(ssl=context, socket_factory=vetted_socket)
    proxy = current_proxy(connection)
    through = None if proxy is None else str(proxy.url)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar(), trust_env=False) as session:
        try:
            socket = await session.ws_connect(url, proxy=through, heartbeat=_HEARTBEAT, max_msg_size=_MOST)
        except (ClientError, OSError, ValueError, RefusedAddressError):  # TimeoutError is an OSError
            raise failed(Failure.RETRY, Reason.REFUSED, "no connection to listen on") from None
        async with socket:
            yield WebSocket(socket)
