"""What the tests of `kwatch.notify` share: the contract's samples, and tools without a network."""

import io
from datetime import datetime

import httpx

from kwatch.notify.base import Connection, Tools
from kwatch.notify.render import TemplateEngine
from kwatch.testing.contract.samples import ALONE, NOW, alert, content, delivery, ended, notification

__all__ = ["ALONE", "NOW", "StillClock", "alert", "content", "delivery", "ended", "notification", "tools_for"]


class StillClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.at = NOW
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def awake(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def tools_for(transport: httpx.AsyncBaseTransport | None = None, clock: StillClock | None = None) -> Tools:
    """Return tools whose HTTP goes to the transport."""
    still = clock or StillClock()

    def connect(connection: Connection) -> httpx.AsyncBaseTransport:
        return transport or httpx.MockTransport(lambda request: httpx.Response(200))

    return Tools(
        clock=still,
        templates=TemplateEngine(still),
        transport=connect,
        instance="prod-eu.kwatch",
        secret="s",
        stdout=io.StringIO(),
    )
