"""Paths to views and to changes; `access` says who is answered."""

from typing import Protocol

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kwatch.errors import RefusedError, StateError
from kwatch.model.notifications import DeliveryState
from kwatch.web import reports, views
from kwatch.web.access import LoopbackOnly, TokenForChanges
from kwatch.web.assets import Assets
from kwatch.web.changes import Changes, Control
from kwatch.web.delivery_page import delivery_page
from kwatch.web.forms import Forms
from kwatch.web.metrics import CONTENT_TYPE, exposition
from kwatch.web.reasons import Reasons, reasons_report
from kwatch.web.status_page import status_page

_RECENT = 30
_MOST = 1000

_SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
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


def create_app(board: Board, control: Control) -> Starlette:
    """Build the application that shows `board`, and changes through `control` what it is asked to."""
    endpoints, changes, forms = _Endpoints(board), Changes(control), Forms(control)
    return Starlette(
        routes=[
            Route("/", endpoints.status),
            Route("/kwatch.css", endpoints.stylesheet),
            Route("/deliveries/{delivery_id:path}/retry", forms.retry, methods=["POST"]),
            Route("/deliveries/{delivery_id:path}/drop", forms.drop, methods=["POST"]),
            Route("/deliveries/{delivery_id:path}", endpoints.delivery_page),
            Route("/healthz", endpoints.healthz),
            Route("/readyz", endpoints.readyz),
            Route("/metrics", endpoints.metrics),
            Route("/api/v1/alerts", endpoints.alerts),
            Route("/api/v1/alerts/{target:path}/ack", changes.ack, methods=["POST"]),
            Route("/api/v1/alerts/{target:path}/ack", changes.unack, methods=["DELETE"]),
            Route("/api/v1/audit", endpoints.audit),
            Route("/api/v1/silences", endpoints.silences),
            Route("/api/v1/silences", changes.add_silence, methods=["POST"]),
            Route("/api/v1/silences/{silence_id}", changes.expire_silence, methods=["DELETE"]),
            Route("/api/v1/why/{subject:path}", endpoints.why),
            Route("/api/v1/deliveries", endpoints.deliveries),
            Route("/api/v1/deliveries/{delivery_id:path}/retry", changes.retry_delivery, methods=["POST"]),
            Route("/api/v1/deliveries/{delivery_id:path}", endpoints.delivery),
            Route("/api/v1/deliveries/{delivery_id:path}", changes.drop_delivery, methods=["DELETE"]),
        ],
        middleware=[
            Middleware(_SecurityHeaders),
            Middleware(LoopbackOnly),
            Middleware(TokenForChanges, token=control.token),
        ],
        exception_handlers={HTTPException: _refuse, RefusedError: _decline, StateError: _cannot_read},
    )


class _Endpoints:
    def __init__(self, board: Board) -> None:
        self._board = board
        self._assets = Assets()

    async def status(self, _: Request) -> Response:
        deliveries = await self._board.deliveries((), _RECENT)
        counts = await self._board.delivery_counts()
        page = status_page(await self._board.overview(), deliveries, counts, self._board.muted())
        return HTMLResponse(self._assets.page.render(page=page))

    async def stylesheet(self, _: Request) -> Response:
        return Response(self._assets.stylesheet, media_type="text/css")

    async def healthz(self, _: Request) -> Response:
        """Answer 200 as long as kwatch lives: what is degraded is not mended by a restart."""
        why = self._board.degraded()
        return PlainTextResponse(f"degraded: {why}\n" if why else "ok\n")

    async def readyz(self, _: Request) -> Response:
        overview = await self._board.overview()
        is_ready = views.readiness(overview) is not views.Readiness.NOT_READY
        return JSONResponse(reports.readiness_report(overview), status_code=200 if is_ready else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(exposition(await self._board.overview(), self._board.counters()), media_type=CONTENT_TYPE)

    async def alerts(self, _: Request) -> Response:
        overview, muted = await self._board.overview(), self._board.muted()
        return JSONResponse(
            {"alerts": [reports.alert_report(alert, muted.get(alert.fingerprint, "")) for alert in overview.alerts]}
        )

    async def audit(self, request: Request) -> Response:
        entries = await self._board.audit(_limit(request))
        return JSONResponse({"changes": [reports.audit_report(entry) for entry in entries]})

    async def silences(self, _: Request) -> Response:
        overview = await self._board.overview()
        return JSONResponse({"silences": [reports.silence_report(silence) for silence in overview.silences]})

    async def deliveries(self, request: Request) -> Response:
        destination = request.query_params.get("destination", "")
        deliveries = await self._board.deliveries(_states(request), _limit(request), destination)
        return JSONResponse({"deliveries": [reports.delivery_report(delivery) for delivery in deliveries]})

    async def delivery(self, request: Request) -> Response:
        found = await self._board.delivery(request.path_params["delivery_id"])
        if found is None:
            raise HTTPException(404, "there is no such delivery")
        folded = await self._board.folded(request.path_params["delivery_id"], _MOST)
        return JSONResponse(reports.delivery_story(*found, folded))

    async def delivery_page(self, request: Request) -> Response:
        found = await self._board.delivery(request.path_params["delivery_id"])
        if found is None:
            raise HTTPException(404, "there is no such delivery")
        folded = await self._board.folded(request.path_params["delivery_id"], _RECENT)
        return HTMLResponse(self._assets.delivery.render(page=delivery_page(*found, folded)))

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


async def _decline(_: Request, error: Exception) -> Response:
    """Answer for a change that is not made, with the reason."""
    return JSONResponse({"error": str(error)}, status_code=400)


async def _cannot_read(_: Request, error: Exception) -> Response:
    """Answer for what is stored, while the store cannot be read or written."""
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
