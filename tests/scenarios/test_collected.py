"""What a window of `hold_in` has collected is told at its end, whatever else is told inside (S-89, S-90).

The wall clock of the plays shows noon in UTC at 0; the window is from 60 to 600.
"""

from pathlib import Path

import pytest

from tests.scenarios.plays import BROKEN, HOOK, play

HELD = HOOK.replace("group_wait: 0s", "group_wait: 0s, hold_in: [lunch]")
CONFIG = 'windows: {lunch: {start: "12:01", end: "12:10"}}\n' + BROKEN + HELD
WITHOUT_ENDS = CONFIG.replace("name: hook", "name: hook, send_resolved: false")
BEGUN = ("0 hook firing broken shop/Pod/a", [])
COLLECTED = ("600 hook summary ", ["broken (shop, Pod/b)"])


@pytest.mark.parametrize("back_at", [None, 220])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CONFIG, [BEGUN, ("200 hook resolved broken shop/Pod/a", []), COLLECTED]),
        (WITHOUT_ENDS, [BEGUN, COLLECTED]),
    ],
)
def test_S89_not_with_the_end_of_what_was_told_before(
    tmp_path: Path, text: str, told: list[tuple[str, list[str]]], back_at: float | None
) -> None:
    stage, pods = play(tmp_path, text)
    pods.phase(0, "a")
    pods.phase(100, "b")
    pods.phase(150, "b", "Running")
    pods.phase(200, "a", "Running")
    if back_at is not None:
        stage.absent(210, back_at)
    stage.run(until=3000)
    assert [(line, one.document["came_and_went"]) for line, one in zip(stage.lines, stage.told, strict=True)] == told


def test_S89_nor_with_what_passes(tmp_path: Path) -> None:
    """What its incident is told next, after the window, says it."""
    stage, pods = play(tmp_path, CONFIG)
    pods.phase(100, "b")
    pods.phase(150, "b", "Running")
    pods.phase(200, "a", "Unknown")
    pods.phase(700, "a", "Running")
    stage.run(until=3000)
    assert [(line, one.document["came_and_went"]) for line, one in zip(stage.lines, stage.told, strict=True)] == [
        ("200 hook firing worse shop/Pod/a", []),
        ("700 hook resolved worse shop/Pod/a", ["broken (shop, Pod/b)"]),
    ]
