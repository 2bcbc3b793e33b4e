"""A channel with nothing wrong, around any other: what the flaws begin with."""

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import Channel, Secret, Tools
from kwatch.notify.credentials import secrets_in


class Sound:
    """A channel with nothing wrong: it does what it wraps."""

    max_age = timedelta(hours=6)

    def __init__(self, module: ModuleType, config: Any, tools: Tools) -> None:
        self.config = self.configured(config)
        self.tools = self.equipped(tools)
        self.inner: Channel = module.create(self.config, self.tools)
        self.concurrency = self.inner.concurrency
        self.timeout = self.inner.timeout

    def configured(self, config: Any) -> Any:
        return config

    def equipped(self, tools: Tools) -> Tools:
        return tools

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return self.inner.render(notification, thread, degraded=degraded)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return await self.inner.send(message, delivery)

    async def close(self) -> None:
        await self.inner.close()

    def secret(self) -> str:
        """Return the first of its secrets."""
        found: Secret = next(secrets_in(self.config))
        return found.read()


def flawed(flaw: Callable[..., Sound], module: ModuleType) -> ModuleType:
    """Return the module with a flaw."""
    wrapped: Any = ModuleType(module.__name__)
    wrapped.Config = getattr(flaw, "Config", module.Config)
    wrapped.create = lambda config, tools: flaw(module, config, tools)
    made: ModuleType = wrapped
    return made
