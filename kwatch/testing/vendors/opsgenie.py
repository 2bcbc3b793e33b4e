"""Opsgenie's alerts, as of https://docs.opsgenie.com/docs/alert-api: what is taken is done later, and may fail then.

Jira Service Management takes the same requests below another URL:
https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events/. What the
documentation calls a limit is refused with 422, which https://docs.opsgenie.com/docs/response has for such errors.
"""

import html
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown, texts_in

ALERTS = "https://docs.opsgenie.com/docs/alert-api"
RATES = "https://docs.opsgenie.com/docs/api-rate-limiting"
_URL = "https://api.atlassian.com/jsm/ops/integration/v2/"
_AUTHORIZATION = f"GenieKey {CANARY}"
_NO_KEY, _NO_CONTENT = "Key format is not valid!", "Request body is not processable."
_LENGTHS = {
    "message": 130,
    "alias": 512,
    "description": 15_000,
    "entity": 512,
    "source": 100,
    "user": 100,
    "note": 25_000,
}
_TAG = re.compile(r"<[A-Za-z/!?][^>]*>?")


@dataclass(slots=True)
class Alert:
    """An alert as people see it."""

    alias: str
    content: Mapping[str, Any]
    state: str = "open"  # acknowledged, closed
    count: int = 1  # how often it was created while it was open
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Request:
    """What was taken and is not done yet, or how it went."""

    due_at: datetime
    act: str  # create, notes, acknowledge, close
    alias: str
    content: Mapping[str, Any]
    is_success: bool | None = None  # None: not done yet
    status: str = ""


class Opsgenie:
    """Keeps alerts, and requests until they are done."""

    keys: Mapping[str, Any] = {"api_key": {"file": "api-key"}}
    secrets: Mapping[str, str] = {"api-key": CANARY}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds = 0.0  # that a request takes
        self.failures: deque[str] = deque()  # the status with which each next request fails
        self.alerts: list[Alert] = []  # in the order in which they were opened
        self.calls: list[str] = []  # the aliases of what somebody was called for
        self._requests: dict[str, _Request] = {}

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What the answers say beyond their status."""
        throttled = httpx.Response(429, headers={"X-RateLimit-State": "THROTTLED", "X-RateLimit-Period-In-Sec": "60"})
        return (
            Refusal("throttled", throttled, Failure.PACE, 60.0),
            Refusal("plan", httpx.Response(402, json={"message": "Payment Required"}), Failure.DESTINATION),
            Refusal("key", httpx.Response(401, json={"message": "Could not authenticate"}), Failure.DESTINATION),
            # https://github.com/falcosecurity/falcosidekick/issues/719, https://github.com/opsgenie/opsgenie-lamp/issues/50
            Refusal("what is no key", httpx.Response(422, json={"message": _NO_KEY}), Failure.DESTINATION),
            Refusal("content", httpx.Response(422, json={"message": _NO_CONTENT}), Failure.MESSAGE),
        )

    @property
    def limits(self) -> Sequence[Limit]:
        """What the documentation forbids."""
        tags, details = ["x" * 50] * 20, {"a": "x" * 7999}
        lengths = [
            _limit(name, _create(**{name: "x" * most}), _create(**{name: "x" * (most + 1)}))
            for name, most in _LENGTHS.items()
        ]
        return (
            *lengths,
            _limit("message is there", _create(), _create(message="")),
            _limit("tags", _create(tags=tags), _create(tags=[*tags, "x"])),
            _limit("length of a tag", _create(tags=tags), _create(tags=["x" * 51])),
            _limit("details", _create(details=details), _create(details={**details, "b": ""})),
            _limit("priority", _create(priority="P5"), _create(priority="P6")),
            Limit("JSON", ALERTS, (_create(),), (_request("alerts", b"{"),), 400),
            Limit("key", ALERTS, (_create(),), (_request("alerts", b"{}", authorization="GenieKey x"),), 401),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take a request, or say what has become of one."""
        self._work()
        path = request.url.path.partition("/v2/")[2]
        if request.headers.get("authorization") != _AUTHORIZATION:
            return httpx.Response(401, json={"message": "Could not authenticate"})
        if request.method == "GET" and path.startswith("alerts/requests/"):
            return self._status(path.rpartition("/")[2])
        try:
            content = json.loads(await request.aread())
        except ValueError:
            return httpx.Response(400, json={"message": "Request body is not processable."})
        act, alias = _place(request, path, content)
        if not act:
            return httpx.Response(404, json={"message": "No handler found."})
        if problems := [*_problems(act, content)]:
            return httpx.Response(422, json={"message": _NO_CONTENT, "errors": problems})
        return self._take(act, alias, content)

    def shown(self) -> list[Shown]:
        """Return the alerts as they are now."""
        self._work()
        return [
            Shown(
                id=alert.alias,
                text="\n".join(map(_seen, [*texts_in(alert.content), *alert.notes])),
                is_over=alert.state == "closed",
                edits=alert.count - 1 + len(alert.notes),
            )
            for alert in self.alerts
        ]

    def _take(self, act: str, alias: str, content: Mapping[str, Any]) -> httpx.Response:
        request_id = f"43a29c5c-3dbf-4fa4-9c26-{len(self._requests):012}"
        due_at = self._clock.now() + timedelta(seconds=self.seconds)
        self._requests[request_id] = _Request(due_at, act, alias, content)
        return httpx.Response(202, json={"result": "Request will be processed", "took": 0.302, "requestId": request_id})

    def _status(self, request_id: str) -> httpx.Response:
        request = self._requests.get(request_id)
        if request is None or request.is_success is None:
            message = "Request not found. It might not be processed, yet."
            return httpx.Response(404, json={"message": message, "took": 0.003, "requestId": request_id})
        outcome = {"action": request.act, "isSuccess": request.is_success, "status": request.status}
        return httpx.Response(200, json={"data": {**outcome, "alias": request.alias}, "requestId": request_id})

    def _work(self) -> None:
        """Do what is due."""
        for request in self._requests.values():
            if request.is_success is None and request.due_at <= self._clock.now():
                request.status = self.failures.popleft() if self.failures else self._do(request)
                request.is_success = request.status.endswith("alert")

    def _do(self, request: _Request) -> str:
        alias = request.alias
        alert = next((each for each in self.alerts if each.alias == alias and each.state != "closed"), None)
        if request.act == "create" and alert is None:
            self.alerts.append(Alert(alias, request.content))
            self.calls.append(alias)
            return "Created alert"
        if alert is None:
            return "Alert does not exist"
        if request.act == "create":
            alert.count += 1  # and nothing of its texts is changed
        else:
            alert.notes.append(str(request.content.get("note", "")))
            alert.state = {"acknowledge": "acknowledged", "close": "closed"}.get(request.act, alert.state)
        return f"Done {request.act} of alert"


def _place(request: httpx.Request, path: str, content: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is asked for, and of which alert; nothing where there is no such thing."""
    if request.method == "POST" and path == "alerts":
        return "create", content.get("alias", "")
    parts = path.split("/")
    is_act = len(parts) == 3 and parts[2] in {"notes", "acknowledge", "close"}
    is_named = request.url.params.get("identifierType") == "alias"
    return (parts[2], parts[1]) if request.method == "POST" and is_act and is_named else ("", "")


def _problems(act: str, content: Mapping[str, Any]) -> Iterator[str]:
    for name, most in _LENGTHS.items():
        if len(content.get(name, "")) > most:
            yield f"{name} is longer than {most} characters"
    if act == "create" and not content.get("message"):
        yield "Message can not be empty."
    tags = content.get("tags", [])
    if len(tags) > 20 or any(len(tag) > 50 for tag in tags):
        yield "there are more than 20 tags, or a tag has more than 50 characters"
    if sum(len(name) + len(value) for name, value in content.get("details", {}).items()) > 8000:
        yield "details have more than 8000 characters"
    if content.get("priority", "P3") not in {"P1", "P2", "P3", "P4", "P5"}:
        yield "priority is none of P1 to P5"


def _limit(name: str, at: httpx.Request, over: httpx.Request) -> Limit:
    return Limit(name, ALERTS, (at,), (over,), 422)


def _create(**changes: Any) -> httpx.Request:
    return _request("alerts", json.dumps({"message": "api is down", "alias": "kw-a-1", **changes}).encode())


def _request(path: str, body: bytes, authorization: str = _AUTHORIZATION) -> httpx.Request:
    return httpx.Request("POST", _URL + path, headers={"Authorization": authorization}, content=body)


def _seen(text: str) -> str:
    """Return what is read of a text in which tags are markup."""
    return html.unescape(_TAG.sub("", text)).replace("\u200b", "")
