"""A server on a port of this machine that does wrong with a connection, and a webhook that is sent there."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from kwatch.clock import SystemClock
from kwatch.errors import SendError
from kwatch.model.notifications import Delivery, DeliveryState, Receipt, Thread
from kwatch.notify.base import Channel, Tools
from kwatch.notify.channels import webhook
from kwatch.notify.http import system_transport
from kwatch.notify.render import TemplateEngine
from kwatch.testing.samples import START, notification

#: What is done with a connection once its request has been read.
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(behave: Behaviour, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Read requests and behave; gives the URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0")
            await reader.readexactly(int(length.partition(b":")[2]))
            await behave(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"{'https' if context else 'http'}://localhost:{port}/"


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer on the wire."""
    head = "\r\n".join((f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""))
    return head.encode() + body


def saying(*parts: bytes) -> Behaviour:
    """Answer with these bytes."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return behave


async def never(_: asyncio.StreamWriter) -> None:
    """Accept, and say nothing until the client has gone."""
    await asyncio.Future()


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Answer well, a byte each 50 ms: two seconds in all."""
    for byte in answer("200 OK")[:40]:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset(writer: asyncio.StreamWriter) -> None:
    """Reset the connection: the request has been read, and there is no answer."""
    writer.transport.abort()


def channel_to(url: str, **keys: Any) -> Channel:
    """Return a webhook as it is shipped, over real connections."""
    config = webhook.Config.model_validate({"type": "webhook", "name": "hook", "url": url, **keys})
    clock = SystemClock()
    return webhook.create(
        config,
        Tools(
            clock=clock,
            templates=TemplateEngine(clock),
            transport=system_transport,
            instance="kwatch.test",
            secret="s",
            stdout=io.StringIO(),
        ),
    )


async def attempt(url: str, *, seconds: float = 5.0, **keys: Any) -> Receipt | SendError | TimeoutError:
    """Send one message, cut after so many seconds as the outbox does; return what came of it."""
    channel = channel_to(url, **keys)
    note = msgspec.structs.replace(notification(1), created_at=START)
    message = channel.render(note, Thread(), degraded=False)
    try:
        async with asyncio.timeout(seconds):
            return await channel.send(message, Delivery(notification=note, state=DeliveryState.LEASED, due_at=START))
    except (SendError, TimeoutError) as error:
        return error
    finally:
        await channel.close()
