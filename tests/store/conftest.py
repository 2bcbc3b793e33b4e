"""States in a temporary folder, without threads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kwatch.store.state import State
from kwatch.testing.virtual import InlineExecutor


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.open(tmp_path / "state", InlineExecutor())
    yield opened
    opened.close()
