"""`kwatch explain`: every rule's word on an Event or an object, from files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kwatch.cli.program import main

CONFIG = """
cluster: prod
packs: []
rules:
  - name: probe
    on: event
    match: {reason: Unhealthy, kind: Pod, namespace: payments, workload: "Deployment/*"}
    key: [namespace, workload, message]
  - {name: other-reason, on: event, match: {reason: BackOff, kind: Pod}}
  - {name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}}
receivers:
  team: [{type: stdout}]
"""
EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "worker.18a", "namespace": "payments", "uid": "e1", "resourceVersion": "7"},
    "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": "payments", "name": "worker-7d4b9c6f5-x2x8k"},
    "reason": "Unhealthy",
    "message": "Liveness probe failed: HTTP probe failed with statuscode: 503",
    "type": "Warning",
    "lastTimestamp": "2026-11-21T09:12:11Z",
    "count": 5,
}


def owned(kind: str, version: str, name: str, owner: tuple[str, str, str]) -> dict[str, object]:
    owner_version, owner_kind, owner_name = owner
    reference: dict[str, object] = {"apiVersion": owner_version, "kind": owner_kind, "name": owner_name}
    reference |= {"uid": f"u-{owner_name}", "controller": True}
    metadata = {"name": name, "namespace": "payments", "uid": f"u-{name}", "ownerReferences": [reference]}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


PATTERN = "Liveness probe failed: HTTP probe failed with statuscode: <number>"
POD = owned("Pod", "v1", "worker-7d4b9c6f5-x2x8k", ("apps/v1", "ReplicaSet", "worker-7d4b9c6f5")) | {
    "status": {"conditions": [{"type": "Ready", "status": "False", "message": "not yet"}]}
}
REPLICA_SET = owned("ReplicaSet", "apps/v1", "worker-7d4b9c6f5", ("apps/v1", "Deployment", "worker"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kwatch.yaml").write_text(CONFIG)
    return tmp_path


def explain(*objects: object, options: tuple[str, ...] = ()) -> Result:
    """Explain a `kubectl get -o json` of objects."""
    Path("seen.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return CliRunner().invoke(main, ["explain", "seen.json", *options])


def test_an_event_with_what_is_known_beside_it() -> None:
    result = explain(EVENT, POD, REPLICA_SET)
    assert result.stderr == ""
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "Event payments/worker.18a: Unhealthy, Pod/payments/worker-7d4b9c6f5-x2x8k",
        "",
        "probe (kwatch.yaml:5): matches",
        f"  alert   5ps572mp3glximun2oyyotzeff  namespace=payments workload=Deployment/worker message={PATTERN}",
        "  told to team (team-stdout)",
        "  true    all of",
        "    true    reason: Unhealthy  (found: Unhealthy)",
        "    true    kind: Pod  (found: Pod)",
        "    true    namespace: payments  (found: payments)",
        "    true    workload: Deployment/*  (found: Deployment/worker)",
        "",
        "no match: other-reason (--all says why)",
    ]


STANDING_BETWEEN = """
cluster: prod
packs: []
rules:
  - {name: often, on: event, match: {reason: Unhealthy}, rate: {count: 5, within: 10m, per: []}}
  - {name: wide, on: event, match: {type: Warning}, rate: {count: 3, within: 90m, per: [namespace], distinct: pod}}
  - {name: chain, on: event, match: {kind: Pod}, then: {match: {reason: Killing}, within: 30s}}
  - {name: absent, on: event, match: {reason: Unhealthy, kind: Pod}, absent_for: 1d}
  - {name: lasting, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, for: 5m, severity: critical}
  - {name: at-once, on: resource, match: {kind: Pod, namespace: payments}}
windows:
  office: {start: "08:00", end: "18:00"}
  lunch: {start: "12:00", end: "13:00"}
  monday: {days: [mon]}
route:
  receiver: team
  active_in: [office]
  mute_in: [lunch]
  hold_in: [monday]
receivers:
  team: [{type: stdout}]
"""


def test_it_says_what_stands_between_a_match_and_a_message(folder: Path) -> None:
    (folder / "kwatch.yaml").write_text(STANDING_BETWEEN)
    windows = ["only inside the window office", "not inside the window lunch"]
    held = "at the end of the window monday, where it is open"
    objects = json.loads(explain(POD, options=("--all", "--json")).stdout)
    events = json.loads(explain(EVENT, POD, REPLICA_SET, options=("--all", "--json")).stdout)
    said = {
        rule["rule"]: (rule["told_when"], [way["told_when"] for way in rule["destinations"]])
        for each in (*objects, *events)
        for rule in each["rules"]
    }
    assert said == {
        "often": (["5 of them come within 10m"], [[*windows, held]]),
        "wide": (["3 different values of name come within 1h30m, of one namespace"], [[*windows, held]]),
        "chain": (["what `then` asks for follows within 30s"], [[*windows, held]]),
        "absent": (["nothing like this comes for 1d"], [[*windows, held]]),
        "lasting": (["it lasts for 5m"], [windows]),
        "at-once": ([], [[*windows, held]]),
    }
    lines = explain(POD, options=("--rule", "lasting")).output.splitlines()
    assert lines[4:8] == [
        "  told to team (team-stdout)",
        "  once    it lasts for 5m",
        "  but     only inside the window office",
        "  but     not inside the window lunch",
    ]


def test_without_a_cluster_it_says_that_the_fingerprint_is_another(folder: Path) -> None:
    (folder / "kwatch.yaml").write_text(CONFIG.replace("cluster: prod", ""))
    for options in ((), ("--fingerprint",)):
        assert explain(EVENT, POD, REPLICA_SET, options=options).stderr == (
            "the configuration names no cluster, so the running kwatch, which takes the name of its kubeconfig's "
            "context, has other fingerprints: write `cluster:` to have the same\n"
        )


def test_what_is_not_known_makes_it_unknown() -> None:
    result = explain(EVENT)
    assert result.exit_code == 4
    assert "probe (kwatch.yaml:5): cannot be said" in result.output
    assert "unknown workload: Deployment/*" in result.output


def test_one_rule_says_why_it_does_not_match() -> None:
    result = explain(EVENT, options=("--rule", "other-reason"))
    assert result.exit_code == 4
    assert result.output.splitlines()[2:] == [
        "other-reason (kwatch.yaml:9): does not match",
        "  false   all of",
        "    false   reason: BackOff  (found: Unhealthy)",
        "    true    kind: Pod  (found: Pod)",
    ]


def test_an_object_by_itself() -> None:
    result = explain(POD, REPLICA_SET, options=("--rule", "not-ready", "--json"))
    assert result.exit_code == 0, result.output
    pod, replica_set = json.loads(result.stdout)
    assert pod["about"] == "Pod/payments/worker-7d4b9c6f5-x2x8k"
    assert pod["rules"][0]["truth"] == "true"
    assert pod["rules"][0]["key"] == {"namespace": "payments", "workload": "Deployment/worker"}
    assert pod["rules"][0]["destinations"][0]["destinations"] == ["team-stdout"]
    assert replica_set["rules"][0]["truth"] == "false"


def waiting_pod(name: str, *containers: str) -> dict[str, object]:
    """Return a Pod with `app` and `side`, of which these wait."""
    statuses = [
        {"name": each, "state": {"waiting": {"reason": "CrashLoopBackOff"}} if each in containers else {"running": {}}}
        for each in ("app", "side")
    ]
    metadata = {"name": name, "namespace": "payments", "uid": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"containerStatuses": statuses}}


def test_what_is_asked_of_one_element_is_found_in_one(folder: Path) -> None:
    rule = (
        "{name: app-waits, on: resource, match: {kind: Pod, fields: {"
        "'status.containerStatuses[*].name': app, "
        "'status.containerStatuses[*].state.waiting.reason': CrashLoopBackOff}}}"
    )
    (folder / "kwatch.yaml").write_text(f"packs: []\nrules: [{rule}]\nreceivers: {{team: [{{type: stdout}}]}}\n")
    result = explain(waiting_pod("one", "app"), waiting_pod("other", "side"), options=("--json",))
    assert [each["rules"][0]["truth"] for each in json.loads(result.stdout)] == ["true", "false"]


def test_an_object_that_is_given_twice_is_explained_once() -> None:
    result = explain(POD, REPLICA_SET, POD, options=("--rule", "not-ready", "--json"))
    assert result.exit_code == 0, result.output
    assert [each["about"] for each in json.loads(result.stdout)] == [
        "Pod/payments/worker-7d4b9c6f5-x2x8k",
        "ReplicaSet/payments/worker-7d4b9c6f5",
    ]


def test_what_names_the_alerts() -> None:
    again = EVENT | {
        "message": "(combined from similar events): Liveness probe failed: HTTP probe failed with statuscode: 500"
    }
    first, second = (
        explain(event, POD, REPLICA_SET, options=("--fingerprint",)).output.splitlines() for event in (EVENT, again)
    )
    assert first == second
    assert first[1] == f"message: {PATTERN}"
    assert first[2].split()[1] == "probe"


def test_a_rule_that_is_not_there_is_a_usage_error() -> None:
    assert explain(EVENT, options=("--rule", "prob")).exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod\n", "a document is no Kubernetes object: it needs apiVersion, kind and metadata"),
        ("- 1\n", "seen.yaml: no Kubernetes object; write one as `kubectl get -o yaml` does"),
        ("a: [\n", "seen.yaml:2:1: not YAML"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: 5}}\n", "a Pod is malformed"),
        ("{apiVersion: v1, kind: Event, metadata: {name: e}}\n", "kwatch skips it as malformed"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    Path("seen.yaml").write_text(text)
    result = CliRunner().invoke(main, ["explain", "seen.yaml"])
    assert result.exit_code == 1
    assert said in result.output
