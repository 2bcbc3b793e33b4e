"""A homeserver of Matrix, as Synapse answers: https://spec.matrix.org/latest/client-server-api/.

One room with a user in it. The rest of an event, beside its content, is taken to have 1 KiB.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.markup import read_html
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

SEND = "https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid"
SIZE = "https://spec.matrix.org/latest/client-server-api/#size-limits"
RATES = "https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html#rc_message"
SERVER = "https://matrix.example.com"
ROOM = "!636q39766251:example.com"
TOKEN = f"syt_a3dhdGNo_{CANARY}"
_EVENT, _REST = 65_536, 1024
_PER_SECOND, _BURST = 0.2, 10
#: https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes
_TAGS = frozenset({"strong", "em", "code", "pre", "a", "p", "ul", "ol", "li", "blockquote", "h4", "del"})


@dataclass(slots=True)
class _Event:
    id: str
    content: Mapping[str, Any]
    edits: list[Mapping[str, Any]] = field(default_factory=list)
    is_redacted: bool = False


class Matrix:
    """A room, and what was sent there."""

    keys: Mapping[str, Any] = {"server": SERVER, "token": {"file": "token"}, "room": ROOM}
    secrets: Mapping[str, str] = {"token": TOKEN}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._room_left, self._as_of = float(_BURST), clock.monotonic()
        self._transactions: dict[str, str] = {}
        self.events: list[_Event] = []

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that a homeserver refuses for its size, form or number."""
        taken, room = _send({"msgtype": "m.text", "body": "x"}), _EVENT - _REST - len('{"body":""}')
        gone = {"rel_type": "m.replace", "event_id": "$gone"}
        many = [_send({"body": "x"}, key=str(number)) for number in range(_BURST + 1)]
        return (
            Limit(
                "size", SIZE, (_send({"body": "x" * room}),), (_send({"body": "x" * (room + 1)}),), 413, "M_TOO_LARGE"
            ),
            Limit("relation", SEND, (taken,), (_send({"body": "x", "m.relates_to": gone}),), 400, "unknown event"),
            Limit("token", SEND, (taken,), (_send({"body": "x"}, token="x"),), 401, "M_UNKNOWN_TOKEN"),  # noqa: S106
            Limit("room", SEND, (taken,), (_send({"body": "x"}, room="!x:example.com"),), 403, "M_FORBIDDEN"),
            Limit("pace", RATES, many[:-1], many, 429, "M_LIMIT_EXCEEDED"),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What its error codes mean."""
        limited = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 4500}
        return (
            Refusal("rate limit", httpx.Response(429, json=limited), Failure.PACE, 4.5),
            Refusal("rate limit by a header", httpx.Response(429, headers={"Retry-After": "7"}), Failure.PACE, 7.0),
            Refusal("token", _error(401, "M_UNKNOWN_TOKEN"), Failure.DESTINATION),
            Refusal("not in the room", _error(403, "M_FORBIDDEN"), Failure.DESTINATION),
            Refusal("consent", _error(403, "M_CONSENT_NOT_GIVEN"), Failure.DESTINATION),
            Refusal("no homeserver", _error(404, "M_UNRECOGNIZED"), Failure.DESTINATION),
            Refusal("size", _error(413, "M_TOO_LARGE"), Failure.MESSAGE),
            Refusal("form", _error(400, "M_BAD_JSON"), Failure.MESSAGE),
            Refusal("server", _error(500, "M_UNKNOWN"), Failure.AMBIGUOUS),
            Refusal("no event", httpx.Response(200, text="<html>"), Failure.AMBIGUOUS),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, if the homeserver would."""
        parts = [unquote(part) for part in request.url.raw_path.decode().split("/")]  # /_matrix/client/v3/rooms/…
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "M_UNKNOWN_TOKEN")
        if parts[5] != ROOM:
            return _error(403, "M_FORBIDDEN")
        if parts[6] == "event":
            return self._event(parts[7])
        body = await request.aread()
        return self._send(parts[8], json.loads(body), len(body))

    def shown(self) -> list[Shown]:
        """Return the messages that are not redacted, with their edits."""
        return [_shown(event) for event in self.events if not event.is_redacted]

    def delete(self, shown_id: str) -> None:
        """Redact an event, as people do; what would edit it is not shown."""
        for event in self.events:
            event.is_redacted |= event.id == shown_id

    def _event(self, event_id: str) -> httpx.Response:
        for event in self.events:
            if event.id == event_id:
                unsigned: Mapping[str, Any] = {"redacted_because": {}} if event.is_redacted else {}
                content = {} if event.is_redacted else event.content
                return httpx.Response(200, json={"event_id": event.id, "content": content, "unsigned": unsigned})
        return _error(404, "M_NOT_FOUND")

    def _send(self, key: str, content: Mapping[str, Any], size: int) -> httpx.Response:
        if key in self._transactions:
            return httpx.Response(200, json={"event_id": self._transactions[key]})
        relation = content.get("m.relates_to", {})
        root = next((event for event in self.events if event.id == relation.get("event_id")), None)
        if relation and root is None:
            return _error(400, "M_UNKNOWN", "Can't send relation to unknown event")
        if size + _REST > _EVENT:
            return _error(413, "M_TOO_LARGE")
        if pause := self._pause():
            return _error(429, "M_LIMIT_EXCEEDED", retry_after_ms=int(pause * 1000))
        event_id = f"$event{len(self._transactions) + 1}"
        self._transactions[key] = event_id
        if root is not None and relation["rel_type"] == "m.replace":
            root.edits.append(root.content)
            root.content = content["m.new_content"]
        else:
            self.events.append(_Event(event_id, content))
        return httpx.Response(200, json={"event_id": event_id})

    def _pause(self) -> float:
        """Take a token; return how long until there is one, if there is none."""
        now = self._clock.monotonic()
        self._room_left = min(_BURST, self._room_left + (now - self._as_of) * _PER_SECOND)
        self._as_of = now
        if self._room_left < 1:
            return (1 - self._room_left) / _PER_SECOND
        self._room_left -= 1
        return 0.0


def _shown(event: _Event) -> Shown:
    content, links = event.content, tuple[str, ...]()
    text = content["body"].replace("\u200b", "")
    if content.get("format") == "org.matrix.custom.html":
        reading = read_html(content["formatted_body"], _TAGS, void=frozenset({"br"}), are_lines_broken=True)
        text, links = "\n".join(filter(None, reading.text.split("\n"))), reading.links
    return Shown(
        id=event.id,
        text=text,
        thread=str(content.get("m.relates_to", {}).get("event_id", "")),
        pings=_pings(content),
        links=links,
        edits=len(event.edits),
    )


def _pings(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who is called: whom `m.mentions` names; without it whoever the text names."""
    mentions = content.get("m.mentions")
    if mentions is None:
        return ("@room",) if "@room" in content["body"] else ()
    return (*(["@room"] if mentions.get("room") else []), *mentions.get("user_ids", []))


def _error(status: int, errcode: str, error: str = "…", **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"errcode": errcode, "error": error, **more})


def _send(content: Mapping[str, Any], *, token: str = TOKEN, room: str = ROOM, key: str = "m1") -> httpx.Request:
    url = f"{SERVER}/_matrix/client/v3/rooms/{room}/send/m.room.message/{key}"
    return httpx.Request("PUT", url, headers={"Authorization": f"Bearer {token}"}, json=content)
