"""Kubernetes events as a component's recorder writes them: the same thing again raises the count of the same object."""

from collections.abc import Mapping
from typing import Any

from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.objects import timestamp
from kwatch.testing.fake.store import Object

NANOSECONDS = 1_000_000_000


class Recorder:
    """Writes core/v1 Events into a cluster, like client-go's recorder without its throttle."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self._names: dict[tuple[str, ...], str] = {}

    def emit(
        self,
        regarding: Mapping[str, Any],
        *,
        type: str,  # noqa: A002 - the field's own name
        reason: str,
        message: str,
        component: str,
        host: str = "",
    ) -> Object:
        """Tell of one occurrence now. `regarding` names an object by apiVersion, kind, namespace and name."""
        about = self._reference(regarding)
        now = self._cluster.clock.now()
        key = (about["kind"], about.get("namespace", ""), about["name"], reason, message, type, component, host)
        namespace = about.get("namespace", "default")
        name = self._names.setdefault(key, f"{about['name']}.{int(now.timestamp() * NANOSECONDS):x}")
        before = self._cluster.store.get("events", (namespace, name))
        return self._cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": about,
                "reason": reason,
                "message": message,
                "source": {"component": component} | ({"host": host} if host else {}),
                "firstTimestamp": before["firstTimestamp"] if before else timestamp(now),
                "lastTimestamp": timestamp(now),
                "count": before["count"] + 1 if before else 1,
                "type": type,
                "eventTime": None,
                "reportingComponent": component,
                "reportingInstance": host,
            }
        )

    def _reference(self, regarding: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._cluster.catalog.kind_of({"apiVersion": "v1", **regarding})
        namespace = regarding.get("namespace", "default") if kind.namespaced else ""
        found = self._cluster.store.get(kind.storage, (namespace, regarding["name"]))
        about = {"apiVersion": kind.group_version, **regarding} | ({"namespace": namespace} if namespace else {})
        return {"uid": found["metadata"]["uid"], **about} if found else about
