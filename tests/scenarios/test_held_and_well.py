"""What was held back, and is well when nothing holds it any more: "firing" would not be true."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.owners import outcomes
from tests.scenarios.plays import HOOK, Silences

#: Each is over when it was well for 30 s; a Node that is not ready explains the Pods on it.
RULES = """
packs: []
rules:
  - {name: node, on: resource, match: {kind: Node, condition: {Ready: "False"}}, resolve_hold: 30s}
  - {name: pod, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 30s}
inhibit: [{when: {rule: node}, mute: {rule: pod}, equal: [node]}]
"""
BY_RULE = RULES + HOOK.replace("[namespace]", "[rule]")


def node_down_and_well(stage: Stage) -> None:
    """The Node is down from 5 to 300, which is certain at 330; a Pod on it is not ready from 10 on."""
    stage.node(5, ready=False)
    stage.pod(10, ready=False, node="node-1")
    stage.node(300, ready=True)


def test_what_its_source_held_and_is_well_before_that_is_over_is_not_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BY_RULE)
    node_down_and_well(stage)
    stage.pod(302, ready=True, node="node-1")
    stage.run(until=2000)
    assert stage.lines == ["5 hook firing node Node/node-1", "330 hook resolved node Node/node-1"]
    assert outcomes(stage, "opened", "led_to_notification", "came_and_went") == [2, 1, 1]


def test_it_is_told_at_once_when_it_is_wrong_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BY_RULE.replace("group_wait: 0s", "group_wait: 1s"))
    node_down_and_well(stage)
    stage.pod(320, ready=True, node="node-1")
    stage.pod(340, ready=False, node="node-1")
    stage.run(until=2000)
    assert stage.lines == [
        "6 hook firing node Node/node-1",
        "330 hook resolved node Node/node-1",
        "340 hook firing pod shop/Pod/web-1",
    ]


def test_also_where_kwatch_was_away_meanwhile(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BY_RULE)
    Silences(stage).add(5, {"name": "web-1"}, until=310)
    stage.pod(10, ready=False)
    stage.pod(300, ready=True)
    stage.absent(302, 315)
    stage.pod(325, ready=False)
    stage.run(until=2000)
    assert stage.lines == ["325 hook firing pod shop/Pod/web-1"]


@pytest.mark.parametrize("wait", ["0s", "30s"])
def test_what_occurs_again_is_told_though_its_object_is_well(tmp_path: Path, wait: str) -> None:
    """The Pod is ready all the time; a probe fails each minute until 610."""
    asked = "match: {reason: Unhealthy, kind: Pod}, resolve: {condition: {Ready: 'True'}}, resolve_hold: 2m"
    rules = f"packs: []\nrules: [{{name: probe, on: event, {asked}}}]\n"
    stage = Stage(tmp_path, rules + HOOK.replace("group_wait: 0s", f"group_wait: {wait}"))
    Silences(stage).add(1, {"namespace": "shop"}, until=300)
    stage.pod(0, ready=True)
    for number in range(11):
        stage.event(10 + 60 * number, number + 1, reason="Unhealthy")
    stage.run(until=2000)
    assert stage.lines == ["310 hook firing probe shop/Pod/web-1 ×6", "730 hook resolved probe shop/Pod/web-1 ×11"]


def test_what_a_window_has_collected_and_is_well_at_its_end_has_come_and_gone(tmp_path: Path) -> None:
    window = 'windows: {lunch: {start: "12:01", end: "12:10"}}\n'
    stage = Stage(tmp_path, RULES + window + HOOK.replace("group_wait: 0s", "group_wait: 0s, hold_in: [lunch]"))
    stage.pod(100, "stays", ready=False)
    stage.pod(100, "well", ready=False)
    stage.pod(590, "well", ready=True)
    stage.run(until=2000)
    assert stage.lines == ["600 hook firing pod shop/Pod/stays"]
    assert stage.told[0].document["came_and_went"] == ["pod (shop, Pod/well)"]
