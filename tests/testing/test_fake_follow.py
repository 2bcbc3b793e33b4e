"""A client that lists in pages, watches, resumes and lists again ends with what is in the cluster, whatever happens."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch.errors import ClusterError
from kwatch.testing import virtual
from kwatch.testing.fake import Effect, FakeCluster, FakeWire, Fault

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PODS = "/api/v1/namespaces/shop/pods"

NAMES = st.sampled_from(["a", "b", "c", "d"])
LABELS = st.sampled_from(["x", "y"])
#: Effects that the client cannot mistake for data.
EFFECTS = st.sampled_from([Effect.DROP, Effect.CLOSE, Effect.GONE, Effect.TRUNCATE, Effect.HTML_500, Effect.DUPLICATE])
STRIKES = st.sampled_from([Effect.DROP, Effect.CLOSE, Effect.GONE, Effect.TRUNCATE, Effect.DELAY])
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), NAMES, LABELS),
        st.tuples(st.just("delete"), NAMES, LABELS),
        st.tuples(st.just("compact"), NAMES, LABELS),
        st.tuples(st.just("fault"), EFFECTS, st.integers(0, 2)),
        st.tuples(st.just("strike"), STRIKES, st.integers(0, 2)),
        st.tuples(st.just("wait"), st.integers(1, 9), LABELS),
    ),
    max_size=40,
)


class GoneError(Exception):
    """410, in either form."""


class Client:
    """Follows the Pods with one label, as simply as is right."""

    def __init__(self, wire: FakeWire) -> None:
        self.wire = wire
        self.version = ""
        self.names: dict[str, str] = {}  # Pod → its resource version

    async def follow(self) -> None:
        while True:
            try:
                await self.watch()
            except GoneError:
                self.version = ""
            except (ClusterError, ValueError):
                await asyncio.sleep(1)

    async def watch(self) -> None:
        if not self.version:
            await self.list()
        query = {"watch": "true", "timeoutSeconds": "3", "resourceVersion": self.version, "labelSelector": "app=x"}
        rest = b""
        async with self.wire.request("GET", PODS, query=query, timeout=None) as response:
            check(response.status)
            async for chunk in response.chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self.take(json.loads(line))

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "ERROR":
            raise GoneError
        metadata = frame["object"]["metadata"]
        self.version = metadata["resourceVersion"]
        if frame["type"] == "DELETED":
            self.names.pop(metadata["name"], None)
        else:
            self.names[metadata["name"]] = metadata["resourceVersion"]

    async def list(self) -> None:
        names: dict[str, str] = {}
        query = {"limit": "2", "labelSelector": "app=x"}
        while True:
            async with self.wire.request("GET", PODS, query=query) as response:
                check(response.status)
                page = json.loads(await response.read())
            names |= {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in page["items"]}
            if "continue" not in page["metadata"]:
                break
            query["continue"] = page["metadata"]["continue"]
        self.names, self.version = names, page["metadata"]["resourceVersion"]


def check(status: int) -> None:
    if status == 410:
        raise GoneError
    if status != 200:
        raise ClusterError("not served", status=status)


async def perform(cluster: FakeCluster, act: tuple[Any, ...]) -> None:
    match act:
        case "apply", name, label:
            cluster.apply(pod(name, label))
        case "delete", name, _ if cluster.store.get("pods", ("shop", name)):
            cluster.delete(pod(name, "x"))
        case "compact", _, _:
            cluster.compact()
        case "fault", effect, after:
            cluster.faults.add(Fault(effect=effect, after=after))
        case "strike", effect, _:
            cluster.strike(Fault(effect=effect, after=0))
        case "wait", seconds, _:
            await asyncio.sleep(seconds)


def pod(name: str, label: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": {"app": label}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def selected(cluster: FakeCluster) -> dict[str, str]:
    return {
        body["metadata"]["name"]: body["metadata"]["resourceVersion"]
        for body in cluster.store.objects("pods")
        if body["metadata"]["labels"]["app"] == "x"
    }


@settings(max_examples=200)
@given(acts=ACTS)
def test_a_client_that_follows_ends_with_what_is_there(acts: list[tuple[Any, ...]]) -> None:
    async def body() -> tuple[dict[str, str], dict[str, str]]:
        cluster = FakeCluster(virtual.VirtualClock(START, asyncio.get_running_loop()))
        client = Client(FakeWire(cluster))
        following = asyncio.create_task(client.follow())
        for act in acts:
            await perform(cluster, act)
        cluster.faults.clear()
        await asyncio.wait({following}, timeout=60)
        assert following.cancel(), following.exception()
        return client.names, selected(cluster)

    followed, there = virtual.run(body())
    assert followed == there
