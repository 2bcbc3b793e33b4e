"""A workspace of Slack: channels that a bot is in, and incoming webhooks.

The sources are named in `slack_limits`, beside each limit; the layout is `slack_blocks`'. Stricter than Slack in one
thing: an update must name `parse` and `link_names`, as Slack's defaults there mention people. How many posts are "a
short burst" is not documented; here it is ten. That the text of an update is measured in bytes was found by others.
"""

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown, slack_blocks, slack_limits

_API = "https://slack.com/api/"
_TOKEN = f"xoxb-{CANARY}"
_HOOK = f"https://hooks.slack.com/services/T042/B042/{CANARY}"
_LONGEST = 40_000  # characters of `text`: the rest is cut off

#: What a message of a bot is read with, beside what it was posted with.
_BOT = {"bot_id": "B19LU7CSY", "app_id": "A012B3CDEFG"}
_AUTHOR: Mapping[str, Any] = {"type": "message", "user": "U061F7AUR", "team": "T061EG9R6"} | {
    **_BOT,
    "bot_profile": {
        "id": "B19LU7CSY",
        "name": "kwatch",
        "icons": {
            f"image_{size}": f"https://avatars.slack-edge.com/2026-03-01/1234567890123_0123456789abcdef0123_{size}.png"
            for size in (36, 48, 72)
        },
        "updated": 1772374440,
        "team_id": "T061EG9R6",
    },
}

#: What a call is refused with, and what it means for a delivery.
_WORDS = {
    Failure.RETRY: "service_unavailable request_timeout team_added_to_org org_login_required update_failed "
    "external_channel_migrating",
    Failure.AMBIGUOUS: "internal_error fatal_error",
    Failure.MESSAGE: "msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format invalid_attachments "
    "too_many_attachments no_text metadata_too_large block_mismatch a_word_of_tomorrow",
    Failure.DESTINATION: "invalid_auth not_authed token_revoked token_expired account_inactive missing_scope "
    "no_permission not_in_channel channel_not_found is_archived ekm_access_denied accesslimited access_denied "
    "two_factor_setup_required enterprise_is_restricted messages_tab_disabled team_not_found method_deprecated "
    "deprecated_endpoint not_allowed_token_type team_access_not_granted restricted_action_read_only_channel",
}


class Pace(NamedTuple):
    """So many a second in the long run, so many at once."""

    rate: float
    burst: int


_UPDATES = Pace(50 / 60, 50)


@dataclass(slots=True)
class Posted:
    """A message as it is now, with how it was before each edit."""

    channel: str
    ts: str
    payload: Mapping[str, Any]
    edits: list["Posted"] = field(default_factory=list)

    @property
    def thread_ts(self) -> str:
        """The message below which it stands, or nothing."""
        return str(self.payload.get("thread_ts", ""))

    @property
    def blocks(self) -> list[Any]:
        """The layout."""
        return list(self.payload.get("blocks", []))

    @property
    def text(self) -> str:
        """What notifications of the phone show; what is shown at all where there is no layout."""
        return str(self.payload.get("text", ""))[:_LONGEST]

    @property
    def all_text(self) -> str:
        """Everything that people can read, in reading order."""
        return slack_blocks.read(self.blocks or {"type": "mrkdwn", "text": self.text})

    @property
    def pings(self) -> tuple[str, ...]:
        """The mentions that are acted on."""
        return slack_blocks.pings(self.payload)


class Slack:
    """A workspace with the channel `#alerts`; by webhook, its destination is one of those."""

    def __init__(
        self,
        clock: Clock,
        *,
        token: str = _TOKEN,
        channels: Mapping[str, str] = {"#alerts": "C042"},
        burst: int = 10,
    ) -> None:
        self._clock = clock
        self._paces = {"chat.postMessage": Pace(1.0, burst), "chat.update": _UPDATES, "webhook": Pace(1.0, burst)}
        self._token = token
        self._channels = channels  # name → id
        self._room: dict[str, tuple[float, float]] = {}  # of each scope: how many may still come, as of when
        self._count = 0
        self.messages: list[Posted] = []  # in the order of posting
        self.errors: list[str] = []  # that were answered
        self.archived: set[str] = set()  # ids of channels
        self.has_history = False  # the bot has the scope to read what was posted
        self.left: set[str] = set()  # ids of channels that the bot is not in
        self.next_answers: deque[httpx.Response] = deque()  # instead of what it would do

    keys: Mapping[str, Any] = {"token": {"file": "token"}, "channel": "#alerts"}
    secrets: Mapping[str, str] = {"token": _TOKEN}

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, if Slack would."""
        if self.next_answers:
            return self.next_answers.popleft()
        body = await request.aread()
        if "/services/" in request.url.path:
            return self._answer_webhook(request, body)
        method = request.url.path.rpartition("/")[2]
        if method == "conversations.history":
            return httpx.Response(200, content=json.dumps(self._history(request)).encode())
        payload, fault = _decoded(request, body)
        fault = self._unauthorised(request) or fault
        scope = f"{method} {payload.get('channel')}" if method == "chat.postMessage" else method
        pause = 0.0 if fault or method not in self._paces else self._pause(scope, self._paces[method])
        if pause:
            self.errors.append("ratelimited")
            return _refused("ratelimited", 429, {"Retry-After": str(math.ceil(pause))})
        answer = {"ok": False, "error": fault} if fault else self._call(method, payload)
        if not answer["ok"]:
            self.errors.append(str(answer["error"]))
        return httpx.Response(200, json=answer)

    def shown(self) -> list[Shown]:
        """Return the messages of all channels."""
        return [
            Shown(
                id=message.ts,
                text=message.all_text,
                thread=message.thread_ts,
                pings=message.pings,
                links=slack_blocks.links(message.payload),
                edits=len(message.edits),
            )
            for message in self.messages
        ]

    def delete(self, ts: str) -> None:
        """Remove a message, as people do."""
        self.messages = [message for message in self.messages if message.ts != ts]

    def roots(self) -> list[Posted]:
        """Return the messages that are in no thread."""
        return [message for message in self.messages if not message.thread_ts]

    def thread(self, root: Posted) -> list[Posted]:
        """Return the answers below a message."""
        return [message for message in self.messages if message.thread_ts == root.ts]

    def _unauthorised(self, request: httpx.Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return "not_authed"
        return "" if token == self._token else "invalid_auth"

    def _pause(self, scope: str, pace: Pace) -> float:
        """Return 0 and count one, or how many seconds there is no room."""
        now = self._clock.monotonic()
        room, at = self._room.get(scope, (float(pace.burst), now))
        room = min(pace.burst, room + (now - at) * pace.rate)
        is_free = room >= 1 - 1e-9
        self._room[scope] = (room - 1 if is_free else room, now)
        return 0.0 if is_free else (1 - room) / pace.rate

    def _call(self, method: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        named = str(payload.get("channel", ""))
        channel = self._channels.get(named, named)
        if channel not in self._channels.values():
            return _error("channel_not_found")
        if channel in self.archived | self.left:
            return _error("is_archived" if channel in self.archived else "not_in_channel")
        match method:
            case "chat.postMessage":
                return self._post(channel, payload)
            case "chat.update":
                return self._update(channel, payload)
            case _:
                return _error("unknown_method")

    def _post(self, channel: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        if fault := _fault(payload) or slack_blocks.excess(payload):
            return _error(fault)
        if "thread_ts" in payload and self._find(channel, payload["thread_ts"]) is None:
            return _error("cannot_reply_to_message")
        return {"ok": True, "channel": channel, "ts": self._keep(channel, payload).ts}

    def _history(self, request: httpx.Request) -> Mapping[str, Any]:
        """Return the newest messages of a channel, by its id: https://docs.slack.dev/reference/methods/conversations.history."""
        asked = request.url.params
        if fault := self._unauthorised(request) or ("" if self.has_history else "missing_scope"):
            return _error(fault)
        if asked.get("channel") not in self._channels.values():
            return _error("channel_not_found")
        roots = [each for each in self.roots() if each.channel == asked["channel"]][-int(asked.get("limit", 100)) :]
        hidden = set() if asked.get("include_all_metadata") == "true" else {"metadata"}
        told = [
            {**_AUTHOR, "ts": root.ts, **{name: value for name, value in root.payload.items() if name not in hidden}}
            for root in reversed(roots)
        ]
        return {"ok": True, "messages": told}

    def _update(self, channel: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        message = self._find(channel, payload.get("ts", ""))
        if payload["channel"] in self._channels or message is None:
            return _error("message_not_found")  # an update wants the channel's id
        if payload.get("parse") != "none" or payload.get("link_names") is not False:
            return _error("invalid_arguments")
        if len(payload.get("text", "").encode()) > 4000:
            return _error("msg_too_long")
        fault = _fault(payload) or slack_blocks.excess(payload) or _mismatch(message.blocks, payload.get("blocks", []))
        if fault:
            return _error(fault)
        message.edits.append(Posted(channel, message.ts, message.payload))
        message.payload = {**payload, **({"thread_ts": message.thread_ts} if message.thread_ts else {})}
        return {"ok": True, "channel": channel, "ts": message.ts}

    def _answer_webhook(self, request: httpx.Request, body: bytes) -> httpx.Response:
        payload, fault = _decoded(request, body)
        if request.url.path != httpx.URL(_HOOK).path:
            status, word = 403, "invalid_token"
        elif fault or _fault(payload):
            status, word = 400, "invalid_payload"
        elif pause := self._pause("webhook", self._paces["webhook"]):
            return httpx.Response(429, text="rate_limited", headers={"Retry-After": str(math.ceil(pause))})
        else:
            self._keep("C042", payload)
            return httpx.Response(200, text="ok")
        self.errors.append(word)
        return httpx.Response(status, text=word)

    def _find(self, channel: str, ts: str) -> Posted | None:
        return next((message for message in self.messages if (message.channel, message.ts) == (channel, ts)), None)

    def _keep(self, channel: str, payload: Mapping[str, Any]) -> Posted:
        self._count += 1
        message = Posted(channel, f"{int(self._clock.now().timestamp())}.{self._count:06}", payload)
        self.messages.append(message)
        return message

    @property
    def limits(self) -> Sequence[Limit]:
        """What is refused of a post, a layout and an update."""
        first = f"{int(self._clock.now().timestamp())}.000001"
        return tuple(slack_limits.of_api(slack_limits.Api(_API, _TOKEN, first)))

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The words that a failed call is answered with, and a few that are not in the documentation."""
        paused = httpx.Response(200, json=_error("ratelimited"), headers={"Retry-After": "30"})
        return (
            Refusal("ratelimited", paused, Failure.PACE, 30.0),
            Refusal("rate_limited", httpx.Response(200, json=_error("rate_limited")), Failure.PACE),
            Refusal("message_limit_exceeded", httpx.Response(200, json=_error("message_limit_exceeded")), Failure.PACE),
            Refusal("no word", httpx.Response(200, json=_error("")), Failure.MESSAGE),
            *(
                Refusal(word, httpx.Response(200, json=_error(word)), failure)
                for failure, words in _WORDS.items()
                for word in words.split()
            ),
        )


class SlackWebhook(Slack):
    """The same workspace, told through an incoming webhook."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}
    secrets: Mapping[str, str] = {"url": _HOOK}

    @property
    def limits(self) -> Sequence[Limit]:
        """What is refused of a post."""
        return slack_limits.of_webhook(_HOOK)

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The words that a failed post is answered with."""
        return tuple(
            Refusal(word, httpx.Response(status, text=word), failure)
            for word, status, failure in (
                ("invalid_payload", 400, Failure.MESSAGE),
                ("no_text", 400, Failure.MESSAGE),
                ("too_many_attachments", 400, Failure.MESSAGE),
                ("action_prohibited", 403, Failure.DESTINATION),
                ("invalid_token", 403, Failure.DESTINATION),
                ("channel_not_found", 404, Failure.DESTINATION),
                ("no_service", 404, Failure.DESTINATION),
                ("channel_is_archived", 410, Failure.DESTINATION),
                ("rollup_error", 500, Failure.AMBIGUOUS),
            )
        )


def _fault(payload: Mapping[str, Any]) -> str:
    if not payload.get("blocks") and not payload.get("text") and not payload.get("attachments"):
        return "no_text"
    metadata = payload.get("metadata", {"event_type": "x", "event_payload": {}})
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), Mapping):
        return "invalid_metadata_format"
    return slack_blocks.fault(payload)


def _mismatch(before: Sequence[Any], after: Sequence[Any]) -> str:
    """Tell whether a rich text would be replaced by another kind of block."""
    kinds = [[block["type"] for block in blocks].count("rich_text") for blocks in (before, after)]
    return "block_mismatch" if after and kinds[0] != kinds[1] else ""


def _decoded(request: httpx.Request, body: bytes) -> tuple[Mapping[str, Any], str]:
    """Return the payload, or nothing and what is wrong with it."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return {}, "invalid_post_type"
    try:
        payload = json.loads(body)
    except ValueError:
        return {}, "invalid_json"
    return (payload, "") if isinstance(payload, dict) else ({}, "json_not_object")


def _refused(word: str, status: int, headers: Mapping[str, str]) -> httpx.Response:
    return httpx.Response(status, json=_error(word), headers=dict(headers))


def _error(word: str) -> Mapping[str, Any]:
    return {"ok": False, "error": word}
