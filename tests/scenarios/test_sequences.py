"""`then`: one Event after another, for the same key, by their own times."""

from pathlib import Path

from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

RULE = (
    "{name: kill-after-probe, on: event, match: {reason: Unhealthy, kind: Pod}, "
    "then: {match: {reason: Killing, kind: Pod}, within: 10m}%s}"
)
KILL_AFTER_PROBE = text(RULE % ", quiet: 12h")


def unhealthy(stage: Stage, at: float, pod: str = "web-1", *, last: float | None = None) -> None:
    stage.pod(-31, pod)
    stage.event(at, name=f"{pod}.unhealthy.{at}", about=f"Pod/shop/{pod}", reason="Unhealthy", last=last)


def killing(stage: Stage, at: float, pod: str = "web-1", *, last: float | None = None) -> None:
    stage.pod(-31, pod)
    stage.event(
        at, name=f"{pod}.killing.{at}", about=f"Pod/shop/{pod}", reason="Killing", message="Stopping", last=last
    )


def test_the_second_step_fires_within_the_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    unhealthy(stage, 0)
    killing(stage, 600)
    stage.run(until=3600)
    assert stage.lines == ["600 hook firing kill-after-probe shop/Pod/web-1"]
    alert = stage.told[0].document["alerts"][0]
    assert (alert["message"], alert["starts_at"]) == ("Stopping", "2026-01-01T12:10:00+00:00")


def test_a_moment_after_the_time_it_does_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    unhealthy(stage, 0)
    killing(stage, 601)
    stage.run(until=3600)
    assert stage.lines == []
    assert stage.counted("decisions", outcome="below_threshold") == 2


def test_the_other_way_round_is_no_sequence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    killing(stage, 0)
    unhealthy(stage, 1)
    stage.run(until=3600)
    assert stage.lines == []


def test_the_order_is_that_of_their_times_not_of_their_arrival(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    killing(stage, 100)
    unhealthy(stage, 130, "web-1", last=90)
    stage.run(until=3600)
    assert stage.lines == ["130 hook firing kill-after-probe shop/Pod/web-1"]
    alert = stage.told[0].document["alerts"][0]
    assert (alert["message"], alert["starts_at"]) == ("Stopping", "2026-01-01T12:01:40+00:00")


def test_equal_times_are_in_order(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    killing(stage, 100)
    unhealthy(stage, 100.5, "web-1", last=100)
    stage.run(until=3600)
    assert stage.lines == ["100.5 hook firing kill-after-probe shop/Pod/web-1"]


def test_a_step_in_whole_seconds_follows_anything_of_its_second(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    stage.new_event(100.7, name="a", reason="Unhealthy")
    killing(stage, 100.9)  # written as 100
    stage.run(until=3600)
    assert stage.lines == ["100.9 hook firing kill-after-probe shop/Pod/web-1"]


def test_each_key_has_its_own_sequence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    unhealthy(stage, 0, "web-1")
    killing(stage, 10, "web-2")
    stage.run(until=3600)
    assert stage.lines == []


def test_the_key_may_be_wider_than_the_workload(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % ", quiet: 12h, key: [namespace]"))
    unhealthy(stage, 0, "web-1")
    killing(stage, 10, "web-2")
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing kill-after-probe shop/Pod/web-2"]


def test_what_made_a_sequence_is_used_up(tmp_path: Path) -> None:
    rule = RULE % ", mode: notice, dedup_window: 1s"
    stage = Stage(tmp_path, text(rule))
    unhealthy(stage, 0)
    for at in (10, 20):
        killing(stage, at)
    unhealthy(stage, 30)
    killing(stage, 40)
    stage.run(until=3600)
    assert stage.lines == [
        "10 hook notice kill-after-probe shop/Pod/web-1",
        "40 hook notice kill-after-probe shop/Pod/web-1",
    ]


def test_a_step_cannot_follow_itself_but_another_of_its_kind(tmp_path: Path) -> None:
    then = "then: {match: {reason: BackOff}, within: 60s}"
    rule = f"{{name: twice, on: event, match: {{reason: BackOff}}, {then}, quiet: 12h}}"
    stage = Stage(tmp_path, text(rule))
    stage.event(0, name="a")
    stage.event(100, name="b")
    stage.event(160, name="c")
    stage.run(until=3600)
    assert stage.lines == ["160 hook firing twice shop/Pod/web-1"]


def test_a_first_step_survives_a_restart(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    unhealthy(stage, 0)
    stage.absent(100, 200)
    killing(stage, 300)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing kill-after-probe shop/Pod/web-1"]


def test_both_steps_while_kwatch_was_down_are_found_in_either_order(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL_AFTER_PROBE)
    stage.absent(100, 3000)
    killing(stage, 1000, "a")
    unhealthy(stage, 1001, "a", last=990)
    stage.run(until=7000)
    assert stage.lines == ["3000 hook firing kill-after-probe shop/Pod/a"]
    assert stage.told[0].document["is_late"] is True


def test_the_object_being_well_ends_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % ', resolve: {condition: {Ready: "True"}}, resolve_hold: 60s'))
    stage.pod(-31, ready=False)
    unhealthy(stage, 0)
    killing(stage, 10)
    stage.pod(100, ready=True)
    stage.run(until=3600)
    assert stage.lines == [
        "10 hook firing kill-after-probe shop/Pod/web-1",
        "160 hook resolved kill-after-probe shop/Pod/web-1",
    ]
