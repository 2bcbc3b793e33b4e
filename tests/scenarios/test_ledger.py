"""Each alert that is opened has exactly one fate in the counters, whatever becomes of its rule and routes meanwhile."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kwatch.alerts.ledger import COUNTERS
from kwatch.testing.stage import Stage
from tests.scenarios.owners import Owners
from tests.scenarios.plays import HOOK, play

RULE = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s, severity: %s}
"""
WARNING, CRITICAL = RULE % "warning", RULE % "critical"
DROPPED = HOOK.replace("group_wait: 0s", "group_wait: 0s, routes: [{match: {namespace: shop}, receiver: none}]")
CRITICAL_ALONE = HOOK.replace("name: hook", "name: hook, severity: critical")
ALLOWED = "self_service: {severities: [critical]}\n"


def decisions(stage: Stage) -> Mapping[str, int]:
    counted = {name: stage.counted("decisions", outcome=name) for name in COUNTERS}
    return {name: number for name, number in counted.items() if number}


def test_one_that_a_route_drops_and_that_becomes_worse(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WARNING + DROPPED)
    pods.phase(0, "a")
    stage.reload(100, CRITICAL + DROPPED)
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == []
    assert decisions(stage) == {"opened": 1, "dropped_by_route": 1}


def test_one_that_is_not_bad_enough_until_it_becomes_worse(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WARNING + CRITICAL_ALONE)
    pods.phase(0, "a")
    stage.reload(100, CRITICAL + CRITICAL_ALONE)
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["100 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert decisions(stage) == {"opened": 1, "led_to_notification": 1}


def test_one_that_its_owner_finds_worse(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WARNING + ALLOWED + CRITICAL_ALONE)
    owners = Owners(stage)
    pods.phase(0, "a")
    owners.namespace(50, severity="critical")
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["50 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert decisions(stage) == {"opened": 1, "led_to_notification": 1}


def test_one_that_is_not_bad_enough_for_anybody(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, WARNING + CRITICAL_ALONE)
    pods.phase(0, "a")
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == []
    assert decisions(stage) == {"opened": 1, "muted_severity": 1}


def test_one_that_a_route_has_dropped_which_is_another_when_it_ends(tmp_path: Path) -> None:
    """What was begun under it goes by it."""
    stage, pods = play(tmp_path, WARNING + DROPPED)
    pods.phase(0, "a")
    stage.reload(100, WARNING + HOOK)
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == []
    assert decisions(stage) == {"opened": 1, "dropped_by_route": 1}


def test_one_whose_destination_has_another_name_before_it_was_told(tmp_path: Path) -> None:
    slow = HOOK.replace("group_wait: 0s", "group_wait: 30s")
    stage, pods = play(tmp_path, WARNING + slow)
    pods.phase(0, "a")
    stage.reload(10, WARNING + slow.replace("name: hook", "name: other").replace("/hook", "/other"))
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["10 other summary broken shop/Pod/a", "200 other resolved broken shop/Pod/a"]
    assert decisions(stage) == {"opened": 1, "destination_removed": 1, "led_to_notification": 1}


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_was_too_rare_opens_nothing_until_it_happens_again(tmp_path: Path, is_restarted: bool) -> None:
    """A rule that asks for less from now on says nothing of what was before."""
    often = "packs: []\nrules: [{name: often, on: event, match: {kind: Pod, reason: BackOff}, %s}]\n"
    rare = often % "key: [namespace, name]"
    stage, pods = play(tmp_path, often % "rate: {count: 3, within: 1h, per: [namespace, name]}" + HOOK)
    pods.phase(-20, "a", "Running")
    pods.event(0, "a")
    if is_restarted:
        stage.absent(100, 110, rare + HOOK)
    else:
        stage.reload(100, rare + HOOK)
    pods.event(200, "a", 2)
    stage.run(until=600)
    assert stage.lines == ["200 hook firing often shop/Pod/a"]
    assert decisions(stage) == {"below_threshold": 1, "opened": 1, "led_to_notification": 1}
