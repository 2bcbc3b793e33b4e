"""What the tests of mail share: a channel, a mail that is read, servers that talk."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Content, Notification, Receipt, Thread
from kwatch.notify.base import Channel
from kwatch.notify.channels import smtp
from kwatch.testing.receivers import MailServer
from tests.notify.samples import ALONE, delivery, notification, tools_for

TWO = ["a@example.com", "b@example.com"]


def create(port: int | str = 25, **keys: Any) -> Channel:
    config = {"type": "smtp", "host": "localhost", "port": port, "tls": "none", "from": "kwatch@example.com", "to": TWO}
    return smtp.create(smtp.Config.model_validate({**config, **keys}), tools_for())


def mail(facts: Content | None = None, thread: Thread = ALONE, *, sequence: int = 1, **keys: Any) -> EmailMessage:
    """Return a rendered mail, parsed."""
    message = create(**keys).render(notification(facts, sequence=sequence), thread, degraded=False)
    parsed = message_from_bytes(message.body, EmailMessage, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def tell(channel: Channel, of: Notification | None = None, thread: Thread = ALONE) -> Receipt:
    """Render and send once."""
    made = of or notification()
    message = channel.render(made, thread, degraded=False)
    return await channel.send(message, delivery(made, message, thread))


def exchange(server: MailServer, *attempts: Callable[[Channel], Any], **keys: Any) -> None:
    """Make attempts through one channel to a server without TLS."""

    async def run() -> None:
        async with server.serve() as port:
            channel = create(port, **keys)
            for attempt in attempts:
                await attempt(channel)

    asyncio.run(run())


def failing(failure: Failure, reason: Reason) -> Callable[[Channel], Any]:
    """Return an attempt that has to fail so."""

    async def attempt(channel: Channel) -> None:
        with pytest.raises(SendError) as raised:
            await tell(channel)
        assert (raised.value.failure, raised.value.reason) == (failure, reason)

    return attempt


def talking(
    *lines: bytes, heard: list[bytes] | None = None, context: ssl.SSLContext | None = None
) -> tuple[int, threading.Thread]:
    """Listen once: send a line per line received, then hang up; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with listener, listener.accept()[0] as plain:
            connection = context.wrap_socket(plain, server_side=True) if context else plain
            with connection:
                for line in lines:
                    connection.sendall(line + b"\r\n")
                    received = connection.recv(65536)
                    if heard is not None:
                        heard.append(received)

    thread = threading.Thread(target=talk)
    thread.start()
    return listener.getsockname()[1], thread


def secured(server: MailServer, folder: Path, listen: dict[str, Any], **keys: Any) -> None:
    """Send once to a server that listens so, trusting its authority."""

    async def run() -> None:
        async with server.serve(**listen) as port:
            await tell(create(port, ca=folder / "ca.pem", **keys))

    asyncio.run(run())
