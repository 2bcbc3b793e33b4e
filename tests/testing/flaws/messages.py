"""Channels that say the wrong thing, or too much."""

import html
import json
from types import ModuleType
from typing import Any

import msgspec

from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import ChannelConfig, Tools
from kwatch.testing.contract.samples import content
from tests.testing.flaws.sound import Sound


class Mute(Sound):
    """Says nothing."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=b"{}")


class Stuck(Sound):
    """Says that it fires, whatever happens."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        firing = msgspec.structs.replace(notification, content=content(), kind=content().kind)
        return super().render(firing, thread, degraded=degraded)


class Repeating(Sound):
    """Tells everything twice."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        await super().send(message, delivery)
        return await super().send(message, delivery)


class Absent(Sound):
    """Forgets what it is sending while it sends another."""

    message = Message(b"")

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        self.message = message
        await self.tools.clock.sleep(1)
        return await super().send(self.message, delivery)


class ZoneBlind(Sound):
    """Tells all times in UTC."""

    def configured(self, config: Any) -> Any:
        return config.model_copy(update={"timezone": "UTC"})


class OwnWords(Sound):
    """Does not care for the user's template."""

    def configured(self, config: Any) -> Any:
        return config.model_copy(update={"template": {}})


class Discreet(Sound):
    """Does not say that a template failed."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, fallback_reason="")


class Restless(Sound):
    """Renders and sends other bytes each time."""

    count = 0

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return restless(super().render(notification, thread, degraded=degraded))

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return await super().send(restless(message), delivery)


def restless(message: Message) -> Message:
    """Return the message with as many spaces more as were asked for."""
    Restless.count += 1
    return msgspec.structs.replace(message, body=message.body + b" " * Restless.count)


class Verbose(Sound):
    """Has more to say when it should be short."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=False)
        return msgspec.structs.replace(message, body=message.body + b" " * degraded)


class Tolerant(Sound):
    """Takes any key."""

    class Config(ChannelConfig, extra="allow"):
        pass

    def configured(self, config: Any) -> Any:
        return config


class Hasty(Sound):
    """Has a time and a width of its own."""

    def __init__(self, module: ModuleType, config: Any, tools: Tools) -> None:
        super().__init__(module, config, tools)
        self.concurrency = 4
        self.timeout = 30.0


class Boundless(Sound):
    """Knows no limit."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=message.body + b" " * 20_480)


class Cutter(Sound):
    """Cuts without a word."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=message.body.replace(b"characters more", b""))


class Raw(Sound):
    """Passes on what Kubernetes says as it is."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = self.inner.render(notification, thread, degraded=degraded)
        text = "".join(alert.message[:500] for alert in notification.content.alerts)
        return msgspec.structs.replace(message, body=json.dumps({"text": text}).encode())


class RawPost(Raw):
    """Posts to Slack what Kubernetes says as it is."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = self.inner.render(notification, thread, degraded=degraded)
        steps = json.loads(message.body)
        steps[0]["body"] = json.loads(super().render(notification, thread, degraded=degraded).body)
        return Message(json.dumps(steps).encode())


class Escaping(Sound):
    """Writes entities where nothing is parsed."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        text = "".join(html.escape(alert.message) for alert in notification.content.alerts)
        return msgspec.structs.replace(message, body=json.dumps({"text": text}).encode())
