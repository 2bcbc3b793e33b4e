"""S-112: what holds an alert back suspends the steps of its escalation, whoever is there to see it begin or end."""

from pathlib import Path

import pytest

from tests.scenarios.plays import BROKEN, Silences, play

STEPS = """
route: {receiver: team, group_wait: 0s, group_interval: 0s, repeat_interval: 0s,
        escalate: [{after: AFTER, receiver: boss}]}
receivers:
  team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]
  boss: [{type: webhook, name: boss, url: "http://receiver.example/boss"}]
"""
TEN = BROKEN + STEPS.replace("AFTER", "10m")
FIVE = BROKEN + STEPS.replace("AFTER", "5m")
#: From 60 to 300.
LUNCH = FIVE.replace("escalate:", "mute_in: [lunch], escalate:") + 'windows: {lunch: {start: "12:01", end: "12:05"}}\n'


@pytest.mark.parametrize(("until", "due"), [(500, 1100), (2000, 2600)])
def test_an_acknowledgement_is_withdrawn_inside_a_silence(tmp_path: Path, until: float, due: float) -> None:
    stage, pods = play(tmp_path, TEN)
    pods.phase(0, "a")
    stage.ack(100, "broken")
    Silences(stage).add(200, {"namespace": "shop"}, until=until)
    stage.unack(300, "broken")
    stage.run(until=5000)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook update broken shop/Pod/a",
        "300 hook update broken shop/Pod/a",
        f"{due:g} boss firing broken shop/Pod/a",
    ]


@pytest.mark.parametrize(
    ("begin", "end", "due"),
    [
        (40, 200, 570),  # it begins while kwatch is away
        (100, 310, 570),  # it ends
        (40, 310, 570),  # both
        (100, 999, 1000),  # the step is long due when kwatch is back
    ],
)
def test_kwatch_is_away_when_a_window_begins_or_ends(tmp_path: Path, begin: float, end: float, due: float) -> None:
    stage, pods = play(tmp_path, LUNCH)
    pods.phase(30, "a")
    stage.absent(begin, end)
    stage.run(until=3000)
    assert stage.lines == ["30 hook firing broken shop/Pod/a", f"{due:g} boss firing broken shop/Pod/a"]


@pytest.mark.parametrize("is_asleep", [False, True])
def test_kwatch_is_away_or_asleep_during_a_whole_silence(tmp_path: Path, is_asleep: bool) -> None:
    stage, pods = play(tmp_path, FIVE)
    pods.phase(30, "a")
    Silences(stage).add(35, {"namespace": "shop"}, starts_at=stage.time(60), until=300)
    (stage.sleep if is_asleep else stage.absent)(40, 320)
    stage.run(until=3000)
    assert stage.lines == ["30 hook firing broken shop/Pod/a", "570 boss firing broken shop/Pod/a"]


def test_a_clock_that_is_set_over_a_window_suspends_nothing_by_it(tmp_path: Path) -> None:
    """An hour that has not passed counts neither as held nor as waited."""
    stage, pods = play(tmp_path, LUNCH)
    pods.phase(30, "a")
    stage.set_clock(40, 3600)
    stage.run(until=3000)
    assert stage.lines == ["30 hook firing broken shop/Pod/a", "330 boss firing broken shop/Pod/a"]
