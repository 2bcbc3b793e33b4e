"""A terminal that is not one: what is written there can be read."""

import io
from collections.abc import Mapping
from typing import Any

from kwatch.clock import Clock
from kwatch.testing.vendors import Shown


class Terminal:
    """Shows the blocks of lines that were written to `stdout`."""

    def __init__(self, clock: Clock) -> None:
        self.stdout = io.StringIO()

    keys: Mapping[str, Any] = {}
    secrets: Mapping[str, str] = {}

    def shown(self) -> list[Shown]:
        """Return each block: a line at the margin, and what is indented below it."""
        blocks: list[str] = []
        for line in self.stdout.getvalue().splitlines():
            if line and not line.startswith(" "):
                blocks.append(line)
            elif blocks:
                blocks[-1] += f"\n{line}"
        return [Shown(id=str(number), text=text) for number, text in enumerate(blocks)]
