"""The shipped composition with one destination at each service that is spoken to over HTTP, in virtual time."""

import importlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN

#: Channel → the stand-in of its service, and the host at which the channel looks for it.
SERVICES = {
    "alertmanager": ("Alertmanager", "alertmanager-0"),
    "discord": ("Discord", "discord.com"),
    "googlechat": ("GoogleChat", "chat.googleapis.com"),
    "grafana": ("Grafana", "oncall.example.com"),
    "incidentio": ("IncidentIo", "api.incident.io"),
    "matrix": ("Matrix", ""),
    "mattermost": ("Mattermost", ""),
    "opsgenie": ("Opsgenie", "api.atlassian.com"),
    "pagerduty": ("PagerDuty", "events.pagerduty.com"),
    "slack": ("Slack", "slack.com"),
    "teams": ("Teams", "prod-42.westeurope.logic.azure.com"),
    "telegram": ("Telegram", "api.telegram.org"),
    "webhook": ("Receiver", "hooks.example.com"),
}
#: What is sent as often as it holds, and not from the queue.
STATE_LIKE = {"alertmanager"}
QUEUED = [name for name in SERVICES if name not in STATE_LIKE]

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Services:
    """All services, and a kwatch that tells each of them; `stage` plays it.

    `spare` is a service that is told by itself, as the receiver of that name; `keys` are those of all others. These are
    one receiver, or `apart`: each is told of the namespace of its name.
    """

    def __init__(self, folder: Path, rules: str = BROKEN, *, spare: str = "", apart: bool = False, **keys: Any) -> None:
        receivers: dict[str, list[Any]] = {}
        self.stage = Stage(folder, "")
        self.vendors: dict[str, Any] = {}
        self._hosts: dict[str, str] = {}
        self.requests: dict[str, list[tuple[float, httpx.Request]]] = {name: [] for name in SERVICES}
        for name, (kind, known) in SERVICES.items():
            vendor = getattr(importlib.import_module(f"kwatch.testing.vendors.{name}"), kind)(self.stage.clock)
            self.vendors[name] = vendor
            host = known or str(urlsplit(vendor.keys["server"]).hostname)
            self._hosts[host] = name
            self.stage.hosts[host] = self._noting(name, vendor.answer)
            for secret, value in vendor.secrets.items():
                (folder / f"of-{name}-{secret}").write_text(value)
            entry = {"type": name, "name": name, **self._located(name, vendor.keys)}
            if name == spare:
                receivers["spare"] = [{**entry, "pace": {"per_minute": 10_000, "burst": 100}}]
            else:
                receivers.setdefault(name if apart else "team", []).append({**entry, **keys})
        routes = [{"match": {"namespace": each}, "receiver": each} for each in receivers if each != "spare"]
        route = {"receiver": "spare" if apart else "team", "group_by": ["namespace", "name"], "group_wait": "0s"}
        words = {"route": {**route, "routes": routes if apart else []}, "receivers": receivers}
        self.stage.write(rules + "".join(f"{key}: {json.dumps(value)}\n" for key, value in words.items()))

    async def deliveries(self) -> dict[str, list[tuple[str, str, int]]]:
        """Return what there is for each service, oldest first: kind, state and attempts."""
        rows = (await self.stage.get("/api/v1/deliveries?limit=1000")).json()["deliveries"]
        found: dict[str, list[tuple[str, str, int]]] = {}
        for row in reversed(rows):
            found.setdefault(row["destination"], []).append((row["kind"], row["state"], row["attempts"]))
        return found

    def answers(self, name: str, answer: Answer) -> None:
        """Let something else answer for a service from now on."""
        host = next(host for host, of in self._hosts.items() if of == name)
        self.stage.hosts[host] = self._noting(name, answer)

    def text(self, name: str) -> str:
        """Return all that people can read at a service now."""
        return "\n".join(shown.text for shown in self.vendors[name].shown())

    def _noting(self, name: str, answer: Answer) -> Answer:
        async def note(request: httpx.Request) -> httpx.Response:
            await request.aread()
            self.requests[name].append((self.stage.now(), request))
            return await answer(request)

        return note

    def _located(self, name: str, keys: Any) -> Any:
        match keys:
            case {"file": str(secret)}:
                return {"file": f"FOLDER/of-{name}-{secret}"}
            case dict():
                return {key: self._located(name, value) for key, value in keys.items()}
            case list() | tuple():
                return [self._located(name, value) for value in keys]
        return keys
