"""Requests to the fake cluster, where no real server is at hand to compare with."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kwatch.testing import virtual
from kwatch.testing.fake import FakeCluster, FakeWire

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CORE = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"
MERGE = "application/merge-patch+json"

#: method, path, body, media type
Sent = tuple[str, str, Any, str]


def answers(*requests: Sent) -> list[tuple[int, Any]]:
    """Send requests in order to a fresh cluster; return status and body of each."""

    async def body() -> list[tuple[int, Any]]:
        wire = FakeWire(FakeCluster(virtual.VirtualClock(START, asyncio.get_running_loop())))
        return [await send(wire, *request) for request in requests]

    return virtual.run(body())


async def send(wire: FakeWire, method: str, path: str, body: Any, media: str) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    path, _, query = path.partition("?")
    pairs = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
    headers = {"Content-Type": media}
    async with wire.request(method, path, query=pairs, headers=headers, body=content) as response:
        return response.status, json.loads(await response.read())


def get(path: str) -> Sent:
    return "GET", path, None, ""


def post(path: str, body: Any) -> Sent:
    return "POST", path, body, "application/json"


def put(path: str, body: Any) -> Sent:
    return "PUT", path, body, "application/json"


def patch(path: str, body: Any) -> Sent:
    return "PATCH", path, body, MERGE


def lease(holder: str, version: str = "") -> dict[str, Any]:
    metadata = {"name": "leader"} | ({"resourceVersion": version} if version else {})
    return {"metadata": metadata, "spec": {"holderIdentity": holder}}


def test_a_created_object_gets_what_only_the_server_gives() -> None:
    [(status, body)] = answers(post(LEASES, lease("a")))
    assert status == 201
    assert body["metadata"] == {
        "name": "leader",
        "namespace": "default",
        "uid": body["metadata"]["uid"],
        "resourceVersion": "6",
        "creationTimestamp": "2026-01-01T12:00:00Z",
    }


def test_of_two_swaps_of_a_lease_from_one_version_one_wins() -> None:
    _, (first, _), (second, body) = answers(
        post(LEASES, lease("a")), put(LEASES + "/leader", lease("b", "6")), put(LEASES + "/leader", lease("c", "6"))
    )
    assert (first, second, body["reason"]) == (200, 409, "Conflict")


def test_a_lease_is_never_swapped_blindly() -> None:
    _, (status, _) = answers(post(LEASES, lease("a")), put(LEASES + "/leader", lease("b")))
    assert status == 422


def test_a_patch_that_changes_nothing_writes_nothing() -> None:
    _, (_, body) = answers(post(LEASES, lease("a")), patch(LEASES + "/leader", {"spec": {"holderIdentity": "a"}}))
    assert body["metadata"]["resourceVersion"] == "6"


EVENT = {
    "metadata": {"name": "e"},
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"},
    "reason": "BackOff",
    "message": "again",
    "type": "Warning",
    "count": 3,
    "firstTimestamp": "2026-01-01T11:00:00Z",
    "lastTimestamp": "2026-01-01T11:30:00Z",
    "source": {"component": "kubelet", "host": "node-1"},
}


def test_a_core_event_is_seen_through_the_new_api() -> None:
    _, (_, body) = answers(post(CORE, EVENT), get(NEW + "/e"))
    assert {key: value for key, value in body.items() if key != "metadata"} == {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "web"},
        "reason": "BackOff",
        "note": "again",
        "type": "Warning",
        "eventTime": None,
        "deprecatedCount": 3,
        "deprecatedFirstTimestamp": "2026-01-01T11:00:00Z",
        "deprecatedLastTimestamp": "2026-01-01T11:30:00Z",
        "deprecatedSource": {"component": "kubelet", "host": "node-1"},
    }


def test_a_series_written_through_the_new_api_is_seen_through_the_old_one() -> None:
    new = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "namespace": "default", "name": "web"},
        "reason": "FailedScheduling",
        "note": "no node",
        "type": "Warning",
        "eventTime": "2026-01-01T11:00:00.000000Z",
        "reportingController": "default-scheduler",
        "reportingInstance": "scheduler-1",
    }
    series = {"count": 2, "lastObservedTime": "2026-01-01T11:05:00.000000Z"}
    _, _, (_, body) = answers(post(NEW, new), patch(NEW + "/e", {"series": series}), get(CORE + "/e"))
    assert (body["message"], body["series"], body["reportingComponent"]) == ("no node", series, "default-scheduler")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=app=x", ["a", "b"]),
        ("labelSelector=app in (x,y),tier!=back", ["a", "c"]),
        ("labelSelector=!tier", ["a", "c"]),
        ("labelSelector=tier", ["b"]),
        ("fieldSelector=metadata.name=c", ["c"]),
        ("fieldSelector=spec.nodeName=n1", ["a"]),
        ("fieldSelector=status.phase!=Running,metadata.namespace=shop", ["b", "c"]),
    ],
)
def test_selectors(query: str, names: list[str]) -> None:
    async def body() -> list[str]:
        cluster = FakeCluster(virtual.VirtualClock(START, asyncio.get_running_loop()))
        for name, labels, spec, status in (
            ("a", {"app": "x"}, {"nodeName": "n1"}, {"phase": "Running"}),
            ("b", {"app": "x", "tier": "back"}, {}, {"phase": "Pending"}),
            ("c", {"app": "y"}, {"nodeName": "n2"}, {"phase": "Failed"}),
        ):
            metadata = {"name": name, "namespace": "shop", "labels": labels}
            cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
        _, found = await send(FakeWire(cluster), *get(f"/api/v1/pods?{query}"))
        return [item["metadata"]["name"] for item in found["items"]]

    assert virtual.run(body()) == names


def test_what_was_applied_again_is_merged() -> None:
    async def body() -> Any:
        cluster = FakeCluster(virtual.VirtualClock(START, asyncio.get_running_loop()))
        metadata = {"name": "web", "namespace": "shop"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        first = cluster.apply({**pod, "spec": {"nodeName": "n1"}, "status": {"phase": "Pending"}})
        second = cluster.apply({**pod, "status": {"phase": "Running"}})
        return first["metadata"]["uid"] == second["metadata"]["uid"], second["spec"], second["status"]

    assert virtual.run(body()) == (True, {"nodeName": "n1"}, {"phase": "Running"})


def test_with_a_namespace_goes_what_is_in_it() -> None:
    _, _, (_, found) = answers(
        post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}}),
        ("DELETE", "/api/v1/namespaces/default", None, ""),
        get("/api/v1/configmaps"),
    )
    assert found["items"] == []
