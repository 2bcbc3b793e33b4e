"""Alerts of several Pods: what holds one of them back says nothing of the others (S-75)."""

from pathlib import Path

from kwatch.testing import manifests
from kwatch.testing.stage import Stage
from tests.scenarios.owners import deployed, outcomes
from tests.scenarios.plays import BROKEN, HOOK, Silences

CRASHING = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "main",
            "restartCount": 5,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    ],
}
BY_RULE = HOOK.replace("[namespace]", "[rule]")
#: A Node that is not ready explains the Pods on it, each workload one alert.
NODES = f"""
packs: []
rules:
  - {{name: node, on: resource, match: {{kind: Node, condition: {{Ready: "False"}}}}, resolve_hold: 0s}}
  - {{name: pods, on: resource, match: {{kind: Pod, fields: {{status.phase: Failed}}}}, resolve_hold: 0s}}
inhibit: [{{when: {{rule: node}}, mute: {{rule: pods}}, equal: [node]}}]
{BY_RULE}"""


def pod(stage: Stage, at: float, name: str, *, on: str, phase: str = "Failed") -> None:
    stage.pod(at, name, node=on, owner="StatefulSet/db", status={"phase": phase})


def silence(stage: Stage, name: str, *, until: float) -> Silences:
    silences = Silences(stage)
    silences.add(5, {"name": name}, until=until)
    return silences


def test_a_crash_loop_on_a_node_that_is_well_is_told_beside_one_on_a_node_that_is_down(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BY_RULE)
    for number in ("1", "2"):
        stage.node(-20, f"node-{number}", ready=True)
        stage.pod(-15, f"w-{number}", ready=True, node=f"node-{number}", owner="ReplicaSet/w")
    stage.node(0, "node-1", ready=None)
    stage.pod(200, "w-1", ready=False, node="node-1", owner="ReplicaSet/w", status=CRASHING)
    stage.pod(260, "w-2", ready=False, node="node-2", owner="ReplicaSet/w", status=CRASHING)
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing node-not-ready Node/node-1", "260 hook firing crash-loop shop/ReplicaSet/w"]


def test_pods_on_several_nodes_that_are_down_are_explained_each_by_its_own(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NODES.replace("group_wait: 0s", "group_wait: 1s"))
    stage.node(0, "node-1", ready=False)
    stage.node(0, "node-2", ready=False)
    pod(stage, 10, "db-1", on="node-1")
    pod(stage, 20, "db-2", on="node-2")
    stage.node(100, "node-2", ready=True)
    stage.run(until=200)
    assert stage.lines == [
        "1 hook firing node Node/node-1, node Node/node-2",
        "101 hook firing pods shop/StatefulSet/db",
        "121 hook update node Node/node-1, node Node/node-2 resolved",
    ]


def test_what_is_left_wrong_on_the_node_that_is_down_stays_held(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NODES)
    stage.node(0, "node-1", ready=False)
    pod(stage, 10, "db-1", on="node-1")
    pod(stage, 300, "db-1", on="node-1", phase="Running")
    stage.run(until=600)
    assert stage.lines == ["0 hook firing node Node/node-1"]
    assert outcomes(stage, "opened", "led_to_notification", "muted_inhibited") == [2, 1, 1]


def test_a_silence_of_one_pod_is_not_one_of_its_siblings(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NODES)
    silence(stage, "db-1", until=3000)
    pod(stage, 10, "db-1", on="node-1")
    pod(stage, 20, "db-2", on="node-1")
    stage.run(until=2000)
    assert stage.lines == ["20 hook firing pods shop/StatefulSet/db"]


def test_a_silence_of_the_pod_that_came_second_holds_it_when_it_is_left(tmp_path: Path) -> None:
    text = NODES.replace("group_wait: 0s", "group_wait: 60s")
    stage = Stage(tmp_path, text)
    silence(stage, "db-2", until=300)
    pod(stage, 10, "db-1", on="node-1")
    pod(stage, 20, "db-2", on="node-1")
    pod(stage, 30, "db-1", on="node-1", phase="Running")
    stage.run(until=2000)
    assert stage.lines == ["300 hook firing pods shop/StatefulSet/db"]


def test_after_a_restart_it_is_known_which_pod_is_wrong(tmp_path: Path) -> None:
    text = NODES.replace("group_wait: 0s", "group_wait: 60s")
    stage = Stage(tmp_path, text)
    silence(stage, "db-2", until=300)
    pod(stage, 10, "db-1", on="node-1")
    pod(stage, 20, "db-2", on="node-1")
    pod(stage, 30, "db-1", on="node-1", phase="Running")
    stage.absent(100, 200)
    stage.run(until=2000)
    assert stage.lines == ["300 hook firing pods shop/StatefulSet/db"]


def test_a_mute_by_one_pod_is_not_one_of_its_siblings(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NODES + "self_service: {}\n")
    muted = manifests.pod("db-1", owner="StatefulSet/db", status={"phase": "Failed"})
    muted["metadata"]["annotations"] = {"kwatch/mute-until": stage.second(2000)}
    stage.apply(10, muted)
    pod(stage, 30, "db-2", on="node-1")
    stage.run(until=600)
    assert stage.lines == ["30 hook firing pods shop/StatefulSet/db"]


def test_a_silence_that_no_pod_is_without_holds_them_all(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BROKEN + HOOK)
    silences = Silences(stage)
    silences.add(5, {"name": "web-*"}, until=300)
    deployed(stage, 10, "web-1-a")
    deployed(stage, 20, "web-1-b")
    stage.run(until=600)
    assert stage.lines == ["300 hook firing broken shop/Deployment/web"]
    assert stage.told[0].document["alerts"][0]["held_back_by"] == "the silence of alice"
