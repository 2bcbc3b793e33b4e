"""Two Pods that have nothing in common, a Node and an Event about each: what one rule of a play is about."""

from collections.abc import Mapping
from typing import Any

from kwatch.testing import manifests
from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK

Manifest = Mapping[str, Any]

WEB: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "labels": {"app": "web"},
        "annotations": {"example.com/tier": "3"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "controller": True}],
    },
    "spec": {"nodeName": "node-1", "containers": [{"name": "main", "resources": {"limits": {"memory": "2Gi"}}}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}
DB: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "db-0",
        "namespace": "data",
        "labels": {"app": "db"},
        "annotations": {"example.com/tier": "1"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": True}],
    },
    "spec": {"nodeName": "node-2", "containers": [{"name": "main", "resources": {"limits": {"memory": "512Mi"}}}]},
    "status": {"phase": "Failed", "conditions": [{"type": "Ready", "status": "False"}]},
}
NODE: Manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}, "status": {}}
SET: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {
        "name": "web-5d",
        "namespace": "shop",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}],
    },
}


def populate(stage: Stage, at: float) -> None:
    """Let there be two Pods, with the owner of one, and a Node."""
    for manifest in (SET, WEB, DB, NODE):
        stage.apply(at, manifest)


def tell(stage: Stage, at: float) -> None:
    """Let there be an Event about each."""
    said = [
        ("Pod/shop/web-1", "BackOff", "Warning", "Back-off restarting", "kubelet", "node-1"),
        ("Pod/data/db-0", "Killing", "Normal", "Stopping container", "operator", "node-2"),
        ("Node//node-1", "Rebooted", "Warning", "has been rebooted", "kubelet", "node-1"),
    ]
    for about, reason, type_, message, component, host in said:
        times = {"first": stage.second(at), "last": stage.second(at)}
        name = about.rpartition("/")[2]
        event = manifests.core_event(f"{name}.e", about, reason=reason, message=message, count=1, **times)
        stage.apply(at, {**event, "type": type_, "source": {"component": component, "host": host}})


def told(stage: Stage) -> list[str]:
    """Return the names of the objects that were told of, sorted."""
    return sorted(alert["labels"]["name"] for one in stage.told for alert in one.document["alerts"])


def failing(*words: str, on: str = "resource, match: {kind: Pod, fields: {status.phase: Failed}}") -> str:
    """Return a configuration of one rule, with these further words."""
    return f"packs: []\nrules: [{{{', '.join(('name: r', f'on: {on}', *words))}}}]\n{HOOK}"
