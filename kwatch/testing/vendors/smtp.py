"""A mail server that wants TLS and a password, and the mailbox behind it, read as mail programs do.

Needs aiosmtpd and trustme, which are development dependencies. Threads are held by References (RFC 5322 3.6.4).
"""

import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from kwatch.clock import Clock
from kwatch.testing.receivers import MailServer
from kwatch.testing.vendors import CANARY, Shown


class Mailbox:
    """What `team@example.com` has got; the keys are complete while it is served."""

    def __init__(self, clock: Clock) -> None:
        self.server = MailServer()
        self.keys: Mapping[str, Any] = {}

    secrets: Mapping[str, str] = {"password": CANARY}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Take mails over STARTTLS."""
        import trustme  # noqa: PLC0415 - only here is it needed

        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        with tempfile.TemporaryDirectory() as folder:
            authority.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))
            async with self.server.serve(starttls=context, password=CANARY.encode()) as port:
                self.keys = {
                    "host": "localhost",
                    "port": port,
                    "tls": "starttls",
                    "ca": str(Path(folder) / "ca.pem"),
                    "username": "kwatch",
                    "password": {"file": "password"},
                    "from": "kwatch@example.com",
                    "to": "team@example.com",
                }
                yield

    def shown(self) -> list[Shown]:
        """Return the mails, each below the one that it refers to."""
        return [self._shown(mailed.content) for mailed in self.server.mails]

    def _shown(self, content: bytes) -> Shown:
        mail = message_from_bytes(content, EmailMessage, policy=policy.default)
        plain, page = mail.get_body(("plain",)), _Page()
        if (html := mail.get_body(("html",))) is not None:
            page.feed(html.get_content())
        text = plain.get_content().replace("\r\n", "\n") if plain is not None else page.text
        root, subject = mail.get("References", "").split()[:1], mail["Subject"].strip()
        return Shown(
            id=mail["Message-ID"], text=f"{subject}\n{text}", thread="".join(root), links=tuple(page.addresses)
        )


class _Page(HTMLParser):
    """What a mail's HTML shows and leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note every address that is followed or loaded."""
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "background"}]

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data
