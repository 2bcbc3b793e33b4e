"""A scene on a machine in virtual time."""

from pathlib import Path

import pytest
from outbox_kit import Play, play_on


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scene on a machine in virtual time."""
    return play_on(tmp_path / "state")
