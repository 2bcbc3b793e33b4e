"""The predicates on workloads, Pods and Nodes, as tables."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.model.objects import Resource
from kwatch.model.observations import ObjectState
from kwatch.rules import workloads
from kwatch.rules.workloads import PATHS, Rollout
from kwatch.watch.extract import Projection, state_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KINDS = {token.partition(".")[0]: (token.partition(".")[2], paths) for token, paths in PATHS.items()}


def made(
    kind: str, spec: Mapping[str, Any] = {}, status: Mapping[str, Any] = {}, metadata: Mapping[str, Any] = {}
) -> ObjectState:
    """Return an object as the API server sends it, as the cache keeps it."""
    group, paths = KINDS[kind]
    named = {"name": "web", "namespace": "shop", "resourceVersion": "1", **metadata}
    body = {"metadata": named, "spec": dict(spec), "status": dict(status)}
    return state_of(Resource(group, "v1", kind, "", namespaced=True), Projection(paths), body)


def condition(kind: str, status: str, reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "reason": reason}]}


SEEN = {"observedGeneration": 2}
PROGRESSING = condition("Progressing", "True", "NewReplicaSetAvailable")
STUCK = condition("Progressing", "False", "ProgressDeadlineExceeded")


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"replicas": 3}, {"observedGeneration": 1}, Rollout.UNOBSERVED),
        ({"replicas": 3}, {**SEEN, "replicas": 3}, Rollout.ROLLING),
        ({"replicas": 3}, {**SEEN, "replicas": 3, "updatedReplicas": 2}, Rollout.ROLLING),
        ({"replicas": 3}, {**SEEN, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3}, Rollout.ROLLING),
        ({"replicas": 3}, {**SEEN, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}, Rollout.ROLLING),
        ({"replicas": 3}, {**SEEN, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}, Rollout.COMPLETE),
        # No Progressing condition says the same; one of an earlier rollout does not say that this one is complete.
        ({"replicas": 3}, {**SEEN, "replicas": 3, "updatedReplicas": 1, **PROGRESSING}, Rollout.ROLLING),
        ({"replicas": 3}, {**SEEN, "replicas": 3, "updatedReplicas": 1, **STUCK}, Rollout.STUCK),
        ({"replicas": 3, "paused": True}, {**SEEN, "replicas": 3, "updatedReplicas": 1}, Rollout.PAUSED),
        ({"replicas": 0}, SEEN, Rollout.COMPLETE),
        # Scaled up in the middle of it.
        ({"replicas": 5}, {**SEEN, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}, Rollout.ROLLING),
        # Absent is 1.
        ({}, {**SEEN, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}, Rollout.COMPLETE),
        # Old Pods that are shutting down are not counted.
        (
            {"replicas": 1},
            {**SEEN, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "terminatingReplicas": 1},
            Rollout.COMPLETE,
        ),
    ],
)
def test_a_deployment(spec: Mapping[str, Any], status: Mapping[str, Any], expected: Rollout) -> None:
    assert workloads.rollout_of(made("Deployment", spec, status, {"generation": 2})) is expected


SAME = {**SEEN, "currentRevision": "web-1", "updateRevision": "web-1"}
OTHER = {**SEEN, "currentRevision": "web-1", "updateRevision": "web-2"}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}
PARTITION = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}


@pytest.mark.parametrize(
    ("spec", "status", "expected", "replaces"),
    [
        ({"replicas": 3}, {**OTHER, "observedGeneration": 1, "readyReplicas": 3}, Rollout.UNOBSERVED, True),
        ({"replicas": 3}, {**SAME, "readyReplicas": 2, "updatedReplicas": 3}, Rollout.ROLLING, False),
        ({"replicas": 3}, {**OTHER, "readyReplicas": 3, "updatedReplicas": 2}, Rollout.ROLLING, True),
        ({"replicas": 3}, {**SAME, "readyReplicas": 3, "updatedReplicas": 3}, Rollout.COMPLETE, False),
        ({"replicas": 3, **PARTITION}, {**OTHER, "readyReplicas": 3}, Rollout.ROLLING, True),
        ({"replicas": 3, **PARTITION}, {**OTHER, "readyReplicas": 3, "updatedReplicas": 1}, Rollout.COMPLETE, False),
        ({"replicas": 3, **ON_DELETE}, {**OTHER, "readyReplicas": 1}, Rollout.COMPLETE, False),
        ({"replicas": 0}, SAME, Rollout.COMPLETE, False),
    ],
)
def test_a_stateful_set(
    spec: Mapping[str, Any], status: Mapping[str, Any], expected: Rollout, *, replaces: bool
) -> None:
    state = made("StatefulSet", spec, status, {"generation": 2})
    assert (workloads.rollout_of(state), workloads.replaces_pods(state)) == (expected, replaces)


def nodes(desired: int, current: int, updated: int, available: int) -> dict[str, int]:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    return {**SEEN, **dict(zip(names, (desired, current, updated, available), strict=True))}


@pytest.mark.parametrize(
    ("spec", "status", "expected", "replaces"),
    [
        ({}, {**nodes(3, 3, 3, 3), "observedGeneration": 1}, Rollout.UNOBSERVED, False),
        ({}, nodes(3, 3, 0, 3), Rollout.ROLLING, True),
        ({}, nodes(3, 3, 3, 2), Rollout.ROLLING, False),
        ({}, nodes(3, 3, 3, 3), Rollout.COMPLETE, False),
        ({}, nodes(4, 3, 3, 3), Rollout.ROLLING, False),  # a node has joined
        (ON_DELETE, nodes(3, 3, 1, 3), Rollout.COMPLETE, False),
        ({}, nodes(0, 0, 0, 0), Rollout.COMPLETE, False),
    ],
)
def test_a_daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any], expected: Rollout, *, replaces: bool) -> None:
    state = made("DaemonSet", spec, status, {"generation": 2})
    assert (workloads.rollout_of(state), workloads.replaces_pods(state)) == (expected, replaces)


@pytest.mark.parametrize(
    ("total", "updated", "expected"),
    [(3, 0, True), (4, 1, True), (3, 3, False), (0, 0, False)],
)
def test_a_deployment_replaces_pods_while_there_are_older_ones(total: int, updated: int, *, expected: bool) -> None:
    state = made("Deployment", {"replicas": 3}, {"replicas": total, "updatedReplicas": updated})
    assert workloads.replaces_pods(state) is expected


@pytest.mark.parametrize(
    ("kind", "metadata", "status", "expected"),
    [
        ("Deployment", {"annotations": {"deployment.kubernetes.io/revision": "7"}}, {}, "7"),
        ("StatefulSet", {}, {"updateRevision": "web-7f"}, "web-7f"),
        ("DaemonSet", {"annotations": {"deprecated.daemonset.template.generation": "4"}}, {}, "4"),
        ("Deployment", {}, {}, ""),
    ],
)
def test_what_names_a_revision(
    kind: str, metadata: Mapping[str, Any], status: Mapping[str, Any], expected: str
) -> None:
    assert workloads.revision_of(made(kind, metadata=metadata, status=status)) == expected


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("Deployment", {"replicas": 4, "updatedReplicas": 2, "availableReplicas": 3}, 5),
        ("StatefulSet", {"updatedReplicas": 2, "readyReplicas": 1}, 3),
        ("DaemonSet", nodes(3, 3, 2, 2), 4),
    ],
)
def test_how_far_a_rollout_is(kind: str, status: Mapping[str, Any], expected: int) -> None:
    assert workloads.achieved_by(made(kind, status=status)) == expected


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"),
    [
        ("Deployment", {"replicas": 3}, {"replicas": 2}, True),
        ("StatefulSet", {"replicas": 3}, {}, True),
        ("Deployment", {"replicas": 2}, {"replicas": 3}, False),
        ("Deployment", {"replicas": 2}, {"replicas": 2}, False),
        ("DaemonSet", {"replicas": 3}, {"replicas": 2}, False),
    ],
)
def test_a_workload_that_is_to_have_fewer_pods(
    kind: str, before: Mapping[str, Any], after: Mapping[str, Any], *, expected: bool
) -> None:
    assert workloads.has_shrunk(made(kind, before), made(kind, after)) is expected


@pytest.mark.parametrize(
    ("template", "replicas", "observed", "expected"),
    [
        ({"spec": {"containers": [{"image": "web:2"}]}}, 2, 1, True),
        ({"spec": {"containers": [{"image": "web:2"}]}}, 3, 1, True),
        ({"spec": {"containers": [{"image": "web:1"}]}}, 2, 1, False),
        ({"spec": {"containers": [{"image": "web:1"}]}}, 3, 1, False),
        ({"spec": {"containers": [{"image": "web:2"}]}}, 2, 0, False),
    ],
)
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_workload_of_which_other_pods_are_asked(
    kind: str, template: Mapping[str, Any], replicas: int, observed: int, *, expected: bool
) -> None:
    status = {"observedGeneration": observed}
    before = made(kind, {"replicas": 2, "template": {"spec": {"containers": [{"image": "web:1"}]}}}, status)
    after = made(kind, {"replicas": replicas, "template": template}, status)
    assert workloads.has_new_template(before, after) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [({**SEEN, "replicas": 3}, True), ({**SEEN, "replicas": 2}, False), ({"observedGeneration": 1}, True)],
)
def test_a_scale_down_lasts_until_the_controller_has_done_it(status: Mapping[str, Any], *, expected: bool) -> None:
    assert workloads.has_surplus(made("Deployment", {"replicas": 2}, status, {"generation": 2})) is expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(600, timedelta(minutes=10)), (2**31 - 1, None), (None, None)],
)
def test_the_deadline_of_a_deployment(seconds: int | None, expected: timedelta | None) -> None:
    assert workloads.deadline_of(made("Deployment", {"progressDeadlineSeconds": seconds})) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (condition("Complete", "True"), True),
        (condition("SuccessCriteriaMet", "True"), True),
        (condition("Complete", "False"), False),
        (condition("Failed", "True"), False),
        ({}, False),
    ],
)
def test_a_job_that_has_done_its_work(status: Mapping[str, Any], *, expected: bool) -> None:
    assert workloads.has_completed(made("Job", status=status)) is expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"unschedulable": True}, True),
        ({"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}, True),
        ({"taints": [{"key": "ToBeDeletedByClusterAutoscaler"}]}, True),
        ({"taints": [{"key": "node.kubernetes.io/not-ready"}]}, False),
        ({"unschedulable": False}, False),
        ({}, False),
    ],
)
def test_a_node_that_is_cordoned(spec: Mapping[str, Any], *, expected: bool) -> None:
    assert workloads.is_cordoned(made("Node", spec)) is expected


def owned(kind: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": "o", "apiVersion": "apps/v1", "uid": "u", "controller": True}]}


@pytest.mark.parametrize(
    ("metadata", "phase", "expected"),
    [
        ({}, "Running", True),
        (owned("ReplicaSet"), "Pending", True),
        (owned("DaemonSet"), "Running", False),
        (owned("Node"), "Running", False),
        ({}, "Succeeded", False),
        ({}, "Failed", False),
    ],
)
def test_a_pod_that_a_drain_has_to_move(metadata: Mapping[str, Any], phase: str, *, expected: bool) -> None:
    assert workloads.is_evictable(made("Pod", metadata=metadata, status={"phase": phase})) is expected


DELETED = {"deletionTimestamp": "2026-01-01T12:00:30Z"}


@pytest.mark.parametrize(
    ("metadata", "status", "expected"),
    [
        ({}, {}, None),
        (DELETED, {}, NOW + timedelta(seconds=90)),
        ({}, condition("DisruptionTarget", "True", "EvictionByEvictionAPI"), NOW + timedelta(seconds=60)),
        (
            DELETED,
            condition("DisruptionTarget", "True", "EvictionByEvictionAPI"),
            NOW + timedelta(seconds=90),
        ),
        ({}, condition("DisruptionTarget", "True", "TerminationByKubelet"), None),
        ({}, condition("DisruptionTarget", "False", "EvictionByEvictionAPI"), None),
        ({"deletionTimestamp": "soon"}, {}, NOW + timedelta(seconds=60)),
        ({"deletionTimestamp": "9999-12-31T23:59:59Z"}, {}, datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ({}, {"phase": "Succeeded"}, datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ({}, {"phase": "Failed"}, None),
    ],
)
def test_until_when_a_pod_is_expected_not_to_be_well(
    metadata: Mapping[str, Any], status: Mapping[str, Any], expected: datetime | None
) -> None:
    assert workloads.expected_until(made("Pod", metadata=metadata, status=status), NOW) == expected


def test_only_pods_end() -> None:
    assert workloads.expected_until(made("Node", metadata=DELETED), NOW) is None


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)


@given(kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_any_object_has_an_answer(kind: str, data: st.DataObject) -> None:
    paths = sorted(PATHS[next(token for token in PATHS if token.partition(".")[0] == kind)], key=repr)
    values = {path: data.draw(st.lists(SCALARS.filter(lambda each: each is not None), max_size=2)) for path in paths}
    known = made(kind)
    state = ObjectState(
        ref=known.ref, resource_version="1", values={path: tuple(found) for path, found in values.items()}
    )
    assert workloads.rollout_of(state) in Rollout
    assert workloads.replaces_pods(state) in (True, False)
    workloads.revision_of(state)
    workloads.deadline_of(state)
    workloads.expected_until(state, NOW)
    workloads.is_cordoned(state)
