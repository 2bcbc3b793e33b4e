"""The default packs over objects and events that the recording does not have."""

from collections.abc import Mapping
from typing import Any

import jinja2
import pytest
import yaml
from making import POD, WORKLOAD, at, event
from reading import PACKS, packs, read_state

from kwatch.model.findings import Finding, Truth
from kwatch.model.objects import ObjectRef, Resource
from kwatch.model.observations import About, Change, ObjectChange
from kwatch.model.rules import Rule
from kwatch.rules.compile import RuleSet

RULES = RuleSet(packs(), cluster="lab", label_names=())
NODE = ObjectRef("Node", "node-1", uid="u-n")


def told(body: Mapping[str, Any], ref: ObjectRef = POD) -> dict[str, Finding]:
    """Return what the packs tell of an object of which this is known."""
    metadata = {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid, "resourceVersion": "1"}
    whole = {**body, "metadata": {**metadata, **body.get("metadata", {})}}
    resource = Resource(ref.group, "v1", ref.kind, "", namespaced=bool(ref.namespace))
    state = read_state(resource, RULES.needs(), whole)
    change = ObjectChange(Change.CREATED, state, None, at(0))
    findings = RULES.change_findings(change, About(state, WORKLOAD), open_alerts=lambda _ref: {})
    return {found.rule.name: found for found in findings if found.truth is Truth.TRUE}


def waiting(reason: str, message: str = "", last: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": last} if last else {},
    }


def pod(
    *containers: Mapping[str, Any], init: tuple[Mapping[str, Any], ...] = (), restarts: str = "Always", **metadata: str
) -> dict[str, Any]:
    status = {"phase": "Pending", "containerStatuses": list(containers), "initContainerStatuses": list(init)}
    return {"metadata": metadata, "spec": {"restartPolicy": restarts}, "status": status}


CRASHED = {"reason": "Error", "exitCode": 3}
KILLED = {"reason": "OOMKilled", "exitCode": 137}
UNSTARTED = {"reason": "StartError", "exitCode": 128}
BOTH, UNMADE = ["crash-loop", "oom-killed"], ["crash-loop", "container-config-error"]


def again(end: Mapping[str, Any]) -> dict[str, Any]:
    return {"state": {"terminated": end}, "lastState": {"terminated": end}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (pod(waiting("CrashLoopBackOff", last=CRASHED)), ["crash-loop"]),
        (pod(init=(waiting("CrashLoopBackOff", last=CRASHED),)), ["crash-loop"]),
        (pod(waiting("CrashLoopBackOff", last=KILLED)), ["oom-killed"]),
        (pod(init=(waiting("CrashLoopBackOff", last=KILLED),)), ["oom-killed"]),
        (pod(waiting("CrashLoopBackOff", last={"reason": "Error", "exitCode": 137})), ["crash-loop"]),
        (pod({"state": {"terminated": KILLED}}), ["oom-killed"]),
        # one container each
        (pod(waiting("CrashLoopBackOff", last=KILLED), waiting("CrashLoopBackOff", last=CRASHED)), BOTH),
        (pod(waiting("CrashLoopBackOff", last=CRASHED), {"lastState": {"terminated": KILLED}}), ["crash-loop"]),
        (pod(waiting("CrashLoopBackOff", last=CRASHED), waiting("CreateContainerError", last=UNSTARTED)), UNMADE),
        # between two flashes of the back-off
        (pod(again(CRASHED)), ["crash-loop"]),
        (pod(again({"reason": "Completed", "exitCode": 0})), ["crash-loop"]),
        (pod(again({"reason": "Completed", "exitCode": 0}), restarts="OnFailure"), []),
        (pod(again(CRASHED), restarts="OnFailure"), ["crash-loop"]),
        (pod(again(KILLED)), ["oom-killed"]),
        (pod(again(UNSTARTED)), ["container-config-error"]),
        (pod(again({"reason": "ContainerStatusUnknown", "exitCode": 137})), []),
        (pod(again(KILLED), again(CRASHED)), BOTH),
        (pod({"state": {"terminated": CRASHED}}, {"state": {"running": {}}, "lastState": {"terminated": CRASHED}}), []),
        (pod(init=(again(CRASHED),)), ["crash-loop"]),
        (pod(init=({**again({"reason": "Completed", "exitCode": 0}), "lastState": {"terminated": CRASHED}},)), []),
        (pod({"state": {"terminated": {"reason": "Error", "exitCode": 137}}}), []),
        (pod({"state": {"running": {}}, "lastState": {"terminated": KILLED}}), []),
        (pod(waiting("ErrImagePull")), ["image-pull"]),
        (pod(waiting("ErrImageNeverPull")), ["image-pull"]),
        (pod(init=(waiting("ImagePullBackOff"),)), ["image-pull"]),
        (pod(waiting("InvalidImageName")), ["image-pull"]),
        (pod(waiting("CreateContainerConfigError")), ["container-config-error"]),
        (pod(waiting("CreateContainerError")), ["container-config-error"]),
        (pod(waiting("ContainerCreating")), []),
        (pod(waiting("PodInitializing")), []),
    ],
)
def test_what_containers_show(body: Mapping[str, Any], expected: list[str]) -> None:
    assert list(told(body)) == expected


@pytest.mark.parametrize(
    "container",
    [
        waiting("CrashLoopBackOff", last=CRASHED),
        waiting("ErrImagePull"),
        waiting("CreateContainerConfigError"),
        {"state": {"terminated": KILLED}},
    ],
)
def test_a_pod_that_is_being_deleted_is_not_told(container: Mapping[str, Any]) -> None:
    assert told(pod(container, deletionTimestamp="2026-01-01T00:00:00Z")) == {}


def test_a_pod_of_a_job_that_has_ended_is_not_told_for_ever() -> None:
    ended = pod({"state": {"terminated": KILLED}})
    ended["status"]["phase"] = "Failed"
    assert told(ended) == {}


def test_t17_each_failing_container_is_shown() -> None:
    body = pod(
        waiting("CrashLoopBackOff", "back-off 10s restarting failed container=one", CRASHED),
        waiting("CrashLoopBackOff", "back-off 10s restarting failed container=two", CRASHED),
    )
    found = told(body)["crash-loop"]
    assert found.details["back_off"] == (
        "back-off 10s restarting failed container=one, back-off 10s restarting failed container=two"
    )


def unscheduled(reason: str, message: str = "") -> dict[str, Any]:
    return {
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": reason, "message": message}],
        }
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (unscheduled("Unschedulable", "0/3 nodes are available: 3 Insufficient cpu."), ["failed-scheduling"]),
        (unscheduled("SchedulingGated"), []),
        (
            unscheduled("Unschedulable", "1 node(s) didn't have free ports for the requested pod ports."),
            ["host-port-conflict"],
        ),
        ({"status": {"phase": "Failed", "reason": "NodePorts"}}, ["host-port-conflict"]),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, []),
    ],
)
def test_what_scheduling_shows(body: Mapping[str, Any], expected: list[str]) -> None:
    assert list(told(body)) == expected


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        ("True", "kubelet is posting ready status", []),
        ("Unknown", "Kubelet stopped posting node status.", ["node-not-ready"]),
        ("False", "PLEG is not healthy", ["node-not-ready"]),
        ("False", "container runtime network not ready: cni plugin not initialized", ["node-not-starting"]),
        ("Unknown", "cni plugin not initialized", ["node-not-ready"]),
    ],
)
def test_what_nodes_show(status: str, message: str, expected: list[str]) -> None:
    body = {"status": {"conditions": [{"type": "Ready", "status": status, "message": message}]}}
    assert list(told(body, NODE)) == expected


@pytest.mark.parametrize(
    ("ref", "reason", "message", "expected"),
    [
        (POD, "Evicted", "The node was low on resource: memory.", ["evicted"]),
        (NODE, "Rebooted", "Node node-1 has been rebooted", ["node-rebooted"]),
        (POD, "FailedMount", "MountVolume.SetUp failed", ["failed-mount"]),
        (POD, "FailedAttachVolume", "Multi-Attach error", ["failed-attach-volume"]),
        (POD, "Killing", "Container main failed liveness probe, will be restarted", ["liveness-probe-failing"]),
        (POD, "Killing", "Stopping container main", []),
        (POD, "Unhealthy", "Readiness probe failed", []),
        (POD, "Unhealthy", "Liveness probe failed", []),
        (POD, "BackOff", "Back-off restarting failed container", []),
        (POD, "FailedScheduling", "0/1 nodes are available", []),
        (POD, "NodeNotReady", "Node is not ready", []),
    ],
)
def test_what_events_say(ref: ObjectRef, reason: str, message: str, expected: list[str]) -> None:
    seen = event(reason, regarding=ref, message=message)
    candidates = RULES.event_candidates(ref.kind, ref.group, ref.namespace, seen.type, seen.reason)
    found = RULES.event_findings(seen, None, candidates, at(0))
    assert [each.rule.name for each in found if each.truth is Truth.TRUE] == expected


def test_names_are_unique() -> None:
    names = [rule.name for rule in packs()]
    assert len(names) == len(set(names)) == 15


@pytest.mark.parametrize("rule", packs(), ids=lambda rule: rule.name)
def test_each_rule_says_what_it_is_why_and_what_to_do(rule: Rule) -> None:
    """With nothing but the labels that are always there, and with a message and every detail."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    labels = {"namespace": "shop", "name": "web-1", "workload": WORKLOAD}
    for message, details in (("", {}), ("It said so.", dict.fromkeys(rule.details, "seen"))):
        texts = {
            name: environment.from_string(template).render(labels, details=details, message=message)
            for name, template in rule.annotations.items()
        }
        assert list(texts) == ["summary", "explanation", "next_step"]
        assert all(text and "\n" not in text and "  " not in text for text in texts.values())
        assert texts["summary"].endswith(".")
        assert "kubectl" in texts["next_step"]


@pytest.mark.parametrize("file", sorted(PACKS.glob("*.yaml")), ids=lambda file: file.stem)
def test_inhibitions_name_rules_of_the_packs(file: Any) -> None:
    names = {rule.name for rule in packs()}
    for each in yaml.safe_load(file.read_text("utf-8")).get("inhibit", ()):
        named = each["when"]["rule"]
        assert set([named] if isinstance(named, str) else named) <= names
        assert each["equal"]
