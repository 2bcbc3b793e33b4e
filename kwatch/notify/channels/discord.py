"""Discord: an incoming webhook, whose messages are embeds that it can edit.

Contract: https://docs.discord.com/developers/resources/webhook (execute, edit), …/resources/message (embed limits,
allowed mentions), …/topics/rate-limits, …/topics/opcodes-and-status-codes (errors). Nothing that a cluster says can
mention anybody: `allowed_mentions` names whom the configuration names, and no one else.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kwatch.clock import Clock
from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, SecretUrl, SeverityWord, Tools
from kwatch.notify.chat import Body, Chat, LostError
from kwatch.notify.escape import cut, fit, line, markdown, utf16
from kwatch.notify.http import HttpClient, Reply, clamped, classify, document_of, failed, with_query
from kwatch.notify.markup import MARKDOWN, body, linked, whole_text
from kwatch.notify.page import COLOURS, Page, Row, fitting

_CONTENT, _NAME = 2000, 100  # characters of a plain message, and of the name of a post in a forum
_TITLE, _DESCRIPTION, _FOOTER, _FIELDS, _FIELD_NAME, _FIELD_VALUE, _EMBED = 256, 4096, 2048, 25, 256, 1024, 6000
_SILENT = 1 << 12  # SUPPRESS_NOTIFICATIONS
_ON_POST = frozenset({"thread_name", "flags"})  # an edit takes neither

#: Discord's `code` → what it means beyond the status, or instead of it.
_CODES: Mapping[int, tuple[Failure, Reason, str]] = {
    10015: (Failure.DESTINATION, Reason.GONE, "the webhook is unknown"),  # it must not be called again
    50083: (Failure.DESTINATION, Reason.REJECTED, "the thread is archived"),
    160005: (Failure.DESTINATION, Reason.REJECTED, "the thread is locked"),
    220001: (Failure.DESTINATION, Reason.REJECTED, "the channel is a forum: set `forum: true`"),
    220003: (Failure.DESTINATION, Reason.REJECTED, "the channel is not a forum: remove `forum`"),
}
#: Unknown message, unknown thread, archived or locked thread, too many edits of a message that is older than an hour.
_LOST = frozenset({10008, 10003, 50083, 160005, 30046})
_NONE: frozenset[int] = frozenset()
_WAIT: Mapping[str, str] = {"wait": "true"}  # else the answer names no message, and failures stay unknown

Id = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class Config(ChannelConfig):
    """The keys of `type: discord`."""

    limited_by: ClassVar[tuple[str, ...]] = ("url",)

    #: Discord publishes no figure and takes about 30 a minute in a channel; what it answers slows kwatch down.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=5)
    #: The webhook's, with its token: a secret.
    url: SecretUrl
    #: The id of a thread of the webhook's channel; absent: the channel itself.
    thread: Id | None = None
    #: Whether the channel is a forum: each incident becomes a post there, its news answers.
    forum: Annotated[bool, Field(strict=True)] = False
    #: Whom to alert when an incident of a severity opens, or rises to it: `{critical: "<@&ROLE>"}` or `"<@USER>"`.
    mention: Mapping[SeverityWord, Annotated[str, Field(pattern=r"^<@&?[0-9]{1,20}>$")]] = {}

    @property
    def can_edit(self) -> bool:
        """A webhook edits its own messages."""
        return True


class Discord:
    """One webhook."""

    can_edit = True

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)
        self._limiter = _Limiter(tools.clock)

    def write(self, page: Page, mention: str) -> Body:
        """Return an embed."""
        embed = fitting(page, _embed, _fits)
        return {"content": mention, "embeds": [embed], **_common(page, mention), **self._post_name(page)}

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return a text."""

        def text(part: Page) -> str:
            return f"{mention} {whole_text(part, MARKDOWN)}".strip()

        said = fitting(page, text, lambda built: utf16(built) <= _CONTENT)
        return {"content": said, "embeds": [], **_common(page, mention), **self._post_name(page)}

    async def post(self, body: Body, key: str) -> Receipt:
        """Post to the channel, its thread, or a new post of its forum."""
        thread = {"thread_id": self._config.thread} if self._config.thread else {}
        posted = await self._send("POST", body, {**_WAIT, **thread})
        message, channel = posted.get("id"), posted.get("channel_id")
        if not isinstance(message, str) or not isinstance(channel, str):
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Discord's answer names no message")
        if self._config.forum:
            thread = {"thread_id": channel}
        return Receipt({"message": message, **thread})

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Replace a message."""
        changed = {name: value for name, value in body.items() if name not in _ON_POST}
        path = f"/messages/{root.values['message']}"
        await self._send("PATCH", changed, _thread(root), path=path, lost=_LOST)

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Post below a post of a forum; elsewhere webhooks have no answers, and it is a message of its own."""
        said = {name: value for name, value in body.items() if name != "thread_name"}
        await self._send("POST", said, {**_WAIT, **_thread(root)}, lost=_LOST)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _post_name(self, page: Page) -> Body:
        return {"thread_name": cut(line(page.title), _NAME)} if self._config.forum else {}

    async def _send(
        self, method: str, document: Body, query: Mapping[str, str], *, path: str = "", lost: frozenset[int] = _NONE
    ) -> Mapping[str, Any]:
        self._limiter.check(method)
        url = with_query(self._read(self._config.url), query, path)
        reply = await self._client.send_json(method, url, document)
        self._limiter.note(method, reply)
        answer = document_of(reply)
        code = answer.get("code")
        if isinstance(code, int) and code in lost:
            raise LostError(f"Discord answered {reply.status} with code {code}")
        failure = failure_of(reply)
        if failure is not None:
            raise failure
        return answer


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, Discord(config, tools), config.mention)


class _Limiter:
    """Keeps to what Discord says of its buckets: an empty one is not asked again before it is full."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}  # method → monotonic seconds

    def check(self, method: str) -> None:
        """Raise RetryableSendError while the bucket is empty."""
        pause = self._free_at.get(method, 0.0) - self._clock.monotonic()
        if pause > 0:
            raise failed(Failure.PACE, Reason.RATE_LIMITED, "Discord's limit is reached", clamped(pause))

    def note(self, method: str, reply: Reply) -> None:
        """Remember until when the bucket is empty."""
        if reply.headers.get("x-ratelimit-remaining") == "0":
            try:
                seconds = clamped(float(reply.headers.get("x-ratelimit-reset-after", "")))
            except ValueError:
                return
            self._free_at[method] = self._clock.monotonic() + (seconds or 0.0)


def failure_of(reply: Reply) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure."""
    failure, answer = classify(reply), document_of(reply)
    if failure is None:
        return None
    code = answer.get("code")
    if isinstance(code, int) and code in _CODES:
        known, reason, detail = _CODES[code]
        return failed(known, reason, f"Discord says: {detail}")
    if failure.failure is Failure.PACE:
        pause = clamped(answer.get("retry_after"))
        return failed(Failure.PACE, Reason.RATE_LIMITED, failure.detail, pause or failure.retry_after)
    return failure


# Writing. Pure.


def _common(page: Page, mention: str) -> Mapping[str, Any]:
    """Return what every message has: whom it may mention, and whether it makes a sound."""
    roles, users = re.findall(r"<@&([0-9]+)>", mention), re.findall(r"<@([0-9]+)>", mention)
    silent = {"flags": _SILENT} if page.is_quiet else {}
    return {"allowed_mentions": {"parse": [], "roles": roles, "users": users}, **silent}


def _thread(root: Receipt) -> Mapping[str, str]:
    return {name: value for name, value in root.values.items() if name == "thread_id"}


def _embed(page: Page) -> dict[str, Any]:
    optional = {"url": page.url, "description": "\n".join(body(page, MARKDOWN))}
    footer = {"footer": {"text": page.footer}} if page.footer else {}
    return {
        "title": fit(page.title, _TITLE, markdown, utf16),
        "color": int(COLOURS[page.tone][1:], 16),
        "fields": [_field(row) for row in page.facts],
        **{name: value for name, value in optional.items() if value},
        **footer,
    }


def _field(row: Row) -> dict[str, Any]:
    return {"name": markdown(row.label), "value": linked(row, MARKDOWN), "inline": len(row.text) <= 40}


def _fits(embed: Mapping[str, Any]) -> bool:
    fields = [(utf16(field["name"]), utf16(field["value"])) for field in embed["fields"]]
    title, description = utf16(embed["title"]), utf16(embed.get("description", ""))
    footer = utf16(embed.get("footer", {}).get("text", ""))
    return (
        description <= _DESCRIPTION
        and footer <= _FOOTER
        and len(fields) <= _FIELDS
        and all(name <= _FIELD_NAME and value <= _FIELD_VALUE for name, value in fields)
        and title + description + footer + sum(name + value for name, value in fields) <= _EMBED
    )
