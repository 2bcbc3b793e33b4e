"""Why a notice was told, waits or was not, asked of the running kwatch: where, until when, and what holds it there."""

from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, NOTED, Silences, play
from tests.scenarios.test_digests import paper
from tests.scenarios.test_reasons import ask

WAITS = NOTED + HOOK.replace("group_wait: 0s", "group_wait: 60s")
WINDOW = 'windows: {lunch: {start: "12:01", end: "12:10"}}\n'
HELD = WINDOW + NOTED + HOOK.replace("group_wait: 0s", "group_wait: 0s, hold_in: [lunch]")


def told_of(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what each destination knows of the one alert, in each answer."""
    return [told for answer in answers for alert in answer["alerts"] for told in alert["told"]]


def played(stage: Stage, at: float, *, until: float) -> list[dict[str, Any]]:
    answers = ask(stage, at, "Pod/shop/a")
    stage.run(until=until)
    return told_of(answers)


def test_one_that_waits_says_where_until_when_and_what_will_mute_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WAITS)
    pods.event(0, "a")
    Silences(stage).add(20, {"name": "a"}, until=3000)
    (told,) = played(stage, 30, until=31)
    assert (told["destination"], told["is_told"], told["next_at"]) == ("hook", False, stage.second(60))
    assert (told["hold"]["reason"], told["hold"]["until"], told["deliveries"]) == (
        "muted_silenced",
        stage.second(3000),
        [],
    )


def test_so_does_one_that_a_window_has_collected(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, HELD)
    pods.event(100, "a")
    (told,) = played(stage, 130, until=131)
    assert (told["destination"], told["next_at"]) == ("hook", stage.second(600))
    assert (told["hold"]["by"], told["hold"]["until"]) == ("the window lunch", stage.second(600))


def test_so_does_one_that_waits_for_a_digest(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + paper())
    pods.event(10, "a")
    (told,) = played(stage, 30, until=31)
    assert (told["destination"], told["is_told"], told["is_digest"]) == ("paper", False, True)
    assert told["next_at"] == stage.second(600)


def test_one_that_was_told_shows_its_delivery_and_of_the_next_one_only_its_own(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + HOOK)
    pods.event(0, "a")
    pods.event(400, "a", 2)
    answers = [ask(stage, at, "Pod/shop/a") for at in (30, 430)]
    stage.run(until=500)
    deliveries = [each["deliveries"] for answer in answers for each in told_of(answer) if each["is_told"]]
    assert [[(one["kind"], one["state"], one["created_at"]) for one in each] for each in deliveries] == [
        [("notice", "sent", "2026-01-01T12:00:00+00:00")],
        [("notice", "sent", "2026-01-01T12:06:40+00:00")],
    ]


def test_what_became_of_one_is_known_an_hour_later_and_over_a_restart(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WAITS)
    pods.event(0, "a")
    Silences(stage).add(20, {"name": "a"}, until=3000)
    pods.event(0, "b")
    stage.absent(1000, 1010)
    answers = [ask(stage, 3600, f"Pod/shop/{name}") for name in "ab"]
    stage.run(until=3601)
    assert [alert["drop"] for each in answers for answer in each for alert in answer["alerts"]] == [
        "muted_silenced",
        "",
    ]
    assert [len(each["deliveries"]) for each in map(told_of, answers) for each in each] == [1]
