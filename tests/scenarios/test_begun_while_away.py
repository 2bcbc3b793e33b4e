"""What broke while kwatch was away: late for certain, and begun no earlier than it was last seen to be well."""

from pathlib import Path
from typing import Any

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play, pod

RULE = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s, for: FOR}
"""
#: The same, of what a condition says, too: that is older than what breaks.
BOTH = RULE.replace("fields:", 'condition: {Ready: "False"}, fields:')
#: A condition that has to do with nothing, since the instant 0.
OLD = [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T12:00:00Z"}]
RESTART = "2026-01-01T12:06:40+00:00"


def staged(folder: Path, waits: str, rule: str = RULE) -> Stage:
    return play(folder, rule.replace("FOR", waits) + HOOK)[0]


def told_of(stage: Stage) -> list[tuple[str, bool, str]]:
    texts = [(told.document["is_late"], told.document["starts_at"]) for told in stage.told]
    return [(line, *text) for line, text in zip(stage.lines, texts, strict=True)]


def status(phase: str, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"phase": phase, "conditions": conditions}


@pytest.mark.parametrize("rule", [RULE, BOTH], ids=["another condition", "one of two"])
def test_what_is_wrong_for_20_seconds_around_a_restart_is_not_so_for_5_minutes(tmp_path: Path, rule: str) -> None:
    stage = staged(tmp_path, "5m", rule)
    stage.pod(0, "a", status=status("Running", OLD))
    stage.absent(600, 620)
    stage.pod(610, "a", status=status("Failed", OLD))
    stage.pod(630, "a", status=status("Running", OLD))
    stage.run(until=3000)
    assert stage.lines == []


@pytest.mark.parametrize("conditions", [[], OLD], ids=["no condition", "an old condition"])
@pytest.mark.parametrize("is_compacted", [False, True])
def test_what_does_not_say_when_it_broke_is_late_and_dated_to_the_restart(
    tmp_path: Path, conditions: list[dict[str, Any]], is_compacted: bool
) -> None:
    stage = staged(tmp_path, "0s")
    stage.pod(0, "a", status=status("Running", conditions))
    stage.absent(100, 400)
    stage.pod(200, "a", status=status("Failed", conditions))
    if is_compacted:
        stage.at(250, stage.cluster.compact)
    stage.run(until=900)
    assert told_of(stage) == [("400 hook firing broken shop/Pod/a", True, RESTART)]


def test_what_was_made_while_kwatch_was_away_is_late_too(tmp_path: Path) -> None:
    stage = staged(tmp_path, "0s")
    stage.pod(0, "well", status=status("Running", []))
    stage.absent(100, 400)
    stage.pod(200, "a", status=status("Failed", []))
    stage.run(until=900)
    assert told_of(stage) == [("400 hook firing broken shop/Pod/a", True, RESTART)]


def test_for_counts_from_the_restart_and_what_it_ends_in_is_late(tmp_path: Path) -> None:
    stage = staged(tmp_path, "5m")
    stage.pod(0, "a", status=status("Running", OLD))
    stage.absent(100, 400)
    stage.pod(200, "a", status=status("Failed", OLD))
    stage.run(until=900)
    assert told_of(stage) == [("700 hook firing broken shop/Pod/a", True, RESTART)]


def test_a_transition_while_kwatch_was_away_says_when(tmp_path: Path) -> None:
    stage = staged(tmp_path, "5m")
    stage.pod(0, "a", status=status("Running", OLD))
    stage.absent(100, 400)
    stage.pod(200, "a", status=status("Failed", [{**OLD[0], "lastTransitionTime": "2026-01-01T12:03:20Z"}]))
    stage.run(until=900)
    assert told_of(stage) == [("500 hook firing broken shop/Pod/a", True, "2026-01-01T12:03:20+00:00")]


def test_what_breaks_after_the_restart_is_not_late(tmp_path: Path) -> None:
    stage = staged(tmp_path, "0s")
    stage.pod(0, "a", status=status("Running", OLD))
    stage.absent(100, 400)
    stage.pod(500, "a", status=status("Failed", OLD))
    stage.run(until=900)
    assert told_of(stage) == [("500 hook firing broken shop/Pod/a", False, "2026-01-01T12:08:20+00:00")]


def test_what_was_pending_before_goes_on_to_count(tmp_path: Path) -> None:
    stage = staged(tmp_path, "10m")
    stage.pod(0, "a", status=status("Failed", []))
    stage.absent(100, 400)
    stage.run(until=900)
    assert told_of(stage) == [("600 hook firing broken shop/Pod/a", False, "2026-01-01T12:00:00+00:00")]


def test_what_was_pending_before_and_became_due_meanwhile_is_late(tmp_path: Path) -> None:
    stage = staged(tmp_path, "2m")
    stage.pod(0, "a", status=status("Failed", []))
    stage.absent(100, 400)
    stage.run(until=900)
    assert told_of(stage) == [("400 hook firing broken shop/Pod/a", True, "2026-01-01T12:00:00+00:00")]


def test_a_time_that_is_none_says_nothing(tmp_path: Path) -> None:
    rule = BOTH.replace("fields: {status.phase: Failed}, ", "").replace(", fields: {status.phase: Failed}", "")
    stage = staged(tmp_path, "1m", rule)
    stage.pod(100, "a", status=status("Failed", [{**OLD[0], "lastTransitionTime": "0001-01-01T00:00:00Z"}]))
    stage.run(until=900)
    assert told_of(stage) == [("160 hook firing broken shop/Pod/a", False, "2026-01-01T12:01:40+00:00")]


#: Rules about the same kind for which more is known of what happened in the gap.
OF_CHANGES = [
    "  - {name: came, on: resource, match: {kind: Pod, change: created, name: x}, mode: notice}\n",
    "  - {name: moved, on: resource, match: {kind: Pod, changed: spec.nodeName, name: x}, mode: notice}\n",
]


def staged_beside(folder: Path, other: str, waits: str, breaks_at: float, conditions: list[dict[str, Any]]) -> Stage:
    """Return a play in which `a`, which moves, and `b`, which is new, break while kwatch is away, from 100 to 400."""
    stage = staged(folder, waits, RULE + other)
    stage.pod(0, "a", status=status("Running", OLD))
    stage.absent(100, 400)
    stage.pod(150, "b", status=status("Running", OLD))
    stage.apply(breaks_at, {**pod("a", "Failed", conditions=conditions), "spec": {"nodeName": "n1"}})
    stage.pod(breaks_at, "b", status=status("Failed", conditions))
    return stage


@pytest.mark.parametrize("other", OF_CHANGES, ids=["came", "moved"])
def test_what_broke_is_not_as_old_as_what_else_is_known_of_the_gap(tmp_path: Path, other: str) -> None:
    stage = staged_beside(tmp_path, other, "2m", 390, OLD)
    for name in "ab":
        stage.pod(430, name, status=status("Running", OLD))
    stage.run(until=3000)
    assert stage.lines == []


@pytest.mark.parametrize("other", OF_CHANGES, ids=["came", "moved"])
def test_a_transition_says_when_beside_what_else_is_known_of_the_gap(tmp_path: Path, other: str) -> None:
    at_200 = [{**OLD[0], "lastTransitionTime": "2026-01-01T12:03:20Z"}]
    stage = staged_beside(tmp_path, other, "5m", 200, at_200)
    stage.run(until=900)
    assert told_of(stage) == [
        ("500 hook firing broken shop/Pod/b, broken shop/Pod/a", True, "2026-01-01T12:03:20+00:00")
    ]
