"""Another configuration while kwatch runs (S-41, S-42, S-49, S-50, S-60, S-61, F-42, T13, T48)."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.app import App
from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play
from tests.scenarios.reloads import (
    AT_ONCE,
    AT_ONCE_EACH,
    BROKEN,
    EVICTED,
    FULL,
    NOTED,
    OFTEN,
    ONE,
    looks,
    routed,
    rules,
)
from tests.scenarios.writing import NOT_READY, text


def test_S41_a_rule_removed_while_it_fires_expires_with_the_stored_key(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(BROKEN % "", EVICTED) + HOOK)
    pods.phase(0, "a", "Failed", reason="Evicted")
    stage.reload(100, ONE + HOOK)
    pods.phase(700, "a", "Running")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing evicted shop/Pod/a, broken shop/Pod/a",
        "120 hook update broken shop/Pod/a, evicted shop/Pod/a expired",
        "700 hook resolved broken shop/Pod/a",
    ]


def test_S41_the_last_rule_of_an_incident_removed_closes_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules(EVICTED) + HOOK)
    opened, closed = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "100 hook expired broken shop/Pod/a"]
    assert closed.document["incident"] == opened.document["incident"]
    assert closed.document["alerts"][0]["end"] == "the rule was removed"


def test_S41_a_rule_that_comes_back_goes_on_counting_its_episodes(tmp_path: Path) -> None:
    """The number is part of the keys that other tools know an episode by: it must not be given twice."""
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules(EVICTED) + HOOK)
    stage.reload(800, ONE + HOOK)
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook expired broken shop/Pod/a",
        "800 hook summary broken shop/Pod/a",
    ]
    assert [each.document["alerts"][0]["episode"] for each in stage.told] == [1, 1, 2]


def test_S42_a_rule_renamed_without_an_id_ends_and_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, ONE.replace("broken", "crashed") + HOOK)
    pods.phase(200, "a", "Running")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook expired broken shop/Pod/a",
        "100 hook summary crashed shop/Pod/a",
        "200 hook resolved crashed shop/Pod/a",
    ]
    hint = f"{tmp_path}/kwatch.yaml:3: 'broken' is 'crashed' now, another rule: `id: broken` would keep its alerts"
    assert [vars(each)["hint"] for each in caplog.records if each.message == "a rule was renamed without an id"] == [
        hint
    ]


def test_S42_a_rule_renamed_with_its_id_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules((BROKEN % ", id: broken").replace("name: broken", "name: crashed")) + HOOK)
    pods.phase(200, "a", "Running")
    stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert [each for each in caplog.records if each.message == "a rule was renamed without an id"] == []


def test_S49_a_worse_severity_is_told_at_once(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(60, rules(BROKEN % ", severity: critical") + HOOK)
    _, update = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "60 hook update broken shop/Pod/a"]
    assert update.document["severity"] == "critical"


def test_S50_a_lesser_severity_is_told_at_the_next_flush(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(BROKEN % ", severity: critical") + HOOK)
    pods.phase(0, "a")
    stage.reload(60, ONE + HOOK)
    _, update = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "120 hook update broken shop/Pod/a"]
    assert update.document["severity"] == "warning"


def test_S60_a_matcher_that_is_written_otherwise_tells_nothing(tmp_path: Path) -> None:
    child = ", routes: [{match: {namespace: %s}, receiver: team}]"
    stage, pods = play(tmp_path, ONE + routed(AT_ONCE + child % '"sh*"'))
    pods.phase(0, "a")
    stage.reload(100, ONE + routed(AT_ONCE + child % "shop"))
    pods.phase(200, "a", "Running")
    opened, closed = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert closed.document["incident"] == opened.document["incident"]


def test_S61_members_that_were_announced_stay_where_they_are(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    pods.phase(0, "b")
    stage.reload(150, ONE + routed("group_by: [namespace, name], group_wait: 0s"))
    pods.phase(200, "c")
    pods.phase(300, "a", "Running")
    pods.phase(400, "b", "Running")
    pods.phase(500, "c", "Running")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "120 hook update broken shop/Pod/b, broken shop/Pod/a",
        "200 hook firing broken shop/Pod/c",
        "300 hook update broken shop/Pod/b, broken shop/Pod/a resolved",
        "400 hook resolved broken shop/Pod/b",
        "500 hook resolved broken shop/Pod/c",
    ]


def test_other_timings_hold_for_the_groups_that_there_are(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, ONE + routed(AT_ONCE + ", repeat_interval: 10m"))
    stage.run(until=1300)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "600 hook repeat broken shop/Pod/a",
        "1200 hook repeat broken shop/Pod/a",
    ]


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_T13_what_a_reload_does_not_change_is_identical_before_and_after(tmp_path: Path, is_reloaded: bool) -> None:
    """A pending alert, a rate that is half full, a queue, a destination that does not answer, a group that waits.

    What is another is the row that says by which rules all was judged.
    """
    asked = (BROKEN % "", BROKEN.replace("broken", "slow") % ", for: 5m", OFTEN)
    route = routed("group_by: [rule], group_wait: 30s, group_interval: 10m")
    stage, pods = play(tmp_path, rules(*asked) + route)
    kept: list[Any] = []
    pods.phase(0, "a")
    for second in (10, 20, 30, 110, 120):
        pods.event(second, "a", second // 10 if second < 100 else second // 10 - 7)
    stage.at(20, lambda: setattr(stage, "answer", lambda _: httpx.Response(500)))
    stage.at(200, lambda: setattr(stage, "answer", lambda _: httpx.Response(200)))
    pods.phase(95, "b")
    stage.at(99, lambda: kept.append(running(stage).state.load()))
    if is_reloaded:
        stage.reload(100, rules(*asked, FULL) + route)
    stage.at(101, lambda: kept.append(running(stage).state.load()))
    stage.run(until=1000)
    before, after = ([row for row in snapshot.rows if row.key != "watched"] for snapshot in kept)
    assert before == after
    assert kept[0].incidents == kept[1].incidents
    assert stage.lines == [
        "251.425 hook firing broken shop/Pod/a",
        "251.425 hook firing often shop/Pod/a ×5",
        "330 hook firing slow shop/Pod/a",
        "630 hook update broken shop/Pod/a, broken shop/Pod/b",
        "930 hook update slow shop/Pod/a, slow shop/Pod/b",
    ]


def running(stage: Stage) -> App:
    assert stage.app is not None
    return stage.app


def test_F42_a_reload_every_2_s_in_a_storm_changes_nothing_of_what_is_told(tmp_path: Path) -> None:
    """Nothing twice, nothing lost, and each at its time; rules and kinds come and go meanwhile."""
    quiet, reloaded = storm(tmp_path / "quiet", is_reloaded=False), storm(tmp_path / "reloaded", is_reloaded=True)
    assert quiet.lines == reloaded.lines
    noted = [f"{n}.5 hook notice noted shop/Pod/p{n}" for n in range(60)]
    assert [line for line in reloaded.lines if " notice " in line] == noted
    assert [line for line in reloaded.lines if " notice " not in line] == [
        f"{30 + n} hook firing broken shop/Pod/p{n}" for n in range(60)
    ]
    assert reloaded.counted("config_reload_failures") == 0


def test_F42_without_their_identity_rules_tell_everything_again(tmp_path: Path) -> None:
    """A reload that gives a rule another name in the middle of the storm: what fires is told once more."""
    stage, pods = play(tmp_path, rules(BROKEN % "") + AT_ONCE_EACH)
    pods.phase(0, "a")
    stage.reload(100, rules((BROKEN % "").replace("broken", "renamed")) + AT_ONCE_EACH)
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook expired broken shop/Pod/a",
        "100 hook summary renamed shop/Pod/a",
    ]


def storm(folder: Path, *, is_reloaded: bool) -> Stage:
    """60 Pods fail, one per second, each with an Event; one fails for 30 s before it is told."""
    folder.mkdir()
    route = routed("group_by: [namespace, name], group_wait: 0s")
    texts = [rules(BROKEN % ", for: 30s", NOTED, *more) + route for more in ((), (EVICTED,), (FULL,))]
    stage, pods = play(folder, texts[0])
    for number in range(60):
        pods.phase(number, f"p{number}")
        pods.event(number + 0.5, f"p{number}")
    for turn in range(1, 60):
        if is_reloaded:
            stage.reload(turn * 2, texts[turn % 3])
    stage.run(until=900)
    return stage


def test_T48_a_reload_in_the_middle_of_a_burst_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(NOTED) + HOOK)
    for number in range(200):
        pods.event(10 + number / 100, f"p{number}")
    stage.reload(11, rules(NOTED, EVICTED, BROKEN % "") + HOOK)
    stage.run(until=3600)
    assert stage.lines == [f"{10 + number / 100:g} hook notice noted shop/Pod/p{number}" for number in range(200)]


def test_a_destination_that_refuses_is_tried_at_once_with_another_url(tmp_path: Path) -> None:
    """Its suspension is that of the old one; what it held is delivered, in order."""
    stage, pods = play(tmp_path, ONE + routed(AT_ONCE, url="old"))
    stage.answer = lambda request: httpx.Response(404 if request.url.path == "/old" else 200)
    pods.phase(0, "a")
    pods.phase(0, "b", ns="bank")
    stage.reload(100, ONE + routed(AT_ONCE, url="new"))
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == [
        "100 new firing broken shop/Pod/a",
        "100 new firing broken bank/Pod/b",
        "200 new resolved broken shop/Pod/a",
    ]


def test_a_destination_that_is_removed_keeps_what_it_does_not_take_until_it_is_back(tmp_path: Path) -> None:
    """What fires is told to the one that took its place, in one summary."""
    stage, pods = play(tmp_path, ONE + HOOK)
    stage.answer = lambda request: httpx.Response(503 if request.url.path == "/hook" and stage.now() < 250 else 200)
    pods.phase(0, "a")
    stage.reload(100, ONE + routed(AT_ONCE, url="other", name="other"))
    seen = looks(stage, 200)
    stage.reload(300, ONE + HOOK)
    pods.phase(400, "a", "Running")
    stage.run(until=600)
    states = {each["name"]: (each["queued"], each["suspended"]) for each in seen[200]["destinations"]}
    assert states == {"hook": (2, "not_configured"), "other": (0, "")}
    assert stage.lines == [
        "100 other summary broken shop/Pod/a",
        "300 other expired broken shop/Pod/a",
        "300 hook summary broken shop/Pod/a",
        "338.291 hook firing broken shop/Pod/a",
        "338.291 hook expired broken shop/Pod/a",
        "400 hook resolved broken shop/Pod/a",
    ]


def test_an_inhibition_that_is_removed_lets_go_of_what_it_held_back(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(BROKEN % "", EVICTED) + HOOK + INHIBIT)
    pods.phase(0, "a", reason="Evicted")
    stage.reload(100, rules(BROKEN % "", EVICTED) + HOOK)
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "120 hook update evicted shop/Pod/a, broken shop/Pod/a"]


INHIBIT = "inhibit: [{when: {rule: broken}, mute: {rule: evicted}, equal: [namespace]}]\n"


def test_an_absence_that_is_asked_for_by_reload_counts_from_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "for: 1m"))
    absent = "{name: silent, on: event, match: {reason: Heartbeat}, absent_for: 1h}"
    stage.reload(1000, text(NOT_READY % "for: 1m", absent))
    stage.run(until=6000)
    assert stage.lines == ["4600 hook firing silent "]


def test_quiet_that_is_asked_for_by_reload_knows_no_tokens_from_before(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "for: 1m"), lead=6400.0)
    stage.reload(0, text("{name: back-off, on: event, match: {reason: BackOff}, quiet: 2m}"))
    stage.event(10)
    stage.run(until=6000)
    assert stage.lines == ["10 hook firing back-off shop/Pod/web-1", "490 hook resolved back-off shop/Pod/web-1"]
