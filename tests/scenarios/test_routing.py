"""Which receivers are told (spec 2.6, S-106 to S-110), through the shipped composition."""

from pathlib import Path

import pytest

from kwatch.config.load import load
from kwatch.errors import ConfigError
from kwatch.testing.stage import Told
from tests.scenarios.plays import BROKEN, play

RECEIVERS = """
receivers:
  team: [{type: webhook, name: team, url: "http://receiver.example/team"}]
  oncall: [{type: webhook, name: oncall, url: "http://receiver.example/oncall"}]
  archive: [{type: webhook, name: archive, url: "http://receiver.example/archive"}]
"""


def route(children: str) -> str:
    return f"route: {{receiver: team, group_by: [namespace], group_wait: 0s, routes: [{children}]}}\n"


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        pytest.param(
            "{match: {severity: critical}, receiver: oncall}, {match: {namespace: shop}, receiver: archive}",
            [Told(0, "oncall", "firing", ("worse",), None)],
            id="S-106 the first child that matches is the last one tried",
        ),
        pytest.param(
            "{match: {severity: critical}, receiver: oncall, continue: true},"
            "{match: {namespace: shop}, receiver: archive, continue: true}",
            [Told(0, "archive", "firing", ("worse",), None), Told(0, "oncall", "firing", ("worse",), None)],
            id="S-107 with continue on both each is told once",
        ),
        pytest.param(
            "{match: {severity: critical}, receiver: oncall, continue: true},"
            "{match: {namespace: shop}, receiver: oncall}",
            [Told(0, "oncall", "firing", ("worse",), None)],
            id="S-108 two routes to one destination make one message",
        ),
        pytest.param(
            "{match: {severity: info}, receiver: oncall}, {match: {namespace: other}, receiver: archive}",
            [Told(0, "team", "firing", ("worse",), None)],
            id="S-109 without a matching child the parent is told",
        ),
        pytest.param(
            "{match: {severity: critical}, receiver: oncall, routes: [{match: {namespace: other}, receiver: archive}]}",
            [Told(0, "oncall", "firing", ("worse",), None)],
            id="S-109 and so at every depth",
        ),
    ],
)
def test_an_alert_goes_where_the_routes_lead(tmp_path: Path, children: str, expected: list[Told]) -> None:
    receivers = RECEIVERS
    for name in ("oncall", "archive"):
        if f"receiver: {name}" not in children:
            receivers = "\n".join(line for line in receivers.splitlines() if not line.startswith(f"  {name}:"))
    stage, pods = play(tmp_path, BROKEN + route(children) + receivers + "\n")
    pods.phase(0, "a", "Unknown")
    assert sorted(stage.run(until=600), key=lambda one: one.destination) == expected


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
    assert stage.run(until=600) == [Told(10, "team", "firing", ("broken",), None)]
    assert stage.counters.read()["decisions", (("outcome", "dropped_by_route"),)] == 1
