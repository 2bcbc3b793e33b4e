"""Mattermost: a bot that posts, edits and answers in threads, or an incoming webhook that can only post.

Contract: https://developers.mattermost.com/api-documentation/#/operations/CreatePost (and PatchPost),
https://developers.mattermost.com/integrate/webhooks/incoming/ and …/integrate/reference/message-attachments/; errors by
their ids in https://github.com/mattermost/mattermost/tree/master/server. What a webhook gets is read as Slack's, too:
`<!channel>` calls everybody and `<url|words>` is a link, so angle brackets are always entities.
"""

import html
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import msgspec
from pydantic import Field, model_validator

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, SecretUrl, SeverityWord, Tools
from kwatch.notify.chat import Body, Chat, LostError
from kwatch.notify.escape import markdown, unmentioned
from kwatch.notify.http import HttpClient, Reply, classify, document_of, failed
from kwatch.notify.markup import MARKDOWN, body, linked, whole_text
from kwatch.notify.page import COLOURS, Page, Row, fitting

_TEXT = 16_383  # characters of a post
_ATTACHMENTS = 7_500  # characters of their JSON: older servers take 7,600

#: Ids of errors → what they mean beyond the status, or instead of it.
_IDS: Mapping[str, tuple[Failure, Reason]] = {
    "api.post.create_post.can_not_post_to_deleted.error": (Failure.DESTINATION, Reason.GONE),
    "web.incoming_webhook.invalid.app_error": (Failure.DESTINATION, Reason.NOT_FOUND),
    "web.incoming_webhook.disabled.app_error": (Failure.DESTINATION, Reason.REJECTED),
    "web.incoming_webhook.user.app_error": (Failure.DESTINATION, Reason.REJECTED),
    "web.incoming_webhook.split_props_length.app_error": (Failure.MESSAGE, Reason.TOO_LARGE),
    "model.post.is_valid.message_length.app_error": (Failure.MESSAGE, Reason.TOO_LARGE),
    "model.post.is_valid.msg.app_error": (Failure.MESSAGE, Reason.TOO_LARGE),
    "model.post.is_valid.props.app_error": (Failure.MESSAGE, Reason.TOO_LARGE),
}
#: Of an edit of what is not there, or not to be edited any more; of an answer to it.
_LOST = frozenset(
    {
        "api.context.permissions.app_error",  # is also said of a post that was deleted
        "app.post.get.app_error",
        "api.post.update_post.find.app_error",
        "api.post.update_post.permissions_details.app_error",
        "api.post.update_post.permissions_time_limit.app_error",
    }
)
_LOST_ANSWER = frozenset({"api.post.create_post.root_id.app_error"})
_NONE: frozenset[str] = frozenset()


class Config(ChannelConfig):
    """The keys of `type: mattermost`: `server`, `token` and `channel`, or `url`."""

    limited_by: ClassVar[tuple[str, ...]] = ("server", "token", "url")

    #: What a person reads; servers take about ten requests a second.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    #: An incoming webhook; it cannot edit, so an end is a message of its own.
    url: SecretUrl | None = None
    #: Where the server is, without a slash at its end.
    server: Annotated[str, Field(pattern=r"^https?://[^@\s]+[^/\s]$")] | None = None
    #: Of a bot account that is in the channel.
    token: Secret | None = None
    #: The id of the channel: 26 letters and digits.
    channel: Annotated[str, Field(pattern=r"^[a-z0-9]{26}$")] | None = None
    #: Whom to alert when an incident of a severity opens, or rises to it: `{critical: "@channel"}`.
    mention: Mapping[SeverityWord, Annotated[str, Field(pattern=r"^@[a-z0-9][a-z0-9._-]{0,63}$")]] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [self.server is not None, self.token is not None, self.channel is not None]
        if any(given) == (self.url is not None) or any(given) != all(given):
            raise ValueError("give server, token and channel of a bot, or url of a webhook: exactly one of the two")
        return self

    @property
    def can_edit(self) -> bool:
        """Return whether a message that was sent can be changed: by a bot."""
        return self.url is None


def _text(text: str) -> str:
    return markdown(html.escape(unmentioned(text), quote=False), special=r"\`*_~|[]#")


_MARKUP = msgspec.structs.replace(MARKDOWN, text=_text)


class Mattermost:
    """One channel of a server."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self.can_edit = config.can_edit
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)

    def write(self, page: Page, mention: str) -> Body:
        """Return a message attachment."""
        return {"message": mention, "attachments": [fitting(page, _attachment, _fits)]}

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return a text."""

        def text(part: Page) -> str:
            return f"{mention} {whole_text(part, _MARKUP)}".strip()

        return {"message": fitting(page, text, lambda built: len(built) <= _TEXT), "attachments": []}

    async def post(self, body: Body, key: str) -> Receipt:
        """Post to the channel."""
        if self._config.url is None:
            return await self._create(body, key, {}, _NONE)
        document = {"text": body["message"], "attachments": body["attachments"]}
        reply = await self._client.send_json("POST", self._read(self._config.url), document)
        _check(reply, _NONE)
        if reply.body.strip() != b"ok":
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Mattermost's webhook did not answer ok")
        return Receipt()

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Replace a post of the bot."""
        changed = {"message": body["message"], "props": {"attachments": body["attachments"]}}
        _check(await self._call("PUT", f"posts/{root.values['post']}/patch", changed), _LOST)

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Answer in the thread of a post; a webhook posts another."""
        if self._config.url is not None:
            await self.post(body, key)
            return
        await self._create(body, key, {"root_id": root.values["post"]}, _LOST_ANSWER)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _create(self, body: Body, key: str, place: Body, lost: frozenset[str]) -> Receipt:
        """Post; the server knows the same key again for half a minute."""
        props = {"attachments": body["attachments"]}
        document = {"channel_id": self._config.channel, "message": body["message"], "props": props}
        reply = await self._call("POST", "posts", {**document, **place, "pending_post_id": key})
        _check(reply, lost)
        post = document_of(reply).get("id")
        if not isinstance(post, str):
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Mattermost's answer names no post")
        return Receipt({"post": post})

    async def _call(self, method: str, path: str, document: Body) -> Reply:
        if self._config.token is None:
            raise AssertionError("unreachable")  # a webhook makes no calls
        headers = {"Authorization": f"Bearer {self._read(self._config.token)}"}
        return await self._client.send_json(method, f"{self._config.server}/api/v4/{path}", document, headers)


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, Mattermost(config, tools), config.mention)


def _check(reply: Reply, lost: frozenset[str]) -> None:
    """Raise what an answer means, if it is no success."""
    failure = failure_of(reply, lost)
    if failure is not None:
        raise failure


def failure_of(reply: Reply, lost: frozenset[str]) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure."""
    failure, error = classify(reply), str(document_of(reply).get("id", ""))
    if failure is None:
        return None
    if error in lost:
        return LostError(f"Mattermost says {error}")
    if error in _IDS:
        known, reason = _IDS[error]
        return failed(known, reason, f"Mattermost says {error}")
    return failure


# Writing. Pure.


def _attachment(page: Page) -> dict[str, Any]:
    details = [page.url] if page.url else []
    footer = {"footer": unmentioned(page.footer)} if page.footer else {}
    return {
        "fallback": unmentioned(page.title),
        "color": COLOURS[page.tone],
        "title": _text(page.title),
        "text": "\n".join([*body(page, _MARKUP), *details]),
        "fields": [_field(row) for row in page.facts],
        **footer,
    }


def _field(row: Row) -> dict[str, Any]:
    return {"title": _text(row.label), "value": linked(row, _MARKUP), "short": len(row.text) <= 40}


def _fits(attachment: Mapping[str, Any]) -> bool:
    return len(msgspec.json.encode(attachment).decode()) <= _ATTACHMENTS
