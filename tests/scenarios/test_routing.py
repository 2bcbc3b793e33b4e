"""Which receivers are told (spec 2.6, S-106 to S-110), through the shipped composition."""

from pathlib import Path

import pytest

from kwatch.config.load import load
from kwatch.errors import ConfigError
from tests.scenarios.plays import BROKEN, play

RECEIVERS = """
receivers:
  team: [{type: webhook, name: team, url: "http://receiver.example/team"}]
  oncall: [{type: webhook, name: oncall, url: "http://receiver.example/oncall"}]
  archive: [{type: webhook, name: archive, url: "http://receiver.example/archive"}]
"""


def route(children: str) -> str:
    return f"route: {{receiver: team, group_by: [namespace], group_wait: 0s, routes: [{children}]}}\n"


def lines(folder: Path, children: str, receivers: str = RECEIVERS) -> list[str]:
    """Return what is told of a critical alert in `shop`, with these routes."""
    for name in ("oncall", "archive"):
        if f"receiver: {name}" not in children:
            receivers = "\n".join(line for line in receivers.splitlines() if not line.startswith(f"  {name}:"))
    stage, pods = play(folder, BROKEN + route(children) + receivers + "\n")
    pods.phase(0, "a", "Unknown")
    stage.run(until=600)
    return stage.lines


def test_S106_the_first_child_that_matches_is_the_last_one_tried(tmp_path: Path) -> None:
    children = "{match: {severity: critical}, receiver: oncall}, {match: {namespace: shop}, receiver: archive}"
    assert lines(tmp_path, children) == ["0 oncall firing worse shop/Pod/a"]


def test_S107_with_continue_on_both_each_is_told_once(tmp_path: Path) -> None:
    children = (
        "{match: {severity: critical}, receiver: oncall, continue: true}, "
        "{match: {namespace: shop}, receiver: archive, continue: true}"
    )
    assert lines(tmp_path, children) == ["0 archive firing worse shop/Pod/a", "0 oncall firing worse shop/Pod/a"]


def test_S108_two_routes_to_one_destination_make_one_message(tmp_path: Path) -> None:
    children = (
        "{match: {severity: critical}, receiver: oncall, continue: true}, {match: {namespace: shop}, receiver: oncall}"
    )
    assert lines(tmp_path, children) == ["0 oncall firing worse shop/Pod/a"]


def test_S108_a_destination_in_two_receivers_is_told_twice(tmp_path: Path) -> None:
    children = (
        "{match: {severity: critical}, receiver: oncall, continue: true}, {match: {namespace: shop}, receiver: archive}"
    )
    receivers = RECEIVERS.replace("/archive", "/oncall")
    assert lines(tmp_path, children, receivers) == ["0 oncall firing worse shop/Pod/a"] * 2


def test_S109_without_a_matching_child_the_parent_is_told(tmp_path: Path) -> None:
    children = "{match: {severity: info}, receiver: oncall}, {match: {namespace: other}, receiver: archive}"
    assert lines(tmp_path, children) == ["0 team firing worse shop/Pod/a"]


def test_S109_and_so_at_every_depth(tmp_path: Path) -> None:
    deep = "routes: [{match: {namespace: other}, receiver: archive}]"
    assert lines(tmp_path, f"{{match: {{severity: critical}}, receiver: oncall, {deep}}}") == [
        "0 oncall firing worse shop/Pod/a"
    ]


def test_S109_a_root_needs_a_receiver_and_has_no_matchers(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(BROKEN + RECEIVERS + "route: {match: {severity: critical}}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.problems == (
        f"{path}:12:8: 'receiver' is missing: the root needs one for what no other route takes",
        f"{path}:12:9: match: the root of the routes takes everything; put it into an entry of `routes`",
    )


def test_S110_an_explicit_drop_is_counted(tmp_path: Path) -> None:
    team = RECEIVERS.splitlines()[2]
    text = BROKEN + route('{match: {namespace: "sandbox-*"}, receiver: none}') + f"receivers:\n{team}\n"
    stage, pods = play(tmp_path, text)
    pods.phase(0, "a", ns="sandbox-1")
    pods.phase(10, "b")
    pods.phase(20, "a", "Running", ns="sandbox-1")
    stage.run(until=600)
    assert stage.lines == ["10 team firing broken shop/Pod/b"]
    assert stage.counted("decisions", outcome="dropped_by_route") == 1
