"""Chats over real sockets: every method and address that they use goes through the transport of production."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from kwatch.clock import Clock
from kwatch.model.notifications import NotificationKind, Thread
from kwatch.notify.base import Connection, Tools
from kwatch.notify.http import system_transport
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.discord import Discord, DiscordForum
from kwatch.testing.vendors.googlechat import GoogleChat
from kwatch.testing.vendors.matrix import Matrix
from kwatch.testing.vendors.mattermost import Mattermost, MattermostHook
from kwatch.testing.vendors.teams import Teams
from kwatch.testing.vendors.telegram import Telegram
from tests.notify.samples import alert, content


class Redirected(httpx.AsyncBaseTransport):
    """The transport of production, to a port of this machine whatever the address; the Host stays."""

    def __init__(self, connection: Connection, port: int) -> None:
        self._transport = system_transport(connection)
        self._port = port

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


@asynccontextmanager
async def over_sockets(vendor: Any, tools: Tools) -> AsyncIterator[Tools]:
    async def answer(request: web.Request) -> web.Response:
        address = f"https://{request.headers['Host']}{request.raw_path}"
        asked = httpx.Request(request.method, address, headers=dict(request.headers), content=await request.read())
        answered = await vendor.answer(asked)
        return web.Response(status=answered.status_code, body=answered.content)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield dataclasses.replace(tools, transport=lambda connection: Redirected(connection, port))
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("kind", "vendor", "edits", "is_below"),
    [
        ("discord", Discord, [1, 0], False),
        ("discord", DiscordForum, [1, 0], True),
        ("googlechat", GoogleChat, [0, 0], True),
        ("matrix", Matrix, [1, 0], True),
        ("mattermost", Mattermost, [1, 0], True),
        ("mattermost", MattermostHook, [0, 0], False),
        ("teams", Teams, [0, 0], False),
        ("telegram", Telegram, [1, 0], True),
    ],
)
def test_an_incident_is_told_over_sockets(
    kind: str, vendor: Callable[[Clock], Any], edits: list[int], is_below: bool, tmp_path: Path
) -> None:
    with Desk(import_module(f"kwatch.notify.channels.{kind}"), vendor, tmp_path, over_sockets) as desk:
        thread = Thread(desk.tell())
        desk.tell(content(alert(count=44), kind=NotificationKind.RESOLVED), thread, sequence=2)
        desk.run(desk.channel.close())
        root, end = desk.shown
    assert [root.edits, end.edits] == edits
    assert end.thread == (root.id if is_below else "")
    assert end.text.startswith("✅ RESOLVED after 12 m")
