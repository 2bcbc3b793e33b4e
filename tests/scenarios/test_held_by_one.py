"""What is held back at one destination says nothing of another: each has windows of its own."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage

RULES = """
packs: []
rules: [{name: pod, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 60s}]
windows: {early: {start: "12:00", end: "12:01"}, late: {start: "12:00", end: "12:10"}}
"""
#: What is told by night waits for the end of a window, what is told by day for something else.
ROUTE = """
route:
  receiver: none
  group_by: [namespace]
  group_wait: 0s
  routes: [{receiver: night, continue: true, BY_NIGHT}, {receiver: day, BY_DAY}]
receivers:
  day: [{type: webhook, name: day, url: "http://receiver.example/day"}]
  night: [{type: webhook, name: night, url: "http://receiver.example/night"}]
"""


def staged(folder: Path, *, night: str, day: str) -> Stage:
    route = ROUTE.replace("BY_NIGHT", night).replace("BY_DAY", day)
    rules = RULES if "early" in route else RULES.replace('early: {start: "12:00", end: "12:01"}, ', "")
    return Stage(folder, rules + route)


def held_back(stage: Stage) -> list[str]:
    return [told.document["alerts"][0]["held_back_by"] for told in stage.told if told.kind == "firing"]


@pytest.mark.parametrize("is_killed", [False, True])
def test_each_destination_says_what_held_it_back_there(tmp_path: Path, is_killed: bool) -> None:
    stage = staged(tmp_path, night="mute_in: [late]", day="mute_in: [early]")
    if is_killed:
        stage.absent(20, 25)
    stage.pod(10, ready=False)
    stage.pod(650, ready=True)
    stage.run(until=2000)
    assert stage.lines == [
        "60 day firing pod shop/Pod/web-1",
        "600 night firing pod shop/Pod/web-1",
        "710 day resolved pod shop/Pod/web-1",
        "710 night resolved pod shop/Pod/web-1",
    ]
    assert held_back(stage) == ["the window early", "the window late"]


def test_what_waits_for_company_only_was_held_back_by_nothing(tmp_path: Path) -> None:
    stage = staged(tmp_path, night="mute_in: [late]", day="group_wait: 2m")
    stage.pod(10, ready=False)
    stage.run(until=2000)
    assert stage.lines == ["130 day firing pod shop/Pod/web-1", "600 night firing pod shop/Pod/web-1"]
    assert held_back(stage) == ["", "the window late"]


@pytest.mark.parametrize("word", ["mute_in", "hold_in"])
def test_what_is_well_and_was_held_back_elsewhere_is_told(tmp_path: Path, word: str) -> None:
    """The Pod is not ready from 10 to 100, which is over for certain at 160."""
    stage = staged(tmp_path, night=f"{word}: [late]", day="group_wait: 2m")
    stage.pod(10, ready=False)
    stage.pod(100, ready=True)
    stage.run(until=500)
    assert stage.lines == ["130 day firing pod shop/Pod/web-1", "250 day resolved pod shop/Pod/web-1"]


def test_what_is_well_when_its_own_window_ends_is_not_told(tmp_path: Path) -> None:
    stage = staged(tmp_path, night="mute_in: [late]", day="mute_in: [early]")
    stage.pod(10, ready=False)
    stage.pod(50, ready=True)
    stage.run(until=2000)
    assert stage.lines == []
