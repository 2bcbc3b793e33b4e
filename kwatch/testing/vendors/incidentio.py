"""An HTTP alert source of incident.io: https://docs.incident.io/api-reference/alert-events-v2/createhttp.

Errors have the form of https://docs.incident.io/api-reference/introduction. That an event may have 512 KB is known from
Prometheus' notifier (https://github.com/prometheus/alertmanager/blob/main/notify/incidentio/incidentio.go).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown, texts_in

EVENTS = "https://docs.incident.io/api-reference/alert-events-v2/createhttp"
NOTIFIER = "https://github.com/prometheus/alertmanager/blob/main/notify/incidentio/incidentio.go"
_URL = "https://api.incident.io/v2/alert_events/http/01GW2G3V0S59R238FAHPDS1R66"
_MAX_EVENT = 512 * 1024
_ESCAPED = re.compile(r"\\([\\`*_~|\[\]<>#])")
_LINK = re.compile(r"(?<!\\)\[([^\]\n]+)(?<!\\)\]\((https?://[^)\s]+)\)")


@dataclass(slots=True)
class Alert:
    """What a deduplication key stands for, for ever."""

    event: Mapping[str, Any]  # the newest that was taken for it
    events: int = 1

    @property
    def is_over(self) -> bool:
        """Whether it is resolved."""
        return bool(self.event["status"] == "resolved")


class IncidentIo:
    """Keeps alerts, and counts whom it calls."""

    keys: Mapping[str, Any] = {"url": _URL, "token": {"file": "token"}}
    secrets: Mapping[str, str] = {"token": CANARY}
    refusals: Sequence[Refusal] = ()  # the status says it all

    def __init__(self, clock: Clock) -> None:
        self.alerts: dict[str, Alert] = {}  # by deduplication key, in the order in which they came
        self.calls: list[str] = []  # the keys of what somebody was called for

    @property
    def limits(self) -> Sequence[Limit]:
        """What the documentation forbids."""
        at, wrong = _request(_event()), _request(_event(), token="x")  # noqa: S106 - a wrong one
        missing = [
            Limit(name, EVENTS, (at,), (_request(_event(**{name: ""})),), 422)
            for name in ("title", "status", "deduplication_key")
        ]
        return (
            *missing,
            Limit("words of status", EVENTS, (at,), (_request(_event(status="open")),), 422),
            Limit("token", EVENTS, (at,), (wrong,), 401),
            Limit("source", EVENTS, (at,), (_request(_event(), url=f"{_URL}X"),), 404),
            Limit("JSON", EVENTS, (at,), (_request(b"{"),), 400),
            Limit("size", NOTIFIER, (_request(_sized(_MAX_EVENT)),), (_request(_sized(_MAX_EVENT + 1)),), 413),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the event, unless it is wrong."""
        body = await request.aread()
        if request.headers.get("authorization") != f"Bearer {CANARY}":
            return _refused(401, "authentication_error")
        if str(request.url) != _URL or request.method != "POST":
            return _refused(404, "not_found")
        if len(body) > _MAX_EVENT:
            return _refused(413, "too_large")
        try:
            event = json.loads(body)
        except ValueError:
            return _refused(400, "bad_request")
        if not event.get("title") or not event.get("deduplication_key"):
            return _refused(422, "validation_error")
        if event.get("status") not in {"firing", "resolved"}:
            return _refused(422, "validation_error")
        self._take(event)
        key = event["deduplication_key"]
        answer = {"deduplication_key": key, "message": "Event accepted for processing", "status": "success"}
        return httpx.Response(202, json=answer)

    def shown(self) -> list[Shown]:
        """Return the alerts as they are now, Markdown read."""
        return [
            Shown(
                id=key,
                text="\n".join(map(_seen, texts_in(alert.event))),
                is_over=alert.is_over,
                links=tuple(url for _, url in _LINK.findall(alert.event.get("description", ""))),
                edits=alert.events - 1,
            )
            for key, alert in self.alerts.items()
        ]

    def _take(self, event: Mapping[str, Any]) -> None:
        """Apply an event to the one alert of its key: what is resolved does not fire again."""
        key = event["deduplication_key"]
        alert = self.alerts.get(key)
        if alert is None:
            self.alerts[key] = Alert(event)
            if event["status"] == "firing":
                self.calls.append(key)
        elif not alert.is_over:
            alert.event, alert.events = event, alert.events + 1


def _refused(status: int, kind: str) -> httpx.Response:
    return httpx.Response(status, json={"type": kind, "status": status, "request_id": "1", "errors": []})


def _event(**changes: Any) -> bytes:
    event = {"title": "api is down", "status": "firing", "deduplication_key": "kw/a/1", **changes}
    return json.dumps(event).encode()


def _sized(size: int) -> bytes:
    return _event(description="x" * (size - len(_event(description=""))))


def _request(content: bytes, *, url: str = _URL, token: str = CANARY) -> httpx.Request:
    return httpx.Request("POST", url, headers={"Authorization": f"Bearer {token}"}, content=content)


def _seen(text: str) -> str:
    """Return what is read of a text in Markdown."""
    lines = _LINK.sub(r"\1", text).replace("**", "").replace("  \n", "\n")
    return _ESCAPED.sub(r"\1", lines).replace("\u200b", "")
