"""A clock that was set is set once, also where kwatch stops soon after it (S-117)."""

from pathlib import Path

import pytest

from tests.scenarios.plays import BROKEN, HOOK, Silences, play


@pytest.mark.parametrize("by", [-7200, -600, 600])
def test_S117_a_restart_does_not_move_again_what_was_moved(tmp_path: Path, by: float) -> None:
    """The silence lasts for its hour."""
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(10, {"name": "a"}, **{"for": "1h"})
    pods.phase(20, "a")
    stage.set_clock(100, by)
    stage.absent(140, 150)
    stage.run(until=5000)
    assert stage.lines == ["3610 hook firing broken shop/Pod/a"]
