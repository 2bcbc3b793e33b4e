"""Destinations on a port of this machine: any that answers requests, a webhook's receiver, a mail server.

Each refuses what the real one refuses and keeps what it took, for tests to read; `kwatch.testing.vendors` has more.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from aiohttp import web

Answering = Callable[[httpx.Request], Awaitable[httpx.Response]]


@asynccontextmanager
async def serve(answering: Answering, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Answer requests on a port of this machine; gives the URL, without a slash at its end."""

    async def handle(request: web.Request) -> web.Response:
        asked = httpx.Request(
            request.method, str(request.url), headers=list(request.headers.items()), content=await request.read()
        )
        answer = await answering(asked)
        return web.Response(status=answer.status_code, headers=answer.headers, body=answer.content)

    app = web.Application(client_max_size=8 << 20)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        yield f"{'https' if context else 'http'}://localhost:{port}"
    finally:
        await runner.cleanup()


class WebhookReceiver:
    """Takes JSON; with keys, only what is signed with one of them (Standard Webhooks)."""

    def __init__(self, *keys: str) -> None:
        self._keys = [base64.b64decode(key.removeprefix("whsec_")) for key in keys]
        self.requests: list[httpx.Request] = []  # that were taken

    @property
    def documents(self) -> list[Any]:
        """The decoded bodies that were taken."""
        return [json.loads(request.content) for request in self.requests]

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the request, unless its signature is wrong."""
        await request.aread()
        if self._keys and not self._is_signed(request):
            return httpx.Response(401)
        self.requests.append(request)
        return httpx.Response(204)

    def _is_signed(self, request: httpx.Request) -> bool:
        said = request.headers.get("webhook-signature", "").split()
        head = f"{request.headers.get('webhook-id')}.{request.headers.get('webhook-timestamp')}."
        digests = (hmac.digest(key, head.encode() + request.content, hashlib.sha256) for key in self._keys)
        return any(f"v1,{base64.b64encode(digest).decode()}" in said for digest in digests)


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail as the server took it."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    is_private: bool  # came over TLS


class MailServer:
    """A mail server on a port of this machine, on aiosmtpd (a development dependency)."""

    def __init__(self) -> None:
        self.mails: list[Mailed] = []
        self.replies: dict[str, str] = {}  # a recipient, or DATA → the reply instead of 250
        self.logins: list[tuple[str, bytes, bytes]] = []  # method, user, password

    @asynccontextmanager
    async def serve(
        self, *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, password: bytes = b""
    ) -> AsyncIterator[int]:
        """Listen; gives the port. With a password, mail is taken after AUTH only."""
        from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword  # noqa: PLC0415 - only here is it needed

        def authenticate(server: Any, session: Any, envelope: Any, method: str, given: Any) -> Any:
            if not isinstance(given, LoginPassword):
                return AuthResult(success=False, handled=False)
            self.logins.append((method, given.login, given.password))
            return AuthResult(success=given.password == password, handled=False)

        def protocol() -> Any:
            with warnings.catch_warnings(action="ignore"):  # aiosmtpd does not see that implicit TLS is TLS
                return SMTP(
                    self,
                    hostname="mail.example.com",
                    tls_context=starttls,
                    require_starttls=starttls is not None,
                    authenticator=authenticate,
                    auth_required=bool(password),
                    auth_require_tls=starttls is not None,
                    loop=asyncio.get_running_loop(),
                )

        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=implicit)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take or refuse a recipient."""
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take or refuse a mail."""
        reply = self.replies.get("DATA", "250 OK")
        if reply.startswith("250"):
            is_private = server.transport.get_extra_info("sslcontext") is not None
            self.mails.append(Mailed(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content, is_private))
        return reply
