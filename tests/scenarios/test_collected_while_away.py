"""What a window has collected is told when kwatch is back, also where the window has ended meanwhile (T57)."""

from pathlib import Path

import pytest

from tests.scenarios.plays import BROKEN, HOOK, play

#: From 60 to 300.
LUNCH = (
    BROKEN
    + HOOK.replace("group_wait: 0s", "group_wait: 0s, hold_in: [lunch]")
    + 'windows: {lunch: {start: "12:01", end: "12:05"}}\n'
)


@pytest.mark.parametrize(("back_at", "told_at"), [(250, 300), (399, 400)])
def test_what_came_and_went_while_kwatch_was_away(tmp_path: Path, back_at: float, told_at: float) -> None:
    stage, pods = play(tmp_path, LUNCH)
    pods.phase(100, "a")
    stage.absent(150, back_at)
    pods.phase(200, "a", "Running")
    (told,) = stage.run(until=3000)
    assert (told.at, told.kind, told.document["held_in"]) == (told_at, "summary", "lunch")
    assert told.document["came_and_went"] == ["broken (shop, Pod/a)"]
    assert stage.counted("decisions", outcome="came_and_went") == 1


def test_what_goes_on_is_told_with_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, LUNCH)
    pods.phase(100, "a")
    pods.phase(110, "b")
    stage.absent(150, 399)
    pods.phase(200, "a", "Running")
    (told,) = stage.run(until=3000)
    assert stage.lines == ["400 hook firing broken shop/Pod/b"]
    assert told.document["came_and_went"] == ["broken (shop, Pod/a)"]
