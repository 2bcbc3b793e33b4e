"""The workspace of `slack`, with an app in Socket Mode whose buttons people press.

The connection is a real one, to a port of this machine. Slack's side of the protocol is that of
https://docs.slack.dev/apis/events-api/using-socket-mode: an URL is asked for with the app's own token and is good for
one connection; a click goes to one of the connections, and has to be acknowledged there within three seconds.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from aiohttp import WSMsgType, web

from kwatch.testing.vendors import CANARY
from kwatch.testing.vendors.slack import Posted, Slack

APP_TOKEN = f"xapp-1-{CANARY}"
_ACK_SECONDS = 3.0


class SlackButtons(Slack):
    """A workspace with the people ann (U0ANN), bob (U0BOB, in the group S0OPS) and eve (U0EVE)."""

    #: No message needs the app's token, so it is none of `secrets`.
    keys: Mapping[str, Any] = {**Slack.keys, "app_token": {"env": "SLACK_APP_TOKEN"}, "allow": ["U0ANN", "S0OPS"]}
    groups: Mapping[str, tuple[str, ...]] = {"S0OPS": ("U0BOB",)}

    url = "ws://127.0.0.1:1"  # where it listens, once it does

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._numbers = itertools.count(1)
        self._tickets: set[str] = set()
        self._connected = asyncio.Condition()
        self._acks: dict[str, asyncio.Event] = {}
        self.sockets: list[web.WebSocketResponse] = []  # that are open, the newest last
        self.connections = 0  # so far
        self.whispers: list[tuple[str, str]] = []  # to whom, what

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, if Slack would."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        match request.url.path.rpartition("/")[2]:
            case "apps.connections.open":
                return _answer(self._open(token))
            case "usergroups.users.list":
                users = self.groups.get(request.url.params.get("usergroup", ""))
                return _answer(
                    {"ok": False, "error": "no_such_subteam"} if users is None else {"ok": True, "users": users}
                )
            case "chat.postEphemeral":
                payload = json.loads(await request.aread())
                self.whispers.append((payload["user"], payload["text"]))
                return _answer({"ok": True, "message_ts": "1.000001"})
            case _:
                return await super().answer(request)

    def _open(self, token: str) -> Mapping[str, Any]:
        if token != APP_TOKEN:
            return {"ok": False, "error": "not_allowed_token_type" if token.startswith("xoxb-") else "invalid_auth"}
        ticket = f"{CANARY}-{next(self._numbers)}"
        self._tickets.add(ticket)
        return {"ok": True, "url": f"{self.url}/link?ticket={ticket}"}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take connections on a port of this machine."""
        app = web.Application()
        app.router.add_get("/link", self._link)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self.sockets) + 1})
        async with self._connected:
            self.connections += 1
            self.sockets.append(socket)
            self._connected.notify_all()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._acks[json.loads(message.data)["envelope_id"]].set()
        self.sockets.remove(socket)
        return socket

    async def connected(self, count: int) -> None:
        """Wait until there have been so many connections."""
        async with self._connected:
            await self._connected.wait_for(lambda: self.connections >= count)

    async def press(self, message: Posted, action: str, user: str, option: int = 0) -> Mapping[str, Any]:
        """Press a button, or choose of a menu; return the envelope, once it is acknowledged."""
        elements = [each for block in message.blocks if block["type"] == "actions" for each in block["elements"]]
        pressed = next(each for each in elements if each["action_id"] == action)
        chosen = pressed["options"][option] if "options" in pressed else pressed
        return await self.send(chosen["value"], message.channel, user, is_option="options" in pressed)

    async def send(self, value: str, channel: str, user: str, *, is_option: bool = False) -> Mapping[str, Any]:
        """Press what has a value, which nobody may have been offered."""
        number = next(self._numbers)
        said = {"selected_option": {"value": value}} if is_option else {"value": value}
        envelope = {
            "type": "interactive",
            "envelope_id": f"e-{number}",
            "accepts_response_payload": False,
            "payload": {
                "type": "block_actions",
                "user": {"id": user, "username": user[2:].lower()},
                "channel": {"id": channel},
                "actions": [{"action_ts": f"1767268800.{number:06}", **said}],
            },
        }
        await self.deliver(envelope)
        return envelope

    async def deliver(self, envelope: Mapping[str, Any]) -> None:
        """Send an envelope, perhaps once more; raise TimeoutError where it is not acknowledged in time."""
        acknowledged = self._acks[envelope["envelope_id"]] = asyncio.Event()
        await self.sockets[-1].send_json(envelope)
        async with asyncio.timeout(_ACK_SECONDS):
            await acknowledged.wait()

    async def refresh(self) -> None:
        """End the connection as Slack does every few hours, after it has said so."""
        await self.sockets[-1].send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def cut(self) -> None:
        """End the connection without having said so."""
        await self.sockets[-1].close()


def _answer(document: Mapping[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=document)
