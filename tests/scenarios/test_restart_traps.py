"""What others say wrongly after a restart, and whom they tell (T05, T06, T18, T26)."""

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.plays import BROKEN, HOOK, play

BOTH = """
route: {receiver: team, group_by: [namespace], group_wait: 0s}
receivers:
  team:
    - {type: slack, name: chat, token: {file: FOLDER/slack-token}, channel: "#alerts"}
    - {type: webhook, name: hook, url: "http://receiver.example/hook"}
"""
STUCK = """
packs: []
rules: [{name: stuck, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}]
"""


def test_T05_what_broke_while_kwatch_was_down_is_told_once_marked_late(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, STUCK + HOOK)
    stage.pod(0, "a", ready=True)
    stage.absent(100, 400)
    stage.pod(200, "a", ready=False)
    stage.run(until=3600)
    assert stage.lines == ["400 hook firing stuck shop/Pod/a"]
    document = stage.told[0].document
    assert (document["is_late"], document["starts_at"]) == (True, "2026-01-01T12:03:20+00:00")
    assert "late" in document["text"].lower()


def test_T05_an_open_incident_goes_on_and_ends_in_its_thread(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, STUCK + BOTH)
    stage.pod(0, "a", ready=False)
    stage.absent(100, 400)
    stage.pod(1000, "a", ready=True)
    told = stage.run(until=3600)
    assert stage.lines == ["0 hook firing stuck shop/Pod/a", "1000 hook resolved stuck shop/Pod/a"]
    assert told[0].document["incident"] == told[1].document["incident"]
    (root,) = stage.slack.roots()
    assert [answer.text for answer in stage.slack.thread(root)] == [
        "✅ RESOLVED after 16 m · stuck · shop/Pod/a",
    ]


def test_T06_five_restarts_with_twenty_crash_loops_add_nothing(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, "packs: [crashes]\n" + HOOK)
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}
    for number in range(20):
        status = {"containerStatuses": [{"name": "main", "restartCount": 4, **waiting}]}
        stage.pod(0, f"p{number:02}", namespace=f"ns-{number:02}", status=status)
    for number in range(5):
        stage.absent(100 + 100 * number, 150 + 100 * number)
    stage.run(until=3600)
    assert sorted(stage.lines) == [f"5 hook firing crash-loop ns-{number:02}/Pod/p{number:02}" for number in range(20)]


def test_T18_the_same_object_in_two_clusters_has_other_ids(tmp_path: Path) -> None:
    documents: list[Any] = []
    for cluster in ("eu", "us", "eu"):
        folder = tmp_path / str(len(documents))
        folder.mkdir()
        stage, pods = play(folder, f"cluster: {cluster}\n{BROKEN}{HOOK}")
        pods.phase(0, "a")
        (told,) = stage.run(until=600)
        assert stage.lines == ["0 hook firing broken shop/Pod/a"]
        documents.append(told.document)
    eu, us, again = documents
    for one in ("id", "incident"):
        assert eu[one] != us[one]
        assert eu[one] == again[one]
    assert eu["alerts"][0]["fingerprint"] != us["alerts"][0]["fingerprint"]
    assert eu["alerts"][0]["fingerprint"] == again["alerts"][0]["fingerprint"]
    assert len(eu["alerts"][0]["fingerprint"]) * 5 >= 128


ROUTES = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}
  - {name: worse, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, severity: critical}
route:
  receiver: root
  group_wait: 0s
  routes:
    - match: {namespace: [shop, pay]}
      receiver: outer
      routes: [{match: {severity: critical}, receiver: inner}]
receivers:
  root: [{type: webhook, name: root, url: "http://receiver.example/root"}]
  outer: [{type: webhook, name: outer, url: "http://receiver.example/outer"}]
  inner: [{type: webhook, name: inner, url: "http://receiver.example/inner"}]
"""


@pytest.mark.parametrize(
    ("namespace", "phase", "receiver"),
    [
        ("shop", "Failed", "outer"),
        ("pay", "Failed", "outer"),
        ("shop", "Unknown", "inner"),
        ("pay", "Unknown", "inner"),
        ("other", "Failed", "root"),
        ("other", "Unknown", "root"),
    ],
)
def test_T26_values_are_or_keys_are_and_and_children_ask_on_top(
    tmp_path: Path, namespace: str, phase: str, receiver: str
) -> None:
    stage, pods = play(tmp_path, ROUTES)
    pods.phase(0, "a", phase, ns=namespace)
    assert [(one.at, one.destination) for one in stage.run(until=60)] == [(0, receiver)]


@pytest.mark.parametrize(
    ("name", "reason", "told"),
    [
        ("a", "BackOff", ["both", "either"]),
        ("a", "Killing", ["both", "either"]),
        ("b", "BackOff", ["either"]),
        ("b", "Pulled", []),
        ("a", "Pulled", ["either"]),
    ],
)
def test_T26_and_so_in_rules_where_any_is_or(tmp_path: Path, name: str, reason: str, told: list[str]) -> None:
    rules = """
packs: []
rules:
  - {name: both, on: event, match: {reason: [BackOff, Killing], name: a}, mode: notice}
  - {name: either, on: event, match: {any: [{reason: [BackOff, Killing]}, {name: a}]}, mode: notice}
"""
    stage, pods = play(tmp_path, rules + HOOK)
    pods.event(0, name, reason=reason)
    assert sorted(rule for one in stage.run(until=200) for rule in one.rules) == told
