"""The subresource `scale`: how many replicas a workload wants, in the form that all kinds share. Pure."""

from collections.abc import Mapping
from typing import Any

from kwatch.testing.fake.store import Object

#: The metadata that a Scale has of its object.
_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(body: Object) -> Object:
    """Return the Scale of a workload."""
    metadata, spec = body["metadata"], body.get("spec") or {}
    wanted = {"replicas": spec["replicas"]} if spec.get("replicas") else {}
    status: dict[str, Any] = {"replicas": (body.get("status") or {}).get("replicas", 0)}
    if selector := _selector(spec.get("selector") or {}):
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in _METADATA if field in metadata},
        "spec": wanted,
        "status": status,
    }


def scaled(body: Object, scale: Mapping[str, Any]) -> Object:
    """Return the workload as its Scale wants it."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    metadata = {**body["metadata"], "resourceVersion": scale["metadata"].get("resourceVersion", "")}
    return {**body, "metadata": metadata, "spec": {**(body.get("spec") or {}), "replicas": replicas}}


def _selector(selector: Mapping[str, Any]) -> str:
    """Return a selector's labels as a text."""
    labels = selector.get("matchLabels", selector)
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
