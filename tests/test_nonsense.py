"""Whatever the API server sends, kwatch goes on, and tells a real problem afterwards."""

import copy
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kwatch.cluster.wire import NOTHING, READ_LIMIT
from kwatch.testing import manifests
from kwatch.testing.fake import FakeCluster, FakeWire
from kwatch.testing.fake.wire import FakeResponse
from kwatch.testing.stage import Stage

#: The built-in rules too: they look at everything.
RULES = """
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s}
  - {name: noted, on: event, match: {kind: Pod, reason: Noted, labels: {app: web}}, mode: notice, key: [name]}
  - {name: moved, on: resource, match: {kind: Pod, changed: {path: spec.nodeName}}, mode: notice}
route: {receiver: team, group_by: [rule, namespace, name], group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""
#: How many watches of each path are spoiled, and how many lists.
TIMES = 2

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 10**30, -1])
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(
        ["", "0", "Failed", "True", "2026-01-01T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
# The version is one that the server has reached: from a later one a watch would resume beyond what is to come.
METADATA = {"uid": "u-1", "resourceVersion": "1", "creationTimestamp": "2026-01-01T12:00:00Z", "labels": {"app": "web"}}
POD = manifests.pod(
    "odd",
    owner="ReplicaSet/odd-1",
    node="node-1",
    labels={"app": "web"},
    status={
        "phase": "Failed",
        "conditions": [manifests.condition("Ready", holds=False, since="2026-01-01T12:00:00Z")],
        "containerStatuses": [
            {
                "name": "main",
                "restartCount": 3,
                "ready": False,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
            }
        ],
    },
)
CORE_EVENT = manifests.core_event(
    "odd.1",
    "Pod/shop/odd",
    reason="Noted",
    message="it happened",
    count=2,
    first="2026-01-01T12:00:00Z",
    last="2026-01-01T12:00:01Z",
)
NEW_EVENT = manifests.new_event(
    "odd.2",
    "Pod/shop/odd",
    reason="BackOff",
    message="it happened",
    at="2026-01-01T12:00:00.000001Z",
    created="2026-01-01T12:00:00Z",
    series={"count": 3, "lastObservedTime": "2026-01-01T12:00:05.000001Z"},
)
WHOLE = [{**body, "metadata": {**METADATA, **body["metadata"]}} for body in (POD, CORE_EVENT, NEW_EVENT)]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for step, inner in steps for deeper in paths(inner, (*path, step)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


@st.composite
def almost_objects(draw: st.DrawFn) -> Any:
    """A Pod or an Event with something else in one to three places."""
    body = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(1, 3))):
        body = replaced(body, draw(st.sampled_from(paths(body))), draw(JSON))
    return body


OBJECTS = almost_objects() | JSON
FRAMES = st.builds(
    lambda kind, body: json.dumps({"type": kind, "object": body}).encode(),
    st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "", "x"]),
    OBJECTS,
)
LINES = st.lists(FRAMES | st.builds(lambda value: json.dumps(value).encode(), JSON) | st.binary(), max_size=8)


class SpoiledResponse(FakeResponse):
    """Lines among those of a watch: while it lists, and when its list is complete."""

    lines: bytes = b""

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.lines or b"\n"
        async for piece in super().chunks():
            yield piece
            if b"initial-events-end" in piece:
                yield self.lines or b"\n"


class ListedNonsense(FakeResponse):
    """Objects beside those of a list."""

    objects: list[Any]

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        body = json.loads(await super().read(limit))
        if isinstance(body, dict) and isinstance(body.get("items"), list):
            body["items"] += self.objects
        return json.dumps(body).encode()


class SpoiledWire(FakeWire):
    """The first answers of each path hold nonsense."""

    def __init__(self, cluster: FakeCluster, lines: list[bytes], objects: list[Any]) -> None:
        super().__init__(cluster)
        self._lines = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
        self._objects = objects
        self._spoiled: dict[tuple[str, bool], int] = {}

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        timeout: float | None = 30.0,  # noqa: ASYNC109 - the interface's word
        read_timeout: float | None = None,
    ) -> AsyncIterator[FakeResponse]:
        arguments = {"query": query, "headers": headers, "timeout": timeout, "read_timeout": read_timeout}
        async with super().request(method, path, **arguments) as response:  # type: ignore[arg-type]
            is_watch = "watch" in query
            self._spoiled[path, is_watch] = self._spoiled.get((path, is_watch), 0) + 1
            if response.status == 200 and self._spoiled[path, is_watch] <= TIMES:
                response.__class__ = SpoiledResponse if is_watch else ListedNonsense
                vars(response).update(lines=self._lines, objects=self._objects)
            yield response


class JunkWire(FakeWire):
    """The first answers are junk, whatever was asked: discovery, lists, watches, single objects."""

    def __init__(self, cluster: FakeCluster, junk: list[tuple[int, bytes]]) -> None:
        super().__init__(cluster)
        self._junk = junk

    @asynccontextmanager
    async def request(self, method: str, path: str, **words: Any) -> AsyncIterator[FakeResponse]:
        async with super().request(method, path, **words) as response:
            if self._junk:
                response.status, response._body = self._junk.pop()
            yield response


def tell(stage: Stage) -> None:
    """Let a real problem begin after the nonsense; it must be told, and no bug have come to light."""
    stage.pod(900, "real", status={"phase": "Failed"})
    stage.run(until=1000)
    assert "900 hook firing broken shop/Pod/real" in stage.lines
    bugs = ("decide_errors", "watch_errors", "lookup_errors", "commit_failures", "outbox_errors")
    counters = stage.counters.read()
    assert [series for series in counters if series[0] in bugs or ("outcome", "failed") in series[1]] == []


@pytest.mark.parametrize("watch_list", [True, False])
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(lines=LINES, objects=st.lists(OBJECTS, max_size=4))
def test_T44_frames_and_objects_of_any_form(watch_list: bool, lines: list[bytes], objects: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), RULES)
        stage.cluster.watch_list = watch_list
        stage.wire = lambda cluster: SpoiledWire(cluster, lines, objects)
        tell(stage)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(
    junk=st.lists(
        st.tuples(
            st.sampled_from([200, 200, 200, 204, 301, 400, 403, 404, 410, 429, 500]),
            st.binary() | st.builds(lambda value: json.dumps(value).encode(), JSON),
        ),
        max_size=12,
    )
)
def test_answers_of_any_form(junk: list[tuple[int, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), RULES)
        stage.wire = lambda cluster: JunkWire(cluster, list(junk))
        tell(stage)
