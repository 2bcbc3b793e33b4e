"""The team of an alert: of the object, else of its namespace; the one that routes go by."""

from pathlib import Path

import pytest

from kwatch.rules.teams import team_finder
from kwatch.testing.stage import Stage

RULES = """
teams: {payments: [payments, "pay-*"], web: ["shop*"]}
watch: {labels: [team]}
packs: []
rules:
  - {name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}}
  - {name: down, on: resource, match: {kind: Node, condition: {Ready: "False"}}}
  - {name: own, on: event, match: {kind: Pod, reason: Evil}, labels: {team: security}}
route:
  receiver: ops
  group_by: [team]
  group_wait: 1s
  routes:
    - {match: {team: "*"}, receiver: "team-{{ team }}"}
receivers:
  ops: [{type: webhook, url: "https://hooks.example.com/ops"}]
  team-payments: [{type: webhook, url: "https://hooks.example.com/payments"}]
  team-web: [{type: webhook, url: "https://hooks.example.com/web"}]
  team-security: [{type: webhook, url: "https://hooks.example.com/security"}]
"""


@pytest.mark.parametrize(
    ("namespace", "team"),
    [("payments", "payments"), ("pay-1", "payments"), ("shop", "web"), ("shopping", "web"), ("other", ""), ("", "")],
)
def test_a_namespace_is_of_the_first_team_that_names_it(namespace: str, team: str) -> None:
    assert team_finder({"payments": ("payments", "pay-*"), "web": ("shop*",), "late": ("shop",)})(namespace) == team


def test_routes_go_by_the_team_of_the_object_then_by_that_of_its_namespace(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.pod(0, "web-1", ready=False)
    stage.pod(0, "web-2", ready=False, labels={"team": "payments"})
    stage.node(0, ready=False)
    stage.event(5, about="Pod/shop/web-1", reason="Evil")
    stage.run(until=60)
    assert sorted(stage.lines) == [
        "1 ops firing down Node/node-1",
        "1 payments firing not-ready shop/Pod/web-2",
        "1 web firing not-ready shop/Pod/web-1",
        "6 security firing own shop/Pod/web-1",
    ]


def test_other_teams_are_those_of_what_is_found_from_then_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.reload(10, RULES.replace('web: ["shop*"]', 'security: ["shop*"]').replace("team-web:", "team-was:"))
    stage.pod(20, "web-1", ready=False)
    stage.run(until=60)
    assert stage.lines == ["21 security firing not-ready shop/Pod/web-1"]
