"""A rolling update and a drain on a real node: one line each when they go well, all that was held when they do not."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.desk import Desk, open_desk
from tests.e2e.kube import Kube
from tests.e2e.settings import settings
from tests.e2e.shipped import Kwatch
from tests.e2e.waiting import until
from tests.realcluster import RealCluster

pytestmark = pytest.mark.node

#: Pods are not ready for some seconds whenever one is started; that is told unless it is planned.
RULES = """
rules:
  - {name: image-pull, for: 2s, resolve_hold: 3s}
  - {name: failed-scheduling, for: 1s, resolve_hold: 1s}
  - name: not-ready
    on: resource
    match: {kind: Pod, condition: {Ready: "False"}}
    resolve_hold: 1s
"""
NAMESPACE = "planned"
#: On a busy machine a Pod that is ready stays so, whatever its probe takes.
PROBE = {
    "httpGet": {"path": "/readyz", "port": 8080},
    "periodSeconds": 1,
    "timeoutSeconds": 10,
    "failureThreshold": 30,
}


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """What must end whatever happens."""
    with ExitStack() as stack:
        yield stack


def status(kube: Kube, name: str) -> Any:
    return kube.ask("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}")["status"]


def is_whole(kube: Kube, name: str, generation: int) -> bool:
    """Return whether a Deployment of one replica has rolled out a generation."""
    now = status(kube, name)
    counts = [now.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return now.get("observedGeneration") == generation and counts == [1, 1, 1]


def pods(kube: Kube, name: str) -> list[Any]:
    """Return the Pods of a Deployment."""
    found: list[Any] = kube.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{name}")["items"]
    return found


def cordon(kube: Kube, *, cordoned: bool) -> None:
    kube.patch("/api/v1/nodes/node-1", {"spec": {"unschedulable": cordoned}})


def drain(kube: Kube, kwatch: Kwatch, name: str) -> None:
    """Cordon the node and evict a Deployment's Pod; let it be scheduled again when kwatch has seen it wait.

    A drain that nothing is to be held of is not told.
    """
    cordon(kube, cordoned=True)
    (pod,) = pods(kube, name)
    old = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": old, "namespace": NAMESPACE}}
    kube.ask("POST", f"/api/v1/namespaces/{NAMESPACE}/pods/{old}/eviction", eviction)
    until(lambda: [each for each in pods(kube, name) if is_unschedulable(each)], 30, "a Pod that waits")
    until(lambda: not kube.exists(f"/api/v1/namespaces/{NAMESPACE}/pods/{old}"), 30, "the evicted Pod to be gone")
    until(lambda: "failed-scheduling" in firing(kwatch), 30, "the Pod that waits to be an alert")
    cordon(kube, cordoned=False)


def firing(kwatch: Kwatch) -> list[str]:
    """Return the rules of what fires, told or held."""
    return [alert["rule"] for alert in json.loads(kwatch.get("/api/v1/alerts"))["alerts"] if alert["state"] == "firing"]


def is_unschedulable(pod: Any) -> bool:
    return any(each.get("reason") == "Unschedulable" for each in pod["status"].get("conditions", ()))


def told(desk: Desk) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the kind, the place and the rules of each message."""
    return sorted(
        (document["kind"], document["place"], tuple(sorted(alert["rule"] for alert in document["alerts"])))
        for document in desk.hook.documents
    )


def test_what_goes_well_is_one_line_and_a_bad_image_tells_what_was_held(
    real_node: RealCluster, desk: Desk, ending: ExitStack, tmp_path: Any
) -> None:
    kube = Kube(real_node.kubeconfig)
    kube.namespace(NAMESPACE)
    for name in ("good", "bad", "moved"):
        kube.deployment(NAMESPACE, name, "serve", ":8080", "0s", readinessProbe=PROBE)
    for name in ("good", "bad", "moved"):
        until(lambda name=name: is_whole(kube, name, 1), 60, f"the first version of {name}")
    kwatch = Kwatch(tmp_path, settings(tmp_path, desk, NAMESPACE, RULES), real_node.kubeconfig)
    ending.callback(kwatch.end)
    kwatch.start()

    kube.set_container(NAMESPACE, "good", "serve", ":8080", "3s")
    until(lambda: is_whole(kube, "good", 2), 60, "the second version")
    line = ("notice", "planned/Deployment/good", ("planned-change",))
    until(lambda: told(desk) == [line], 60, "the line about the rollout")

    ending.callback(lambda: cordon(kube, cordoned=False))
    drain(kube, kwatch, "moved")
    until(lambda: is_whole(kube, "moved", 1), 60, "the moved Pod")
    drained = ("notice", "Node/node-1", ("planned-change",))
    until(lambda: told(desk) == [drained, line], 90, "the line about the drain")

    kube.set_container(NAMESPACE, "bad", image="registry.kubetest.local:5000/web:v9", imagePullPolicy="IfNotPresent")
    held = ("firing", "planned/Deployment/bad", ("image-pull", "not-ready"))
    until(lambda: told(desk) == [held, drained, line], 60, "what was held")
    back = {alert["rule"]: alert["held_back_by"] for each in desk.hook.documents for alert in each["alerts"]}
    assert back["image-pull"] == ""
    assert back["not-ready"].startswith("the rollout of Deployment planned/bad, during which image-pull")
    messages = [alert["message"] for each in desk.hook.documents for alert in each["alerts"]]
    assert [message.partition(":")[0] for message in messages[:2]] == [
        "Deployment planned/good rolled out",
        "Node node-1 drained",
    ]
