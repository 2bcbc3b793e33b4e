"""A notice that something mutes when its wait is over is told to nobody, and counted once (spec 2.6, S-77).

The wall clock of the plays shows noon in UTC at 0.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.scenarios.owners import Owners
from tests.scenarios.plays import HOOK, NOTED, Silences, play
from tests.scenarios.test_digests import digests, paper
from tests.scenarios.test_ledger import decisions

SHOP = {"namespace": "shop"}
TOLD = "hook notice noted shop/Pod/a"
ONCE = {"opened": 1, "led_to_notification": 1}
SILENCED = {"opened": 1, "muted_silenced": 1}

WAITS = NOTED + HOOK.replace("group_wait: 0s", "group_wait: 60s")
WINDOW = 'windows: {lunch: {start: "12:01", end: "12:10"}}\n'
#: Two destinations: `soon` after 15 s, `later` after 60 s.
TWO = f"""{NOTED}{WINDOW}
route:
  receiver: soon
  routes:
    - {{match: {{kind: Pod}}, receiver: soon, group_wait: 15s, continue: true, mute_in: [FIRST]}}
    - {{match: {{kind: Pod}}, receiver: later, group_wait: 60s, mute_in: [SECOND]}}
receivers:
  soon: [{{type: webhook, name: soon, url: "http://receiver.example/soon"}}]
  later: [{{type: webhook, name: later, url: "http://receiver.example/later"}}]
"""


def two(*, first: str = "", second: str = "") -> str:
    text = TWO.replace("FIRST", first).replace("SECOND", second)
    return text if first or second else text.replace(WINDOW, "")


@pytest.mark.parametrize("back_at", [None, 40])
@pytest.mark.parametrize(
    ("since", "until", "told", "counted"),
    [
        (20, 3000, [], SILENCED),
        (60, 3000, [], SILENCED),
        (20, 60, [f"60 {TOLD}"], ONCE),
        (61, 3000, [f"60 {TOLD}"], ONCE),
    ],
)
def test_S77_it_is_silenced_if_it_is_due_in_the_silence(
    tmp_path: Path, since: float, until: float, told: list[str], counted: Mapping[str, int], back_at: float | None
) -> None:
    stage, pods = play(tmp_path, WAITS)
    pods.event(0, "a")
    Silences(stage).add(since, SHOP, until=until)
    if back_at is not None:
        stage.absent(30, back_at)
    stage.run(until=4000)
    assert stage.lines == told
    if back_at is None:  # counters end with the process
        assert decisions(stage) == counted


def test_a_window_that_mutes(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WINDOW + WAITS.replace("group_wait", "mute_in: [lunch], group_wait"))
    pods.event(30, "a")
    stage.run(until=4000)
    assert stage.lines == []
    assert decisions(stage) == {"opened": 1, "muted_window": 1}


def test_an_annotation_of_its_namespace(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WAITS + "self_service: {}\n")
    pods.event(30, "a")
    Owners(stage).namespace(40, mute_until=stage.second(3000))
    stage.run(until=4000)
    assert stage.lines == []
    assert decisions(stage) == {"opened": 1, "muted_annotation": 1}


def test_an_alert_that_explains_it(tmp_path: Path) -> None:
    broken = "  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}\n"
    inhibit = "inhibit: [{when: {rule: broken}, mute: {rule: noted}, equal: [name]}]\n"
    stage, pods = play(tmp_path, WAITS.replace("route:", f"{broken}{inhibit}route:", 1))
    pods.event(0, "a")
    pods.phase(30, "a")
    stage.run(until=100)
    assert stage.lines == ["90 hook firing broken shop/Pod/a"]
    assert decisions(stage) == {"opened": 2, "led_to_notification": 1, "muted_inhibited": 1}


def test_of_what_waits_together_only_what_is_silenced_is_left_out(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WAITS)
    pods.event(0, "a")
    pods.event(1, "b")
    Silences(stage).add(20, {"name": "b"}, until=3000)
    stage.run(until=4000)
    assert stage.lines == [f"60 {TOLD}"]
    assert decisions(stage) == {"opened": 2, "led_to_notification": 1, "muted_silenced": 1}


@pytest.mark.parametrize("back_at", [None, 45])
@pytest.mark.parametrize(
    ("silenced_at", "windows", "told", "counted"),
    [
        (None, {}, ["30 soon", "75 later"], ONCE),
        (40, {}, ["30 soon"], ONCE),
        (20, {}, [], SILENCED),
        (None, {"second": "lunch"}, ["30 soon"], ONCE),
        (None, {"first": "lunch"}, ["30 soon", "75 later"], ONCE),
    ],
)
def test_one_that_waits_at_two_destinations_is_counted_once(
    tmp_path: Path,
    silenced_at: float | None,
    windows: Mapping[str, str],
    told: list[str],
    counted: Mapping[str, int],
    back_at: float | None,
) -> None:
    stage, pods = play(tmp_path, two(**windows))
    pods.event(15, "a")
    if silenced_at is not None:
        Silences(stage).add(silenced_at, SHOP, until=3000)
    if back_at is not None:
        stage.absent(42, back_at)
    stage.run(until=4000)
    assert stage.lines == [f"{each} notice noted shop/Pod/a" for each in told]
    if back_at is None:
        assert decisions(stage) == counted


def test_one_that_is_muted_at_the_first_and_told_at_the_second(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, two(first="lunch"))
    pods.event(50, "a")
    stage.run(until=4000)
    assert stage.lines == ["110 later notice noted shop/Pod/a"]
    assert decisions(stage) == ONCE


@pytest.mark.parametrize(("until", "told", "counted"), [(3000, [], SILENCED), (500, [f"600 {TOLD}"], ONCE)])
def test_what_a_window_has_collected_is_asked_about_at_its_end(
    tmp_path: Path, until: float, told: list[str], counted: Mapping[str, int]
) -> None:
    """A silence that is over by then has held nothing."""
    stage, pods = play(tmp_path, WINDOW + NOTED + HOOK.replace("group_wait", "hold_in: [lunch], group_wait"))
    pods.event(100, "a")
    Silences(stage).add(200, SHOP, until=until)
    stage.run(until=4000)
    assert stage.lines == told
    assert decisions(stage) == counted


def test_what_waits_for_a_digest_is_in_it(tmp_path: Path) -> None:
    """It is over, as what came and went: what counts is what held when it happened."""
    stage, pods = play(tmp_path, NOTED + paper())
    pods.event(10, "a")
    Silences(stage).add(100, SHOP, until=3000)
    pods.event(400, "b")
    told = stage.run(until=700)
    assert digests(told) == [(600, {"notices": ["a"]})]
    assert decisions(stage) == {"opened": 2, "held_for_digest": 1, "led_to_notification": 1, "muted_silenced": 1}


def test_what_a_reload_leaves_without_a_destination(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WAITS)
    pods.event(0, "a")
    other = WAITS.replace("name: hook", "name: other").replace("/hook", "/other")
    stage.reload(20, other.replace("group_wait: 60s", "routes: [{match: {kind: Pod}, receiver: none}]"))
    stage.run(until=400)
    assert stage.lines == []
    assert decisions(stage) == {"opened": 1, "destination_removed": 1, "dropped_by_route": 1}


def test_one_destination_of_two_is_removed(tmp_path: Path) -> None:
    """The other has it already."""
    stage, pods = play(tmp_path, two())
    pods.event(0, "a")
    stage.reload(10, two().replace("name: later", "name: latest").replace("/later", "/latest"))
    Silences(stage).add(20, SHOP, until=3000)
    stage.run(until=400)
    assert stage.lines == ["15 soon notice noted shop/Pod/a"]
    assert decisions(stage) == {"opened": 1, "destination_removed": 1, "led_to_notification": 1}


@pytest.mark.parametrize(
    ("asked_at", "until", "answer"),
    [(30, 3000, (False, "")), (70, 3000, (False, "muted_silenced")), (70, 50, (True, ""))],
)
def test_why_says_what_became_of_it(tmp_path: Path, asked_at: float, until: float, answer: tuple[bool, str]) -> None:
    stage, pods = play(tmp_path, WAITS)
    pods.phase(-10, "a", "Running")
    pods.event(0, "a")
    Silences(stage).add(20, SHOP, until=until)
    answers = []

    async def ask() -> None:
        (alert,) = (await stage.get("/api/v1/why/Pod/shop/a")).json()["alerts"]
        answers.append((alert["notice"]["is_told"], alert["drop"]))

    stage.at(asked_at, ask)
    stage.run(until=100)
    assert answers == [answer]
