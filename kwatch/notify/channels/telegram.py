"""Telegram: a bot that posts to a chat or a topic, edits, and answers by replies.

Contract: https://core.telegram.org/bots/api (sendMessage, editMessageText, ResponseParameters, HTML style) and
https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this. The token stands in the path of every
request: URLs get into no error and no log.
"""

import logging
import re
from collections.abc import Mapping
from html import unescape
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, SeverityWord, Tools
from kwatch.notify.chat import Body, Chat, LostError
from kwatch.notify.escape import html, html_code, unmentioned, utf16
from kwatch.notify.http import HttpClient, Reply, clamped, classify, document_of, failed
from kwatch.notify.markup import Markup, whole_text
from kwatch.notify.page import Page, fitting

log = logging.getLogger(__name__)

_HTML = Markup(
    text=html, bold=lambda text: f"<b>{text}</b>", quote=lambda text: f"<pre>{html_code(text)}</pre>", link=html_code
)
_PLAIN = Markup(text=unmentioned, quote=unmentioned)
_TEXT = 4096  # after entities are parsed
_TAG = re.compile(r"<[^>]*>")

_UNCHANGED = "message is not modified"
_LOST = ("message to edit not found", "message can't be edited", "message_id_invalid")
#: What its `description` may hold → what it means beyond the status.
_WORDS: Mapping[str, tuple[Failure, Reason]] = {
    "message is too long": (Failure.MESSAGE, Reason.TOO_LARGE),
    "chat not found": (Failure.DESTINATION, Reason.NOT_FOUND),
    "message thread not found": (Failure.DESTINATION, Reason.NOT_FOUND),
    "topic_deleted": (Failure.DESTINATION, Reason.NOT_FOUND),
    "topic_closed": (Failure.DESTINATION, Reason.REJECTED),
    "chat_restricted": (Failure.DESTINATION, Reason.REJECTED),
    "peer_id_invalid": (Failure.DESTINATION, Reason.NOT_FOUND),
    "group is deactivated": (Failure.DESTINATION, Reason.NOT_FOUND),
    "user not found": (Failure.DESTINATION, Reason.NOT_FOUND),
    "need administrator rights": (Failure.DESTINATION, Reason.UNAUTHORIZED),
    "not enough rights": (Failure.DESTINATION, Reason.UNAUTHORIZED),
    "have no rights": (Failure.DESTINATION, Reason.UNAUTHORIZED),
    "chat_write_forbidden": (Failure.DESTINATION, Reason.UNAUTHORIZED),
}


class Config(ChannelConfig):
    """The keys of `type: telegram`."""

    limited_by: ClassVar[tuple[str, ...]] = ("api_url", "token", "chat")

    #: What a group takes: 20 a minute.
    pace: PaceWords | None = PaceWords(per_minute=20, burst=5)
    #: The bot's, from @BotFather.
    token: Secret
    #: The id of a chat, negative for groups, or `@name` of a public one.
    chat: Annotated[str, BeforeValidator(str), Field(pattern=r"^(-?[0-9]{1,20}|@\w{4,32})$")]
    #: The id of a topic of a forum group; absent: the general one.
    topic: Annotated[int, Field(strict=True, ge=1)] | None = None
    #: Whom to alert when an incident of a severity opens, or rises to it, by name: `{critical: "@ann_ops"}`.
    mention: Mapping[SeverityWord, Annotated[str, Field(pattern=r"^@[A-Za-z][A-Za-z0-9_]{3,31}$")]] = {}
    #: Another server of the Bot API.
    api_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+[^/\s]$")] = "https://api.telegram.org"

    @property
    def can_edit(self) -> bool:
        """A bot edits its own messages."""
        return True


class Telegram:
    """One chat."""

    can_edit = True

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)
        self._chat = config.chat

    def write(self, page: Page, mention: str) -> Body:
        """Return a text in HTML."""
        text = fitting(page, lambda part: _led(mention, whole_text(part, _HTML)), lambda built: _length(built) <= _TEXT)
        return {"text": text, "parse_mode": "HTML", **_quiet(page), "link_preview_options": {"is_disabled": True}}

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return a plain text."""
        text = fitting(page, lambda part: _led(mention, whole_text(part, _PLAIN)), lambda built: utf16(built) <= _TEXT)
        return {"text": text, **_quiet(page), "link_preview_options": {"is_disabled": True}}

    async def post(self, body: Body, key: str) -> Receipt:
        """Post to the chat, or its topic."""
        sent = await self._call("sendMessage", {"chat_id": self._chat, **self._topic(), **body})
        match sent:
            case {"message_id": int(message), "chat": {"id": int(chat)}}:
                return Receipt({"chat": str(chat), "message": str(message)})
        raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Telegram's answer names no message")

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Replace a message; that it says so already is as good."""
        changed = {name: value for name, value in body.items() if name != "disable_notification"}
        place = {"chat_id": root.values["chat"], "message_id": int(root.values["message"])}
        await self._call("editMessageText", {**place, **changed})

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Reply to a message; if that is gone, it stands for itself."""
        reply = {"message_id": int(root.values["message"]), "allow_sending_without_reply": True}
        place = {"chat_id": root.values["chat"], **self._topic(), "reply_parameters": reply}
        await self._call("sendMessage", {**place, **body})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _topic(self) -> Body:
        return {} if self._config.topic is None else {"message_thread_id": self._config.topic}

    async def _call(self, method: str, payload: Body) -> Any:
        """Return the result; a group that has become a supergroup is called by its new id from now on."""
        reply = await self._request(method, payload)
        parameters = document_of(reply).get("parameters")
        moved_to = parameters.get("migrate_to_chat_id") if isinstance(parameters, dict) else None
        if isinstance(moved_to, int):
            log.warning(
                "telegram group has another id now: write it in the configuration",
                extra={"destination": self._config.name, "chat": moved_to},
            )
            self._chat = str(moved_to)
            reply = await self._request(method, {**payload, "chat_id": self._chat})
        failure = failure_of(reply)
        if failure is not None:
            raise failure
        return document_of(reply).get("result")

    async def _request(self, method: str, payload: Body) -> Reply:
        url = f"{self._config.api_url}/bot{self._read(self._config.token)}/{method}"
        return await self._client.send_json("POST", url, payload)


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, Telegram(config, tools), config.mention)


def failure_of(reply: Reply) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure."""
    answer, failure = document_of(reply), classify(reply)
    description = str(answer.get("description", "")).lower()
    if (failure is None and answer.get("ok") is True) or _UNCHANGED in description:
        return None
    if failure is None:
        return failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is not Telegram's")
    if any(words in description for words in _LOST):
        return LostError("Telegram says that the message to edit is gone")
    for words, (known, reason) in _WORDS.items():
        if words in description:
            return failed(known, reason, f"Telegram says: {words}")
    parameters = answer.get("parameters")
    if failure.failure is Failure.PACE and isinstance(parameters, dict):
        return failed(Failure.PACE, Reason.RATE_LIMITED, failure.detail, clamped(parameters.get("retry_after")))
    return failure


def _led(mention: str, text: str) -> str:
    return f"{mention} {text}".strip()


def _quiet(page: Page) -> Body:
    return {"disable_notification": True} if page.is_quiet else {}


def _length(text: str) -> int:
    """Return the length of what is shown, in UTF-16 units, as entities are counted."""
    return utf16(unescape(_TAG.sub("", text)))
