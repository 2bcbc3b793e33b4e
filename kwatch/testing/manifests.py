"""Small manifests of what scenarios are about, with status and all, ready for `FakeCluster.apply`. Pure.

Instants are texts as the API server writes them; empty ones are left out.
"""

from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]


def pod(
    name: str,
    *,
    namespace: str = "shop",
    owner: str = "",
    node: str = "",
    labels: Mapping[str, str] = {},
    status: Mapping[str, Any] = {},
) -> Manifest:
    """Return a Pod; `owner` is `Kind/name` of its controller, such as `StatefulSet/web`."""
    metadata: Manifest = {"name": name, "namespace": namespace, "labels": dict(labels)}
    if owner:
        kind, _, owner_name = owner.partition("/")
        group = "batch/v1" if kind == "Job" else "apps/v1"
        metadata["ownerReferences"] = [{"apiVersion": group, "kind": kind, "name": owner_name, "controller": True}]
    spec: Manifest = {"containers": [{"name": "main", "image": "registry.example.com/main:1"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec | ({"nodeName": node} if node else {}),
        "status": {"phase": "Running", **status},
    }


def node(name: str, *, status: Mapping[str, Any] = {}) -> Manifest:
    """Return a Node."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": dict(status)}


def condition(kind: str, *, holds: bool | None, since: str, message: str = "") -> Manifest:
    """Return an entry of `status.conditions`; None: Unknown."""
    word = "Unknown" if holds is None else str(holds)
    return {"type": kind, "status": word, "lastTransitionTime": since, "message": message}


def core_event(name: str, about: str, *, reason: str, message: str, count: int, first: str, last: str) -> Manifest:
    """Return an Event as the kubelet writes it: `about` is `Kind/namespace/name`, the namespace empty for a Node."""
    return {
        **_event("v1", name, about, reason, first),
        "involvedObject": _reference(about),
        "message": message,
        "source": {"component": "kubelet", "host": "node-1"},
        "count": count,
        "firstTimestamp": first,
        "lastTimestamp": last,
    }


def new_event(
    name: str,
    about: str,
    *,
    reason: str,
    message: str,
    at: str,
    created: str,
    series: Mapping[str, Any] | None = None,
) -> Manifest:
    """Return an Event as the scheduler writes it, through events.k8s.io: `series` from the second occurrence on."""
    return {
        **_event("events.k8s.io/v1", name, about, reason, created),
        "regarding": _reference(about),
        "note": message,
        "eventTime": at,
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-1",
        **({} if series is None else {"series": dict(series)}),
    }


def _event(api_version: str, name: str, about: str, reason: str, created: str) -> Manifest:
    namespace = about.split("/")[1] or "default"
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {"apiVersion": api_version, "kind": "Event", "metadata": metadata, "reason": reason, "type": "Warning"}


def _reference(about: str) -> Manifest:
    kind, namespace, name = about.split("/")
    return {"apiVersion": "v1", "kind": kind, "name": name} | ({"namespace": namespace} if namespace else {})
