"""PagerDuty's Events API v2, with one service and its integrations.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and /send-change-events/ say what it takes;
https://v2.developer.pagerduty.com/docs/send-an-event-events-api-v2 shows what it answers to what it refuses. What the
documentation calls a limit without saying what happens beyond is refused with 400, its word for a wrong event.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown, texts_in

EVENTS = "https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"
OVERVIEW = "https://developer.pagerduty.com/docs/events-api-v2/overview/"
CHANGES = "https://developer.pagerduty.com/docs/events-api-v2/send-change-events/"
_URL = "https://events.pagerduty.com/v2/"
_MAX_EVENT = 512 * 1024
_KEY = f"{CANARY}-".ljust(32, "0")


@dataclass(slots=True)
class Incident:
    """What a `dedup_key` of one integration has opened."""

    key: str
    routing_key: str
    event: Mapping[str, Any]  # the newest trigger
    state: str = "triggered"  # acknowledged, resolved
    log: list[str] = field(default_factory=list)  # the actions of what was taken for it


class PagerDuty:
    """Keeps incidents and changes, and counts whom it calls."""

    keys: Mapping[str, Any] = {"routing_key": {"file": "routing-key"}}
    secrets: Mapping[str, str] = {"routing-key": _KEY}

    def __init__(self, clock: Clock) -> None:
        self.routing_keys = {_KEY}  # of the integrations that there are
        self.incidents: list[Incident] = []  # in the order in which they were opened
        self.changes: list[Mapping[str, Any]] = []
        self.calls: list[str] = []  # the keys of what somebody was called for

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What the answers say beyond their status."""
        wrong = _refused("Length of 'routing_key' is incorrect (should be 32 characters)")
        return (Refusal("routing key", wrong, Failure.DESTINATION),)

    @property
    def limits(self) -> Sequence[Limit]:
        """What the documentation forbids."""
        at = _event()
        return (
            _limit("summary", EVENTS, _event(summary="x" * 1024), _event(summary="x" * 1025)),
            _limit("dedup_key", EVENTS, _event(dedup_key="x" * 255), _event(dedup_key="x" * 256)),
            _limit("routing_key", EVENTS, at, _event(routing_key="x" * 33)),
            _limit("severity", EVENTS, _event(severity="error"), _event(severity="fatal")),
            _limit("event_action", EVENTS, at, _event(event_action="open")),
            _limit("source", EVENTS, at, _event(source="")),
            _limit("timestamp", EVENTS, at, _event(timestamp="yesterday")),
            _limit("link", EVENTS, at, _event(links=[{"text": "no href"}])),
            _limit("image", EVENTS, _image("https://example.com/1.png"), _image("http://example.com/1.png")),
            _limit("size", OVERVIEW, _sized(_MAX_EVENT), _sized(_MAX_EVENT + 1)),
            _limit("JSON", OVERVIEW, at, httpx.Request("POST", f"{_URL}enqueue", content=b"{")),
            _limit("summary of a change", CHANGES, _change(summary="x" * 1024), _change(summary="x" * 1025)),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the event, unless it is wrong."""
        path, body = request.url.path.removeprefix("/v2/"), await request.aread()
        if path not in {"enqueue", "change/enqueue"}:
            return httpx.Response(404)
        if request.method != "POST":
            return httpx.Response(405)
        try:
            event = json.loads(body)
        except ValueError:
            return _refused("JSON parse error", status="Unrecognized object")
        checks = _alert_problems if path == "enqueue" else _change_problems
        problems = ["event is too large"] if len(body) > _MAX_EVENT else [*self._key_problems(event), *checks(event)]
        if problems:
            return _refused(*problems)
        routing_key = event.pop("routing_key")  # nobody is shown it
        if path == "enqueue":
            self._take(routing_key, event)
        else:
            self.changes.append(event)
        answer = {"status": "success", "message": "Event processed", "dedup_key": event.get("dedup_key", "")}
        return httpx.Response(202, json=answer)

    def shown(self) -> list[Shown]:
        """Return the incidents, and then the changes."""
        incidents = [
            Shown(
                id=incident.key,
                text="\n".join(texts_in(incident.event)),
                is_over=incident.state == "resolved",
                edits=len(incident.log) - 1,
            )
            for incident in self.incidents
        ]
        return incidents + [
            Shown(id=f"change-{number}", text="\n".join(texts_in(change)), is_over=True)
            for number, change in enumerate(self.changes)
        ]

    def _take(self, routing_key: str, event: Mapping[str, Any]) -> None:
        """Apply an event to its open incident; without one a trigger opens it, and anything else is dropped."""
        key, action = event["dedup_key"], event["event_action"]
        lane = (each for each in self.incidents if (each.key, each.routing_key) == (key, routing_key))
        incident = next((each for each in lane if each.state != "resolved"), None)
        if incident is None:
            if action != "trigger":
                return
            incident = Incident(key, routing_key, event)
            self.incidents.append(incident)
            self.calls.append(key)
        incident.log.append(action)
        if action != "trigger":
            incident.state = f"{action}d"
        if "payload" in event:
            incident.event = event

    def _key_problems(self, event: Mapping[str, Any]) -> Iterator[str]:
        key = event.get("routing_key", "")
        if len(key) != 32:
            yield "Length of 'routing_key' is incorrect (should be 32 characters)"
        elif key not in self.routing_keys:
            yield "Invalid routing key"


def _alert_problems(event: Mapping[str, Any]) -> Iterator[str]:
    action, payload = event.get("event_action"), event.get("payload", {})
    if action not in {"trigger", "acknowledge", "resolve"}:
        yield "'event_action' is invalid"
    if not 1 <= len(event.get("dedup_key", "")) <= 255:
        yield "'dedup_key' is missing or longer than 255 characters"
    if action == "trigger" or payload:
        yield from _payload_problems(payload)
        if not payload.get("source"):
            yield "'payload.source' is missing or blank"
        if payload.get("severity") not in {"critical", "error", "warning", "info"}:
            yield "'payload.severity' is invalid"
    yield from _context_problems(event)


def _change_problems(event: Mapping[str, Any]) -> Iterator[str]:
    yield from _payload_problems(event.get("payload", {}))
    yield from _context_problems(event)


def _payload_problems(payload: Mapping[str, Any]) -> Iterator[str]:
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        yield "'payload.summary' is missing, blank or longer than 1024 characters"
    if not isinstance(payload.get("custom_details", {}), Mapping):
        yield "'payload.custom_details' is no object"
    try:
        datetime.fromisoformat(payload.get("timestamp", "2015-07-17T08:42:58.315+0000"))
    except ValueError:
        yield "'payload.timestamp' is invalid"


def _context_problems(event: Mapping[str, Any]) -> Iterator[str]:
    if any(not link.get("href") for link in event.get("links", ())):
        yield "'links' need an href"
    if any(not image.get("src", "").startswith("https://") for image in event.get("images", ())):
        yield "'images' need a src that is served via HTTPS"


def _refused(*errors: str, status: str = "invalid event") -> httpx.Response:
    return httpx.Response(400, json={"status": status, "message": "Event object is invalid", "errors": list(errors)})


# Requests at and over the limits


def _limit(name: str, source: str, at: httpx.Request, over: httpx.Request) -> Limit:
    return Limit(name, source, (at,), (over,), 400)


def _request(path: str, event: Mapping[str, Any]) -> httpx.Request:
    return httpx.Request("POST", _URL + path, content=json.dumps(event).encode())


def _event(**changes: Any) -> httpx.Request:
    payload = {"summary": "api is down", "source": "prod-eu/payments", "severity": "critical"}
    event = {"routing_key": _KEY, "event_action": "trigger", "dedup_key": "kw/a/1", "payload": payload}
    for name, value in changes.items():
        (event if name in event or name in {"links", "images"} else payload)[name] = value
    return _request("enqueue", event)


def _image(src: str) -> httpx.Request:
    return _event(images=[{"src": src}])


def _sized(size: int) -> httpx.Request:
    empty = len(_event(custom_details={"Text": ""}).content)
    return _event(custom_details={"Text": "x" * (size - empty)})


def _change(**changes: Any) -> httpx.Request:
    return _request("change/enqueue", {"routing_key": _KEY, "payload": {"summary": "rolled out", **changes}})
