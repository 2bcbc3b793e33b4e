"""A service that keeps incidents, and its channel: as small as the contract allows, with flaws to choose from."""

import json
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import ChannelConfig, Tools
from kwatch.notify.http import HttpClient, classify
from kwatch.testing.vendors import Shown

URL = "https://ledger.example.com/"


class Ledger:
    """Opens an incident for a key that is not open, and ends it."""

    keys: Mapping[str, Any] = {}
    secrets: Mapping[str, str] = {}

    def __init__(self, clock: Clock) -> None:
        self._entries: list[tuple[str, bool]] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Open or end."""
        entry = json.loads(await request.aread())
        if entry["is_over"]:
            self._entries = [(key, is_over or key == entry["key"]) for key, is_over in self._entries]
        elif (entry["key"], False) not in self._entries:
            self._entries.append((entry["key"], False))
        return httpx.Response(202)

    def shown(self) -> list[Shown]:
        """Return each incident."""
        return [Shown(id=key, text=key, is_over=is_over) for key, is_over in self._entries]


class Clerk:
    """Writes into the ledger."""

    max_age = timedelta(hours=24)

    def __init__(self, module: ModuleType, config: Any, tools: Tools) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self._client = HttpClient(config, tools)

    def key(self, notification: Notification) -> str:
        return notification.incident

    def is_over(self, notification: Notification) -> bool:
        return notification.kind.closes

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        entry = {"key": self.key(notification), "is_over": self.is_over(notification)}
        return Message(json.dumps(entry).encode())

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        failure = classify(await self._client.post(URL, message.body, {}))
        if failure is not None:
            raise failure
        return Receipt()

    async def close(self) -> None:
        await self._client.close()


class Optimist(Clerk):
    """Ends nothing."""

    def is_over(self, notification: Notification) -> bool:
        return False


class Literalist(Clerk):
    """Ends only what is resolved."""

    def is_over(self, notification: Notification) -> bool:
        return notification.kind.value == "resolved"


class Novelist(Clerk):
    """Opens an incident for each message."""

    count = 0

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        Novelist.count += 1
        entry = {**json.loads(message.body), "key": str(self.count)}
        return await super().send(Message(json.dumps(entry).encode()), delivery)


class Lumper(Clerk):
    """Keeps all in one incident."""

    def key(self, notification: Notification) -> str:
        return "kwatch"


class Episodic(Clerk):
    """Does not tell one episode from the next."""

    def key(self, notification: Notification) -> str:
        return notification.incident.rpartition("/")[0]

    def is_over(self, notification: Notification) -> bool:
        return False


module: Any = ModuleType("tests.testing.ledger")
module.Config = ChannelConfig
