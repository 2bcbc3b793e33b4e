"""Windows of routes (spec 2.6, S-84 to S-90; T57), through the shipped composition.

The wall clock of the plays shows noon in UTC at 0, unless a play says where it begins.
"""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from kwatch.config.load import load
from kwatch.errors import ConfigError
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, NOTED, Pods, play

#: From 60 to 300, from 120 to 300.
WINDOWS = """
windows:
  lunch: {start: "12:01", end: "12:05"}
  second: {start: "12:02", end: "12:05"}
"""


def told_by(route: str, *, windows: str = WINDOWS, group_by: str = "namespace") -> str:
    for name in ("lunch", "second"):
        if name not in route:
            windows = "\n".join(line for line in windows.splitlines() if not line.startswith(f"  {name}:")) + "\n"
    return f"""{windows}
route: {{receiver: team, group_by: [{group_by}], group_wait: 0s, {route}}}
receivers: {{team: [{{type: webhook, name: hook, url: "http://receiver.example/hook"}}]}}
"""


def berlin(folder: Path, begin: str, window: str) -> tuple[Stage, Pods]:
    """A stage that begins at an instant, and mutes in one window of Berlin."""
    windows = f"windows: {{lunch: {{{window}, timezone: Europe/Berlin}}}}\n"
    text = BROKEN + told_by("mute_in: [lunch]", windows=windows)
    stage = Stage(folder, text, start=datetime.fromisoformat(begin))
    return stage, Pods(stage)


def outcome(stage: Stage, name: str) -> int:
    return stage.counted("decisions", outcome=name)


def test_S84_a_night_of_friday_is_muted_on_saturday(tmp_path: Path) -> None:
    window = 'days: [mon-fri], start: "22:00", end: "06:00"'
    stage, pods = berlin(tmp_path, "2026-01-03T03:00:00+01:00", window)  # a Saturday
    pods.phase(0, "a")
    pods.phase(0, "b", ns="other")
    pods.phase(60, "b", "Running", ns="other")
    stage.run(until=12_000)
    assert stage.lines == ["10800 hook firing broken shop/Pod/a"]
    assert outcome(stage, "muted_window") == 1


def test_S84_a_night_of_sunday_is_not(tmp_path: Path) -> None:
    window = 'days: [mon-fri], start: "22:00", end: "06:00"'
    stage, pods = berlin(tmp_path, "2026-01-05T05:55:00+01:00", window)  # a Monday
    pods.phase(0, "a")
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a"]


def test_S85_an_hour_that_comes_twice_is_muted_twice(tmp_path: Path) -> None:
    """From 00:00Z to 02:00Z: what begins a minute before is told, what begins in either hour is told after both."""
    stage, pods = berlin(tmp_path, "2026-10-24T23:59:00+00:00", 'start: "02:00", end: "03:00"')
    pods.phase(59, "before", ns="before")
    for at, ns in ((60, "first"), (3659, "end-of-first"), (3660, "second"), (7259, "end-of-second")):
        pods.phase(at, "a", ns=ns)
    pods.phase(7300, "after", ns="after")
    stage.run(until=8000)
    assert stage.lines == [
        "59 hook firing broken before/Pod/before",
        "7260 hook firing broken first/Pod/a",
        "7260 hook firing broken end-of-second/Pod/a",
        "7260 hook firing broken second/Pod/a",
        "7260 hook firing broken end-of-first/Pod/a",
        "7300 hook firing broken after/Pod/after",
    ]


def test_S86_an_hour_that_is_skipped_mutes_nothing(tmp_path: Path) -> None:
    stage, pods = berlin(tmp_path, "2027-03-28T00:59:00+00:00", 'start: "02:00", end: "03:00"')
    pods.phase(59, "a")
    pods.phase(60, "b", ns="other")
    stage.run(until=600)
    assert stage.lines == ["59 hook firing broken shop/Pod/a", "60 hook firing broken other/Pod/b"]


def test_S87_the_last_day_of_february(tmp_path: Path) -> None:
    stage, pods = berlin(tmp_path, "2028-02-29T23:58:00+01:00", "days_of_month: [-1], months: [feb]")
    pods.phase(0, "a")
    stage.run(until=600)
    assert stage.lines == ["120 hook firing broken shop/Pod/a"]


def test_S87_the_day_before_it_is_not_the_last(tmp_path: Path) -> None:
    stage, pods = berlin(tmp_path, "2028-02-28T23:58:00+01:00", "days_of_month: [-1], months: [feb]")
    pods.phase(0, "a")
    pods.phase(130, "b", ns="other")
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a"]


def test_S88_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(told_by("mute_in: [lunch]", windows="windows: {lunch: {days: [mon], timezone: Europe/Berln}}\n"))
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.problems == (f"{path}:1:42: timezone: not a time zone; write one like Europe/Berlin or UTC",)


def test_S88_a_machine_without_time_zones_is_refused(tmp_path: Path) -> None:
    """Neither the system's files nor those of the package are found: an empty one stands in its place."""
    (tmp_path / "tzdata").mkdir()
    (tmp_path / "tzdata" / "__init__.py").touch()
    path = tmp_path / "kwatch.yaml"
    path.write_text(BROKEN + told_by("mute_in: [lunch]"))
    environment = {**os.environ, "PYTHONTZPATH": "", "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    command = [sys.executable, "-m", "kwatch", "check", "--config", str(path)]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (
        1,
        f"{path}:2:1: this machine knows no time zones: install tzdata\n",
    )


def test_S89_what_is_held_is_one_message_at_the_end(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("hold_in: [lunch]"))
    for at, name in enumerate("abcde", start=100):
        pods.phase(at, name)
    for at, name in enumerate("abc", start=200):
        pods.phase(at, name, "Running")
    stage.run(until=1000)
    assert stage.lines == ["300 hook firing broken shop/Pod/d, broken shop/Pod/e"]
    assert stage.told[0].document["came_and_went"] == [f"broken (shop, Pod/{name})" for name in "abc"]
    assert [outcome(stage, name) for name in ("opened", "led_to_notification", "came_and_went")] == [5, 2, 3]


def test_S89_of_many_groups_too(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("hold_in: [lunch]", group_by="workload"))
    for at, name in enumerate("abcde", start=100):
        pods.phase(at, name)
    for at, name in enumerate("abc", start=200):
        pods.phase(at, name, "Running")
    pods.phase(400, "d", "Running")
    stage.run(until=1000)
    assert stage.lines == [
        "300 hook summary broken shop/Pod/d, broken shop/Pod/e",
        "400 hook resolved broken shop/Pod/d",
    ]
    assert stage.told[0].document["title"] == "📋 SUMMARY · 2 problems after the window lunch, 3 came and went · stage"


def test_T57_what_came_and_went_is_told_though_nothing_remains(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("hold_in: [lunch]"))
    pods.phase(100, "a")
    pods.phase(200, "a", "Running")
    stage.run(until=1000)
    (told,) = stage.told
    assert (told.at, told.kind, told.document["alerts"]) == (300, "summary", [])
    assert told.document["came_and_went"] == ["broken (shop, Pod/a)"]
    assert told.document["title"] == "📋 SUMMARY · 0 problems after the window lunch, 1 came and went · stage"


def test_T57_what_is_critical_passes_and_the_rest_waits(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("hold_in: [lunch]", group_by="workload"))
    pods.phase(100, "a", "Unknown")
    pods.phase(110, "b")
    pods.phase(120, "c")
    stage.run(until=1000)
    assert stage.lines == [
        "100 hook firing worse shop/Pod/a",
        "300 hook summary broken shop/Pod/b, broken shop/Pod/c",
    ]


def test_T57_over_a_restart_while_the_window_ends(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("hold_in: [lunch]"))
    pods.phase(100, "a")
    pods.phase(110, "b")
    pods.phase(150, "b", "Running")
    stage.absent(200, 400)
    stage.run(until=1000)
    assert stage.lines == ["401 hook firing broken shop/Pod/a"]
    assert stage.told[0].document["came_and_went"] == ["broken (shop, Pod/b)"]


def test_T57_notices_wait_for_the_end_in_one_message(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + told_by("hold_in: [lunch]"))
    pods.event(100, "a")
    pods.event(200, "b")
    pods.event(310, "c")
    stage.run(until=1000)
    assert stage.lines == [
        "300 hook notice noted shop/Pod/a, noted shop/Pod/b",
        "310 hook notice noted shop/Pod/c",
    ]


def test_S90_the_end_of_what_was_told_is_told_quietly_at_once(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("mute_in: [lunch]"))
    pods.phase(50, "a")
    pods.phase(150, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["50 hook firing broken shop/Pod/a", "150 hook resolved broken shop/Pod/a"]
    assert [told.document["is_quiet"] for told in stage.told] == [False, True]


@pytest.mark.parametrize("word", ["hold_in", "mute_in"])
def test_S90_whatever_the_window_does(tmp_path: Path, word: str) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by(f"{word}: [lunch]"))
    pods.phase(50, "a")
    pods.phase(150, "a", "Running")
    pods.phase(350, "a")
    stage.run(until=600)
    assert stage.lines == [
        "50 hook firing broken shop/Pod/a",
        "150 hook resolved broken shop/Pod/a",
        "350 hook firing broken shop/Pod/a",
    ]


def test_what_comes_and_goes_in_a_muted_window_is_counted(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + NOTED.partition("rules:")[2] + told_by("mute_in: [lunch]"))
    pods.phase(100, "a")
    pods.phase(150, "a", "Running")
    pods.event(200, "b")
    stage.run(until=600)
    assert stage.lines == []
    assert [outcome(stage, name) for name in ("opened", "muted_window")] == [2, 2]


def test_outside_an_active_window_nothing_is_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + told_by("active_in: [second]"))
    pods.phase(10, "a")
    pods.phase(130, "b", ns="other")
    pods.phase(310, "c", ns="late")
    stage.run(until=1000)
    assert stage.lines == ["120 hook firing broken shop/Pod/a", "130 hook firing broken other/Pod/b"]


def test_windows_are_inherited_until_a_route_takes_them_away(tmp_path: Path) -> None:
    routes = "mute_in: [lunch], routes: [{match: {namespace: other}, mute_in: []}, {match: {namespace: more}}]"
    stage, pods = play(tmp_path, BROKEN + told_by(routes))
    for at, ns in ((100, "shop"), (110, "other"), (120, "more")):
        pods.phase(at, "a", ns=ns)
    stage.run(until=1000)
    assert stage.lines == [
        "110 hook firing broken other/Pod/a",
        "300 hook firing broken shop/Pod/a",
        "300 hook firing broken more/Pod/a",
    ]


def test_one_destination_waits_while_another_is_told(tmp_path: Path) -> None:
    text = (
        BROKEN
        + WINDOWS.replace("  second:", "  #").replace('  # {start: "12:02", end: "12:05"}', "")
        + """
route:
  receiver: team
  group_by: [namespace]
  group_wait: 0s
  routes: [{match: {namespace: "*"}, receiver: chat, mute_in: [lunch], continue: true}, {match: {kind: Pod}}]
receivers:
  team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]
  chat: [{type: webhook, name: chat, url: "http://receiver.example/chat"}]
"""
    )
    stage, pods = play(tmp_path, text)
    pods.phase(100, "a")
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["100 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert [outcome(stage, name) for name in ("opened", "led_to_notification", "muted_window")] == [1, 1, 0]


def test_what_a_window_has_collected_is_said_in_chat(tmp_path: Path) -> None:
    chat = '{type: slack, name: chat, token: {file: FOLDER/slack-token}, channel: "#alerts"}'
    hook = '{type: webhook, name: hook, url: "http://receiver.example/hook"}'
    text = BROKEN + told_by("hold_in: [lunch]", group_by="workload")
    stage, pods = play(tmp_path, text.replace(hook, chat))
    pods.phase(100, "a")
    pods.phase(200, "a", "Running")
    stage.run(until=1000)
    (root,) = stage.slack.roots()
    assert root.text == "📋 SUMMARY · 0 problems after the window lunch, 1 came and went · stage"
    assert "came and went: broken (shop, Pod/a)" in str(root.blocks)
