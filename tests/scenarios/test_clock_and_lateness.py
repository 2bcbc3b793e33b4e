"""Late is what began before kwatch was back, by whatever time the clock shows since then (S-117, S-118)."""

from pathlib import Path

import pytest

from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, play

APART = BROKEN.replace("resolve_hold: 0s", "resolve_hold: 0s, key: [name]")


def told_of(stage: Stage) -> list[tuple[str, bool]]:
    return [(line, told.document["is_late"]) for line, told in zip(stage.lines, stage.told, strict=True)]


@pytest.mark.parametrize("by", [-3600, 3600])
@pytest.mark.parametrize("set_at", [15, 50], ids=["while it was away", "while it runs"])
def test_what_begins_after_the_clock_was_set_is_not_late(tmp_path: Path, by: float, set_at: float) -> None:
    stage, pods = play(tmp_path, APART + HOOK)
    stage.absent(10, 20)
    stage.set_clock(set_at, by)
    pods.phase(100, "a", ns="one")
    pods.phase(300, "b", ns="two")
    stage.run(until=600)
    assert [each for each in told_of(stage) if " meta " not in each[0]] == [
        ("100 hook firing broken one/Pod/a", False),
        ("300 hook firing broken two/Pod/b", False),
    ]


@pytest.mark.parametrize("by", [-3600, -600, 600])
def test_what_began_before_kwatch_was_back_is_late_where_the_clock_was_set_meanwhile(tmp_path: Path, by: float) -> None:
    """Its list takes five seconds."""
    stage, pods = play(tmp_path, APART + HOOK)
    stage.absent(10, 60)
    stage.set_clock(30, by)
    stage.at(30, lambda: stage.cluster.faults.add(Fault(effect=Effect.DELAY, path="*/pods", seconds=5)))
    pods.phase(40, "a", ns="one")
    pods.phase(300, "b", ns="two")
    stage.run(until=600)
    assert told_of(stage) == [("65 hook firing broken one/Pod/a", True), ("300 hook firing broken two/Pod/b", False)]


def test_a_wait_that_began_after_the_start_does_not_end_late_by_a_clock_that_is_set_forward(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, APART.replace("resolve_hold: 0s", "for: 5m") + HOOK)
    stage.absent(10, 20)
    pods.phase(50, "a")
    stage.set_clock(100, 3600)
    stage.run(until=600)
    assert told_of(stage) == [("350 hook firing broken shop/Pod/a", False)]
