"""One incident at a destination: each notification is rendered and sent as the outbox does it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from kwatch.clock import Clock
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content, NotificationKind, Receipt, Thread
from kwatch.notify.base import Tools
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import NOW, content, notification
from kwatch.testing.vendors import Vendor


class Lane:
    """Remembers what the destination gave back, and gives it to what follows."""

    def __init__(self, desk: Desk, **keys: Any) -> None:
        self.desk = desk
        self.thread = Thread()
        self._channel = desk.create(**keys)
        self._sequence = 0

    def use(self, **keys: Any) -> None:
        """Go on with a channel of other keys."""
        self._channel = self.desk.create(**keys)

    def tell(
        self, kind: NotificationKind, *views: AlertView, degraded: bool = False, times: int = 1, **changes: Any
    ) -> Receipt:
        """Render once, send so often, and keep the receipt; raise what the last attempt raises."""
        self._sequence += 1
        of = notification(told(kind, *views, **changes), sequence=self._sequence)
        message = self._channel.render(of, self.thread, degraded=degraded)
        for _ in range(times):
            receipt = self.desk.send(message, of, self.thread, channel=self._channel)
        if receipt.values:
            self.thread = Thread(receipt)
        return receipt


def told(kind: NotificationKind, *views: AlertView, **changes: Any) -> Content:
    """Return facts whose alerts are as they are given, whatever the kind."""
    ends_at = NOW if kind.closes else None
    facts = content(*views, kind=NotificationKind.UPDATE, ends_at=ends_at, **changes)
    return msgspec.structs.replace(facts, kind=kind)


@contextmanager
def desk_of(module: ModuleType, vendor: Callable[[Clock], Vendor], folder: Path) -> Iterator[Desk]:
    """Give a destination of a channel that speaks HTTP."""
    with Desk(module, vendor, folder, _directly) as desk:
        yield desk


@asynccontextmanager
async def _directly(vendor: Any, tools: Tools) -> AsyncIterator[Tools]:
    yield tools
