"""Slack's Socket Mode: hears of clicks over a connection that kwatch opens, so nothing has to reach kwatch.

An envelope is acknowledged as soon as it is read, within Slack's three seconds, and the work comes after, one click
after another. Slack ends each connection after a while and says so before; then the next one is opened. Nothing is told
apart as a repetition here: a click may arrive only as one. slack-sdk's own client is not used: it takes proxies of the
environment, connects to any address, writes the connection's URL to the log, and opens an URL again that has expired.
https://docs.slack.dev/apis/events-api/using-socket-mode, https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from kwatch.clock import Clock
from kwatch.errors import SendError
from kwatch.model.identity import click_id
from kwatch.notify.base import Connection
from kwatch.notify.clicks import Click
from kwatch.notify.websocket import WebSocket, connect

log = logging.getLogger(__name__)

_MOST = 100  # clicks that wait; what is more is dropped, and the log says so
_SHORTEST, _LONGEST = 1.0, 60.0  # seconds between attempts to connect


class SocketMode:
    """One listener; `open_url` asks Slack where to connect, for one connection, and raises SendError."""

    def __init__(self, name: str, open_url: Callable[[], Awaitable[str]], connection: Connection, clock: Clock) -> None:
        self._name = name
        self._open_url = open_url
        self._connection = connection
        self._clock = clock
        self._waiting: asyncio.Queue[Click] = asyncio.Queue(_MOST)

    async def run(self, take: Callable[[Click], Awaitable[None]]) -> None:
        """Hand on clicks until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_connected(), name=f"socket of {self._name}")
            while True:
                await take(await self._waiting.get())

    async def _stay_connected(self) -> None:
        pause = _SHORTEST
        while True:
            began_at, asked = self._clock.monotonic(), 0.0
            try:
                async with connect(await self._open_url(), self._connection) as socket:
                    await self._listen(socket)
            except SendError as error:
                asked = error.retry_after or 0.0
                log.warning("buttons do not work", extra={"destination": self._name, "error": str(error)})
            except Exception:
                log.exception("listening failed by a bug", extra={"destination": self._name})
            lasted = self._clock.monotonic() - began_at
            await self._clock.sleep(max(pause - lasted, asked))
            pause = _SHORTEST if lasted > _LONGEST else min(2 * pause, _LONGEST)

    async def _listen(self, socket: WebSocket) -> None:
        """Read until the connection ends, or Slack wants the next one opened."""
        async for text in socket.texts():
            document = _document(text)
            match document.get("type"):
                case "hello":
                    log.info("buttons work", extra={"destination": self._name})
                case "disconnect":
                    return
                case _:
                    await self._receive(socket, document)

    async def _receive(self, socket: WebSocket, document: dict[str, Any]) -> None:
        """Acknowledge an envelope, and keep the clicks in it."""
        request = SocketModeRequest.from_dict(document)
        if request is None:
            return
        await socket.send(json.dumps(SocketModeResponse(request.envelope_id).to_dict()))
        for click in clicks_in(request):
            if self._waiting.full():
                log.warning("a click was dropped: too many wait", extra={"destination": self._name})
            else:
                self._waiting.put_nowait(click)


def clicks_in(request: SocketModeRequest) -> tuple[Click, ...]:
    """Return the clicks on kwatch's buttons of an envelope; a button that is a link has no value. Pure."""
    payload = request.payload
    if request.type != "interactive" or payload.get("type") != "block_actions":
        return ()
    user, room = payload.get("user") or {}, (payload.get("channel") or {}).get("id")
    found = []
    for action in payload.get("actions") or ():
        value = (action.get("selected_option") or action).get("value")
        if value:
            who, when = str(user.get("id")), str(action.get("action_ts"))
            found.append(
                Click(
                    names=(("envelope", str(request.envelope_id), when), ("action", when, who)),
                    id=click_id(when, who, str(value)),
                    user=who,
                    user_name=str(user.get("username") or user.get("name") or "somebody"),
                    value=str(value),
                    room=str(room),
                )
            )
    return tuple(found)


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
