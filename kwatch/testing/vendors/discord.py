"""Discord's webhooks: https://docs.discord.com/developers/resources/webhook.

One webhook, of a text channel that has a thread, or of a forum. Lengths are counted in UTF-16 units, which is never
less than what Discord counts. What its codes mean: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json,
with the words of https://github.com/discordjs/discord-api-types/blob/main/rest/common.ts.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.markdown import read_markdown
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

WEBHOOK = "https://docs.discord.com/developers/resources/webhook#execute-webhook"
EMBEDS = "https://docs.discord.com/developers/resources/message#embed-object-embed-limits"
CODES = "https://docs.discord.com/developers/topics/opcodes-and-status-codes#json"
_PATH = f"/api/webhooks/1200000000000000001/{CANARY}"
URL = f"https://discord.com{_PATH}"
CHANNEL, THREAD = "1200000000000000002", "1200000000000000003"
_PER_MINUTE = 30  # not documented; what a channel takes
_ESCAPABLE = r"\`*_~|[]<>#()-+.!:@"


@dataclass(slots=True)
class _Message:
    id: str
    channel: str
    document: Mapping[str, Any]
    edits: list[Mapping[str, Any]] = field(default_factory=list)


class Discord:
    """A webhook, and the messages that it has posted."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}
    secrets: Mapping[str, str] = {"url": URL}

    _is_forum = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._posted_at: list[float] = []
        self.channels = {CHANNEL, THREAD}
        self.messages: list[_Message] = []

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that Discord refuses for its size or form."""
        field_ = {"name": "n", "value": "v"}
        return (
            _limit("content", WEBHOOK, {"content": "x" * 2000}, {"content": "x" * 2001}),
            _limit("something", WEBHOOK, {"content": "x"}, {"content": ""}),
            _limit("embeds", WEBHOOK, {"embeds": [{"title": "x"}] * 10}, {"embeds": [{"title": "x"}] * 11}),
            _embed_limit("title", {"title": "x" * 256}, {"title": "x" * 257}),
            _embed_limit("description", {"description": "x" * 4096}, {"description": "x" * 4097}),
            _embed_limit("fields", {"fields": [field_] * 25}, {"fields": [field_] * 26}),
            _embed_limit(
                "name of a field",
                {"fields": [field_ | {"name": "x" * 256}]},
                {"fields": [field_ | {"name": "x" * 257}]},
            ),
            _embed_limit(
                "value of a field",
                {"fields": [field_ | {"value": "x" * 1024}]},
                {"fields": [field_ | {"value": "x" * 1025}]},
            ),
            _embed_limit("no empty field", {"fields": [field_]}, {"fields": [field_ | {"value": ""}]}),
            _embed_limit("footer", {"footer": {"text": "x" * 2048}}, {"footer": {"text": "x" * 2049}}),
            _embed_limit(
                "all of an embed",
                {"description": "x" * 4096, "footer": {"text": "x" * 1904}},
                {"description": "x" * 4096, "footer": {"text": "x" * 1905}},
            ),
            Limit("token", WEBHOOK, (_post({"content": "x"}),), (_post({"content": "x"}, URL + "x"),), 401, "50027"),
            Limit(
                "pace",
                "https://docs.discord.com/developers/topics/rate-limits",
                (_post({"content": "x"}),) * _PER_MINUTE,
                (_post({"content": "x"}),) * (_PER_MINUTE + 1),
                429,
                "retry_after",
            ),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What its codes mean."""
        limited = {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}
        return (
            Refusal("rate limit", httpx.Response(429, json=limited), Failure.PACE, 64.57),
            Refusal(
                "rate limit below a second", httpx.Response(429, json=limited | {"retry_after": 0.3}), Failure.PACE, 1.0
            ),
            Refusal("ban of the address", httpx.Response(429, headers={"Retry-After": "600"}), Failure.PACE, 600.0),
            Refusal("unknown webhook", _error(404, 10015, "Unknown Webhook"), Failure.DESTINATION),
            Refusal("wrong token", _error(401, 50027, "Invalid Webhook Token"), Failure.DESTINATION),
            Refusal("no permission", _error(403, 50013, "Missing Permissions"), Failure.DESTINATION),
            Refusal("archived thread", _error(400, 50083, "Thread is archived"), Failure.DESTINATION),
            Refusal("locked thread", _error(400, 160005, "Thread is locked"), Failure.DESTINATION),
            Refusal("invalid form", _error(400, 50035, "Invalid Form Body"), Failure.MESSAGE),
            Refusal("empty message", _error(400, 50006, "Cannot send an empty message"), Failure.MESSAGE),
            Refusal(
                "forum",
                _error(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"),
                Failure.DESTINATION,
            ),
            Refusal(
                "no forum",
                _error(400, 220003, "Webhooks can only create threads in forum channels"),
                Failure.DESTINATION,
            ),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Execute the webhook, or edit one of its messages."""
        document = json.loads(await request.aread())
        path, _, message = request.url.path.partition("/messages/")
        if path != _PATH:
            return _error(401, 50027, "Invalid Webhook Token")
        if _is_over(document):
            return _error(400, 50035, "Invalid Form Body")
        thread = request.url.params.get("thread_id", "")
        if thread and thread not in self.channels:
            return _error(404, 10003, "Unknown Channel")
        if request.method == "PATCH":
            return self._edit(message, thread, document)
        is_waited_for = request.url.params.get("wait") == "true"
        return self._post(thread, document) if is_waited_for else httpx.Response(204)

    def shown(self) -> list[Shown]:
        """Return the messages that are not deleted."""
        return [_shown(message, self._is_forum) for message in self.messages]

    def delete(self, message_id: str) -> None:
        """Remove a message, as people do."""
        self.messages = [message for message in self.messages if message.id != message_id]

    def _post(self, thread: str, document: Mapping[str, Any]) -> httpx.Response:
        now = self._clock.monotonic()
        self._posted_at = [at for at in self._posted_at if now - at < 60]
        if len(self._posted_at) >= _PER_MINUTE:
            wait = 60 - (now - self._posted_at[0])
            return httpx.Response(
                429, json={"message": "You are being rate limited.", "retry_after": wait, "global": False}
            )
        if self._is_forum and not thread and not 1 <= len(document.get("thread_name", "")) <= 100:
            return _error(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
        if "thread_name" in document and not self._is_forum:
            return _error(400, 220003, "Webhooks can only create threads in forum channels")
        self._posted_at.append(now)
        self._count += 1
        message_id = str(1300000000000000000 + self._count)
        channel = thread or (message_id if self._is_forum else CHANNEL)
        self.channels.add(channel)
        self.messages.append(_Message(message_id, channel, document))
        left = str(_PER_MINUTE - len(self._posted_at))
        headers = {"X-RateLimit-Remaining": left, "X-RateLimit-Reset-After": "60.0", "X-RateLimit-Bucket": "hooks"}
        return httpx.Response(200, json={"id": message_id, "channel_id": channel}, headers=headers)

    def _edit(self, message_id: str, thread: str, document: Mapping[str, Any]) -> httpx.Response:
        for message in self.messages:
            if message.id == message_id and message.channel == (thread or CHANNEL):
                message.edits.append(message.document)
                message.document = document
                return httpx.Response(200, json={"id": message_id, "channel_id": message.channel})
        return _error(404, 10008, "Unknown Message")


class DiscordForum(Discord):
    """A webhook of a forum, whose posts are threads."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}, "forum": True}
    _is_forum = True

    @property
    def limits(self) -> Sequence[Limit]:
        """What a forum refuses besides."""
        return (
            Limit(
                "name of a post",
                WEBHOOK,
                (_post({"content": "x", "thread_name": "x" * 100}),),
                (_post({"content": "x", "thread_name": "x" * 101}),),
                400,
                "220001",
            ),
            Limit(
                "a post, or a name for one",
                WEBHOOK,
                (_post({"content": "x", "thread_name": "x"}),),
                (_post({"content": "x"}),),
                400,
                "220001",
            ),
        )


def _is_over(document: Mapping[str, Any]) -> bool:
    embeds = document.get("embeds", [])
    content = document.get("content", "")
    return (
        _length(content) > 2000
        or not (content or embeds)
        or len(embeds) > 10
        or any(_is_embed_over(embed) for embed in embeds)
        or sum(_embed_length(embed) for embed in embeds) > 6000
    )


def _is_embed_over(embed: Mapping[str, Any]) -> bool:
    fields = embed.get("fields", [])
    return (
        _length(embed.get("title", "")) > 256
        or _length(embed.get("description", "")) > 4096
        or _length(embed.get("footer", {}).get("text", "")) > 2048
        or len(fields) > 25
        or any(not 1 <= _length(each["name"]) <= 256 or not 1 <= _length(each["value"]) <= 1024 for each in fields)
    )


def _embed_length(embed: Mapping[str, Any]) -> int:
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts += [each[name] for each in embed.get("fields", []) for name in ("name", "value")]
    return sum(_length(text) for text in texts)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _shown(message: _Message, is_forum: bool) -> Shown:
    document = message.document
    texts = [document.get("content", "")]
    for embed in document.get("embeds", []):
        fields = [f"{each['name']}\n{each['value']}" for each in embed.get("fields", [])]
        texts += [embed.get("title", ""), embed.get("description", ""), *fields]
    readings = [read_markdown(text, _ESCAPABLE) for text in texts if text]
    footers = [embed["footer"]["text"] for embed in document.get("embeds", []) if "footer" in embed]
    return Shown(
        id=message.id,
        text="\n".join([*(reading.text for reading in readings), *footers]).replace("\u200b", ""),
        thread=message.channel if is_forum and message.channel != message.id else "",
        pings=_pings(document),
        links=tuple(link for reading in readings for link in reading.links),
        edits=len(message.edits),
    )


def _pings(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who is called: by the content alone, and only as `allowed_mentions` allows."""
    live = read_markdown(document.get("content", ""), _ESCAPABLE).live
    allowed = document.get("allowed_mentions")
    found = re.findall(r"@everyone|@here|<@&?[0-9]+>", live)
    if allowed is None:
        return tuple(found)
    names = {f"<@&{role}>" for role in allowed.get("roles", [])} | {f"<@{user}>" for user in allowed.get("users", [])}
    if "everyone" in allowed["parse"]:
        names |= {"@everyone", "@here"}
    return tuple(each for each in found if each in names)


def _error(status: int, code: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"message": message, "code": code})


def _post(document: Mapping[str, Any], url: str = URL) -> httpx.Request:
    return httpx.Request("POST", url, params={"wait": "true"}, json=document)


def _limit(name: str, source: str, at: Mapping[str, Any], over: Mapping[str, Any]) -> Limit:
    return Limit(name, source, (_post(at),), (_post(over),), 400, "50035")


def _embed_limit(name: str, at: Mapping[str, Any], over: Mapping[str, Any]) -> Limit:
    return _limit(name, EMBEDS, {"embeds": [at]}, {"embeds": [over]})
