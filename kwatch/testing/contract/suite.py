"""What every part of the contract stands on: the channel, its vendor, and a desk for each test."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from kwatch.clock import Clock
from kwatch.notify.base import Tools
from kwatch.testing.contract.desk import Desk
from kwatch.testing.vendors import Vendor


class Suite:
    """One channel against its vendor."""

    #: The module with `Config` and `create`.
    channel: ClassVar[ModuleType]
    #: Makes the vendor for one test.
    vendor: ClassVar[Callable[[Clock], Vendor]]

    @asynccontextmanager
    async def reach(self, vendor: Any, tools: Tools) -> AsyncIterator[Tools]:
        """Give the tools by which the channel gets to the vendor; over HTTP it always does."""
        yield tools

    @pytest.fixture
    def desk(self, tmp_path: Path) -> Iterator[Desk]:
        """Give a destination at the vendor."""
        with Desk(self.channel, type(self).vendor, tmp_path, self.reach) as desk:
            yield desk
