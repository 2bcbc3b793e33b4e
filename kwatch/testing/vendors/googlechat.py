"""A space of Google Chat with an incoming webhook: https://developers.google.com/workspace/chat/quickstart/webhooks."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.markdown import read_markdown
from kwatch.testing.markup import read_html
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

CREATE = "https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create"
CARDS = "https://developers.google.com/workspace/chat/api/reference/rest/v1/cards"
LIMITS = "https://developers.google.com/workspace/chat/limits"
WEBHOOKS = "https://developers.google.com/workspace/chat/quickstart/webhooks"
_PATH = "/v1/spaces/AAAAGBg1oYc/messages"
URL = f"https://chat.googleapis.com{_PATH}?key=AIzaSyDdI0hCZtE6vySjMm-WEfRq3CPzqKqqsHI&token={CANARY}"
_MESSAGE, _WIDGETS, _PER_MINUTE = 32_000, 100, 60
_TAGS = frozenset({"b", "i", "u", "strike", "font", "a", "time"})
_REPLIES = frozenset({"REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", "REPLY_MESSAGE_OR_FAIL"})


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    thread: str
    document: Mapping[str, Any]


class GoogleChat:
    """A space, and the messages in its threads."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}
    secrets: Mapping[str, str] = {"url": URL}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent_at: list[float] = []
        self.messages: list[_Message] = []

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that Google Chat refuses, or leaves out."""
        room, taken = _MESSAGE - len('{"text":""}'), _post({"text": "x"})
        widget = {"textParagraph": {"text": "x"}}
        return (
            Limit("size", CREATE, (_post({"text": "x" * room}),), (_post({"text": "x" * (room + 1)}),), 400, "32000"),
            Limit("something", CREATE, (taken,), (_post({"text": ""}),), 400, "INVALID_ARGUMENT"),
            Limit("widgets", CARDS, (_post(_cards([widget] * 100)),), (_post(_cards([widget] * 101)),), 400, "INVALID"),
            Limit("key", WEBHOOKS, (taken,), (_post({"text": "x"}, URL.replace("AIza", "BIza")),), 400, "API key"),
            Limit("token", WEBHOOKS, (taken,), (_post({"text": "x"}, f"{URL}x"),), 403, "PERMISSION_DENIED"),
            Limit("pace", LIMITS, (taken,) * 60, (taken,) * 61, 429, "RESOURCE_EXHAUSTED"),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What its errors mean."""
        return (
            Refusal("quota", _error(429, "RESOURCE_EXHAUSTED"), Failure.PACE),
            Refusal(
                "key",
                _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
                Failure.DESTINATION,
            ),
            Refusal("token", _error(403, "PERMISSION_DENIED"), Failure.DESTINATION),
            Refusal("space", _error(404, "NOT_FOUND"), Failure.DESTINATION),
            Refusal("card", _error(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), Failure.MESSAGE),
            Refusal("server", _error(500, "INTERNAL"), Failure.AMBIGUOUS),
            Refusal("busy", _error(503, "UNAVAILABLE"), Failure.RETRY),
            Refusal("no message", httpx.Response(200, text="<html>"), Failure.AMBIGUOUS),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Create a message."""
        body, params = await request.aread(), request.url.params
        if not str(params.get("key")).startswith("AIza"):
            return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        if request.url.path != _PATH or params.get("token") != CANARY:
            return _error(403, "PERMISSION_DENIED")
        document = json.loads(body)
        if fault := _fault(document, len(body)):
            return fault
        now = self._clock.monotonic()
        self._sent_at = [at for at in self._sent_at if now - at < 60]
        if len(self._sent_at) >= _PER_MINUTE:
            return _error(429, "RESOURCE_EXHAUSTED")
        self._sent_at.append(now)
        name, key = (
            f"spaces/AAAAGBg1oYc/messages/{len(self.messages) + 1}",
            document.get("thread", {}).get("threadKey", ""),
        )
        is_reply = params.get("messageReplyOption") in _REPLIES  # else the thread's key is ignored
        thread = next(
            (
                each.id
                for each in self.messages
                if key and is_reply and each.document.get("thread", {}).get("threadKey") == key
            ),
            "",
        )
        self.messages.append(_Message(name, thread, document))
        return httpx.Response(200, json={"name": name, "thread": {"name": thread or name}})

    def shown(self) -> list[Shown]:
        """Return the messages."""
        return [_shown(message) for message in self.messages]


def _fault(document: Mapping[str, Any], size: int) -> httpx.Response | None:
    if size > _MESSAGE:
        return _error(400, "INVALID_ARGUMENT", "Message cannot be larger than 32000 bytes.")
    if not document.get("text") and not document.get("cardsV2"):
        return _error(400, "INVALID_ARGUMENT", "Message cannot be empty.")
    cards = [card["card"] for card in document.get("cardsV2", [])]
    if any(len(list(_widgets(card))) > _WIDGETS for card in cards):  # the real one leaves the rest out
        return _error(400, "INVALID_ARGUMENT", "Too many widgets.")
    faults = [read_html(text, _TAGS, void=frozenset({"br"})).fault for card in cards for text in _texts(card)]
    return _error(400, "INVALID_ARGUMENT", faults[0]) if any(faults) else None


def _widgets(card: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for section in card["sections"]:
        yield from section["widgets"]


def _texts(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts in which HTML is read."""
    for section in card["sections"]:
        if "header" in section:
            yield section["header"]
        for widget in section["widgets"]:
            match widget:
                case {"textParagraph": {"text": text}}:
                    yield text
                case {"decoratedText": {"topLabel": label, "text": text}}:
                    yield label
                    yield text


def _shown(message: _Message) -> Shown:
    text = message.document.get("text", "")
    cards = [card["card"] for card in message.document.get("cardsV2", [])]
    said = read_markdown(text, "\\")
    readings = [
        read_html(part, _TAGS, void=frozenset({"br"}))
        for card in cards
        for part in (card["header"]["title"], *_texts(card))
    ]
    urls = [
        button["onClick"]["openLink"]["url"]
        for card in cards
        for widget in _widgets(card)
        for button in widget.get("buttonList", {}).get("buttons", [])
    ]
    return Shown(
        id=message.id,
        text="\n".join(filter(None, [said.text.replace("\u200b", ""), *(reading.text for reading in readings), *urls])),
        thread=message.thread,
        pings=tuple(re.findall(r"<users/[^>]+>", said.live)),
        links=(*re.findall(r"<(https?://[^|>]+)\|", said.live), *(link for each in readings for link in each.links)),
    )


def _error(status: int, word: str, message: str = "…") -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": status, "message": message, "status": word}})


def _cards(widgets: list[Any]) -> Mapping[str, Any]:
    return {"cardsV2": [{"cardId": "x", "card": {"header": {"title": "x"}, "sections": [{"widgets": widgets}]}}]}


def _post(document: Mapping[str, Any], url: str = URL) -> httpx.Request:
    return httpx.Request("POST", url, content=json.dumps(document, separators=(",", ":")).encode())
