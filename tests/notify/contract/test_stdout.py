"""The terminal."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kwatch.notify.base import Tools
from kwatch.notify.channels import stdout
from kwatch.testing.contract import OpenContract
from kwatch.testing.vendors.stdout import Terminal


class TestStdout(OpenContract):
    channel = stdout
    vendor = Terminal

    @asynccontextmanager
    async def reach(self, vendor: Terminal, tools: Tools) -> AsyncIterator[Tools]:
        yield dataclasses.replace(tools, stdout=vendor.stdout)
