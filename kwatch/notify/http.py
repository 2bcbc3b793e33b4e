"""The way out over HTTP: one client per destination, one table of what an answer means.

Redirects are never followed, the environment's proxies are not used, no more of an answer is kept than is asked
for, and no URL, header or token gets into an error. The total time of an attempt is the caller's to bound.
"""

import functools
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

import httpx
import msgspec
from aiohttp import ClientHttpProxyError, ClientProxyConnectionError, ClientSession, DummyCookieJar, TCPConnector
from httpx_aiohttp import AiohttpTransport

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.notify.addresses import RefusedAddressError, vetted_socket
from kwatch.notify.base import ChannelConfig, Connection, Secret, Tools
from kwatch.notify.tls import client_context, load_identity

KEPT = 64 * 1024  # bytes of an answer, where no more is asked for
_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 5.0  # that a connection is kept; servers close theirs after a while, and a request may meet that
_HEADERS = {"User-Agent": "kwatch", "Accept-Encoding": "identity"}
_PARSED_URLS = 16  # kept; most destinations have one
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 3600.0

#: Status → failure and reason (spec 3.3); the rest by hundreds, in `_meaning`.
_STATUSES: Mapping[int, tuple[Failure, Reason]] = {
    400: (Failure.MESSAGE, Reason.REJECTED),
    401: (Failure.DESTINATION, Reason.UNAUTHORIZED),
    403: (Failure.DESTINATION, Reason.UNAUTHORIZED),
    404: (Failure.DESTINATION, Reason.NOT_FOUND),
    405: (Failure.DESTINATION, Reason.REJECTED),
    407: (Failure.DESTINATION, Reason.UNAUTHORIZED),
    408: (Failure.RETRY, Reason.TIMEOUT),
    410: (Failure.DESTINATION, Reason.GONE),
    413: (Failure.MESSAGE, Reason.TOO_LARGE),
    415: (Failure.DESTINATION, Reason.REJECTED),
    422: (Failure.MESSAGE, Reason.REJECTED),
    425: (Failure.RETRY, Reason.UNAVAILABLE),
    429: (Failure.PACE, Reason.RATE_LIMITED),
    451: (Failure.DESTINATION, Reason.REJECTED),
    503: (Failure.RETRY, Reason.UNAVAILABLE),
}


#: What a server says in TLS of a client without a certificate that it takes, or that it does not agree with at all.
_ALERTS = re.compile(r"_ALERT_(HANDSHAKE_FAILURE|UNKNOWN_CA|ACCESS_DENIED|\w*CERTIFICATE)")


class Reply(NamedTuple):
    """An answer; the body may be cut, the keys of the headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def system_transport(connection: Connection) -> httpx.AsyncBaseTransport:
    """Return the transport of production: aiohttp's, which takes a fifth of httpx's own time per request."""
    context = client_context(connection.ca, connection.cert, connection.key)
    transport = AiohttpTransport(verify=context, trust_env=False, client=lambda: _session(context))
    if connection.cert is None and connection.proxy is None:
        return transport
    return _Renewed(transport, context, connection)


def current_proxy(connection: Connection) -> httpx.Proxy | None:
    """Return the proxy as its secret is now; raise PermanentSendError (DESTINATION, SECRET) where that is no URL."""
    if connection.proxy is None:
        return None
    url = connection.read(connection.proxy) if isinstance(connection.proxy, Secret) else connection.proxy
    try:
        proxy = httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError):
        raise failed(Failure.DESTINATION, Reason.SECRET, "the secret of the proxy is no URL") from None
    proxy.url, proxy.auth = httpx.URL(url), None  # aiohttp takes a login from the URL, and soon from nowhere else
    return proxy


def _session(context: ssl.SSLContext) -> ClientSession:
    """Return a session that connects to vetted addresses only, and keeps no cookie."""
    connector = TCPConnector(ssl=context, keepalive_timeout=_IDLE_SECONDS, socket_factory=vetted_socket)
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar())


class _Renewed(httpx.AsyncBaseTransport):
    """Uses certificate and proxy as they are now, for both are renewed; a connection that is kept keeps its own."""

    def __init__(self, transport: AiohttpTransport, context: ssl.SSLContext, connection: Connection) -> None:
        self._transport = transport
        self._context = context
        self._connection = connection

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Load the files, which are small and local, and send."""
        cert, key = self._connection.cert, self._connection.key
        try:
            if cert is not None:
                load_identity(self._context, cert, key)
        except OSError:  # ssl.SSLError is one
            raise failed(Failure.DESTINATION, Reason.SECRET, "cert or key cannot be used") from None
        self._transport.proxy = current_proxy(self._connection)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class HttpClient:
    """Sends to one destination.

    It speaks to the transport itself: httpx's client would keep cookies and log every URL.
    """

    def __init__(self, config: ChannelConfig, tools: Tools) -> None:
        self._transport = tools.transport(config.connection(tools.read))
        seconds = config.timeout.total_seconds()
        self._timeout = {"connect": _CONNECT_SECONDS, "pool": seconds, "read": seconds, "write": seconds}
        self._parsed = functools.lru_cache(_PARSED_URLS)(httpx.URL)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post once and return whatever answer comes; raise SendError when none does."""
        return await self.send("POST", url, body, headers)

    async def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, keep: int = KEPT) -> Reply:
        """Send once and return whatever answer comes, `keep` bytes of it; raise SendError when none does."""
        fields = [(name.encode(), value.encode()) for name, value in merged(_HEADERS, headers).items()]
        with _Failures():
            extensions = {"timeout": self._timeout}
            request = httpx.Request(method, self._parsed(url), headers=fields, content=body, extensions=extensions)
            response = await self._transport.handle_async_request(request)
            try:
                return await _read(response, keep)
            finally:
                await response.aclose()

    async def send_json(
        self, method: str, url: str, document: Mapping[str, Any], headers: Mapping[str, str] = MappingProxyType({})
    ) -> Reply:
        """Send a document once and return whatever answer comes; raise SendError when none does."""
        kind = {"Content-Type": "application/json"}
        return await self.send(method, url, msgspec.json.encode(document), {**kind, **headers})

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def merged(*parts: Mapping[str, str]) -> dict[str, str]:
    """Return headers as one: of a name that comes again in any case the last counts."""
    named = {name.lower(): (name, value) for part in parts for name, value in part.items()}
    return dict(named.values())


def with_query(url: str, query: Mapping[str, str], path: str = "") -> str:
    """Return the URL with more path and more of a query; raise PermanentSendError for what is no URL."""
    try:
        parsed = httpx.URL(url)
        return str(parsed.copy_with(path=parsed.path + path).copy_merge_params(query))
    except httpx.InvalidURL:
        raise failed(Failure.DESTINATION, Reason.SECRET, "the address of the destination is not a URL") from None


def document_of(reply: Reply) -> Mapping[str, Any]:
    """Return the JSON object that was answered; an empty one for anything else, and what is nested without end."""
    try:
        decoded = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def found(tree: object, *keys: str) -> Any:
    """Return what stands at a path of an answer; None where there is no such place."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


async def _read(response: httpx.Response, keep: int) -> Reply:
    """Read what is kept of an answer, and no more."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    is_packed = headers.get("content-encoding", "identity").lower() in {"gzip", "x-gzip", "deflate"}
    stream: AsyncIterable[bytes] = response.stream  # type: ignore[assignment]  # an async transport gave it
    packed = zlib.decompressobj(wbits=47) if is_packed else None
    return Reply(response.status_code, headers, await _first(stream, keep, packed))


async def _first(stream: AsyncIterable[bytes], keep: int, packed: "zlib._Decompress | None") -> bytes:
    """Return the first bytes of a body; what is packed though nobody asked for it is unpacked only as far as needed.

    httpx would unpack each chunk whole, and 64 KiB of gzip may be 64 MiB.
    """
    kept = bytearray()
    async for chunk in stream:
        try:
            kept += packed.decompress(chunk, keep - len(kept)) if packed else chunk
        except zlib.error:
            break
        if len(kept) >= keep:
            break
    return bytes(kept[:keep])


def classify(reply: Reply) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure."""
    if 200 <= reply.status <= 299:
        return None
    failure, reason = _meaning(reply.status)
    pause = retry_after(reply.headers)
    if reply.status == 503 and pause is not None:
        failure = Failure.PACE
    detail = f"the {'proxy' if reply.status == 407 else 'destination'} answered {reply.status}"
    return failed(failure, reason, detail, pause if failure is Failure.PACE else None)


def failed(failure: Failure, reason: Reason, detail: str, pause: float | None = None) -> SendError:
    """Return the error of the right class for a failure."""
    is_permanent = failure in {Failure.MESSAGE, Failure.DESTINATION}
    return (PermanentSendError if is_permanent else RetryableSendError)(failure, reason, detail, retry_after=pause)


def _meaning(status: int) -> tuple[Failure, Reason]:
    if status in _STATUSES:
        return _STATUSES[status]
    match status // 100:
        case 3:
            return Failure.DESTINATION, Reason.REDIRECT
        case 4:
            return Failure.MESSAGE, Reason.REJECTED
        case 5:
            return Failure.AMBIGUOUS, Reason.SERVER
        case _:
            return Failure.AMBIGUOUS, Reason.BAD_REPLY


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the pause that was asked for, in seconds from 1 to 3600, or None.

    A date counts from the answer's own `Date`, as the two clocks need not agree (RFC 9110 10.2.3).
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        until, sent = _date(value), _date(headers.get("date", ""))
        if until is None or sent is None:
            return None
        seconds = (until - sent).total_seconds()
    return clamped(seconds)


def clamped(pause: object) -> float | None:
    """Return a pause in seconds from 1 to 3600, as it was asked for in a document; None for what is no number."""
    if isinstance(pause, bool) or not isinstance(pause, (int, float)):
        return None
    return max(_SHORTEST_PAUSE, min(float(pause), _LONGEST_PAUSE))  # 1 for what is no number


def _date(value: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return parsed if parsed.tzinfo else None


class _Failures:
    """Turns what the client raises into a SendError, without the cause: it may hold the URL."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError)):
            raise transport_failure(error) from None


def transport_failure(error: BaseException) -> SendError:
    """Return what an exception of the client means: was the request perhaps accepted?"""
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return failed(Failure.DESTINATION, Reason.TLS, "the certificate of the destination is not trusted")
    if any(isinstance(cause, RefusedAddressError) for cause in causes):
        return failed(Failure.DESTINATION, Reason.ADDRESS, "the destination has an address that none may have")
    if any(isinstance(cause, ssl.SSLError) and _ALERTS.search(str(cause)) for cause in causes):
        return failed(
            Failure.DESTINATION, Reason.TLS, "the destination refuses the connection: it may want cert and key"
        )
    if isinstance(error, httpx.ProxyError) or any(isinstance(cause, ClientProxyConnectionError) for cause in causes):
        return _no_tunnel(causes)
    if isinstance(error, httpx.ConnectError) or any(hasattr(cause, "os_error") for cause in causes):
        return _not_connected(causes)
    if isinstance(error, httpx.ConnectTimeout) and _is_timeout(error):
        return failed(Failure.RETRY, Reason.CONNECT_TIMEOUT, "no connection in time")
    if isinstance(error, (httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError)):
        return failed(Failure.DESTINATION, Reason.OTHER, "the address of the destination cannot be used")
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return failed(Failure.AMBIGUOUS, Reason.TIMEOUT, "no answer in time")
    return failed(Failure.AMBIGUOUS, Reason.RESET, "the connection ended before the answer did")


def _no_tunnel(causes: tuple[BaseException, ...]) -> SendError:
    """Return why a proxy did not connect us; nothing was sent, so it is tried again unless it never will."""
    statuses = [cause.status for cause in causes if isinstance(cause, ClientHttpProxyError)]
    if not statuses:
        return failed(Failure.RETRY, Reason.REFUSED, "the proxy cannot be reached")
    is_final = statuses[0] // 100 == 4 and statuses[0] not in {408, 425, 429}
    reason = Reason.REJECTED if statuses[0] not in {403, 407} else Reason.UNAUTHORIZED
    detail = f"the proxy answered {statuses[0]}"
    return failed(Failure.DESTINATION, reason, detail) if is_final else failed(Failure.RETRY, Reason.REFUSED, detail)


def _is_timeout(error: httpx.ConnectTimeout) -> bool:
    """Tell a real one: httpx-aiohttp 0.2.0 gives ConnectTimeout for every lost connection, too."""
    return error.__cause__ is None or isinstance(error.__cause__, TimeoutError)


def _not_connected(causes: tuple[BaseException, ...]) -> SendError:
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return failed(Failure.RETRY, Reason.TLS, "no TLS with the destination")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return failed(Failure.RETRY, Reason.DNS, "the name of the destination is not known")
    return failed(Failure.RETRY, Reason.REFUSED, "the destination refuses the connection")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what is behind it; aiohttp keeps that in attributes, too."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            hidden = (getattr(current, name, None) for name in ("os_error", "certificate_error"))
            waiting += [current.__cause__, current.__context__, *hidden]
