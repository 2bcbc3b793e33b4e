"""A cluster with workloads that are rolled out, scaled, drained and ended."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kwatch.testing import manifests
from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

NOT_READY = '{name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 5s%s}'
UNHEALTHY = "{name: unhealthy, on: event, match: {reason: Unhealthy, kind: Pod}, key: [namespace, workload]%s}"
NO_IMAGE = (
    '{name: no-image, on: resource, match: {kind: Pod, fields: {"status.containerStatuses[*].state.waiting.reason": '
    "ErrImagePull}}, planned: tell}"
)
NODE_DOWN = '{name: node-down, on: resource, match: {kind: Node, condition: {Ready: "False"}}, severity: critical}'
PENDING = '{name: pending, on: resource, match: {kind: Pod, condition: {PodScheduled: "False"}}, resolve_hold: 5s}'
RULES = text(NOT_READY % "", UNHEALTHY % ", quiet: 12h", NO_IMAGE, NODE_DOWN, PENDING)


class Cluster:
    """The cluster of a play: the Deployment shop/web and its Pods, on two Nodes."""

    def __init__(self, folder: Path, rules: str = RULES) -> None:
        self.stage = Stage(folder, rules)

    def deployment(
        self, at: float, total: int, updated: int, available: int, *, revision: int = 2, **more: Any
    ) -> None:
        """Let the Deployment say how many Pods there are, of the newest revision, and available; it wants two."""
        status = {"observedGeneration": 99, "replicas": total, "updatedReplicas": updated}
        self.workload(
            at,
            spec={"replicas": 2, "progressDeadlineSeconds": 600, **more.pop("spec", {})},
            status={**status, "availableReplicas": available, "conditions": [], **more},
            metadata={"annotations": {"deployment.kubernetes.io/revision": str(revision)}},
        )

    def asks(self, at: float, **spec: Any) -> None:
        """Ask something else of the Deployment: its generation is 100 from then on."""
        self.workload(at, spec=spec, metadata={"generation": 99})

    def workload(
        self, at: float, kind: str = "apps/v1/Deployment", metadata: Mapping[str, Any] = {}, **body: Any
    ) -> None:
        """Write an object named web."""
        version, _, name = kind.rpartition("/")
        named = {"name": "web", "namespace": "shop", **metadata}
        self.stage.apply(at, {"apiVersion": version, "kind": name, "metadata": named, **body})

    def pod(self, at: float, name: str, *, ready: bool, image: bool = True, **more: Any) -> None:
        """Write a Pod of the Deployment."""
        waiting = [] if image else [{"name": "main", "state": {"waiting": {"reason": "ErrImagePull"}}}]
        more = {"owner": "Deployment/web", "node": "node-1", **more}
        self.stage.pod(at, name, ready=ready, status={"containerStatuses": waiting}, **more)

    def ends(self, at: float, name: str, *, grace: float = 30) -> None:
        """Let a Pod be deleted: it has until then."""
        metadata = {"name": name, "namespace": "shop", "deletionTimestamp": self.stage.second(at + grace)}
        self.stage.apply(at, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata})

    def unhealthy(self, at: float, count: int = 1, *, pod: str = "new") -> None:
        """Write an Event of the kubelet."""
        self.stage.event(at, count, name=f"{pod}.unhealthy", about=f"Pod/shop/{pod}", reason="Unhealthy")

    def node(self, at: float, *, cordoned: bool = False, ready: bool = True, name: str = "node-1") -> None:
        """Write a Node."""
        conditions = [manifests.condition("Ready", holds=ready, since=self.stage.second(at))]
        node = manifests.node(name, status={"conditions": conditions})
        self.stage.apply(at, {**node, "spec": {"unschedulable": cordoned}})

    def stands(self) -> None:
        """Let all be well before the play."""
        self.deployment(-25, 2, 2, 2, revision=1)
        for name in ("old-1", "old-2"):
            self.pod(-25, name, ready=True)
        for name in ("node-1", "node-2"):
            self.node(-25, name=name)

    def rolls_out(self, at: float) -> None:
        """Let a rollout go well in 30 s; a readiness probe fails, and an old Pod is not ready at its end."""
        self.deployment(at, 3, 1, 2)
        self.pod(at + 1, "new", ready=False)
        self.unhealthy(at + 2)
        self.pod(at + 10, "new", ready=True)
        self.ends(at + 11, "old-1")
        self.pod(at + 12, "old-1", ready=False)
        self.stage.delete(at + 20, "old-1")
        self.ends(at + 21, "old-2")
        self.deployment(at + 30, 2, 2, 2)
        self.stage.delete(at + 40, "old-2")

    def play(self, until: float = 3600) -> list[str]:
        """Play it; return what was told."""
        self.stage.run(until=until)
        return self.stage.lines

    def said(self) -> list[str]:
        """Return the messages of the notices."""
        notices = (told.document for told in self.stage.told if told.kind == "notice")
        return [alert["message"] for document in notices for alert in document["alerts"]]

    def held_back(self) -> list[str]:
        """Return by what each alert was held back, in the order in which they were told."""
        documents = (told.document for told in self.stage.told if told.kind in ("firing", "update"))
        return [alert["held_back_by"] for document in documents for alert in document["alerts"]]
