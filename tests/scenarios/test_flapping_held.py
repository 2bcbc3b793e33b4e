"""An alert that flaps while something holds it back, or faster than it is told, is told when it is wrong again."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, Pods, Silences, play
from tests.scenarios.test_digests import digests

FLAPS = ((10, "Failed"), (100, "Running"), (200, "Failed"), (300, "Running"))


def flapping(folder: Path, text: str = BROKEN + HOOK) -> tuple[Stage, Pods]:
    """Play a Pod that flaps from 300 on under a silence that ends at 600."""
    stage, pods = play(folder, text)
    Silences(stage).add(5, {"name": "a"}, until=600)
    for at, phase in FLAPS:
        pods.phase(at, "a", phase)
    return stage, pods


def test_one_that_is_well_when_the_silence_ends_is_not_told(tmp_path: Path) -> None:
    stage, _ = flapping(tmp_path)
    stage.run(until=3000)
    assert stage.lines == []
    assert stage.counted("decisions", outcome="came_and_went") == 1


def test_one_that_is_wrong_again_is_told_then(tmp_path: Path) -> None:
    """Its end is that of being well for 15 min."""
    stage, pods = flapping(tmp_path)
    pods.phase(700, "a")
    pods.phase(800, "a", "Running")
    stage.run(until=3000)
    assert stage.lines == ["700 hook firing broken shop/Pod/a", "1700 hook resolved broken shop/Pod/a"]


def test_one_that_flaps_faster_than_its_group_waits_is_told(tmp_path: Path) -> None:
    """At the end of each wait it is well: it is told when it is wrong the next time."""
    stage, pods = play(tmp_path, BROKEN + HOOK.replace("group_wait: 0s", "group_wait: 15s"))
    for at in range(0, 1200, 20):
        pods.phase(at, "a")
        pods.phase(at + 10, "a", "Running")
    stage.run(until=3000)
    assert stage.lines == ["40 hook firing broken shop/Pod/a", "2090 hook resolved broken shop/Pod/a"]


def test_others_of_its_group_are_told_without_it(tmp_path: Path) -> None:
    stage, pods = flapping(tmp_path)
    pods.phase(400, "b")
    pods.phase(650, "c")
    stage.run(until=2000)
    assert stage.lines == [
        "400 hook firing broken shop/Pod/b",
        "650 hook update broken shop/Pod/b, broken shop/Pod/c",
    ]
    assert stage.told[-1].document["came_and_went"] == []


def test_no_digest_says_that_it_fires(tmp_path: Path) -> None:
    digest = HOOK.replace('hook"}', 'hook", digest: {schedule: "*/15 * * * *"}}').replace("/hook", "/paper")
    stage, _ = flapping(tmp_path, BROKEN + digest)
    assert digests(stage.run(until=3000)) == [(1800, {"came_and_went": ["a"]})]


@pytest.mark.parametrize("wait", ["0s", "30s"])
def test_S115_events_of_an_object_that_is_well_are_told_when_they_flap(tmp_path: Path, wait: str) -> None:
    """Each is over when its group would tell it, so that at first it came and went (S-54)."""
    text = """
packs: []
rules:
  - {name: unhealthy, on: event, match: {reason: Unhealthy, kind: Pod}, key: [namespace, name],
     resolve: {condition: {Ready: "True"}}, resolve_hold: 0s, flapping: {stable: 10m}}
"""
    stage, pods = play(tmp_path, text + HOOK.replace("group_wait: 0s", f"group_wait: {wait}"))
    pods.phase(0, "a", conditions=[{"type": "Ready", "status": "True"}])
    for count in range(1, 7):
        pods.event(60 * count, "a", count, reason="Unhealthy")
    stage.run(until=2000)
    assert stage.lines == ["180 hook firing unhealthy shop/Pod/a ×2", "960 hook resolved unhealthy shop/Pod/a ×5"]
    assert [stage.counted("decisions", outcome=each) for each in ("came_and_went", "led_to_notification")] == [1, 1]
