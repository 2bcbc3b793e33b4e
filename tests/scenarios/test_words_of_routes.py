"""Each word of routes and destinations, through the whole of kwatch: a play that is told otherwise without it."""

import json
from pathlib import Path

import httpx
import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, brief, play, pod
from tests.scenarios.two_pods import failing

TWO = """
receivers:
  team: [{type: webhook, name: team, url: "http://receiver.example/team"}]
  team-x: [{type: webhook, name: x, url: "http://receiver.example/x"}]
"""


def test_a_receiver_may_hold_labels_and_else_the_parent_is_told_and_counted(tmp_path: Path) -> None:
    route = 'route: {receiver: team, group_wait: 0s, routes: [{match: {team: "*"}, receiver: "team-{{ team }}"}]}\n'
    rule = "{name: r, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}"
    stage = Stage(tmp_path, f"watch: {{labels: [team]}}\npacks: []\nrules: [{rule}]\n{route}{TWO}")
    for at, name in ((0, "x"), (10, "y")):
        metadata = {"name": name, "namespace": "shop", "labels": {"team": name}}
        stage.apply(at, {**pod(name, "Failed"), "metadata": metadata})
    stage.run(until=60)
    assert stage.lines == ["0 x firing r shop/Pod/x", "10 team firing r shop/Pod/y"]
    assert stage.counted("decisions", outcome="receiver_fallback") == 1


@pytest.mark.parametrize(
    ("timing", "instants"),
    [
        ("", [0]),
        (", group_wait: 5s", [5]),
        (", routes: [{match: {severity: critical}, group_wait: 5s}]", [5]),
        (", group_wait: 20s, routes: [{match: {severity: critical}}]", [0]),
    ],
)
def test_critical_waits_only_where_the_route_itself_says_so(tmp_path: Path, timing: str, instants: list[float]) -> None:
    text = failing("severity: critical").replace(", group_by: [namespace], group_wait: 0s", timing)
    stage, pods = play(tmp_path, text)
    pods.phase(0, "a")
    stage.run(until=60)
    assert [one.at for one in stage.told] == instants


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("severity: critical", []),
        ("severity: warning", ["firing@0", "resolved@60"]),
        ("send_resolved: false", ["firing@0"]),
    ],
)
def test_a_destination_hears_what_it_asks_for(tmp_path: Path, words: str, expected: list[str]) -> None:
    text = failing("resolve_hold: 0s").replace("name: hook,", f"name: hook, {words},")
    stage, pods = play(tmp_path, text)
    pods.phase(0, "a")
    pods.phase(60, "a", "Running")
    assert brief(stage.run(until=600)) == expected


def test_times_and_texts_of_a_destination(tmp_path: Path) -> None:
    words = 'timezone: Asia/Tokyo, template: {title: "look: {{ place }}"}'
    stage, pods = play(tmp_path, failing().replace("name: hook,", f"name: hook, {words},"))
    pods.phase(0, "a")
    stage.run(until=10)
    assert stage.told[0].document["title"] == "look: shop/Pod/a"
    assert "FIRING since 21:00 JST" in stage.told[0].document["text"]


def test_timeout_bounds_each_attempt(tmp_path: Path) -> None:
    requests: list[httpx.Request] = []
    stage, pods = play(tmp_path, failing().replace("name: hook,", "name: hook, timeout: 7s,"))

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    stage.answer = answer
    pods.phase(0, "a")
    stage.run(until=10)
    assert requests[0].extensions["timeout"]["read"] <= 7


def test_a_webhook_sends_its_own_body_with_headers_and_signature(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("whsec_a3dhdGNoLXRlc3Qtc2VjcmV0LTAwMDAwMA==")
    (tmp_path / "word").write_text("open sesame")
    words = (
        'body: {text: "{{ title }}", alerts: []}, sign: {file: FOLDER/key}, '
        'headers: {X-Cluster: "{{ cluster }}", Authorization: {file: FOLDER/word}}'
    )
    requests: list[httpx.Request] = []
    stage, pods = play(tmp_path, failing().replace("name: hook,", f"name: hook, {words},"))

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)

    stage.answer = answer
    pods.phase(0, "a")
    stage.run(until=1)
    first = requests[0]
    assert json.loads(first.content) == {"text": "WARNING · r · shop/Pod/a · since 12:00 UTC", "alerts": []}
    assert (first.headers["x-cluster"], first.headers["authorization"]) == ("stage", "open sesame")
    assert first.headers["webhook-signature"].startswith("v1,")


SLACK = """
receivers: {team: [{type: slack, token: {file: FOLDER/slack-token}, channel: "#alerts", mention: {critical: "@here"}}]}
"""


@pytest.mark.parametrize(("severity", "is_called"), [("critical", True), ("warning", False)])
def test_slack_calls_whom_the_severity_names(tmp_path: Path, severity: str, is_called: bool) -> None:
    text = failing(f"severity: {severity}").replace(HOOK, SLACK)
    stage, pods = play(tmp_path, text)
    pods.phase(0, "a")
    stage.run(until=60)
    (root,) = stage.slack.roots()
    assert bool(root.pings) is is_called
