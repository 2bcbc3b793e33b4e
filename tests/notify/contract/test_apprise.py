"""apprise itself, to a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from kwatch.notify.base import Channel, Tools
from kwatch.notify.channels import apprise
from kwatch.notify.chat import Chat
from kwatch.testing.contract import Contract
from kwatch.testing.vendors.apprise import Apprise
from kwatch.testing.virtual import InlineExecutor


def create(config: apprise.Config, tools: Tools) -> Channel:
    """Return the channel; virtual time knows no threads."""
    return Chat(config, tools, apprise.Apprise(config, tools, InlineExecutor()))


class TestApprise(Contract):
    channel: Any = SimpleNamespace(__name__=apprise.__name__, Config=apprise.Config, create=create)
    vendor = Apprise

    @asynccontextmanager
    async def reach(self, vendor: Apprise, tools: Tools) -> AsyncIterator[Tools]:
        with vendor.serve():
            yield tools
