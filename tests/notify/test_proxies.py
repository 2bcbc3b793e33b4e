"""Proxies that ask who we are, over real sockets: the user and the password are a secret, and are read anew."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, Reason, SendError
from kwatch.notify.base import Channel, ChannelConfig, Secret
from kwatch.notify.channels import webhook
from kwatch.notify.http import system_transport
from kwatch.notify.websocket import connect
from tests.notify.samples import ALONE, delivery, notification, tools_for

ANN = "Basic YW5uOnBAc3M="  # ann:p@ss
BOB = "Basic Ym9iOg=="  # bob:


class Proxy:
    """Gives every tunnel and every request the same answer, and keeps who asked."""

    def __init__(self, answer: str = "407 Proxy Authentication Required") -> None:
        self._answer = answer
        self.asked: list[tuple[str, str]] = []  # the first line, and who said to be there

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        said = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        self.asked.append((line, said.get("proxy-authorization", "")))
        writer.write(f"HTTP/1.1 {self._answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def served(proxy: Proxy) -> AsyncIterator[int]:
    """Serve a proxy on this machine; gives the port."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def create(url: str, secret: Path) -> Channel:
    config = webhook.Config.model_validate({"type": "webhook", "url": url, "proxy": {"file": secret}})
    return webhook.create(config, dataclasses.replace(tools_for(), transport=system_transport))


async def tell(channel: Channel) -> SendError:
    message = channel.render(notification(), ALONE, degraded=False)
    with pytest.raises(SendError) as raised:
        await channel.send(message, delivery(notification(), message))
    return raised.value


def test_a_proxy_is_told_who_we_are_as_its_secret_says_now(tmp_path: Path) -> None:
    secret, proxy = tmp_path / "proxy", Proxy()

    async def play() -> None:
        async with served(proxy) as port:
            channel = create("https://hooks.example.com/in", secret)
            secret.write_text(f"http://ann:p%40ss@127.0.0.1:{port}\n")
            await tell(channel)
            secret.write_text(f"http://bob@127.0.0.1:{port}")
            await tell(channel)
            secret.write_text(f"http://127.0.0.1:{port}")
            await tell(channel)
            await channel.close()

    asyncio.run(play())
    tunnel = "CONNECT hooks.example.com:443 HTTP/1.1"
    assert proxy.asked == [(tunnel, ANN), (tunnel, BOB), (tunnel, "")]


def test_what_goes_in_clear_text_arrives_by_it_too(tmp_path: Path) -> None:
    secret, proxy = tmp_path / "proxy", Proxy("200 OK")

    async def play() -> None:
        async with served(proxy) as port:
            secret.write_text(f"http://ann:p%40ss@127.0.0.1:{port}")
            channel = create("http://hooks.example.com/in", secret)
            message = channel.render(notification(), ALONE, degraded=False)
            await channel.send(message, delivery(notification(), message))
            await channel.close()

    asyncio.run(play())
    assert proxy.asked == [("POST http://hooks.example.com/in HTTP/1.1", ANN)]


def test_a_connection_to_listen_on_goes_through_it_too(tmp_path: Path) -> None:
    secret, proxy = tmp_path / "proxy", Proxy()
    config = ChannelConfig.model_validate({"type": "slack", "proxy": {"file": secret}})

    async def play() -> None:
        async with served(proxy) as port:
            secret.write_text(f"http://ann:p%40ss@127.0.0.1:{port}")
            with pytest.raises(SendError):
                async with connect("wss://wss.example.com/link", config.connection(Secret.read)):
                    pass

    asyncio.run(play())
    assert proxy.asked == [("CONNECT wss.example.com:443 HTTP/1.1", ANN)]


@pytest.mark.parametrize("content", ["", "ann:p@ss@proxy", "ftp://ann:p@ss@proxy:21", "http://ann:p@ss@proxy:x"])
def test_a_secret_that_is_no_proxy_suspends_and_is_not_told(tmp_path: Path, content: str) -> None:
    secret = tmp_path / "proxy"
    secret.write_text(content)

    async def play() -> SendError:
        channel = create("https://hooks.example.com/in", secret)
        error = await tell(channel)
        await channel.close()
        return error

    error = asyncio.run(play())
    assert (error.failure, error.reason) == (Failure.DESTINATION, Reason.SECRET)
    assert "ann" not in str(error)
    assert "p@ss" not in repr(error)


def test_a_proxy_that_is_not_there_is_not_taken_for_the_destination(tmp_path: Path) -> None:
    secret = tmp_path / "proxy"

    async def play() -> SendError:
        async with served(Proxy()) as port:
            pass
        secret.write_text(f"http://ann:p%40ss@127.0.0.1:{port}")
        channel = create("https://hooks.example.com/in", secret)
        error = await tell(channel)
        await channel.close()
        return error

    error = asyncio.run(play())
    assert (error.failure, error.reason, error.detail) == (
        Failure.RETRY,
        Reason.REFUSED,
        "the proxy cannot be reached",
    )


def test_a_user_never_stands_in_the_configuration() -> None:
    with pytest.raises(ValidationError, match="where it has a user"):
        ChannelConfig.model_validate({"type": "webhook", "proxy": "http://ann:p%40ss@proxy:3128"})
