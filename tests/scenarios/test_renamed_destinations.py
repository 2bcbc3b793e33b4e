"""A destination that has another name is another one: what fires is told to it, whenever it takes the other's place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, Silences, play

OTHER = HOOK.replace("name: hook", "name: other").replace("/hook", "/other")

Change = Callable[[Stage, float, str], None]


def by_restart(stage: Stage, at: float, text: str) -> None:
    stage.absent(at, at + 9, text, is_killed=False)  # all is heard a second later


def by_reload(stage: Stage, at: float, text: str) -> None:
    stage.reload(at + 10, text)


def seen_off(change: Change, *alerts: str) -> list[str]:
    """What is told to the one that is no more: a restart knows nothing of how to tell it."""
    return [f"110 hook expired {alert}" for alert in alerts] if change is by_reload else []


BOTH = pytest.mark.parametrize("change", [by_restart, by_reload])


@BOTH
def test_what_fires_is_told_to_it_in_one_summary_and_repeated(tmp_path: Path, change: Change) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(0, "a")
    pods.phase(1, "b", ns="bank")
    change(stage, 100, BROKEN + OTHER)
    pods.phase(20000, "a", "Running")
    pods.phase(20001, "b", "Running", ns="bank")
    stage.run(until=50000)
    assert [line for line in stage.lines if " hook " in line] == [
        "0 hook firing broken shop/Pod/a",
        "1 hook firing broken bank/Pod/b",
        *seen_off(change, "broken shop/Pod/a", "broken bank/Pod/b"),
    ]
    assert [line for line in stage.lines if " other " in line] == [
        "110 other summary broken shop/Pod/a, broken bank/Pod/b",
        "14510 other repeat broken bank/Pod/b",
        "14510 other repeat broken shop/Pod/a",
        "20000 other resolved broken shop/Pod/a",
        "20001 other resolved broken bank/Pod/b",
    ]


@BOTH
def test_what_is_silenced_meanwhile_is_told_to_it_afterwards(tmp_path: Path, change: Change) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(5, {"namespace": "shop"}, until=300)
    pods.phase(10, "a")
    change(stage, 100, BROKEN + OTHER)
    stage.run(until=3000)
    assert stage.lines == ["300 other firing broken shop/Pod/a"]


@BOTH
def test_what_waited_for_company_is_told_to_it(tmp_path: Path, change: Change) -> None:
    hook, other = (text.replace("group_wait: 0s", "group_wait: 60s") for text in (HOOK, OTHER))
    stage, pods = play(tmp_path, BROKEN + hook)
    pods.phase(80, "a")
    change(stage, 100, BROKEN + other)
    stage.run(until=3000)
    assert stage.lines == ["110 other summary broken shop/Pod/a"]


@BOTH
def test_one_that_keeps_its_name_beside_it_is_not_told_again(tmp_path: Path, change: Change) -> None:
    two = HOOK.replace("team: [", 'team: [{type: webhook, name: chat, url: "http://receiver.example/chat"}, ')
    stage, pods = play(tmp_path, BROKEN + two)
    pods.phase(0, "a")
    change(stage, 100, BROKEN + two.replace("name: hook", "name: other").replace("/hook", "/other"))
    pods.phase(200, "a", "Running")
    stage.run(until=3000)
    assert stage.lines == [
        "0 chat firing broken shop/Pod/a",
        "0 hook firing broken shop/Pod/a",
        *seen_off(change, "broken shop/Pod/a"),
        "110 other summary broken shop/Pod/a",
        "200 chat resolved broken shop/Pod/a",
        "200 other resolved broken shop/Pod/a",
    ]


def test_it_is_told_though_kwatch_dies_before_everything_was_heard(tmp_path: Path) -> None:
    """What nobody has been told of yet is known as long as nobody has."""
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(0, "a")
    stage.absent(100, 110, BROKEN + OTHER)
    stage.absent(110.5, 119)
    stage.run(until=3000)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "120 other summary broken shop/Pod/a"]


def test_one_that_is_back_after_restarts_is_told_the_end_of_what_it_holds_open(tmp_path: Path) -> None:
    """Whatever has become of the alert meanwhile (D2)."""
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(0, "a")
    stage.absent(100, 109, BROKEN + OTHER)
    pods.phase(200, "a", "Running")
    stage.absent(300, 309, BROKEN + HOOK)
    opened, *_, ended = stage.run(until=3000)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "110 other summary broken shop/Pod/a",
        "200 other resolved broken shop/Pod/a",
        "309 hook expired broken shop/Pod/a",
    ]
    assert ended.document["incident"] == opened.document["incident"]
