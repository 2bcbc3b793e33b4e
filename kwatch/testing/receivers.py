"""Destinations that keep their vendors' contracts: Slack, a webhook's receiver, a mail server.

Each refuses what the real one refuses and keeps what it took, for tests to read. Slack and webhook answer requests as
plain functions; `transport_to` puts them behind an HTTP client without a socket, `serve` behind one.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import ssl
import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
from aiohttp import web

_PING = re.compile(r"<!(?:here|channel|everyone|subteam)|<@")
_LINK = re.compile(r"<https?://")


class Request(NamedTuple):
    """What arrived; the keys of the headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What goes back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


Answering = Callable[[Request], Answer]


def transport_to(answering: Answering) -> httpx.MockTransport:
    """Return a transport whose every request is answered by the function."""

    def handle(request: httpx.Request) -> httpx.Response:
        answer = answering(Request(request.url.path, dict(request.headers), request.content))
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    return httpx.MockTransport(handle)


@asynccontextmanager
async def serve(answering: Answering, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Answer requests on a port of this machine; gives the URL, without a slash at its end."""

    async def handle(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = answering(Request(request.path, headers, await request.read()))
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)

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


@dataclass(slots=True)
class Posted:
    """A message in Slack as it is now, with how it was before each edit."""

    channel: str
    ts: str
    thread_ts: str
    text: str
    blocks: list[Any]
    metadata: Mapping[str, Any]
    edits: list["Posted"] = field(default_factory=list)

    @property
    def all_text(self) -> str:
        """Everything that people can read, in reading order."""
        return "\n".join(str(text) for text in _texts(self.blocks)) or self.text

    @property
    def pings(self) -> list[str]:
        """The mentions that Slack would act on."""
        parsed = [text["text"] for text in _text_objects(self.blocks) if text["type"] == "mrkdwn"]
        return [ping for text in (parsed or [self.text]) for ping in _PING.findall(text)]

    @property
    def links(self) -> list[str]:
        """The links with a text of their own that Slack would show."""
        parsed = [text["text"] for text in _text_objects(self.blocks) if text["type"] == "mrkdwn"]
        return [link for text in (parsed or [self.text]) for link in _LINK.findall(text)]


class SlackServer:
    """A workspace with channels that a bot is in, and incoming webhooks below `/services/`."""

    def __init__(self, token: str, channels: Mapping[str, str]) -> None:
        self._token = token
        self._channels = channels  # name → id
        self._count = 0
        self.messages: list[Posted] = []  # in the order of posting
        self.refusals: list[str] = []  # errors that were answered
        self.next_answers: deque[Answer] = deque()  # instead of what it would do

    def roots(self) -> list[Posted]:
        """Return the messages that are in no thread."""
        return [message for message in self.messages if not message.thread_ts]

    def thread(self, root: Posted) -> list[Posted]:
        """Return the answers below a message."""
        return [message for message in self.messages if message.thread_ts == root.ts]

    def answer(self, request: Request) -> Answer:
        """Do what the request asks for, if Slack would."""
        if self.next_answers:
            return self.next_answers.popleft()
        payload = json.loads(request.body)
        if "/services/" in request.path:
            return self._answer_webhook(payload)
        answer = self._answer_api(request, payload)
        if not answer["ok"]:
            self.refusals.append(answer["error"])
        return Answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _answer_webhook(self, payload: Mapping[str, Any]) -> Answer:
        if limit_broken(payload):
            self.refusals.append("invalid_payload")
            return Answer(400, b"invalid_payload")
        self._post("webhook", payload)
        return Answer(200, b"ok")

    def _answer_api(self, request: Request, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return _error("invalid_auth")
        broken = limit_broken(payload)
        if broken:
            return _error(broken)
        channel = self._channels.get(payload["channel"], payload["channel"])
        if channel not in self._channels.values():
            return _error("channel_not_found")
        match request.path.rpartition("/")[2]:
            case "chat.postMessage":
                return self._answer_post(channel, payload)
            case "chat.update":
                return self._answer_update(channel, payload)
            case _:
                return _error("unknown_method")

    def _answer_post(self, channel: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        thread_ts = payload.get("thread_ts", "")
        if thread_ts and self._find(channel, thread_ts) is None:
            return _error("thread_not_found")
        return {"ok": True, "channel": channel, "ts": self._post(channel, payload).ts}

    def _answer_update(self, channel: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        message = self._find(channel, payload["ts"])
        if payload["channel"] in self._channels or message is None:
            return _error("message_not_found")  # an update wants the channel's id
        if payload.get("parse") != "none" or payload.get("link_names") is not False:
            return _error("invalid_arguments")  # stricter than Slack, whose defaults mention people
        before = [block["type"] for block in message.blocks]
        after = [block["type"] for block in payload["blocks"]]
        if payload["blocks"] and before.count("rich_text") != after.count("rich_text"):
            return _error("block_mismatch")
        message.edits.append(
            Posted(channel, message.ts, message.thread_ts, message.text, message.blocks, message.metadata)
        )
        message.text, message.blocks = payload["text"], payload["blocks"]
        return {"ok": True, "channel": channel, "ts": message.ts}

    def _find(self, channel: str, ts: str) -> Posted | None:
        return next((message for message in self.messages if (message.channel, message.ts) == (channel, ts)), None)

    def _post(self, channel: str, payload: Mapping[str, Any]) -> Posted:
        self._count += 1
        ts = f"1700000000.{self._count:06}"
        thread_ts, metadata = payload.get("thread_ts", ""), payload.get("metadata", {})
        message = Posted(channel, ts, thread_ts, payload["text"], payload.get("blocks", []), metadata)
        self.messages.append(message)
        return message


def limit_broken(payload: Mapping[str, Any]) -> str:
    """Return Slack's error for a message that is over a limit or badly formed, or nothing."""
    blocks = payload.get("blocks", [])
    if len(payload.get("text", "")) > 40_000:
        return "msg_too_long"
    if not blocks and not payload.get("text"):
        return "no_text"
    if len(json.dumps(payload.get("metadata", {}))) > 8000:
        return "metadata_too_large"
    is_valid = len(blocks) <= 50 and all(_is_valid_block(block) for block in blocks)
    return "" if is_valid else "invalid_blocks"


def _is_valid_block(block: Mapping[str, Any]) -> bool:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
            return 1 <= len(text) <= 150
        case {"type": "section"}:
            fields = block.get("fields", [])
            texts = [block["text"]] if "text" in block else []
            is_short = all(_is_text(text, 3000) for text in texts) and all(_is_text(text, 2000) for text in fields)
            return bool(texts or fields) and len(fields) <= 10 and is_short
        case {"type": "context", "elements": [_, *_] as elements}:
            return len(elements) <= 10 and all(_is_text(element, 3000) for element in elements)
        case {"type": "rich_text", "elements": [_, *_] as elements}:
            texts = list(_texts(elements))
            return all(texts) and sum(len(text) for text in texts) <= 12_000
        case _:
            return False


def _is_text(text: Mapping[str, Any], limit: int) -> bool:
    return text["type"] in {"mrkdwn", "plain_text"} and 1 <= len(text["text"]) <= limit


def _text_objects(tree: Any) -> Iterator[Mapping[str, Any]]:
    match tree:
        case {"type": "mrkdwn" | "plain_text" | "text", "text": str()}:
            yield tree
        case list():
            for item in tree:
                yield from _text_objects(item)
        case dict():
            for item in tree.values():
                yield from _text_objects(item)


def _texts(tree: Any) -> Iterator[str]:
    for text in _text_objects(tree):
        yield text["text"]


def _error(word: str) -> Mapping[str, Any]:
    return {"ok": False, "error": word}


class WebhookReceiver:
    """Takes JSON; with keys, only what is signed with one of them (Standard Webhooks)."""

    def __init__(self, *keys: str) -> None:
        self._keys = [base64.b64decode(key.removeprefix("whsec_")) for key in keys]
        self.requests: list[Request] = []  # that were taken
        self.next_answers: deque[Answer] = deque()

    @property
    def documents(self) -> list[Any]:
        """The decoded bodies that were taken."""
        return [json.loads(request.body) for request in self.requests]

    def answer(self, request: Request) -> Answer:
        """Take the request, unless its signature is wrong."""
        if self.next_answers:
            return self.next_answers.popleft()
        if self._keys and not self._is_signed(request):
            return Answer(401)
        self.requests.append(request)
        return Answer(204)

    def _is_signed(self, request: Request) -> bool:
        said = request.headers.get("webhook-signature", "").split()
        head = f"{request.headers.get('webhook-id')}.{request.headers.get('webhook-timestamp')}."
        digests = (hmac.digest(key, head.encode() + request.body, hashlib.sha256) for key in self._keys)
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
