"""Matrix: a room, by the client-server API, with edits and threads.

Contract: https://spec.matrix.org/latest/client-server-api/ (#put_matrixclientv3roomsroomidsendeventtypetxnid,
#size-limits, #event-replacements, #threading, #user-and-room-mentions, #rate-limiting). The transaction's id is the
notification's, so what is sent again is the same event. `m.mentions` is in every event: without it, clients look for
names in the text.
Rooms that are encrypted cannot be told.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from pydantic import Field

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, SeverityWord, Tools
from kwatch.notify.chat import Body, Chat, LostError
from kwatch.notify.escape import html, html_code, unmentioned
from kwatch.notify.http import HttpClient, Reply, clamped, classify, document_of, failed, found
from kwatch.notify.markup import Markup, whole_text
from kwatch.notify.page import Page, fitting

_CONTENT = 22_000  # bytes: an event may have 65,536 in all, and an edit holds its content twice
_UNKNOWN = "unknown event"  # Synapse on a relation to what is not there


class Config(ChannelConfig):
    """The keys of `type: matrix`."""

    limited_by: ClassVar[tuple[str, ...]] = ("server", "token")

    #: Synapse takes 12 events a minute, 10 at once, unless its admin allows more; an update is two.
    pace: PaceWords | None = PaceWords(per_minute=10, burst=5)
    #: The homeserver, without a slash at its end.
    server: Annotated[str, Field(pattern=r"^https?://[^@\s]+[^/\s]$")]
    #: An access token of a user that is in the room.
    token: Secret
    #: The room's id (not an alias); the room must not be encrypted.
    room: Annotated[str, Field(pattern=r"^![^\s/]{1,254}$")]
    #: Whom to alert when an incident of a severity opens, or rises to it: `{critical: "@room"}` or a user's id.
    mention: Mapping[SeverityWord, Annotated[str, Field(pattern=r"^@(room|[^\s:]+:[^\s]+)$")]] = {}

    @property
    def can_edit(self) -> bool:
        """A user edits its own messages."""
        return True


def _text(text: str) -> str:
    return html(text).replace("\n", "<br>")


_HTML = Markup(
    text=_text,
    bold=lambda text: f"<strong>{text}</strong>",
    quote=lambda text: f"<pre><code>{html_code(text)}</code></pre>",
    link=lambda url: f'<a href="{html_code(url)}">{html_code(url)}</a>',
    newline="<br>",
)
_PLAIN = Markup(text=unmentioned, quote=unmentioned)


class Matrix:
    """One room."""

    can_edit = True

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)

    def write(self, page: Page, mention: str) -> Body:
        """Return the content of an event, in HTML and as a text."""

        def content(part: Page) -> Body:
            formatted = f"{html_code(mention)} {whole_text(part, _HTML)}".strip()
            return {**_plain(part, mention), "format": "org.matrix.custom.html", "formatted_body": formatted}

        return fitting(page, content, _fits)

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return the content of an event, as a text."""
        return fitting(page, lambda part: _plain(part, mention), _fits)

    async def post(self, body: Body, key: str) -> Receipt:
        """Send an event to the room."""
        event = (await self._send(body, key)).get("event_id")
        if not isinstance(event, str):
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the homeserver's answer names no event")
        return Receipt({"event": event})

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Send an event that takes the place of another, if that is still to be seen."""
        event = quote(root.values["event"], safe="")
        reply = await self._call("GET", f"event/{event}", None)
        if reply.status == 404 or found(document_of(reply), "unsigned", "redacted_because") is not None:
            raise LostError("the event to edit is not there")
        relation = {"rel_type": "m.replace", "event_id": root.values["event"]}
        said = {"body": f"* {body['body']}", "m.new_content": body, "m.relates_to": relation}
        await self._send({**body, **said}, key, is_relation=True)

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Send an event to the thread of another."""
        event = {"event_id": root.values["event"]}
        relation = {"rel_type": "m.thread", **event, "is_falling_back": True, "m.in_reply_to": event}
        await self._send({**body, "m.relates_to": relation}, key, is_relation=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, content: Body, key: str, *, is_relation: bool = False) -> Mapping[str, Any]:
        reply = await self._call("PUT", f"send/m.room.message/{quote(key, safe='')}", content)
        failure = failure_of(reply)
        if failure is None:
            return document_of(reply)
        if is_relation and _UNKNOWN in str(document_of(reply).get("error", "")).lower():
            raise LostError("the homeserver does not know the event")
        raise failure

    async def _call(self, method: str, path: str, content: Body | None) -> Reply:
        url = f"{self._config.server}/_matrix/client/v3/rooms/{quote(self._config.room, safe='')}/{path}"
        headers = {"Authorization": f"Bearer {self._read(self._config.token)}"}
        if content is None:
            return await self._client.send(method, url, b"", headers)
        return await self._client.send_json(method, url, content, headers)


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, Matrix(config, tools), config.mention)


def failure_of(reply: Reply) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure."""
    failure, pause = classify(reply), document_of(reply).get("retry_after_ms")
    if failure is not None and failure.failure is Failure.PACE and isinstance(pause, (int, float)):
        return failed(Failure.PACE, Reason.RATE_LIMITED, failure.detail, clamped(pause / 1000))
    return failure


# Writing. Pure.


def _plain(page: Page, mention: str) -> Body:
    return {
        "msgtype": "m.notice" if page.is_quiet else "m.text",  # a notice makes no sound
        "body": f"{mention} {whole_text(page, _PLAIN)}".strip(),
        "m.mentions": {"room": True} if mention == "@room" else {"user_ids": [mention]} if mention else {},
    }


def _fits(content: Body) -> bool:
    return len(msgspec.json.encode(content)) <= _CONTENT
