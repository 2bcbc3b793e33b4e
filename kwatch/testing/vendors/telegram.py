"""Telegram's Bot API: https://core.telegram.org/bots/api.

One bot, in one group that has topics. Lengths are counted in UTF-16 units, as the offsets of entities are.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.markup import HtmlReading, read_html
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

SEND = "https://core.telegram.org/bots/api#sendmessage"
HTML = "https://core.telegram.org/bots/api#html-style"
PACE = "https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"
TOKEN = f"110201543:{CANARY}-AAHdqTcvCH1vGWJxfSeof"
URL = f"https://api.telegram.org/bot{TOKEN}"
CHAT, TOPIC = -1001234567890, 7
_PER_MINUTE = 20
_TAGS = frozenset({"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote", "tg-spoiler", "span"})


@dataclass(slots=True)
class _Message:
    id: int
    payload: Mapping[str, Any]
    edits: list[Mapping[str, Any]] = field(default_factory=list)


class Telegram:
    """A group with the bot in it; `move` makes it a supergroup."""

    keys: Mapping[str, Any] = {"token": {"file": "token"}, "chat": CHAT}
    secrets: Mapping[str, str] = {"token": TOKEN}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._sent_at: list[float] = []
        self._chat = CHAT
        self.messages: list[_Message] = []

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that Telegram refuses for its size, form or number."""
        html = {"parse_mode": "HTML"}
        return (
            _limit("text", SEND, {"text": "x" * 4096}, {"text": "x" * 4097}, "message is too long"),
            _limit(
                "text after entities are parsed",
                SEND,
                {"text": f"<b>{'&amp;' * 4096}</b>", **html},
                {"text": f"<b>{'&amp;' * 4097}</b>", **html},
                "message is too long",
            ),
            _limit("something", SEND, {"text": "x"}, {"text": " "}, "message text is empty"),
            _limit("tags", HTML, {"text": "<b>x</b>", **html}, {"text": "<h1>x</h1>", **html}, "can't parse entities"),
            _limit("end tags", HTML, {"text": "<b>x</b>", **html}, {"text": "<b>x", **html}, "can't parse entities"),
            _limit(
                "topic",
                SEND,
                {"text": "x", "message_thread_id": TOPIC},
                {"text": "x", "message_thread_id": 8},
                "not found",
            ),
            _limit("chat", SEND, {"text": "x"}, {"text": "x", "chat_id": 1}, "chat not found"),
            Limit("token", SEND, (_send({"text": "x"}),), (_send({"text": "x"}, f"{URL}x"),), 401, "Unauthorized"),
            Limit("pace", PACE, (_send({"text": "x"}),) * 20, (_send({"text": "x"}),) * 21, 429, "retry_after"),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What its descriptions mean."""
        limited = _error(429, "Too Many Requests: retry after 14", {"retry_after": 14})
        return (
            Refusal("rate limit", limited, Failure.PACE, 14.0),
            Refusal("wrong token", _error(401, "Unauthorized"), Failure.DESTINATION),
            Refusal("no token", _error(404, "Not Found"), Failure.DESTINATION),
            Refusal("kicked", _error(403, "Forbidden: bot was kicked from the supergroup chat"), Failure.DESTINATION),
            Refusal("blocked", _error(403, "Forbidden: bot was blocked by the user"), Failure.DESTINATION),
            Refusal("chat", _error(400, "Bad Request: chat not found"), Failure.DESTINATION),
            Refusal("topic", _error(400, "Bad Request: message thread not found"), Failure.DESTINATION),
            Refusal("closed topic", _error(400, "Bad Request: TOPIC_CLOSED"), Failure.DESTINATION),
            Refusal(
                "no rights",
                _error(400, "Bad Request: not enough rights to send text messages to the chat"),
                Failure.DESTINATION,
            ),
            Refusal("no right", _error(400, "Bad Request: have no rights to send a message"), Failure.DESTINATION),
            # https://github.com/teloxide/teloxide/issues/450, https://github.com/nickoala/telepot/issues/437
            Refusal(
                "right", _error(400, "Bad Request: need administrator rights in the channel chat"), Failure.DESTINATION
            ),
            # https://github.com/TelegramBotAPI/errors
            Refusal("deleted group", _error(400, "Bad Request: group is deactivated"), Failure.DESTINATION),
            Refusal("unknown person", _error(400, "Bad Request: user not found"), Failure.DESTINATION),
            Refusal("channel", _error(403, "Bad Request: CHAT_WRITE_FORBIDDEN"), Failure.DESTINATION),
            Refusal("too long", _error(400, "Bad Request: message is too long"), Failure.MESSAGE),
            Refusal(
                "entities", _error(400, "Bad Request: can't parse entities: unsupported start tag"), Failure.MESSAGE
            ),
            Refusal("server", _error(500, "Internal Server Error"), Failure.AMBIGUOUS),
            Refusal("no answer of its", httpx.Response(200, text="<html>"), Failure.AMBIGUOUS),
            Refusal("no message", httpx.Response(200, json={"ok": True, "result": True}), Failure.AMBIGUOUS),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, if Telegram would."""
        payload = json.loads(await request.aread())
        path, _, method = request.url.path.rpartition("/")
        if path != f"/bot{TOKEN}":
            return _error(401, "Unauthorized")
        if fault := self._fault(payload):
            return fault
        return self._edit(payload) if method == "editMessageText" else self._send(payload)

    def shown(self) -> list[Shown]:
        """Return the messages that are not deleted."""
        return [_shown(message) for message in self.messages]

    def delete(self, shown_id: str) -> None:
        """Remove a message, as people do."""
        self.messages = [message for message in self.messages if str(message.id) != shown_id]

    def move(self, chat: int) -> None:
        """Make the group a supergroup, which has another id and none of the messages."""
        self._chat, self.messages = chat, []

    def _fault(self, payload: Mapping[str, Any]) -> httpx.Response | None:
        if str(payload["chat_id"]) != str(self._chat):
            if self._chat != CHAT and str(payload["chat_id"]) == str(CHAT):
                moved = {"migrate_to_chat_id": self._chat}
                return _error(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
            return _error(400, "Bad Request: chat not found")
        if payload.get("message_thread_id", TOPIC) != TOPIC:
            return _error(400, "Bad Request: message thread not found")
        reading = _reading(payload)
        if reading.fault:
            return _error(400, f"Bad Request: can't parse entities: {reading.fault}")
        if not reading.text.strip():
            return _error(400, "Bad Request: message text is empty")
        is_long = len(reading.text.encode("utf-16-le")) // 2 > 4096
        return _error(400, "Bad Request: message is too long") if is_long else None

    def _send(self, payload: Mapping[str, Any]) -> httpx.Response:
        now = self._clock.monotonic()
        self._sent_at = [at for at in self._sent_at if now - at < 60]
        if len(self._sent_at) >= _PER_MINUTE:
            wait = int(60 - (now - self._sent_at[0])) + 1
            return _error(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
        reply = payload.get("reply_parameters", {})
        is_lost = reply and reply["message_id"] not in {message.id for message in self.messages}
        if is_lost and not reply.get("allow_sending_without_reply"):
            return _error(400, "Bad Request: message to be replied not found")
        self._sent_at.append(now)
        self._count += 1
        sent = {**payload, "reply_parameters": {}} if is_lost else payload
        self.messages.append(_Message(self._count, sent))
        return _sent(self._count, self._chat)

    def _edit(self, payload: Mapping[str, Any]) -> httpx.Response:
        for message in self.messages:
            if message.id == payload["message_id"]:
                if message.payload["text"] == payload["text"]:
                    return _error(400, "Bad Request: message is not modified: specified new message content …")
                message.edits.append(message.payload)
                message.payload = {**message.payload, **payload}
                return _sent(message.id, self._chat)
        return _error(400, "Bad Request: message to edit not found")


def _reading(payload: Mapping[str, Any]) -> HtmlReading:
    if payload.get("parse_mode") == "HTML":
        return read_html(payload["text"], _TAGS)
    return HtmlReading(payload["text"].replace("\u200b", ""), (), payload["text"], "")


def _shown(message: _Message) -> Shown:
    reading = _reading(message.payload)
    return Shown(
        id=str(message.id),
        text=reading.text,
        thread=str(message.payload.get("reply_parameters", {}).get("message_id", "")),
        pings=tuple(re.findall(r"(?<!\w)@[A-Za-z]\w{3,}", reading.live)),
        links=reading.links,
        edits=len(message.edits),
    )


def _sent(message: int, chat: int) -> httpx.Response:
    return httpx.Response(200, json={"ok": True, "result": {"message_id": message, "chat": {"id": chat}}})


def _error(status: int, description: str, parameters: Mapping[str, Any] | None = None) -> httpx.Response:
    said = {"ok": False, "error_code": status, "description": description}
    return httpx.Response(status, json=said if parameters is None else {**said, "parameters": parameters})


def _send(payload: Mapping[str, Any], url: str = URL) -> httpx.Request:
    return httpx.Request("POST", f"{url}/sendMessage", json={"chat_id": CHAT, **payload})


def _limit(name: str, source: str, at: Mapping[str, Any], over: Mapping[str, Any], says: str) -> Limit:
    return Limit(name, source, (_send(at),), (_send(over),), 400, says)
