"""Who is answered, and who may change something.

Pages and `/api/v1` answer clients on this machine only, by the address of the connection: forwarded-for headers are
not read, as anyone can write one. The `Host` must then be a loopback name too, or a web page anywhere could have a
browser on this machine read them (DNS rebinding). What changes something needs the bearer token besides, in a header or
in the form of a page: no browser adds it by itself, so no other page can have one change anything (CSRF).
"""

import hmac
import ipaddress
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


#: Pages whose forms carry the token, which `Forms` looks at.
FORMS = "/deliveries/"


def is_token(given: str, token: str) -> bool:
    """Whether it is the token; takes as long for one that is nearly."""
    return hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())


class LoopbackOnly:
    """Refuse other machines whatever does not answer anyone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or go on."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS or _is_local(scope):
            await self._app(scope, receive, send)
            return
        answer = JSONResponse({"error": "answered on this machine only; use kubectl port-forward"}, status_code=403)
        await answer(scope, receive, send)


class TokenForChanges:
    """Refuse every method that does not only read, without the token; on any path but those of forms."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 without a token, 403 with another one, or go on."""
        if scope["type"] != "http" or scope["method"] in _READING or scope["path"].startswith(FORMS):
            await self._app(scope, receive, send)
            return
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            headers = {"www-authenticate": "Bearer"}
            error = {"error": "a change needs the bearer token of the state folder"}
            await JSONResponse(error, status_code=401, headers=headers)(scope, receive, send)
        elif not is_token(given, self._token):
            error = {"error": "this is not the token of this kwatch's state folder"}
            await JSONResponse(error, status_code=403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    client: tuple[Any, ...] | None = scope.get("client")
    return client is not None and _is_loopback(client[0]) and _is_loopback(_host_name(Headers(scope=scope)))


def _host_name(headers: Headers) -> str:
    """Return the name in the `Host` header, without the port."""
    host = headers.get("host", "")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
