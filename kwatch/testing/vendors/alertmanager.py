"""One replica of an Alertmanager: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml.

As the real one it takes what is right of a request and answers 400 for what is not; labels without a value are none; an
alert is its labels, and is over when its `endsAt` is past. It stands behind a proxy that wants a bearer token.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

API = "https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml"
MODEL = "https://github.com/prometheus/common/blob/main/model/alert.go"
_URL = "http://alertmanager-0:9093/"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TIMES = ("startsAt", "endsAt")
_RESOLVES_AFTER = timedelta(minutes=5)  # what says nothing of its end

Key = frozenset[tuple[str, str]]


class Alertmanager:
    """Keeps the alerts that it was posted."""

    keys: Mapping[str, Any] = {"urls": [_URL], "token": {"file": "token"}}
    secrets: Mapping[str, str] = {"token": CANARY}
    refusals: Sequence[Refusal] = ()  # the status says it all

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.alerts: dict[Key, Mapping[str, Any]] = {}  # the newest of each, in the order of the first

    @property
    def limits(self) -> Sequence[Limit]:
        """What it refuses."""
        at = _request([_alert()])
        later = {"startsAt": "2026-03-01T14:00:00Z", "endsAt": "2026-03-01T13:59:59Z"}
        return (
            Limit("name of a label", MODEL, (at,), (_request([_alert(labels={"a-b": "1"})]),), 400),
            Limit("labels", MODEL, (at,), (_request([_alert(labels={"alertname": ""})]),), 400),
            Limit("name of an annotation", MODEL, (at,), (_request([_alert(annotations={"a-b": "1"})]),), 400),
            Limit("end before start", MODEL, (at,), (_request([_alert(**later)]),), 400),
            Limit("JSON", API, (at,), (_request("x"),), 400),
            Limit("list", API, (at,), (_request(_alert()),), 400),
            Limit("token", API, (at,), (_request([_alert()], token="x"),), 401),  # noqa: S106 - a wrong one
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the alerts that are right."""
        if request.headers.get("authorization") != f"Bearer {CANARY}":
            return httpx.Response(401)
        if request.url.path != "/api/v2/alerts":
            return httpx.Response(404)
        try:
            posted = json.loads(await request.aread())
        except ValueError:
            return httpx.Response(400, json="bad data")
        if not isinstance(posted, list):
            return httpx.Response(400, json="bad data")
        good = [alert for alert in posted if _is_right(alert)]
        for alert in good:
            key = frozenset((name, value) for name, value in alert["labels"].items() if value)
            ends_at = alert.get("endsAt") or (self._clock.now() + _RESOLVES_AFTER).isoformat()
            self.alerts[key] = {**alert, "endsAt": ends_at}
        return httpx.Response(200 if len(good) == len(posted) else 400)

    def active(self) -> list[Mapping[str, Any]]:
        """Return what fires now."""
        return [alert for alert in self.alerts.values() if not self._is_over(alert)]

    def shown(self) -> list[Shown]:
        """Return every alert, as it is now."""
        return [
            Shown(
                id="\n".join(sorted("=".join(pair) for pair in key)),
                text="\n".join([*alert["labels"].values(), *alert.get("annotations", {}).values()]),
                is_over=self._is_over(alert),
            )
            for key, alert in self.alerts.items()
        ]

    def _is_over(self, alert: Mapping[str, Any]) -> bool:
        return datetime.fromisoformat(alert["endsAt"]) <= self._clock.now()


def _is_right(alert: Mapping[str, Any]) -> bool:
    labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
    is_named = all(_NAME.fullmatch(name) for name in (*labels, *annotations))
    starts_at, ends_at = (datetime.fromisoformat(alert.get(name, "2026-01-01T00:00:00Z")) for name in _TIMES)
    return is_named and any(labels.values()) and ("endsAt" not in alert or ends_at >= starts_at)


def _alert(**changes: Any) -> Mapping[str, Any]:
    return {"labels": {"alertname": "api-down"}, "annotations": {}, "startsAt": "2026-03-01T14:00:00Z", **changes}


def _request(document: Any, token: str = CANARY) -> httpx.Request:
    content = document if isinstance(document, str) else json.dumps(document)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Request("POST", f"{_URL}api/v2/alerts", headers=headers, content=content)
