"""Slack: a bot that posts, edits and answers in threads, or an incoming webhook that can only post.

With a bot, an incident is one message that is edited, and a thread below it (`kwatch.notify.chat`). Sizes are kept
below Slack's limits in `kwatch.notify.blocks`. With an app-level token messages have buttons, and kwatch hears of
clicks over a connection that it opens (`kwatch.notify.socket_mode`).
"""

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

import msgspec
from pydantic import AfterValidator, Field, model_validator
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify import blocks
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, SecretUrl, SeverityWord, Tools
from kwatch.notify.buttons import Refusal, Signer, Wish
from kwatch.notify.chat import Body, Chat, LostError
from kwatch.notify.clicks import Click
from kwatch.notify.escape import fit, line, slack
from kwatch.notify.http import KEPT, HttpClient, Reply, classify, document_of, failed, found, retry_after, with_query
from kwatch.notify.page import Page
from kwatch.notify.socket_mode import SocketMode
from kwatch.notify.words import WORDS

_UNFURL = {"unfurl_links": False, "unfurl_media": False}
_LITERAL = {"parse": "none", "link_names": False}  # each time: an update goes back to Slack's defaults
_MENTIONS: Mapping[str, str] = {"@here": "<!here>", "@channel": "<!channel>", "@everyone": "<!everyone>"}
_BY_ID = re.compile(r"<!subteam\^S[A-Z0-9]{2,30}>|<@[UW][A-Z0-9]{2,30}>")

_LOOK_BACK = 50  # messages of the channel, when it is in doubt whether one has arrived
_LARGEST_LOOK = 2 << 20  # bytes of that answer: one of kwatch's own may be 20 KiB in it
_LOST = frozenset(
    {
        "message_not_found",
        "thread_not_found",
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "is_inactive",
    }
)
_ERRORS: Mapping[Failure, str] = {
    Failure.PACE: "ratelimited rate_limited message_limit_exceeded",
    Failure.RETRY: "service_unavailable request_timeout team_added_to_org org_login_required update_failed "
    "external_channel_migrating",
    Failure.AMBIGUOUS: "internal_error fatal_error",
    Failure.MESSAGE: "msg_too_long invalid_blocks invalid_blocks_format invalid_attachments too_many_attachments "
    "no_text metadata_too_large block_mismatch msg_blocks_too_long",
    Failure.DESTINATION: "invalid_auth not_authed token_revoked token_expired account_inactive missing_scope "
    "no_permission not_in_channel channel_not_found is_archived ekm_access_denied accesslimited access_denied "
    "not_allowed_token_type team_access_not_granted team_not_found two_factor_setup_required enterprise_is_restricted "
    "messages_tab_disabled method_deprecated deprecated_endpoint",
}
_FAILURES = {error: failure for failure, errors in _ERRORS.items() for error in errors.split()}
#: That say of a channel, not of the token, that nothing can be posted.
_NO_PLACE = frozenset({"channel_not_found", "is_archived", "not_in_channel", "team_not_found"})
_REASONS: Mapping[Failure, Reason] = {
    Failure.PACE: Reason.RATE_LIMITED,
    Failure.RETRY: Reason.UNAVAILABLE,
    Failure.AMBIGUOUS: Reason.SERVER,
    Failure.MESSAGE: Reason.REJECTED,
    Failure.DESTINATION: Reason.UNAUTHORIZED,
}


def _check_mention(value: str) -> str:
    if value not in _MENTIONS and not _BY_ID.fullmatch(value):
        raise ValueError("not a mention; write @here, @channel, @everyone, <!subteam^S…> of a group or <@U…> of a user")
    return value


class Config(ChannelConfig):
    """The keys of `type: slack`: `token` with `channel`, or `url`."""

    limited_by: ClassVar[tuple[str, ...]] = ("api_url", "token", "channel", "url")

    #: Below the one call a second that Slack takes in a channel: an update is an edit and an answer.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    #: A bot token with `chat:write`.
    token: Secret | None = None
    #: The id or `#name` of the channel that the bot is in.
    channel: str = ""
    #: An incoming webhook; it cannot edit, so an end is a message of its own.
    url: SecretUrl | None = None
    #: Where the Web API is; another one for GovSlack (`https://slack-gov.com/api/`).
    api_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+/$")] = "https://slack.com/api/"
    #: An app-level token with `connections:write`, of the same app: messages have buttons.
    app_token: Secret | None = None
    #: Who may use the buttons: ids of users (`U…`, `W…`) and of user groups (`S…`).
    allow: tuple[Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]{2,30}$")], ...] = ()
    #: Whom to alert when an incident of a severity opens, or rises to it: `{critical: "@here"}`.
    mention: Mapping[SeverityWord, Annotated[str, AfterValidator(_check_mention)]] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token is None) == (self.url is None):
            raise ValueError("give token with channel, or url: exactly one")
        if (self.token is None) != (not self.channel):
            raise ValueError("channel goes with token, and token with channel")
        if (self.app_token is None) != (not self.allow):
            raise ValueError("app_token goes with allow (who may use the buttons), and allow with app_token")
        if self.app_token is not None and self.token is None:
            raise ValueError("app_token goes with token and channel: an incoming webhook has no buttons")
        return self

    @property
    def can_edit(self) -> bool:
        """Return whether a message that was sent can be changed: by a bot."""
        return self.token is not None


class Slack:
    """One channel of Slack."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self.can_edit = config.can_edit
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)
        self._signer = Signer(tools.secret, config.name)
        self._channel_id = "" if config.channel.startswith("#") else config.channel  # of a name: as a post has told it
        self._logger = logging.getLogger("kwatch.slack_sdk")
        self._logger.setLevel(logging.WARNING)  # at debug slack-sdk writes whole requests

    def write(self, page: Page, mention: str) -> Body:
        """Return the message in blocks."""
        buttons = blocks.buttons(page, self._signer) if self._config.app_token else ()
        return {**blocks.message(page, _MENTIONS.get(mention, mention), buttons), **_LITERAL}

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return the message without blocks."""
        return {**blocks.plain_message(page, _MENTIONS.get(mention, mention)), **_LITERAL}

    async def post(self, body: Body, key: str) -> Receipt:
        """Post to the channel."""
        if self._config.url is None:
            return await self._call("chat.postMessage", {**body, "channel": self._config.channel, **_UNFURL}, key)
        await self._post_webhook(self._read(self._config.url), body)
        return Receipt()

    async def find(self, key: str) -> Receipt | None:
        """Return what was posted with a key, if it is among the channel's last messages and these may be read.

        It takes the channel's id and the scope `channels:history` (`groups:history` of a private one), which nothing
        else needs: https://docs.slack.dev/reference/methods/conversations.history.
        """
        if not self._channel_id:
            return None
        question = {"channel": self._channel_id, "limit": _LOOK_BACK, "include_all_metadata": "true"}
        try:
            answer = await self._ask("conversations.history", keep=_LARGEST_LOOK, http_verb="GET", params=question)
        except SendError:
            return None
        messages = answer.get("messages")
        for message in messages if isinstance(messages, list) else ():
            if found(message, "metadata", "event_payload", "id") == key and isinstance(message.get("ts"), str):
                return Receipt({"channel": self._channel_id, "ts": message["ts"]})
        return None

    async def edit(self, root: Receipt, body: Body, key: str) -> None:
        """Replace a message of the bot."""
        await self._call("chat.update", {**body, **root.values}, key)

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Answer in the thread of a message."""
        if self._config.url is not None:
            await self.post(body, key)
            return
        place = {"channel": root.values["channel"], "thread_ts": root.values["ts"]}
        await self._call("chat.postMessage", {**body, **place, **_UNFURL}, key)

    def wish(self, value: str, now: datetime) -> Wish | Refusal:
        """Return what a button of this destination asks for."""
        return self._signer.read(value, now)

    async def allows(self, user: str) -> bool:
        """Whether somebody is allowed by name or in a user group (`usergroups:read`), as it is now.

        https://docs.slack.dev/reference/methods/usergroups.users.list
        """
        if user in self._config.allow:
            return True
        for group in self._config.allow:
            if group.startswith("S"):
                answer = await self._ask("usergroups.users.list", http_verb="GET", params={"usergroup": group})
                users = answer.get("users")
                if isinstance(users, list) and user in users:
                    return True
        return False

    async def whisper(self, click: Click, text: str) -> None:
        """Show somebody a message that nobody else sees: https://docs.slack.dev/reference/methods/chat.postEphemeral."""
        told = WORDS[self._config.language.value].retold(line(text))
        said = {"channel": click.room, "user": click.user, "text": fit(told, 3000, slack), **_LITERAL}
        await self._ask("chat.postEphemeral", json=said)

    async def open_url(self) -> str:
        """Return where to listen, once: https://docs.slack.dev/reference/methods/apps.connections.open."""
        answer = await self._ask("apps.connections.open", token=self._config.app_token, json={})
        url = str(answer.get("url", ""))
        if not url.startswith("wss://" if self._config.api_url.startswith("https://") else "ws"):
            raise failed(Failure.RETRY, Reason.BAD_REPLY, "Slack's answer names no place to listen")
        return url

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _call(self, method: str, payload: Body, key: str) -> Receipt:
        metadata = {"event_type": "kwatch_notification", "event_payload": {"id": key}}
        answer = await self._ask(method, json={**payload, "metadata": metadata})
        channel, ts = answer.get("channel"), answer.get("ts")
        if not isinstance(channel, str) or not isinstance(ts, str):
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Slack's answer names no message")
        self._channel_id = channel
        return Receipt({"channel": channel, "ts": ts})

    async def _ask(self, method: str, token: Secret | None = None, keep: int = KEPT, **arguments: Any) -> Any:
        """Return what the Web API answers to a call that is ok; `token` None: as the bot; `keep`: bytes of it."""
        token = token or self._config.token
        if token is None:
            raise AssertionError("unreachable")  # a webhook makes no calls
        session: Any = _Session(self._client, keep)  # what slack-sdk uses of aiohttp's
        client = AsyncWebClient(
            self._read(token), self._config.api_url, session=session, retry_handlers=[], logger=self._logger
        )
        client.proxy = None  # it would take the environment's; ours is in the transport
        try:
            return await client.api_call(method, **arguments)
        except SlackApiError as error:
            raise _api_failure(error) from None

    async def _post_webhook(self, url: str, body: Body) -> None:
        reply = await self._client.post(url, msgspec.json.encode(body), {"Content-Type": "application/json"})
        failure = classify(reply)
        if failure is not None:
            raise failure
        if reply.body.strip() != b"ok":
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Slack's webhook did not answer ok")


class Clickable(Chat):
    """A channel whose messages have buttons."""

    def __init__(self, config: Config, tools: Tools, room: Slack) -> None:
        super().__init__(config, tools, room, config.mention)
        self.wish, self.allows, self.whisper = room.wish, room.allows, room.whisper
        self.listen = SocketMode(config.name, room.open_url, config.connection(tools.read), tools.clock).run


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    room = Slack(config, tools)
    return Chat(config, tools, room, config.mention) if config.app_token is None else Clickable(config, tools, room)


# Errors


def _api_failure(error: SlackApiError) -> SendError:
    response: Any = error.response
    word = str(response.get("error", ""))
    if word in _LOST:
        return LostError(f"Slack says {word}")
    return classify_error(word, {name.lower(): value for name, value in response.headers.items()})


def classify_error(word: str, headers: Mapping[str, str]) -> SendError:
    """Return what Slack's `error` means (spec 3.3). Pure."""
    is_closed = word.startswith("restricted_action")
    failure = Failure.DESTINATION if is_closed else _FAILURES.get(word, Failure.MESSAGE)
    reason = _REASONS[failure] if word in _FAILURES or is_closed else Reason.OTHER
    if word in _NO_PLACE:
        reason = Reason.NOT_FOUND
    pause = retry_after(headers) if failure is Failure.PACE else None
    return failed(failure, reason, f"Slack says {line(word)[:60] or 'nothing'}", pause)


# slack-sdk over the project's HTTP client: its limits, its errors, its proxies


class _Session:
    """What slack-sdk uses of an aiohttp session."""

    closed = False

    def __init__(self, client: HttpClient, keep: int) -> None:
        self._client = client
        self._keep = keep

    def request(self, method: str, url: str, **arguments: Any) -> "_Exchange":
        return _Exchange(self._client, method, url, arguments, self._keep)


class _Exchange:
    """One request, as the context manager of its answer."""

    content_type = "application/json"

    def __init__(self, client: HttpClient, method: str, url: str, arguments: Mapping[str, Any], keep: int) -> None:
        self._client = client
        self._keep = keep
        self._method = method
        self._url = with_query(url, {name: str(value) for name, value in (arguments.get("params") or {}).items()})
        self._arguments = arguments
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._body: Any = {}

    async def __aenter__(self) -> Self:
        body = msgspec.json.encode(self._arguments["json"]) if self._method == "POST" else b""
        headers = self._arguments["headers"]
        reply = await self._client.send(self._method, self._url, body, headers, keep=self._keep)
        self.status, self.headers, self._body = reply.status, reply.headers, _api_answer(reply)
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def json(self) -> Any:
        return self._body


def _api_answer(reply: Reply) -> Mapping[str, Any]:
    """Return the decoded answer; raise SendError for one that is not the API's."""
    answer = document_of(reply)
    if isinstance(answer.get("ok"), bool) and reply.status in {200, 429}:
        return answer
    raise classify(reply) or failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is not Slack's")
