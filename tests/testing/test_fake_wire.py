"""The fake cluster over its in-memory wire, in virtual time: watches, faults, refusals."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kwatch.errors import ClusterError
from kwatch.testing import virtual
from kwatch.testing.fake import Effect, FakeCluster, FakeWire, Fault

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PODS = "/api/v1/pods"
WATCH_LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


def pod(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, **more}


Play = Callable[[FakeCluster, FakeWire], Awaitable[Any]]


def play(act: Play, *, watch_list: bool = True) -> Any:
    """Run `act` on a fresh cluster in virtual time."""

    async def body() -> Any:
        cluster = FakeCluster(virtual.VirtualClock(START, asyncio.get_running_loop()), watch_list=watch_list)
        return await act(cluster, FakeWire(cluster))

    return virtual.run(body())


async def frames(wire: FakeWire, seconds: int = 5, read_timeout: float | None = None, **query: str) -> list[Any]:
    """Watch Pods until the server ends the stream; return (type, name or version) of each frame."""
    query = {"watch": "true", "timeoutSeconds": str(seconds), **query}
    text = b""
    async with wire.request("GET", PODS, query=query, timeout=None, read_timeout=read_timeout) as response:
        async for chunk in response.chunks():
            text += chunk
    return [told(json.loads(line)) for line in text.splitlines()]


async def collect(wire: FakeWire, pieces: list[bytes]) -> None:
    """Watch Pods for ever, and keep what came even if the stream breaks."""
    async with wire.request("GET", PODS, query={"watch": "true"}, timeout=None) as response:
        async for piece in response.chunks():
            pieces += [piece]


def told(frame: dict[str, Any]) -> tuple[str, Any]:
    metadata = frame["object"]["metadata"]
    return frame["type"], frame["object"].get("code") or metadata.get("name") or metadata["resourceVersion"]


async def get(wire: FakeWire, path: str, **query: str) -> tuple[int, Any]:
    async with wire.request("GET", path, query=query) as response:
        return response.status, json.loads(await response.read())


def test_a_watch_tells_changes_as_they_happen() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.apply(pod("a"))
        later = asyncio.get_running_loop()
        later.call_later(1, cluster.apply, pod("b"))
        later.call_later(2, cluster.apply, pod("a", status={"phase": "Running"}))
        later.call_later(3, cluster.delete, pod("b"))
        return await frames(wire)

    assert play(act) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


def test_a_watch_ends_after_the_time_that_was_asked_for() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> float:
        await frames(wire, seconds=42)
        return asyncio.get_running_loop().time()

    assert play(act) == 42


def test_bookmarks_come_each_minute_to_those_who_allow_them() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        version = str(cluster.store.version)
        silent = await frames(wire, seconds=150, resourceVersion=version)
        return silent, await frames(wire, seconds=150, resourceVersion=version, allowWatchBookmarks="true")

    silent, marked = play(act)
    assert silent == []
    assert [kind for kind, _ in marked] == ["BOOKMARK", "BOOKMARK"]


def test_a_watch_list_ends_with_a_bookmark() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.apply(pod("a"))
        return await frames(wire, **WATCH_LIST)

    assert play(act) == [("ADDED", "a"), ("BOOKMARK", "7")]


def test_a_server_without_watch_list_refuses_it() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        return await get(wire, PODS, watch="true", **WATCH_LIST)

    status, body = play(act, watch_list=False)
    assert (status, body["reason"]) == (422, "Invalid")
    assert body["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: '
        "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
    )


def test_resuming_from_a_compacted_version_is_an_error_in_the_stream() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.apply(pod("a"))
        cluster.compact()
        return await frames(wire, resourceVersion="3")

    assert play(act) == [("ERROR", 410)]


def test_a_continue_token_expires_with_its_version() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        for name in ("a", "b", "c"):
            cluster.apply(pod(name))
        _, page = await get(wire, PODS, limit="1")
        cluster.apply(pod("d"))
        cluster.compact()
        status, body = await get(wire, PODS, **{"limit": "1", "continue": page["metadata"]["continue"]})
        return status, body["reason"]

    assert play(act) == (410, "Expired")


def test_an_expired_list_may_be_continued_with_what_is_there_now() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        for name in ("a", "b", "c"):
            cluster.apply(pod(name))
        _, page = await get(wire, PODS, limit="2")
        cluster.apply(pod("d"))
        cluster.compact()
        _, refusal = await get(wire, PODS, **{"limit": "2", "continue": page["metadata"]["continue"]})
        _, rest = await get(wire, PODS, **{"limit": "2", "continue": refusal["metadata"]["continue"]})
        return [item["metadata"]["name"] for item in rest["items"]], rest["metadata"]["resourceVersion"]

    assert play(act) == (["c", "d"], "10")


def test_pages_show_one_version() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        for name in ("a", "c", "e"):
            cluster.apply(pod(name))
        _, first = await get(wire, PODS, limit="2")
        cluster.apply(pod("d"))
        cluster.delete(pod("e"))
        _, second = await get(wire, PODS, **{"limit": "2", "continue": first["metadata"]["continue"]})
        return [[item["metadata"]["name"] for item in page["items"]] for page in (first, second)]

    assert play(act) == [["a", "c"], ["e"]]


def test_a_refused_token_is_answered_with_401_until_it_is_renewed() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.access.set_tokens("new")
        wire.token = "old"
        old, _ = await get(wire, PODS)
        wire.token = "new"
        new, _ = await get(wire, PODS)
        return old, new

    assert play(act) == (401, 200)


def test_a_forbidden_verb_is_answered_with_the_real_words() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.access.forbid("list", "pods")
        status, body = await get(wire, PODS)
        cluster.access.allow("list", "pods")
        return status, body["message"], (await get(wire, PODS))[0]

    assert play(act) == (
        403,
        (
            'pods is forbidden: User "system:serviceaccount:kwatch:kwatch" cannot list resource "pods" in API group "" '
            "at the cluster scope"
        ),
        200,
    )


def test_events_die_an_hour_after_their_last_write() -> None:
    def event(name: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "shop"}
        regarding = {"kind": "Pod", "namespace": "shop", "name": "a"}
        return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": regarding}

    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.apply(event("old"))
        await cluster.clock.sleep(3599)
        cluster.apply(event("new"))
        await cluster.clock.sleep(1)
        cluster.apply(event("newer"))
        return [item["metadata"]["name"] for item in (await get(wire, "/api/v1/events"))[1]["items"]]

    assert play(act) == ["new", "newer"]


# -- faults: each must be seen by the client ---------------------------------------------------------------------------


def test_a_dropped_request_is_a_connection_error() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.faults.add(Fault(effect=Effect.DROP))
        with pytest.raises(ClusterError, match="connection reset by peer"):
            await get(wire, PODS)
        return (await get(wire, PODS))[0]

    assert play(act) == 200


def test_a_half_open_request_times_out() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> float:
        cluster.faults.add(Fault(effect=Effect.HALF_OPEN))
        with pytest.raises(TimeoutError):
            await get(wire, PODS)
        return asyncio.get_running_loop().time()

    assert play(act) == 30


def test_a_delayed_answer_comes_late() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.faults.add(Fault(effect=Effect.DELAY, seconds=7))
        return (await get(wire, PODS))[0], asyncio.get_running_loop().time()

    assert play(act) == (200, 7)


@pytest.mark.parametrize(
    ("effect", "status", "header", "value"),
    [
        (Effect.HTML_500, 500, "content-type", "text/html"),
        (Effect.TOO_MANY, 429, "retry-after", "9"),
        (Effect.GONE, 410, "content-type", "application/json"),
    ],
)
def test_a_fault_answers_in_the_place_of_the_server(effect: Effect, status: int, header: str, value: str) -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.faults.add(Fault(effect=effect, path="*/pods", seconds=9))
        async with wire.request("GET", PODS) as response:
            return response.status, response.headers[header]

    assert play(act) == (status, value)


def test_a_fault_hits_as_often_as_it_was_asked_to_and_only_what_fits() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.faults.add(Fault(effect=Effect.HTML_500, path="*/pods", times=2))
        statuses = []
        for path in ("/api/v1/nodes", PODS, PODS, PODS):
            async with wire.request("GET", path) as response:
                statuses.append(response.status)
        return statuses

    assert play(act) == [200, 500, 500, 200]


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (Effect.DUPLICATE, [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "b"), ("ADDED", "c")]),
        (Effect.REORDER, [("ADDED", "a"), ("ADDED", "c"), ("ADDED", "b")]),
        (Effect.GONE, [("ADDED", "a"), ("ERROR", 410)]),
        (Effect.CLOSE, [("ADDED", "a")]),
    ],
)
def test_a_fault_inside_a_stream_works_on_its_frames(effect: Effect, expected: list[Any]) -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        for name in ("a", "b", "c"):
            cluster.apply(pod(name))
        cluster.faults.add(Fault(effect=effect, after=1))
        return await frames(wire)

    assert play(act) == expected


@pytest.mark.parametrize(("effect", "rest"), [(Effect.TRUNCATE, 1), (Effect.DROP, 0)])
def test_a_stream_may_break_inside_a_line_or_between_two(effect: Effect, rest: int) -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> bytes:
        cluster.apply(pod("a"))
        cluster.apply(pod("b"))
        cluster.faults.add(Fault(effect=effect, after=1))
        pieces: list[bytes] = []
        with pytest.raises(ClusterError):
            await collect(wire, pieces)
        return b"".join(pieces)

    lines = play(act).split(b"\n")
    assert told(json.loads(lines[0])) == ("ADDED", "a")
    assert len([line for line in lines[1:] if line]) == rest


def test_a_half_open_stream_is_silent_until_the_client_gives_up() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> float:
        cluster.apply(pod("a"))
        cluster.faults.add(Fault(effect=Effect.HALF_OPEN, after=1))
        with pytest.raises(TimeoutError):
            await frames(wire, seconds=600, read_timeout=90)
        return asyncio.get_running_loop().time()

    assert play(act) == 90


def test_a_strike_hits_the_watches_that_are_open() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        asyncio.get_running_loop().call_later(3, cluster.strike, Fault(effect=Effect.DROP, path="*/pods"))
        with pytest.raises(ClusterError):
            await frames(wire, seconds=600)
        return asyncio.get_running_loop().time(), len(cluster.watches)

    assert play(act) == (3, 0)


def test_a_client_that_leaves_closes_its_watch() -> None:
    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        cluster.apply(pod("a"))
        async with wire.request("GET", PODS, query={"watch": "true"}, timeout=None) as response:
            await anext(aiter(response.chunks()))
            open_ones = len(cluster.watches)
        return open_ones, len(cluster.watches)

    assert play(act) == (1, 0)


def test_a_kind_is_served_once_it_is_defined() -> None:
    path = "/apis/example.com/v1/widgets"

    async def act(cluster: FakeCluster, wire: FakeWire) -> Any:
        async with wire.request("GET", path) as response:
            before = response.status
        cluster.apply(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": "widgets.example.com"},
                "spec": {
                    "group": "example.com",
                    "scope": "Namespaced",
                    "names": {"plural": "widgets", "kind": "Widget"},
                    "versions": [{"name": "v1", "served": True, "storage": True}],
                },
            }
        )
        cluster.apply(
            {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "shop"}}
        )
        return before, (await get(wire, path))[1]["items"][0]["metadata"]["name"]

    assert play(act) == (404, "w")
