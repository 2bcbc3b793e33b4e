"""Mail, to a server with TLS and a password."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kwatch.notify.base import Tools
from kwatch.notify.channels import smtp
from kwatch.testing.contract import Contract, ThreadContract
from kwatch.testing.vendors.smtp import Mailbox


class TestSmtp(Contract, ThreadContract):
    channel = smtp
    vendor = Mailbox

    @asynccontextmanager
    async def reach(self, vendor: Mailbox, tools: Tools) -> AsyncIterator[Tools]:
        async with vendor.serve():
            yield tools
