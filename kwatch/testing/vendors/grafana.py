"""A formatted webhook of Grafana IRM, which is Grafana OnCall's.

https://grafana.com/docs/grafana-cloud/alerting-and-irm/irm/configure/integrations/webhooks/incoming-webhooks/
oncall-webhooks/ names the fields; https://github.com/grafana/oncall shows what it does with them: `alert_uid` groups,
the state `ok` in any case resolves, and an integration takes 300 alerts in 5 minutes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown, texts_in

FIELDS = "https://grafana.com/docs/oncall/latest/configure/integrations/references/webhook/"
RATES = "https://github.com/grafana/oncall/blob/dev/engine/apps/integrations/mixins/ratelimit_mixin.py"
KEYS = "https://github.com/grafana/oncall/blob/dev/engine/apps/integrations/mixins/alert_channel_defining_mixin.py"
_URL = f"https://oncall.example.com/integrations/v1/formatted_webhook/{CANARY}/"
_MOST, _WITHIN = 300, timedelta(minutes=5)


@dataclass(slots=True)
class Group:
    """The alerts of one `alert_uid`, until it is resolved."""

    uid: str
    alerts: list[Mapping[str, Any]]
    is_over: bool = False


class Grafana:
    """Keeps alert groups, and counts whom it calls."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}
    secrets: Mapping[str, str] = {"url": _URL}
    refusals: Sequence[Refusal] = ()  # the status says it all

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: list[datetime] = []
        self.groups: list[Group] = []  # in the order in which they were opened
        self.calls: list[str] = []  # the uids of what somebody was called for

    @property
    def limits(self) -> Sequence[Limit]:
        """What it refuses."""
        many = [_request(_alert(alert_uid=str(number))) for number in range(_MOST + 1)]
        at = many[:1]
        return (
            Limit("rate", RATES, many[:_MOST], many, 429),
            Limit("key", KEYS, at, (_request(_alert(), url=_URL.replace(CANARY, "another")),), 403),
            Limit("JSON", FIELDS, at, (_request(b"{"),), 400),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the alert, unless there were too many."""
        if str(request.url) != _URL:
            return httpx.Response(403, text="Integration key was not found. Permission denied.")
        if request.method != "POST":
            return httpx.Response(405)
        now = self._clock.now()
        self._taken = [at for at in self._taken if now - at < _WITHIN]
        if len(self._taken) >= _MOST:
            return httpx.Response(429, text="Rate-limiting has been applied to your account")
        try:
            alert = json.loads(await request.aread())
        except ValueError:
            return httpx.Response(400)
        self._taken.append(now)
        self._take(alert)
        return httpx.Response(200, json="Ok.")

    def shown(self) -> list[Shown]:
        """Return the groups, each as its newest alert is."""
        return [
            Shown(
                id=group.uid,
                text="\n".join(text.replace("\u200b", "") for text in texts_in(group.alerts[-1])),
                is_over=group.is_over,
                edits=len(group.alerts) - 1,
            )
            for group in self.groups
        ]

    def _take(self, alert: Mapping[str, Any]) -> None:
        """Add an alert to its open group; without one it opens it, unless it says that all is well."""
        uid, is_end = alert.get("alert_uid", ""), alert.get("state", "").upper() == "OK"
        group = next((each for each in self.groups if each.uid == uid and not each.is_over), None)
        if group is None and is_end:
            return
        if group is None:
            self.groups.append(Group(uid, [alert]))
            self.calls.append(uid)
        else:
            group.alerts.append(alert)
            group.is_over = is_end


def _alert(**changes: Any) -> bytes:
    return json.dumps({"alert_uid": "kw/a/1", "title": "api is down", "state": "alerting", **changes}).encode()


def _request(content: bytes, url: str = _URL) -> httpx.Request:
    return httpx.Request("POST", url, content=content)
