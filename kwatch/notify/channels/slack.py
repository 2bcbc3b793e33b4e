"""Slack: a bot that posts, edits and answers in threads, or an incoming webhook that can only post.

A message is planned when it is rendered: the calls to make, in order. With a bot, an incident is one message (its root)
that is edited, and a thread below it; what goes on in another's thread only answers there. Sizes are kept below
Slack's limits in `kwatch.notify.blocks`.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

import msgspec
from pydantic import AfterValidator, Field, model_validator
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from kwatch.errors import Failure, PermanentSendError, Reason, SendError
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.notify import blocks
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, SeverityWord, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import line
from kwatch.notify.http import HttpClient, Reply, classify, decoded, failed, retry_after

_API = "https://slack.com/api/"
_MENTIONS: Mapping[str, str] = {"": "", "@here": "<!here>", "@channel": "<!channel>", "@everyone": "<!everyone>"}

_LOST = frozenset({"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
_ERRORS: Mapping[Failure, str] = {
    Failure.PACE: "ratelimited rate_limited",
    Failure.RETRY: "service_unavailable request_timeout team_added_to_org org_login_required update_failed "
    "external_channel_migrating",
    Failure.AMBIGUOUS: "internal_error fatal_error",
    Failure.MESSAGE: "msg_too_long invalid_blocks invalid_blocks_format invalid_attachments too_many_attachments "
    "no_text metadata_too_large block_mismatch",
    Failure.DESTINATION: "invalid_auth not_authed token_revoked token_expired account_inactive missing_scope "
    "no_permission not_in_channel channel_not_found is_archived ekm_access_denied accesslimited",
}
_FAILURES = {error: failure for failure, errors in _ERRORS.items() for error in errors.split()}
_REASONS: Mapping[Failure, Reason] = {
    Failure.PACE: Reason.RATE_LIMITED,
    Failure.RETRY: Reason.UNAVAILABLE,
    Failure.AMBIGUOUS: Reason.SERVER,
    Failure.MESSAGE: Reason.REJECTED,
    Failure.DESTINATION: Reason.UNAUTHORIZED,
}


def _check_mention(value: str) -> str:
    if not value or value not in _MENTIONS:
        raise ValueError("not a mention; write @here, @channel or @everyone")
    return value


class Config(ChannelConfig):
    """The keys of `type: slack`: `token` with `channel`, or `url`."""

    #: Below the one call a second that Slack takes in a channel: an update is an edit and an answer.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    #: A bot token with `chat:write`.
    token: Secret | None = None
    #: The id or `#name` of the channel that the bot is in.
    channel: str = ""
    #: An incoming webhook; it cannot edit, so an end is a message of its own.
    url: Secret | None = None
    #: Where the Web API is; another one for GovSlack (`https://slack-gov.com/api/`).
    api_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+/$")] = "https://slack.com/api/"
    #: Whom to alert when an incident of a severity opens, or rises to it: `{critical: "@here"}`.
    mention: Mapping[SeverityWord, Annotated[str, AfterValidator(_check_mention)]] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token is None) == (self.url is None):
            raise ValueError("give token with channel, or url: exactly one")
        if (self.token is None) != (not self.channel):
            raise ValueError("channel goes with token, and token with channel")
        return self

    @property
    def can_edit(self) -> bool:
        """Return whether a message that was sent can be changed: by a bot."""
        return self.token is not None


class Call(msgspec.Struct, frozen=True):
    """One call of the Web API."""

    method: str  # chat.postMessage, chat.update
    payload: Mapping[str, Any]
    is_root: bool = False  # what it gives back is the incident's root from now on


class Slack:
    """Tells one channel of Slack."""

    concurrency = 1  # Slack takes about one message per second and channel
    max_age = timedelta(hours=6)

    def __init__(self, config: Config, tools: Tools) -> None:
        self.timeout = config.timeout.total_seconds()
        self._config = config
        self._tools = tools
        self._client = HttpClient(config, tools)
        self._logger = logging.getLogger("kwatch.slack_sdk")
        self._logger.setLevel(logging.WARNING)  # at debug slack-sdk writes whole requests

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the calls to make; degraded, with plain texts instead of blocks."""
        texts = Composition(self._config, self._tools.templates, notification)
        title, mention = line(texts.text("title")), self._mention(notification, thread)
        edits = thread.root is not None and thread.is_own
        mention, below = ("", mention) if edits else (mention, "")  # an edit reaches nobody
        if degraded:
            post = blocks.plain_message(title, texts.text("text"), mention)
        elif texts.has_own("text"):
            post = blocks.text_message(title, texts.text("text"), mention)
        else:
            post = blocks.fact_message(title, texts.context, mention)
        planned = plan(notification, thread, post, blocks.news(texts.context, title, below), self._config.channel)
        body = post if self._config.url else planned
        return Message(msgspec.json.encode(body), fallback_reason=texts.problem)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Make the planned calls; the receipt names the incident's root."""
        if self._config.url:
            await self._post_webhook(self._config.url.read(), message.body)
            return Receipt()
        root = delivery.thread.root or Receipt()
        for call in msgspec.json.decode(message.body, type=tuple[Call, ...]):
            posted, is_new = await self._make(call)
            if call.is_root:
                root = posted
            if is_new:
                break  # the root was lost: the new message says it all
        return root

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _mention(self, notification: Notification, thread: Thread) -> str:
        opens = notification.kind in _OPENING and thread.root is None
        is_due = (opens or notification.content.is_raised) and not notification.content.is_quiet
        return _MENTIONS[self._config.mention.get(notification.severity, "")] if is_due else ""

    async def _make(self, call: Call) -> tuple[Receipt, bool]:
        """Make a call; return where the message is, and whether that is the channel, as what it belongs to is lost."""
        try:
            return await self._call(call.method, call.payload), False
        except _LostError:
            payload = {key: value for key, value in call.payload.items() if key not in {"ts", "thread_ts"}}
            return await self._call("chat.postMessage", {**payload, "channel": self._config.channel, **_UNFURL}), True

    async def _call(self, method: str, payload: Mapping[str, Any]) -> Receipt:
        token = self._config.token
        if token is None:
            raise AssertionError("unreachable")  # a webhook makes no calls
        session: Any = _Session(self._client)  # what slack-sdk uses of aiohttp's
        client = AsyncWebClient(
            token.read(), self._config.api_url, session=session, retry_handlers=[], logger=self._logger
        )
        client.proxy = None  # it would take the environment's; ours is in the transport
        try:
            response = await client.api_call(method, json=dict(payload))
        except SlackApiError as error:
            raise _api_failure(error) from None
        channel, ts = response.get("channel"), response.get("ts")
        if not isinstance(channel, str) or not isinstance(ts, str):
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Slack's answer names no message")
        return Receipt({"channel": channel, "ts": ts})

    async def _post_webhook(self, url: str, body: bytes) -> None:
        reply = await self._client.post(url, body, {"Content-Type": "application/json"})
        failure = classify(reply)
        if failure is not None:
            raise failure
        if reply.body.strip() != b"ok":
            raise failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "Slack's webhook did not answer ok")


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Slack(config, tools)


# Errors


class _LostError(PermanentSendError):
    """The message to edit, or the thread to answer in, is not there any more."""


def _api_failure(error: SlackApiError) -> SendError:
    response: Any = error.response
    word = str(response.get("error", ""))
    if word in _LOST:
        return _LostError(Failure.MESSAGE, Reason.NOT_FOUND, f"Slack says {word}")
    return classify_error(word, {name.lower(): value for name, value in response.headers.items()})


def classify_error(word: str, headers: Mapping[str, str]) -> SendError:
    """Return what Slack's `error` means (spec 3.3). Pure."""
    is_closed = word.startswith("restricted_action")
    failure = Failure.DESTINATION if is_closed else _FAILURES.get(word, Failure.MESSAGE)
    reason = _REASONS[failure] if word in _FAILURES or is_closed else Reason.OTHER
    pause = retry_after(headers) if failure is Failure.PACE else None
    return failed(failure, reason, f"Slack says {line(word)[:60] or 'nothing'}", pause)


# slack-sdk over the project's HTTP client: its limits, its errors, its proxies


class _Session:
    """What slack-sdk uses of an aiohttp session."""

    closed = False

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def request(self, method: str, url: str, **arguments: Any) -> "_Exchange":
        return _Exchange(self._client, url, arguments)


class _Exchange:
    """One request, as the context manager of its answer."""

    content_type = "application/json"

    def __init__(self, client: HttpClient, url: str, arguments: Mapping[str, Any]) -> None:
        self._client = client
        self._url = url
        self._arguments = arguments
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._body: Any = {}

    async def __aenter__(self) -> Self:
        body = msgspec.json.encode(self._arguments["json"])
        reply = await self._client.post(self._url, body, self._arguments["headers"])
        self.status, self.headers, self._body = reply.status, reply.headers, _api_answer(reply)
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def json(self) -> Any:
        return self._body


def _api_answer(reply: Reply) -> Mapping[str, Any]:
    """Return the decoded answer; raise SendError for one that is not the API's."""
    answer = decoded(reply)
    if isinstance(answer, dict) and isinstance(answer.get("ok"), bool) and reply.status in {200, 429}:
        return answer
    raise classify(reply) or failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is not Slack's")


# Planning. Pure.

#: Kinds that tell of something for the first time.
_OPENING = frozenset({NotificationKind.FIRING, NotificationKind.SUMMARY, NotificationKind.OVERFLOW})
#: Kinds that stand for themselves: they never edit what was said before.
_ALONE = frozenset({NotificationKind.NOTICE, NotificationKind.META, NotificationKind.TEST})
_UNFURL: Mapping[str, bool] = {"unfurl_links": False, "unfurl_media": False}


def plan(
    notification: Notification, thread: Thread, post: Mapping[str, Any], said: Mapping[str, Any] | None, channel: str
) -> tuple[Call, ...]:
    """Return the calls for a notification: `post` is the whole message, `said` what is new in the thread."""
    metadata = {"event_type": "kwatch_notification", "event_payload": {"id": notification.id}}
    whole = {**post, "metadata": metadata, "parse": "none", "link_names": False}
    if thread.root is None:
        return (Call("chat.postMessage", {**whole, "channel": channel, **_UNFURL}, is_root=True),)
    place = {"channel": thread.root.values["channel"]}
    below = {**place, "thread_ts": thread.root.values["ts"], **_UNFURL}
    if not thread.is_own or notification.kind in _ALONE:
        return (Call("chat.postMessage", {**whole, **below}),)
    edit = Call("chat.update", {**whole, **place, "ts": thread.root.values["ts"]}, is_root=True)
    if said is None:
        return (edit,)
    reply = {**said, "metadata": metadata, "parse": "none", "link_names": False, **below}
    return (edit, Call("chat.postMessage", reply))
