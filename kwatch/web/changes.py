"""Requests that change what kwatch does. Each needs the token (`access`), and answers once the change is durable."""

import json
from collections.abc import Mapping
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from kwatch.model.alerts import AlertView
from kwatch.model.silences import Silence
from kwatch.web import reports

_MOST = 64 * 1024  # bytes of a body
_LONGEST_ACTOR = 100
_LONGEST_COMMENT = 2000
#: The header in which a client says who asks; the token alone says that they may.
ACTOR = "x-kwatch-actor"


class Control(Protocol):
    """What the running kwatch lets be changed. Each may raise RefusedError, with the reason, and StateError."""

    @property
    def token(self) -> str:
        """Return the bearer token that a change needs."""
        ...

    async def add_silence(self, asked: Mapping[str, object], actor: str) -> tuple[Silence, int]:
        """Make a silence; return it with the number of open alerts that it matches now."""
        ...

    async def expire_silence(self, silence_id: str, actor: str) -> bool:
        """End a silence now; False: there is none of that id."""
        ...

    async def ack(self, target: str, actor: str, comment: str) -> tuple[AlertView, ...]:
        """Note that somebody takes care of an alert, or of all that an incident tells of; return those."""
        ...

    async def unack(self, target: str, actor: str) -> tuple[AlertView, ...]:
        """Take that back; return what was acknowledged."""
        ...

    async def retry_delivery(self, delivery_id: str, actor: str) -> bool:
        """Have a delivery attempted now, also one that was given up; False: there is none of that id."""
        ...

    async def drop_delivery(self, delivery_id: str, actor: str) -> bool:
        """End a delivery that is not to be told; False: there is none of that id."""
        ...


class Changes:
    """The endpoints."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def add_silence(self, request: Request) -> Response:
        """Answer 201 with the silence, and how many open alerts it matches now."""
        silence, matching = await self._control.add_silence(await _document(request), _actor(request))
        return JSONResponse({"silence": reports.silence_report(silence), "matching": matching}, status_code=201)

    async def expire_silence(self, request: Request) -> Response:
        """Answer 200 once the silence is over."""
        silence_id = request.path_params["silence_id"]
        if not await self._control.expire_silence(silence_id, _actor(request)):
            raise HTTPException(404, "there is no such silence: `kwatch silence list` shows those that are")
        return JSONResponse({"expired": silence_id})

    async def ack(self, request: Request) -> Response:
        """Answer 200 with the alerts that somebody takes care of now."""
        comment = _comment(await _document(request))
        alerts = await self._control.ack(request.path_params["target"], _actor(request), comment)
        return JSONResponse({"alerts": [reports.alert_report(alert) for alert in alerts]})

    async def unack(self, request: Request) -> Response:
        """Answer 200 with the alerts that nobody takes care of any more."""
        alerts = await self._control.unack(request.path_params["target"], _actor(request))
        return JSONResponse({"alerts": [reports.alert_report(alert) for alert in alerts]})

    async def retry_delivery(self, request: Request) -> Response:
        """Answer 200 once it is queued."""
        delivery_id = request.path_params["delivery_id"]
        if not await self._control.retry_delivery(delivery_id, _actor(request)):
            raise HTTPException(404, "there is no such delivery")
        return JSONResponse({"queued": delivery_id})

    async def drop_delivery(self, request: Request) -> Response:
        """Answer 200 once it is dropped."""
        delivery_id = request.path_params["delivery_id"]
        if not await self._control.drop_delivery(delivery_id, _actor(request)):
            raise HTTPException(404, "there is no such delivery")
        return JSONResponse({"dropped": delivery_id})


async def _document(request: Request) -> Mapping[str, object]:
    """Return the JSON object that was sent; nothing at all is an empty one."""
    try:
        document = json.loads(await body_of(request) or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return document


async def body_of(request: Request) -> bytes:
    """Return what was sent, if that is not too much."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST:
                raise HTTPException(413, f"a body has at most {_MOST} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the body ended too early") from None
    return body


def _comment(document: Mapping[str, object]) -> str:
    """Return the comment of an acknowledgement, in one line."""
    comment = document.get("comment", "")
    if not isinstance(comment, str) or len(comment) > _LONGEST_COMMENT or document.keys() - {"comment"}:
        raise HTTPException(400, f"the body may hold a comment, a text of at most {_LONGEST_COMMENT} characters")
    return " ".join(comment.encode(errors="replace").decode().split())


def _actor(request: Request) -> str:
    """Return who says to ask, for the audit log."""
    return actor_name(request.headers.get(ACTOR, ""))


def actor_name(said: str) -> str:
    """Return a name as it is kept."""
    return "".join(c for c in said if c.isprintable()).strip()[:_LONGEST_ACTOR] or "unknown"
