"""Paths to views, and who may see them.

`/healthz`, `/readyz` and `/metrics` answer anyone. Pages and `/api/v1` answer clients on this machine only, by the
address of the connection: forwarded-for headers are not read, as anyone can write one. The `Host` must then be a
loopback name too, or a web page anywhere could have a browser on this machine read them (DNS rebinding).
"""

import ipaddress
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kwatch.errors import StateError
from kwatch.model.notifications import DeliveryState
from kwatch.web import views
from kwatch.web.assets import Assets
from kwatch.web.metrics import CONTENT_TYPE, exposition
from kwatch.web.reasons import Reasons, reasons_report

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_RECENT = 30
_MOST = 1000

_SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Board(views.Board, Protocol):
    """What the running kwatch lets its readers see, and why."""

    async def why(self, subject: str) -> Reasons:
        """Return why a subject is told, or not: a fingerprint, or an object as `Kind/namespace/name`."""
        ...


def create_app(board: Board) -> Starlette:
    """Build the application that shows `board`."""
    endpoints = _Endpoints(board)
    return Starlette(
        routes=[
            Route("/", endpoints.status),
            Route("/kwatch.css", endpoints.stylesheet),
            Route("/healthz", endpoints.healthz),
            Route("/readyz", endpoints.readyz),
            Route("/metrics", endpoints.metrics),
            Route("/api/v1/alerts", endpoints.alerts),
            Route("/api/v1/why/{subject:path}", endpoints.why),
            Route("/api/v1/deliveries", endpoints.deliveries),
            Route("/api/v1/deliveries/{delivery_id:path}", endpoints.delivery),
        ],
        middleware=[Middleware(_SecurityHeaders), Middleware(_LoopbackOnly)],
        exception_handlers={HTTPException: _refuse, StateError: _cannot_read},
    )


class _Endpoints:
    def __init__(self, board: Board) -> None:
        self._board = board
        self._assets = Assets()

    async def status(self, _: Request) -> Response:
        deliveries = await self._board.deliveries((), _RECENT)
        counts = await self._board.delivery_counts()
        page = views.status_page(await self._board.overview(), deliveries, counts)
        return HTMLResponse(self._assets.page.render(page=page))

    async def stylesheet(self, _: Request) -> Response:
        return Response(self._assets.stylesheet, media_type="text/css")

    async def healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(self, _: Request) -> Response:
        overview = await self._board.overview()
        is_ready = views.readiness(overview) is not views.Readiness.NOT_READY
        return JSONResponse(views.readiness_report(overview), status_code=200 if is_ready else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(exposition(await self._board.overview(), self._board.counters()), media_type=CONTENT_TYPE)

    async def alerts(self, _: Request) -> Response:
        overview = await self._board.overview()
        return JSONResponse({"alerts": [views.alert_report(alert) for alert in overview.alerts]})

    async def deliveries(self, request: Request) -> Response:
        deliveries = await self._board.deliveries(_states(request), _limit(request))
        return JSONResponse({"deliveries": [views.delivery_report(delivery) for delivery in deliveries]})

    async def delivery(self, request: Request) -> Response:
        found = await self._board.delivery(request.path_params["delivery_id"])
        if found is None:
            raise HTTPException(404, "there is no such delivery")
        return JSONResponse(views.delivery_story(*found))

    async def why(self, request: Request) -> Response:
        return JSONResponse(reasons_report(await self._board.why(request.path_params["subject"])))


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not (text.isdecimal() and 1 <= int(text) <= _MOST):
        raise HTTPException(400, f"limit must be a number from 1 to {_MOST}")
    return int(text)


def _states(request: Request) -> tuple[DeliveryState, ...]:
    words = {state.value: state for state in DeliveryState}
    asked = request.query_params.getlist("state")
    if unknown := [word for word in asked if word not in words]:
        raise HTTPException(400, f"there is no state {unknown[0]!r}; there is {', '.join(words)}")
    return tuple(words[word] for word in asked)


async def _refuse(_: Request, refusal: Exception) -> Response:
    """Answer an HTTPException as JSON; nothing else is registered to come here."""
    if not isinstance(refusal, HTTPException):
        raise refusal
    return JSONResponse({"error": refusal.detail}, status_code=refusal.status_code, headers=refusal.headers)


async def _cannot_read(_: Request, error: Exception) -> Response:
    """Answer for a page that shows what is stored, while the store cannot be read."""
    return JSONResponse({"error": str(error)}, status_code=503)


class _SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _LoopbackOnly:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS or _is_local(scope):
            await self._app(scope, receive, send)
            return
        answer = JSONResponse({"error": "answered on this machine only; use kubectl port-forward"}, status_code=403)
        await answer(scope, receive, send)


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
