"""The default packs, on what a cluster shows: each trouble is told once with its cause, ordinary life is not told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing.stage import Stage

PACKS_ONLY = 'receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}\n'
NO_NODE = "0/1 nodes are available: "
UNREACHABLE = "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }"

Status = Mapping[str, Any]


def waiting(reason: str, message: str = "", last: Status | None = None, name: str = "main") -> Status:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": name, "restartCount": 1, "state": state, "lastState": {"terminated": last} if last else {}}


def ended(reason: str, code: int = 1, message: str = "") -> Status:
    return {"reason": reason, "exitCode": code, "message": message}


def done(reason: str, code: int = 1) -> Status:
    return {"name": "main", "restartCount": 0, "state": {"terminated": ended(reason, code)}, "lastState": {}}


def running(last: Status | None = None) -> Status:
    state = {"running": {"startedAt": "2026-01-01T12:00:00Z"}}
    return {"name": "main", "restartCount": 0, "state": state, "lastState": {"terminated": last} if last else {}}


def in_back_off(last: Status, name: str = "main") -> Status:
    return waiting("CrashLoopBackOff", f"back-off 10s restarting failed container={name}", last, name)


class Shop:
    """A Deployment `web` with Pods that bear its name, on node-1."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder, PACKS_ONLY)
        self.stage.node(-20, ready=True)
        self.owned(-20, "ReplicaSet", "web-5d4f", "Deployment/web")

    def owned(self, at: float, kind: str, name: str, owner: str) -> None:
        """Let there be something between a Pod and its workload."""
        api = "batch/v1" if kind == "Job" else "apps/v1"
        top, _, top_name = owner.partition("/")
        references = [{"apiVersion": api, "kind": top, "name": top_name, "controller": True}]
        metadata = {"name": name, "namespace": "shop", "ownerReferences": references}
        self.stage.apply(at, {"apiVersion": api, "kind": kind, "metadata": metadata})

    def pod(self, at: float, *containers: Status, name: str = "web-5d4f-a", **words: Any) -> None:
        """Let a Pod's containers be so, from an instant on."""
        owner, phase = words.pop("owner", "ReplicaSet/web-5d4f"), words.pop("phase", "Running")
        status = {"phase": phase, "containerStatuses": list(containers), **words}
        self.stage.pod(at, name, owner=owner, node="node-1", status=status)

    def scheduled(self, at: float, message: str, name: str = "web-5d4f-a") -> None:
        """Let the scheduler say something of a Pod; nothing: it has found a node."""
        condition = {"type": "PodScheduled", "status": "False" if message else "True", "message": message}
        condition |= {"reason": "Unschedulable"} if message else {}
        status = {"phase": "Pending", "conditions": [condition]}
        self.stage.pod(at, name, owner="ReplicaSet/web-5d4f", status=status)

    def deployment(self, at: float, *conditions: Status) -> None:
        """Let the Deployment have conditions."""
        manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
        self.stage.apply(at, {**manifest, "status": {"conditions": list(conditions)}})

    def causes(self, until: float = 3600) -> list[str]:
        """Play, and return for each alert that was told as new: the rule, and the cause as people read it."""
        self.stage.run(until=until)
        return [
            f"{alert['rule']}: {alert['cause']}"
            for told in self.stage.told
            for alert in told.document["alerts"]
            if alert["is_new"]
        ]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


# ordinary life


def test_a_pod_that_takes_a_while_to_be_ready_is_not_told(shop: Shop) -> None:
    shop.pod(0, waiting("ContainerCreating"), phase="Pending")
    shop.pod(5, running())
    for second in (10, 20, 30):
        shop.stage.event(second, reason="Unhealthy", message="Readiness probe failed: connection refused")
    shop.pod(40, running())
    assert shop.causes() == []


def test_an_image_that_comes_at_the_second_try_is_not_told(shop: Shop) -> None:
    shop.pod(0, waiting("ErrImagePull", "registry: 503"), phase="Pending")
    shop.pod(12, waiting("ImagePullBackOff", "Back-off pulling image"), phase="Pending")
    shop.pod(18, running())
    assert shop.causes() == []


def test_a_rolling_update_is_not_told(shop: Shop) -> None:
    shop.deployment(-10, {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"})
    shop.pod(-10, running())
    shop.deployment(0, {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"})
    shop.scheduled(0, f"{NO_NODE}1 Insufficient cpu.", name="web-77aa-b")
    shop.scheduled(10, "", name="web-77aa-b")
    shop.pod(11, waiting("ContainerCreating"), name="web-77aa-b", phase="Pending")
    shop.pod(20, running(), name="web-77aa-b")
    shop.stage.event(20, reason="Killing", message="Stopping container main")
    shop.pod(50, done("Error", 143))
    shop.stage.delete(51, "web-5d4f-a")
    shop.deployment(52, {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"})
    assert shop.causes() == []


def test_a_job_that_tries_again_and_succeeds_is_not_told(shop: Shop) -> None:
    shop.owned(-10, "Job", "report-1", "CronJob/report")
    job = {"owner": "Job/report-1", "name": "report-1-a"}
    shop.pod(0, done("Error"), **job)
    shop.pod(10, in_back_off(ended("Error")), **job)
    shop.pod(25, in_back_off(ended("OOMKilled", 137)), **job)
    shop.pod(60, running(ended("OOMKilled", 137)), **job)
    shop.pod(90, done("Completed", 0), phase="Succeeded", **job)
    assert shop.causes() == []


def test_a_kubelet_that_is_restarted_is_not_told(shop: Shop) -> None:
    message = "[container runtime status check may not have completed yet, PLEG is not healthy: pleg has yet to be ...]"
    shop.pod(-10, running())
    for second, ready, text in ((0, "False", message), (9, "False", "pleg has yet to be successful"), (20, "True", "")):
        condition = {"type": "Ready", "status": ready, "message": text, "lastTransitionTime": shop.stage.second(second)}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
        shop.stage.apply(second, {**node, "status": {"conditions": [condition]}})
    for count in range(1, 5):
        text = 'MountVolume.SetUp failed for volume "token" : failed to sync configmap cache: timed out waiting'
        shop.stage.event(count, count, reason="FailedMount", message=text, about="Pod/shop/web-5d4f-a")
    assert shop.causes() == []


def test_pods_that_wait_for_the_only_node_are_not_told_beside_it(shop: Shop) -> None:
    shop.stage.node(0, ready=None)
    shop.scheduled(300, f"{NO_NODE}{UNREACHABLE}. preemption: 0/1 nodes are available.", name="web-5d4f-b")
    shop.scheduled(400, "", name="web-5d4f-b")
    shop.stage.node(400, ready=True)
    assert shop.causes() == ["node-not-ready: Node node-1 is not ready."]


def test_pods_that_the_other_nodes_cannot_take_are_told(shop: Shop) -> None:
    text = f"0/2 nodes are available: {UNREACHABLE}, 1 Insufficient cpu."
    shop.scheduled(0, text)
    assert shop.causes() == [f"failed-scheduling: No node can take web-5d4f-a: {text}"]


# troubles: one message each


def test_an_init_container_that_fails(shop: Shop) -> None:
    shop.pod(0, waiting("PodInitializing"), initContainerStatuses=[done("Error", 7)], phase="Pending")
    crash = in_back_off(ended("Error", 7), "setup")
    shop.pod(9, waiting("PodInitializing"), initContainerStatuses=[crash], phase="Pending")
    assert shop.causes() == [
        "crash-loop: A container of Deployment/web keeps crashing at its initialisation with exit code 7."
    ]


def test_two_containers_that_fail_are_one_problem(shop: Shop) -> None:
    shop.pod(0, in_back_off(ended("Error", 1), "one"), running())
    shop.pod(8, in_back_off(ended("Error", 1), "one"), in_back_off(ended("Error", 2), "two"))
    assert shop.causes() == ["crash-loop: A container of Deployment/web keeps crashing with exit code 1, 2."]
    details = shop.stage.told[0].document["alerts"][0]["details"]
    assert details["back_off"] == (
        "back-off 10s restarting failed container=one, back-off 10s restarting failed container=two"
    )


def test_a_command_that_ends_well_again_and_again(shop: Shop) -> None:
    shop.pod(0, done("Completed", 0))
    shop.pod(9, in_back_off(ended("Completed", 0)))
    assert shop.causes() == [
        "crash-loop: A container of Deployment/web keeps ending as if its work were done, with exit code 0."
    ]


def test_a_command_that_the_image_does_not_have(shop: Shop) -> None:
    """As containerd tells it: the start fails, and between the tries the container is in back-off."""
    why = 'failed to create containerd task: exec: "nope": executable file not found in $PATH'
    last = ended("StartError", 128, why)
    for second in (0, 30, 70):
        shop.pod(second, waiting("RunContainerError", why, last))
        shop.pod(second + 1, in_back_off(last))
    assert shop.causes(until=1800) == [
        f"container-config-error: A container of Deployment/web cannot be started: {why}."
    ]


def test_the_key_of_a_config_map_that_is_missing(shop: Shop) -> None:
    why = "couldn't find key url in ConfigMap shop/web"
    shop.pod(0, waiting("CreateContainerConfigError", why), phase="Pending")
    shop.pod(60, running())
    assert shop.causes() == [f"container-config-error: A container of Deployment/web cannot be created: {why}."]
    assert shop.stage.lines[1:] == ["180 hook resolved container-config-error shop/Deployment/web"]


def test_an_init_container_without_memory(shop: Shop) -> None:
    def containers(limit: str) -> list[dict[str, Any]]:
        return [{"name": limit, "image": "a", "resources": {"limits": {"memory": limit}}}]

    killed = in_back_off(ended("OOMKilled", 137), "setup")
    shop.pod(0, waiting("PodInitializing"), initContainerStatuses=[killed], phase="Pending")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-5d4f-a", "namespace": "shop"}}
    shop.stage.apply(0, {**pod, "spec": {"containers": containers("1Gi"), "initContainers": containers("64Mi")}})
    assert shop.causes() == [
        (
            "oom-killed: An init container of Deployment/web was killed because it used more memory than its limit "
            "(64Mi)."
        )
    ]


def test_an_image_that_is_corrected_is_not_what_could_not_be_pulled(shop: Shop) -> None:
    """The specification changes at once, what the kubelet says of the Pod a moment later."""

    def asks_for(image: str) -> dict[str, Any]:
        metadata = {"name": "web-5d4f-a", "namespace": "shop"}
        spec = {"containers": [{"name": "main", "image": image}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    why = 'Back-off pulling image "shop/web:v9": ErrImagePull: not found'
    shop.pod(0, waiting("ImagePullBackOff", why), phase="Pending")
    shop.stage.apply(0, asks_for("shop/web:v9"))
    shop.stage.apply(100, asks_for("shop/web:v8"))
    shop.pod(102, running())
    shop.stage.run(until=600)
    assert [(told.at, told.document["alerts"][0]["cause"]) for told in shop.stage.told] == [
        (35, "An image of Deployment/web cannot be pulled (shop/web:v9)."),
        (222, f"An image of Deployment/web cannot be pulled: {why}."),
    ]


def test_the_image_of_an_init_container(shop: Shop) -> None:
    why = 'Back-off pulling image "setup:2": ErrImagePull: not found'
    shop.pod(0, waiting("PodInitializing"), initContainerStatuses=[waiting("ImagePullBackOff", why)], phase="Pending")
    assert shop.causes() == [f"image-pull: An image of Deployment/web cannot be pulled: {why}."]


def test_a_claim_that_does_not_exist(shop: Shop) -> None:
    why = f'{NO_NODE}persistentvolumeclaim "data" not found. not found'
    shop.scheduled(0, why)
    shop.scheduled(90, "")
    assert shop.causes() == [f"failed-scheduling: No node can take web-5d4f-a: {why}"]
    assert shop.stage.lines[1:] == ["210 hook resolved failed-scheduling shop/Deployment/web"]


def test_a_cron_job_that_fails_each_minute_is_one_problem(shop: Shop) -> None:
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    for number in range(4):
        name, at = f"report-{number}", 60 * number
        shop.owned(at, "Job", name, "CronJob/report")
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "shop"}}
        shop.stage.apply(at + 10, {**job, "status": {"failed": 1, "conditions": [failed]}})
        shop.pod(at, done("Error"), name=f"{name}-a", owner=f"Job/{name}", phase="Failed")
    assert shop.causes() == ["job-failed: Job report-0 has failed: Job has reached the specified backoff limit"]
    assert shop.stage.lines[0] == "25 hook firing job-failed shop/CronJob/report"


@pytest.mark.parametrize("owner", ["StatefulSet/db", "DaemonSet/agent"])
def test_pods_of_other_workloads_that_crash(shop: Shop, owner: str) -> None:
    for name in ("db-0", "db-1"):
        shop.pod(0, in_back_off(ended("Error", 2)), name=name, owner=owner)
    assert shop.causes() == [f"crash-loop: A container of {owner} keeps crashing with exit code 2."]


def test_a_quota_stands_behind_a_stuck_rollout(shop: Shop) -> None:
    refused = 'pods "web-77aa-" is forbidden: exceeded quota: small'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}
    shop.deployment(0, {"type": "Progressing", "status": "True", "reason": "NewReplicaSetCreated"}, failure)
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    shop.deployment(600, stuck, failure)
    assert shop.causes() == [
        "rollout-stuck: The rollout of Deployment/web is stuck: its new Pods did not become available in time."
    ]
    assert refused in shop.stage.told[0].document["text"]


def test_a_port_of_the_node_that_is_taken(shop: Shop) -> None:
    shop.scheduled(0, f"{NO_NODE}1 node(s) didn't have free ports for the requested pod ports.")
    assert shop.causes() == ["host-port-conflict: A host port that Deployment/web asks for is already taken."]


def test_a_pod_that_is_evicted_is_told_once(shop: Shop) -> None:
    shop.pod(-10, running())
    text = "The node was low on resource: memory."
    shop.stage.event(0, reason="Evicted", message=text, about="Pod/shop/web-5d4f-a")
    shop.pod(0, done("Error", 137), phase="Failed", reason="Evicted")
    assert shop.causes() == [f"evicted: A Pod of Deployment/web was evicted from its node: {text}"]


def test_a_node_that_is_rebooted_is_told_with_its_end(shop: Shop) -> None:
    shop.pod(-10, running())
    shop.stage.node(0, ready=None)
    shop.stage.event(60, reason="Rebooted", message="Node node-1 has been rebooted", about="Node//node-1")
    shop.pod(61, done("Unknown", 255))
    shop.pod(65, running(ended("Unknown", 255)))
    shop.stage.node(62, ready=True)
    assert shop.causes() == ["node-not-ready: Node node-1 is not ready.", "node-rebooted: Node node-1 was rebooted."]
    assert shop.stage.lines[-1] == "182 hook resolved node-not-ready Node/node-1"


@pytest.mark.parametrize("probe", ["liveness", "startup"])
def test_a_probe_that_fails_is_one_problem_with_its_back_off(shop: Shop, probe: str) -> None:
    shop.pod(-10, running())
    text = f"Container main failed {probe} probe, will be restarted"
    for count, second in enumerate((0, 30, 60), start=1):
        shop.stage.event(second, count, reason="Killing", message=text, about="Pod/shop/web-5d4f-a")
    shop.pod(62, in_back_off(ended("Error", 137)))
    assert shop.causes() == [
        f"liveness-probe-failing: A container of Deployment/web is restarted because its {probe} probe fails."
    ]
