"""What windows have collected of notices is told when they end, also where that is another instant than it was (T57).

The wall clock of the plays shows noon in UTC at 0.
"""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import NOTED, Pods

TOLD = "hook notice noted shop/Pod/a"


def until(end: str, *, hold_in: str = "lunch", second: str = "") -> str:
    """Hold from 12:01 until `end`, or as long as a second window lasts."""
    return f"""{NOTED}
windows:
  lunch: {{start: "12:01", end: "{end}"}}
  second: {{start: "12:05", end: "{second or "12:06"}"}}
route:
  receiver: team
  group_by: [namespace]
  group_wait: 0s
  hold_in: [{hold_in}]
  routes: [{{match: {{name: nobody}}, receiver: team, hold_in: [lunch, second]}}]
receivers: {{team: [{{type: webhook, name: hook, url: "http://receiver.example/hook"}}]}}
"""


def noted(folder: Path, text: str) -> Stage:
    """A stage on which something is noted at 100, in the window."""
    stage = Stage(folder, text)
    Pods(stage).event(100, "a")
    return stage


@pytest.mark.parametrize(("by", "told_at"), [(900, 900), (-200, 2000), (3600, 300)])
def test_S117_held_notices_follow_the_new_time(tmp_path: Path, by: float, told_at: int) -> None:
    """The window ends at 12:30, whenever that is; an hour later it is over."""
    stage = noted(tmp_path, until("12:30"))
    stage.set_clock(300, by)
    stage.run(until=4000)
    assert stage.lines == [f"{told_at} {TOLD}"]


@pytest.mark.parametrize(("before", "after", "told_at"), [("12:30", "12:10", 600), ("12:10", "12:30", 1800)])
def test_T13_held_notices_follow_the_window_over_a_reload(
    tmp_path: Path, before: str, after: str, told_at: int
) -> None:
    stage = noted(tmp_path, until(before))
    stage.reload(200, until(after))
    stage.run(until=4000)
    assert stage.lines == [f"{told_at} {TOLD}"]


def test_T13_notices_that_no_window_holds_any_more_are_told(tmp_path: Path) -> None:
    stage = noted(tmp_path, until("12:30"))
    stage.reload(200, until("12:30", hold_in=""))
    stage.run(until=4000)
    assert stage.lines == [f"200 {TOLD}"]


def test_T57_notices_wait_for_the_last_of_windows_that_overlap(tmp_path: Path) -> None:
    stage = noted(tmp_path, until("12:10", hold_in="lunch, second", second="12:20"))
    stage.run(until=4000)
    assert stage.lines == [f"1200 {TOLD}"]


@pytest.mark.parametrize(("after", "told_at"), [("12:10", 600), ("12:30", 1800)])
def test_T57_held_notices_follow_a_window_that_is_another_after_a_restart(
    tmp_path: Path, after: str, told_at: int
) -> None:
    stage = noted(tmp_path, until("12:20"))
    stage.absent(200, 300, until(after))
    stage.run(until=4000)
    assert stage.lines == [f"{told_at} {TOLD}"]


def waits(severity: str) -> str:
    """Hold from 12:01 until 12:30 what waits for a minute."""
    text = until("12:30").replace("group_wait: 0s", "group_wait: 1m")
    return text.replace("mode: notice", f"mode: notice, severity: {severity}")


@pytest.mark.parametrize("back_at", [None, 90])
def test_what_still_waits_when_the_window_begins_is_collected_with_the_rest(
    tmp_path: Path, back_at: float | None
) -> None:
    stage = Stage(tmp_path, waits("warning"))
    Pods(stage).event(30, "a")
    Pods(stage).event(70, "b")
    if back_at is not None:
        stage.absent(50, back_at)
    stage.run(until=4000)
    assert stage.lines == [f"1800 {TOLD}, noted shop/Pod/b"]


def test_the_critical_of_what_waited_together_passes(tmp_path: Path) -> None:
    worse = "  - {name: worse, on: event, match: {reason: Evil}, mode: notice, severity: critical, key: [name]}\n"
    stage = Stage(tmp_path, waits("warning").replace("windows:", f"{worse}windows:"))
    Pods(stage).event(30, "a")
    stage.event(31, about="Pod/shop/b", reason="Evil")
    stage.run(until=4000)
    assert stage.lines == ["90 hook notice worse shop/Pod/b", f"1800 {TOLD}"]


@pytest.mark.parametrize(("wait", "told_at"), [("0s", (100, 300)), ("1m", (160, 360))])
def test_a_critical_notice_inside_the_window_leaves_nothing_behind_it(
    tmp_path: Path, wait: str, told_at: tuple[int, int]
) -> None:
    """Nothing is collected by it: another configuration is taken over inside, and the end tells nothing."""
    text = waits("critical").replace("group_wait: 1m", f"group_wait: {wait}")
    stage = Stage(tmp_path, text)
    Pods(stage).event(100, "a")
    stage.reload(200, text.replace("reason: BackOff", "reason: Evil"))
    stage.event(300, about="Pod/shop/b", reason="Evil")
    stage.run(until=4000)
    assert stage.lines == [f"{told_at[0]} {TOLD}", f"{told_at[1]} hook notice noted shop/Pod/b"]
    assert stage.counted("decide_errors") == 0
