"""Self-service (P12): receivers, severities and runbooks by annotation, and who opts out or in."""

from pathlib import Path

import pytest

from tests.scenarios.owners import allowing, deployed, ignored, outcomes, play, runbooks, severities
from tests.scenarios.plays import BROKEN

ROUTED = """
route: {receiver: team, group_by: [namespace], group_wait: 0s, routes: [{match: {namespace: dev}, receiver: none}]}
receivers:
  team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]
  web: [{type: webhook, name: web, url: "http://receiver.example/web"}]
"""


def test_P12_a_receiver_among_the_allowed_is_told_in_place_of_the_routes(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("receivers: [web]", routes=ROUTED))
    owners.namespace(10, receiver="web")
    pods.phase(20, "a")
    pods.phase(30, "a", "Running")
    pods.phase(40, "b", ns="other")
    stage.run(until=600)
    assert stage.lines == [
        "20 web firing broken shop/Pod/a",
        "30 web resolved broken shop/Pod/a",
        "40 hook firing broken other/Pod/b",
    ]


@pytest.mark.parametrize("receiver", ["team", "none", "http://evil.example/web", "web "])
def test_X13_P12_what_is_not_offered_is_ignored(tmp_path: Path, receiver: str) -> None:
    stage, pods, owners = play(tmp_path, allowing("receivers: [web]", routes=ROUTED))
    owners.namespace(10, receiver=receiver)
    pods.phase(20, "a")
    stage.run(until=600)
    chosen = "web" if receiver == "web " else "hook"
    assert stage.lines == [f"20 {chosen} firing broken shop/Pod/a"]
    assert ignored(stage, "not_offered") == (chosen == "hook")


def test_what_the_routes_drop_no_annotation_brings_back(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("receivers: [web]", routes=ROUTED))
    owners.namespace(10, "dev", receiver="web")
    pods.phase(20, "a", ns="dev")
    pods.phase(30, "a", "Running", ns="dev")
    stage.run(until=600)
    assert stage.lines == []
    assert outcomes(stage, "dropped_by_route") == [1]


def test_S61_what_is_open_stays_where_it_was_told(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("receivers: [web]", routes=ROUTED))
    pods.phase(10, "a")
    owners.namespace(20, receiver="web")
    pods.phase(30, "a", "Running")
    pods.phase(1000, "a")
    stage.run(until=1100)
    assert stage.lines == [
        "10 hook firing broken shop/Pod/a",
        "30 hook resolved broken shop/Pod/a",
        "1000 web firing broken shop/Pod/a",
    ]


def test_the_nearest_severity_counts(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("severities: [info, warning, critical]"))
    owners.namespace(10, severity="info")
    owners.pod(20, "a", severity="critical")
    pods.phase(30, "b", ns="shop")
    stage.run(until=600)
    assert severities(stage) == [["critical"], ["critical", "info"]]
    assert [told.document["alerts"][-1]["labels"]["severity"] for told in stage.told] == ["critical", "info"]


def test_S49_a_worse_severity_is_told_at_once(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("severities: [critical]"))
    pods.phase(10, "a")
    owners.namespace(20, severity="critical")
    owners.namespace(600, severity=None)
    pods.phase(700, "a", "Running")
    stage.run(until=800)
    assert stage.lines == [
        "10 hook firing broken shop/Pod/a",
        "20 hook update broken shop/Pod/a",
        "600 hook update broken shop/Pod/a",
        "700 hook resolved broken shop/Pod/a",
    ]
    assert severities(stage) == [["warning"], ["critical"], ["warning"], ["warning"]]


@pytest.mark.parametrize(("words", "severity"), [("", "critical"), (", lower_critical: true", "info")])
def test_what_is_critical_is_lowered_only_where_that_is_allowed(tmp_path: Path, words: str, severity: str) -> None:
    stage, pods, owners = play(tmp_path, allowing(f"severities: [info]{words}"))
    owners.namespace(10, severity="info")
    pods.phase(20, "a", "Unknown")
    stage.run(until=600)
    assert severities(stage) == [[severity]]


def test_a_severity_outlives_a_restart_in_silence(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("severities: [critical]"))
    owners.namespace(10, severity="critical")
    pods.phase(20, "a")
    stage.absent(100, 200)
    stage.run(until=600)
    assert stage.lines == ["20 hook firing broken shop/Pod/a"]


def test_a_runbook_is_shown_where_the_rule_has_none(tmp_path: Path) -> None:
    with_runbook = BROKEN.replace(
        "severity: critical", "severity: critical, annotations: {runbook: 'https://rules.example.com/x'}"
    )
    stage, pods, owners = play(tmp_path, allowing("", rules=with_runbook))
    owners.namespace(10, runbook="https://runbooks.example.com/web?a=1#b")
    pods.phase(20, "a")
    pods.phase(30, "b", "Unknown", ns="shop")
    stage.run(until=100)
    assert runbooks(stage) == ["https://runbooks.example.com/web?a=1#b", "https://rules.example.com/x"]


@pytest.mark.parametrize("runbook", ["https://a.example/{{ 7 * 7 }}", "javascript:alert(1)", "https://a b", ""])
def test_a_runbook_that_is_no_plain_url_is_ignored(tmp_path: Path, runbook: str) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, runbook=runbook)
    pods.phase(20, "a")
    stage.run(until=600)
    assert runbooks(stage) == [None]
    assert ignored(stage, "unreadable") == 1


def test_a_namespace_that_opts_out_is_not_looked_at(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("watch: opt-out"))
    owners.namespace(10, watch="false")
    pods.phase(20, "a")
    pods.phase(30, "b", ns="other")
    owners.namespace(100, watch=None)
    stage.run(until=600)
    assert stage.lines == ["30 hook firing broken other/Pod/b", "100 hook firing broken shop/Pod/a"]
    assert stage.counted("observations", outcome="opted_out") == 1


def test_what_opts_out_is_no_longer_observed(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("watch: opt-out"))
    pods.phase(10, "a")
    owners.namespace(100, watch="false")
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "100 hook expired broken shop/Pod/a"]


def test_a_workload_opts_out_of_an_alert_that_others_share(tmp_path: Path) -> None:
    rules = BROKEN.replace("resolve_hold: 0s}", "resolve_hold: 0s, key: [namespace]}", 1)
    stage, pods, owners = play(tmp_path, allowing("watch: opt-out", rules=rules))
    deployed(stage, 10, "web-1-a")
    pods.phase(20, "b")
    owners.deployment(100, watch="false")
    pods.phase(200, "b", "Running")
    stage.run(until=600)
    assert stage.lines == ["10 hook firing broken shop/Deployment/web", "200 hook resolved broken shop/Deployment/web"]


def test_what_happened_while_opted_out_is_not_counted_later(tmp_path: Path) -> None:
    often = "{name: often, on: event, match: {reason: BackOff, kind: Pod}, rate: {count: 3, within: 10m}}"
    rule = f"packs: []\nrules: [{often}]\n"
    stage, pods, owners = play(tmp_path, allowing("watch: opt-out", rules=rule))
    pods.phase(0, "a", "Running")
    owners.namespace(1, watch="false")
    pods.event(20, "a", 5)
    owners.namespace(100, watch="true")
    pods.event(110, "a", 7)
    pods.event(120, "a", 8)
    stage.run(until=600)
    assert [(told.at, told.document["alerts"][0]["count"]) for told in stage.told] == [(120, 3)]
    assert stage.counted("observations", outcome="opted_out") == 1


def test_opt_in_watches_only_who_asks(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("watch: opt-in"))
    owners.namespace(5, watch="true")
    pods.phase(10, "a")
    pods.phase(20, "b", ns="other")
    owners.namespace(100, "other", watch="true")
    owners.pod(200, "c", watch="false")
    stage.run(until=600)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "100 hook firing broken other/Pod/b"]


def test_opt_in_is_known_again_after_a_restart(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("watch: opt-in"))
    owners.namespace(5, watch="true")
    pods.phase(10, "a")
    stage.absent(100, 200)
    pods.phase(300, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "300 hook resolved broken shop/Pod/a"]
