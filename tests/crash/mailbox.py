"""A mail server that keeps every mail, as a webhook's receiver does its requests: a Message-ID is the key of a mail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.smtp import SMTP

from tests.crash.history import Receipt
from tests.crash.receiver import Mood, Receiver

#: What a mail says, for a program: what it is about, and a line for each alert.
TEXT = (
    "of {{ incident }} {{ sequence }} {{ kind }}\\n"
    "{% for alert in alerts %}alert {{ alert.labels.name }} {{ alert.state }} {{ alert.is_late }}\\n{% endfor %}"
)
_TAKEN = "250 it is taken"


class Mailbox(Receiver):
    """What was mailed, in order. It is slow or not, and cuts nobody off: kwatch would wait for a minute."""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        """Take mails on a port of this machine while the context is open; give the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Server(self, loop=loop), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """Begin a mail."""
        self.passed("arriving")
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep a mail, and answer."""
        await self.keep(read(asyncio.get_running_loop().time(), envelope.content))
        if self.mood is Mood.SLOW:
            await asyncio.sleep(self.rng.uniform(0, 0.1))
        return _TAKEN


class _Server(SMTP):
    """One connection."""

    async def push(self, status: Any) -> None:
        """Send a reply."""
        await super().push(status)
        if status == _TAKEN:
            self.event_handler.passed("answered")


def read(at: float, content: bytes) -> Receipt:
    """Return what a mail says."""
    mail = message_from_bytes(content, policy=policy.default)
    plain = mail.get_body(("plain",))
    if plain is None:
        raise AssertionError("a mail without a text")
    lines = [line.split() for line in plain.get_content().splitlines()]
    ((incident, sequence, kind),) = (words for mark, *words in filter(None, lines) if mark == "of")
    alerts = [words for mark, *words in filter(None, lines) if mark == "alert"]
    return Receipt(
        at=at,
        id=mail["Message-ID"],
        incident=incident,
        sequence=int(sequence),
        kind=kind,
        firing=frozenset(name for name, state, _ in alerts if state == "firing"),
        ended=frozenset(name for name, state, _ in alerts if state != "firing"),
        late=frozenset(name for name, _, is_late in alerts if is_late == "True"),
        body=content,
    )
