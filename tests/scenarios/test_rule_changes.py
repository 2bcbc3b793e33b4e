"""A rule that is another now while something fires by it: what it says then is no word on what was wrong before.

Nobody is told that something is healthy again, unless somebody has seen it so.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play

FAILED = "{name: r, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s%s}"
NOT_A = FAILED.replace("kind: Pod,", "kind: Pod, not: {name: a},")
BACK_OFF = "{name: r, on: event, match: {reason: BackOff, kind: Pod}, quiet: 10m, key: [namespace, workload]%s}"
READY = (
    '{name: r, on: event, match: {reason: BackOff, kind: Pod}, resolve: {condition: {Ready: "%s"}}, resolve_hold: 0s}'
)
NO_BACKUP = "{name: no-backup, on: event, match: {reason: BackupDone}, absent_for: %s%s}"

CHANGED = "the rule was changed, and says nothing of it any more"

Change = Callable[[Stage, str], None]


def config(rule: str) -> str:
    return f"packs: []\nrules:\n  - {rule}\n{HOOK}"


def reloaded(stage: Stage, text: str) -> None:
    stage.reload(100, text)


def restarted(stage: Stage, text: str) -> None:
    stage.absent(100, 100, text)


@pytest.mark.parametrize("change", [reloaded, restarted])
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param((FAILED % "").replace("Failed", "Unknown"), id="match"),
        pytest.param(NOT_A % "", id="match-without-it"),
        pytest.param((FAILED % "").replace("Pod", "Node").replace("Failed", "x"), id="kind"),
    ],
)
def test_what_a_changed_rule_does_not_ask_for_expires(tmp_path: Path, change: Change, rule: str) -> None:
    stage, pods = play(tmp_path, config(FAILED % ""))
    pods.phase(0, "a")
    pods.phase(50, "b", "Running")
    change(stage, config(rule))
    pods.phase(500, "a", "Running")
    stage.run(until=1000)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "100 hook expired r shop/Pod/a"]
    assert stage.told[1].document["alerts"][0]["end"] == CHANGED


@pytest.mark.parametrize("change", [reloaded, restarted])
def test_what_a_changed_rule_asks_for_goes_on_and_is_seen_to_end(tmp_path: Path, change: Change) -> None:
    stage, pods = play(tmp_path, config(FAILED % ""))
    pods.phase(0, "a")
    change(stage, config((FAILED % "").replace("Failed", "[Failed, Unknown]")))
    pods.phase(500, "a", "Running")
    stage.run(until=1000)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "500 hook resolved r shop/Pod/a"]
    assert stage.told[1].document["alerts"][0]["end"] == "it is healthy again"


def test_of_two_objects_the_one_that_is_still_asked_for_keeps_the_alert(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, config(FAILED % ", key: [namespace]"))
    pods.phase(0, "a")
    pods.phase(0, "b")
    stage.reload(100, config(NOT_A % ", key: [namespace]"))
    pods.phase(500, "b", "Running")
    stage.run(until=1000)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "500 hook resolved r shop/Pod/a"]


@pytest.mark.parametrize(("change", "at"), [(reloaded, 100), (restarted, 101)])
def test_another_key_ends_the_old_alert_and_begins_another(tmp_path: Path, change: Change, at: int) -> None:
    stage, pods = play(tmp_path, config(FAILED % ""))
    pods.phase(0, "a")
    change(stage, config(FAILED % ", key: [namespace]"))
    pods.phase(500, "a", "Running")
    stage.run(until=1000)
    assert stage.lines == [
        "0 hook firing r shop/Pod/a",
        "100 hook expired r shop/Pod/a",
        f"{at} hook summary r shop/Pod/a",
        "500 hook resolved r shop/Pod/a",
    ]


def test_another_resolve_that_is_true_already_is_no_recovery(tmp_path: Path) -> None:
    stage = Stage(tmp_path, config(READY % "True"))
    stage.pod(-20, "web-1", ready=False)
    stage.event(0)
    stage.reload(100, config(READY % "False"))
    stage.run(until=1000)
    assert stage.lines == ["0 hook firing r shop/Pod/web-1", "100 hook expired r shop/Pod/web-1"]


def test_the_silence_of_an_event_that_is_asked_for_no_more_is_no_recovery(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, config(BACK_OFF % ""))
    pods.phase(-20, "a", "Running")
    pods.event(0, "a")
    stage.reload(100, config((BACK_OFF % "").replace("BackOff", "Evicted")))
    pods.event(200, "a", 2)  # its emitter has a token again at 560
    stage.run(until=2000)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "1160 hook expired r shop/Pod/a"]
    assert stage.told[1].document["alerts"][0]["end"] == CHANGED


def test_another_key_of_an_event_rule_ends_what_was_open(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, config(BACK_OFF % ""))
    pods.phase(-20, "a", "Running")
    pods.event(0, "a")
    stage.reload(100, config((BACK_OFF % "").replace("workload", "name")))
    stage.run(until=2000)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "100 hook expired r shop/Pod/a"]


@pytest.mark.parametrize("change", [reloaded, restarted])
def test_an_absence_that_is_not_long_enough_any_more_was_not_seen_again(tmp_path: Path, change: Change) -> None:
    stage = Stage(tmp_path, config(NO_BACKUP % ("1m", "")))
    stage.event(0, name="done", about="Pod/shop/backup", reason="BackupDone")
    change(stage, config(NO_BACKUP % ("2h", "")))
    stage.run(until=9000)
    assert stage.lines == [
        "60 hook firing no-backup ",
        "100 hook expired no-backup ",
        "7200 hook firing no-backup ",
    ]
    messages = [told.document["alerts"][0]["message"] for told in stage.told]
    assert messages == ["nothing matched for 1m", "nothing matched for 1m", "nothing matched for 2h"]


def test_another_way_of_an_alert_says_that_the_rule_was_changed(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, config(FAILED % ""))
    pods.phase(0, "a")
    notice = (FAILED % ", mode: notice").replace(" resolve_hold: 0s,", "")
    stage.reload(100, config(notice))
    stage.run(until=1000)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "100 hook expired r shop/Pod/a"]
    assert stage.told[1].document["alerts"][0]["end"] == CHANGED
