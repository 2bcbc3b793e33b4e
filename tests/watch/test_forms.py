"""Bodies decoded in the form of what is kept say the same as whole ones."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.model.conditions import Path
from kwatch.model.objects import Resource
from kwatch.watch.extract import Projection, form_of, state_of
from kwatch.watch.frames import MALFORMED, OBJECTS, objects

PODS = Resource("", "v1", "Pod", "pods", namespaced=True)
PATHS: frozenset[Path] = frozenset(
    {
        ("metadata", "deletionTimestamp"),
        ("status", "phase"),
        ("status", "containerStatuses", None, "state", "waiting", "reason"),
        ("status", "containerStatuses", None, "restartCount"),
        ("spec", "containers", None, "image"),
        ("spec", "strange-name", "a.b/c"),
    }
)
PROJECTION = Projection(PATHS)
METADATA = {"name": "web-1", "namespace": "shop", "uid": "u", "resourceVersion": "7", "managedFields": [{"a": 1}]}
WELL: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {**METADATA, "deletionTimestamp": "2026-01-01T12:00:00Z", "labels": {"app": "web"}},
    "spec": {"nodeName": "n1", "containers": [{"image": "a:1"}, {"image": "b:2"}], "strange-name": {"a.b/c": 5}},
    "status": {
        "phase": "Running",
        "containerStatuses": [{"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}],
    },
}


def frame(body: object) -> bytes:
    return msgspec.json.encode({"type": "ADDED", "object": body})


def test_a_usual_object_is_decoded_as_far_as_it_is_kept() -> None:
    body = objects(PROJECTION).frame(frame(WELL)).object
    assert type(body).__name__ == "Body"
    assert state_of(PODS, PROJECTION, body).values == {
        ("metadata", "deletionTimestamp"): ("2026-01-01T12:00:00Z",),
        ("status", "phase"): ("Running",),
        ("status", "containerStatuses", None, "state", "waiting", "reason"): ("CrashLoopBackOff",),
        ("status", "containerStatuses", None, "restartCount"): (3,),
        ("spec", "containers", None, "image"): ("a:1", "b:2"),
        ("spec", "strange-name", "a.b/c"): (5,),
    }


@pytest.mark.parametrize("whole", [False, True], ids=["in its form", "whole"])
def test_where_values_stand_is_kept_where_that_is_asked(whole: bool) -> None:
    image, port = ("spec", "containers", None, "image"), ("spec", "containers", None, "ports", None, "port")
    projection = Projection(frozenset({image, port, ("status", "phase")}), elementwise=frozenset({image, port}))
    containers = [{"ports": [{"port": 1}, {}, {"port": 3}]}, {"image": "b:2"}, {"image": "c:3", "ports": [{"port": 4}]}]
    body = {**WELL, "spec": {"containers": containers}}
    state = state_of(PODS, projection, body if whole else objects(projection).frame(frame(body)).object)
    assert state.values == {image: ("b:2", "c:3"), port: (1, 3, 4), ("status", "phase"): ("Running",)}
    assert state.positions == {image: ((1,), (2,)), port: ((0, 0), (0, 2), (2, 0))}


def test_what_stands_first_and_alone_needs_no_position() -> None:
    port = ("spec", "containers", None, "ports", None, "port")
    body = {**WELL, "spec": {"containers": [{"ports": [{"port": 1}]}, {}]}}
    state = state_of(PODS, Projection(frozenset({port}), elementwise=frozenset({port})), body)
    assert state.positions == {}
    assert state.positions_of(port) == ((0, 0),)


@pytest.mark.parametrize(
    "strange",
    [
        {**WELL, "spec": "none"},
        {**WELL, "spec": None},
        {**WELL, "status": {"phase": {"a": 1}, "containerStatuses": {"b": 2}}},
        {**WELL, "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "soon"}, 7]}},
        {**WELL, "status": {"conditions": {"type": "Ready"}, "containerStatuses": [None, {"restartCount": 1}]}},
        {"metadata": METADATA},
    ],
)
def test_an_object_of_another_form_says_what_it_says_as_a_whole(strange: dict[str, Any]) -> None:
    narrow, whole = objects(PROJECTION).frame(frame(strange)), OBJECTS.frame(frame(strange))
    assert state_of(PODS, PROJECTION, narrow.object) == state_of(PODS, PROJECTION, whole.object)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["phase", "nodeName", "state", "reason", "type", "status"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(spec=JSON, status=JSON, metadata=st.just(METADATA) | JSON)
def test_any_object_says_the_same_in_both_shapes(spec: object, status: object, metadata: object) -> None:
    line = frame({"metadata": metadata, "spec": spec, "status": status})
    assert told(objects(PROJECTION), line) == told(OBJECTS, line)


def told(decoding: Any, line: bytes) -> object:
    try:
        body = decoding.frame(line).object
        return decoding.version(body), state_of(PODS, PROJECTION, body)
    except MALFORMED:
        return "malformed"


@pytest.mark.parametrize("path", [("metadata", "name"), ("metadata", "labels", "app"), ("status", None), (None, "a")])
def test_paths_that_a_form_cannot_hold_are_read_from_the_whole_body(path: Path) -> None:
    projection = Projection(frozenset({path}))
    assert form_of(projection) is None
    assert objects(projection) is OBJECTS


def test_conditions_whose_fields_a_rule_reads_are_both_values_and_conditions() -> None:
    projection = Projection(frozenset({("status", "conditions", None, "type")}))
    state = state_of(PODS, projection, objects(projection).frame(frame(WELL)).object)
    assert state.values == {("status", "conditions", None, "type"): ("Ready",)}
    assert state.conditions["Ready"].status == "True"
