"""A server of Mattermost: https://developers.mattermost.com/api-documentation/.

One channel, with a bot in it and an incoming webhook. Errors have the ids and statuses of the server: those of posts in
https://github.com/mattermost/mattermost/blob/master/server/channels/app/post.go, those of webhooks in
https://github.com/mattermost/mattermost/blob/master/server/channels/app/webhook.go (HandleIncomingWebhook); an older
server's limit of attachments is kept.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.markdown import Reading, read_markdown
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

CREATE = "https://developers.mattermost.com/api-documentation/#/operations/CreatePost"
HOOKS = "https://developers.mattermost.com/integrate/webhooks/incoming/"
POST = "https://github.com/mattermost/mattermost/blob/master/server/public/model/post.go"
RATES = "https://docs.mattermost.com/administration-guide/configure/rate-limiting-configuration-settings.html"
SERVER = "https://chat.example.com"
CHANNEL = "4xp9fdt77pncbef59f4k1qe83o"
TOKEN = f"tok{CANARY}"
HOOK = f"{SERVER}/hooks/{CANARY}"
_TEXT, _PROPS = 16_383, 7_600
_REMEMBERED = 30.0  # seconds for which a pending post is known again
_ESCAPABLE = r"\`*{}[]()#+-.!_>~|"


@dataclass(slots=True)
class _Post:
    id: str
    root: str
    message: str
    attachments: Sequence[Mapping[str, Any]]
    edits: list[str] = field(default_factory=list)


class Mattermost:
    """A channel that a bot is in."""

    keys: Mapping[str, Any] = {"server": SERVER, "token": {"file": "token"}, "channel": CHANNEL}
    secrets: Mapping[str, str] = {"token": TOKEN}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._pending: dict[str, tuple[float, str]] = {}
        self.posts: list[_Post] = []

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that the server refuses for its size or form."""
        taken = _create({"message": "x"})
        room = _PROPS - len(json.dumps({"attachments": [{"text": ""}]}))
        return (
            _limit("text", POST, {"message": "x" * _TEXT}, {"message": "x" * (_TEXT + 1)}, "message_length"),
            _limit(
                "props",
                POST,
                {"message": "", "props": {"attachments": [{"text": "x" * room}]}},
                {"message": "", "props": {"attachments": [{"text": "x" * (room + 1)}]}},
                "props",
            ),
            _limit("root", CREATE, {"message": "x"}, {"message": "x", "root_id": "gone"}, "root_id"),
            Limit("token", CREATE, (taken,), (_create({"message": "x"}, token="x"),), 401, "session_expired"),  # noqa: S106
            Limit("channel", CREATE, (taken,), (_create({"message": "x", "channel_id": "x"}),), 403, "permissions"),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What its errors mean."""
        limited = {
            "X-RateLimit-Limit": "100",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "11",
            "Retry-After": "3",
        }
        return (
            Refusal("rate limit", httpx.Response(429, headers=limited, text="limit exceeded"), Failure.PACE, 3.0),
            Refusal("archived", _error(400, "api.post.create_post.can_not_post_to_deleted.error"), Failure.DESTINATION),
            Refusal("not in the channel", _error(403, "api.context.permissions.app_error"), Failure.DESTINATION),
            Refusal("token", _error(401, "api.context.session_expired.app_error"), Failure.DESTINATION),
            Refusal("length", _error(400, "model.post.is_valid.message_length.app_error"), Failure.MESSAGE),
            Refusal("props", _error(400, "model.post.is_valid.props.app_error"), Failure.MESSAGE),
            Refusal("server", _error(500, "app.post.save.app_error"), Failure.AMBIGUOUS),
            Refusal("no post", httpx.Response(201, text="<html>"), Failure.AMBIGUOUS),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, if the server would."""
        document = json.loads(await request.aread())
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "api.context.session_expired.app_error")
        message, props = document.get("message", ""), document.get("props", {})
        if len(message) > _TEXT:
            return _error(400, "model.post.is_valid.message_length.app_error")
        if len(json.dumps(props, ensure_ascii=False)) > _PROPS:
            return _error(400, "model.post.is_valid.props.app_error")
        if request.method == "PUT":
            return self._patch(request.url.path.split("/")[-2], message, props)
        return self._create(document, message, props.get("attachments", []))

    def shown(self) -> list[Shown]:
        """Return the posts that are not deleted."""
        return [_shown(post) for post in self.posts]

    def delete(self, shown_id: str) -> None:
        """Remove a post, as people do."""
        self.posts = [post for post in self.posts if post.id != shown_id]

    def keep(self, message: str, attachments: Sequence[Mapping[str, Any]], root: str = "") -> str:
        """Keep a post; return its id."""
        self._count += 1
        post = f"{self._count:026d}"
        self.posts.append(_Post(post, root, message, attachments))
        return post

    def _create(
        self, document: Mapping[str, Any], message: str, attachments: Sequence[Mapping[str, Any]]
    ) -> httpx.Response:
        if document["channel_id"] != CHANNEL:
            return _error(403, "api.context.permissions.app_error")
        root, now = document.get("root_id", ""), self._clock.monotonic()
        if root and root not in {post.id for post in self.posts}:
            return _error(400, "api.post.create_post.root_id.app_error")
        key = document.get("pending_post_id", "")
        at, known = self._pending.get(key, (0.0, ""))
        if known and now - at < _REMEMBERED:
            return httpx.Response(201, json={"id": known})
        post = self.keep(message, attachments, root)
        if key:
            self._pending[key] = (now, post)
        return httpx.Response(201, json={"id": post})

    def _patch(self, post_id: str, message: str, props: Mapping[str, Any]) -> httpx.Response:
        for post in self.posts:
            if post.id == post_id:
                post.edits.append(post.message)
                post.message, post.attachments = message, props["attachments"]
                return httpx.Response(200, json={"id": post.id})
        return _error(403, "api.context.permissions.app_error")  # as the real one says of what it does not find


class MattermostHook(Mattermost):
    """A channel with an incoming webhook, which reads what it gets as Slack's, too."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}
    secrets: Mapping[str, str] = {"url": HOOK}

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that a webhook refuses."""
        taken = _hook({"text": "x"})
        room = _PROPS - len(json.dumps([{"text": ""}]))
        long = [{"text": "x" * room}], [{"text": "x" * (room + 1)}]
        return (
            Limit("something", HOOKS, (taken,), (_hook({"text": ""}),), 400, "web.incoming_webhook.text"),
            Limit("hook", HOOKS, (taken,), (_hook({"text": "x"}, f"{HOOK}x"),), 400, "web.incoming_webhook.invalid"),
            Limit("props", POST, (_hook({"attachments": long[0]}),), (_hook({"attachments": long[1]}),), 400, "props"),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What its errors mean."""
        return (
            Refusal("deleted", _error(400, "web.incoming_webhook.invalid.app_error"), Failure.DESTINATION),
            Refusal("disabled", _error(501, "web.incoming_webhook.disabled.app_error"), Failure.DESTINATION),
            Refusal("its channel is gone", _error(404, "app.channel.get.existing.app_error"), Failure.DESTINATION),
            Refusal("channel", _error(404, "web.incoming_webhook.channel.app_error"), Failure.DESTINATION),
            Refusal("locked", _error(403, "web.incoming_webhook.channel_locked.app_error"), Failure.DESTINATION),
            Refusal("its rights", _error(403, "web.incoming_webhook.permissions.app_error"), Failure.DESTINATION),
            Refusal("archived", _error(400, "api.post.create_post.can_not_post_to_deleted.error"), Failure.DESTINATION),
            Refusal("its user", _error(403, "web.incoming_webhook.user.app_error"), Failure.DESTINATION),
            Refusal("nothing said", _error(400, "web.incoming_webhook.text.app_error"), Failure.MESSAGE),
            Refusal("props", _error(400, "web.incoming_webhook.split_props_length.app_error"), Failure.MESSAGE),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Post what the webhook was given."""
        document = json.loads(await request.aread())
        if str(request.url) != HOOK:
            return _error(400, "web.incoming_webhook.invalid.app_error")
        text, attachments = document.get("text", ""), document.get("attachments", [])
        if not text and not attachments:
            return _error(400, "web.incoming_webhook.text.app_error")
        if len(json.dumps(attachments, ensure_ascii=False)) > _PROPS:
            return _error(400, "web.incoming_webhook.split_props_length.app_error")
        expanded = [_expanded_all(attachment) for attachment in attachments]
        self.keep(_expanded(text), expanded)
        return httpx.Response(200, text="ok")


def _expanded(text: str) -> str:
    """Read Slack's marks: https://github.com/mattermost/mattermost/blob/master/server/channels/app/slack.go."""
    named = re.sub(r"<!(channel|here|everyone)>", r"@\1", text)
    return re.sub(r"<([^<|]+)\|([^>]+)>", r"[\2](\1)", named)


def _expanded_all(attachment: Mapping[str, Any]) -> Mapping[str, Any]:
    texts = {name: _expanded(value) for name, value in attachment.items() if isinstance(value, str)}
    fields = [{**each, "value": _expanded(each["value"])} for each in attachment.get("fields", [])]
    return {**texts, "fields": fields}


def _shown(post: _Post) -> Shown:
    texts = [post.message]
    for attachment in post.attachments:
        fields = [f"{each['title']}\n{each['value']}" for each in attachment.get("fields", [])]
        texts += [attachment.get("title", ""), attachment.get("text", ""), *fields]
    readings = [_read(text) for text in texts if text]
    footers = [attachment["footer"] for attachment in post.attachments if "footer" in attachment]
    said = [*(reading.text for reading in readings), *footers]
    return Shown(
        id=post.id,
        text="\n".join(said).replace("\u200b", ""),
        thread=post.root,
        pings=tuple(name for reading in readings for name in re.findall(r"(?<!\w)@[a-z][\w.-]*", reading.live)),
        links=tuple(link for reading in readings for link in reading.links),
        edits=len(post.edits),
    )


def _read(text: str) -> Reading:
    """Read Markdown; entities mean something outside of code alone."""
    parts = [
        part if number % 2 else html.unescape(part).replace("<", "\\<") for number, part in enumerate(text.split("```"))
    ]
    return read_markdown("```".join(parts), f"{_ESCAPABLE}<")


def _error(status: int, error: str) -> httpx.Response:
    return httpx.Response(status, json={"id": error, "message": "…", "status_code": status})


def _create(document: Mapping[str, Any], *, token: str = TOKEN) -> httpx.Request:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Request("POST", f"{SERVER}/api/v4/posts", headers=headers, json={"channel_id": CHANNEL, **document})


def _hook(document: Mapping[str, Any], url: str = HOOK) -> httpx.Request:
    return httpx.Request("POST", url, json=document)


def _limit(name: str, source: str, at: Mapping[str, Any], over: Mapping[str, Any], says: str) -> Limit:
    return Limit(name, source, (_create(at),), (_create(over),), 400, says)
