"""What is held back by something that explains it (spec 2.6, S-69 to S-76), through the shipped composition."""

from pathlib import Path

import pytest

from kwatch.config.load import load
from kwatch.errors import ConfigError
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, GROUPED, HOOK, play

#: A Pod whose phase is Unknown explains those of its namespace that have failed.
EXPLAINED = BROKEN + "inhibit: [{when: {rule: worse}, mute: {rule: broken}, equal: [namespace]}]\n"
APART = GROUPED.replace("[namespace]", "[namespace, rule]")


def outcome(stage: Stage, name: str) -> int:
    return stage.counted("decisions", outcome=name)


def test_S69_a_source_within_group_wait_holds_the_target_back(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, EXPLAINED + GROUPED)
    pods.phase(0, "a")
    pods.phase(5, "n", "Unknown")
    pods.phase(400, "a", "Running")
    stage.run(until=1000)
    assert stage.lines == ["15 hook firing worse shop/Pod/n"]
    assert [outcome(stage, name) for name in ("opened", "led_to_notification", "muted_inhibited")] == [2, 1, 1]


def test_S70_a_pending_source_holds_nothing_back(tmp_path: Path) -> None:
    text = EXPLAINED.replace("severity: critical}", "severity: critical, for: 60s}")
    stage, pods = play(tmp_path, text + HOOK)
    pods.phase(0, "n", "Unknown")
    pods.phase(10, "a")
    pods.phase(59, "n", "Running")
    stage.run(until=1000)
    assert stage.lines == ["10 hook firing broken shop/Pod/a"]
    assert outcome(stage, "came_and_went") == 1


def test_S71_of_two_sources_one_is_enough(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, EXPLAINED + APART)
    pods.phase(0, "m", "Unknown")
    pods.phase(0, "n", "Unknown")
    pods.phase(10, "a")
    pods.phase(100, "m", "Running")
    stage.run(until=1000)
    assert stage.lines == [
        "15 hook firing worse shop/Pod/m, worse shop/Pod/n",
        "135 hook update worse shop/Pod/n, worse shop/Pod/m resolved",
    ]


def test_S72_when_the_last_source_is_over_the_target_is_told_at_the_next_flush(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, EXPLAINED + APART)
    pods.phase(0, "n", "Unknown")
    pods.phase(10, "a")
    pods.phase(100, "n", "Running")
    stage.run(until=1000)
    assert stage.lines == [
        "15 hook firing worse shop/Pod/n",
        "100 hook resolved worse shop/Pod/n",
        "115 hook firing broken shop/Pod/a",
    ]
    assert stage.told[2].document["alerts"][0]["held_back_by"] == "worse (shop, Pod/n)"


def test_S73_the_end_of_what_was_told_is_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, EXPLAINED + APART)
    pods.phase(0, "a")
    pods.phase(100, "n", "Unknown")
    pods.phase(200, "a", "Running")
    stage.run(until=1000)
    assert stage.lines == [
        "15 hook firing broken shop/Pod/a",
        "115 hook firing worse shop/Pod/n",
        "200 hook resolved broken shop/Pod/a",
    ]
    assert stage.told[2].document["alerts"][0]["muted_by"] == "held back by worse (shop, Pod/n)"


def test_S74_of_two_that_match_both_sides_the_earlier_holds_the_later_back(tmp_path: Path) -> None:
    text = BROKEN + "inhibit: [{when: {kind: Pod}, mute: {kind: Pod}, equal: [namespace]}]\n"
    stage, pods = play(tmp_path, text + HOOK)
    pods.phase(0, "a")
    pods.phase(10, "b")
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a"]


ROUND = """packs: []
rules:
  - {name: failed, on: resource, severity: critical, match: {kind: Pod, fields: {status.phase: Failed}}}
  - {name: unknown, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, resolve_hold: 0s}
  - {name: pending, on: resource, severity: info, match: {kind: Pod, fields: {status.phase: Pending}}, resolve_hold: 0s}
inhibit:
  - {when: {severity: critical, namespace: shop}, mute: {rule: unknown}, equal: [namespace]}
  - {when: {rule: unknown}, mute: {severity: info}, equal: [namespace]}
  - {when: {rule: pending}, mute: {severity: critical}, equal: [namespace]}
"""


def test_S74_of_a_circle_of_alerts_the_earliest_is_told(tmp_path: Path) -> None:
    """Of a circle that only their namespaces make, which no configuration shows for certain."""
    hook = HOOK.replace("[namespace], group_wait: 0s", "[rule], group_wait: 15s")
    stage, pods = play(tmp_path, ROUND + hook)
    pods.phase(0, "u", "Unknown")
    pods.phase(1, "p", "Pending")
    pods.phase(2, "f")
    pods.phase(200, "u", "Running")
    stage.run(until=600)
    assert stage.lines == [
        "15 hook firing unknown shop/Pod/u",
        "200 hook resolved unknown shop/Pod/u",
        "215 hook firing pending shop/Pod/p",
    ]


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        ("", ["0 hook firing worse shop/Pod/n", "10 hook firing broken shop/Pod/a"]),
        (", absent: differs", ["0 hook firing worse shop/Pod/n", "10 hook firing broken shop/Pod/a"]),
        (", absent: equal", ["0 hook firing worse shop/Pod/n"]),
    ],
)
def test_S75_what_both_lack_is_not_shared_unless_asked_for(tmp_path: Path, absent: str, expected: list[str]) -> None:
    text = BROKEN + f"inhibit: [{{when: {{rule: worse}}, mute: {{rule: broken}}, equal: [node]{absent}}}]\n"
    stage, pods = play(tmp_path, text + HOOK.replace("[namespace]", "[namespace, rule]"))
    pods.phase(0, "n", "Unknown")
    pods.phase(10, "a")
    stage.run(until=600)
    assert stage.lines == expected


def test_S76_a_circle_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(
        BROKEN
        + """inhibit:
  - {when: {rule: worse}, mute: {rule: broken}}
  - {when: {rule: broken, namespace: shop}, mute: {rule: worse}}
"""
        + HOOK
    )
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    circle = f"this mutes the entry at {path}:8:5, which mutes that at {path}:9:5: take one of them away"
    assert caught.value.problems == (f"{path}:9:5: a circle: {circle}",)
