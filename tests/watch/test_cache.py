"""What frames make of the cache, and what it says of objects. T36, T41, P2, P3, P5."""

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kwatch.model.objects import ObjectRef, Owner, Resource, Source, WatchEvent, WatchEventType
from kwatch.model.observations import About, Change, ObjectChange, ObjectState, StatusCondition
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from tests.watch.wires import pod

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POD = Resource("", "v1", "Pod", "pods", namespaced=True)
PODS = Source(POD)
SETS = Source(Resource("apps", "v1", "ReplicaSet", "replicasets", namespaced=True), metadata_only=True)
DEPLOYMENTS = Source(Resource("apps", "v1", "Deployment", "deployments", namespaced=True))
JOBS = Source(Resource("batch", "v1", "Job", "jobs", namespaced=True))
NODES = Source(Resource("", "v1", "Node", "nodes", namespaced=False))
PHASE = ("status", "phase")
RESTARTS = ("status", "containerStatuses", None, "restartCount")


def new_cache(**projections: Projection) -> ObjectCache:
    """Keep the usual kinds; a projection is given by the name of its kind."""
    cache = ObjectCache()
    given = {"Pod": Projection(frozenset({PHASE, RESTARTS}))} | projections
    for source in (PODS, SETS, DEPLOYMENTS, JOBS, NODES):
        cache.keep(source.resource, given.get(source.resource.kind, Projection()))
    return cache


def frame(kind: WatchEventType, body: dict[str, Any] | None = None, version: str = "") -> WatchEvent:
    return WatchEvent(kind, body, body["metadata"]["resourceVersion"] if body else version, NOW)


def feed(cache: ObjectCache, source: Source, *frames: WatchEvent) -> list[tuple[str, str]]:
    """Apply frames; return what changed as (change, name)."""
    return [(change.change.value, change.state.ref.name) for each in frames for change in cache.apply(source, each)]


def listed(*bodies: dict[str, Any], version: str = "100") -> list[WatchEvent]:
    frames = [frame(WatchEventType.LISTED, body) for body in bodies]
    return [*frames, frame(WatchEventType.SYNCED, version=version)]


def owned(kind: str, name: str, group_version: str = "apps/v1", **more: Any) -> dict[str, Any]:
    owner = {"apiVersion": group_version, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}
    return {"metadata": {"ownerReferences": [owner], **more}}


ADDED, MODIFIED, DELETED = WatchEventType.ADDED, WatchEventType.MODIFIED, WatchEventType.DELETED
LOST, RESUMED = frame(WatchEventType.LOST), frame(WatchEventType.SYNCED)


def test_where_values_stand_is_kept_with_them() -> None:
    cache = new_cache(Pod=Projection(frozenset({PHASE, RESTARTS}), elementwise=frozenset({RESTARTS})))
    first = pod("web-1", 7, status={"phase": "Running", "containerStatuses": [{}, {"restartCount": 3}]})
    (created,) = cache.apply(PODS, frame(WatchEventType.ADDED, first))
    assert created.state.positions == {RESTARTS: ((1,),)}
    (updated,) = cache.apply(PODS, frame(WatchEventType.MODIFIED, pod("web-1", 8)))
    assert updated.before == created.state


def test_a_state_holds_what_was_asked_for_and_nothing_else() -> None:
    cache = new_cache()
    body = pod(
        "web-1",
        7,
        metadata={
            "creationTimestamp": "2026-11-21T11:00:00Z",
            "labels": {"app": "web"},
            "annotations": {"a": "b"},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u0"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u1", "controller": True},
            ],
        },
        spec={"nodeName": "node-1"},
        status={
            "phase": "Running",
            "containerStatuses": [{"restartCount": 3}, {"restartCount": 0}, {}],
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T11:30:00Z"},
                {"type": "Odd", "status": "False", "reason": "Why", "message": "m", "lastTransitionTime": ""},
                {"type": "Broken"},
                "no condition",
            ],
        },
    )
    expected = ObjectState(
        ref=ObjectRef("Pod", "web-1", "shop", "", "uid-web-1"),
        resource_version="7",
        created_at=datetime(2026, 11, 21, 11, tzinfo=UTC),
        labels={"app": "web"},
        owner=Owner("ReplicaSet", "web", "apps", "u1"),
        node="node-1",
        values={PHASE: ("Running",), RESTARTS: (3, 0)},
        conditions={
            "Ready": StatusCondition("True", changed_at=datetime(2026, 11, 21, 11, 30, tzinfo=UTC)),
            "Odd": StatusCondition("False", "Why", "m"),
        },
    )
    assert cache.apply(PODS, frame(ADDED, body)) == (ObjectChange(Change.CREATED, expected, None, NOW),)
    assert cache.get(ObjectRef("Pod", "web-1", "shop")) == expected


def test_a_number_that_the_api_cannot_hold_is_no_value() -> None:
    cache = new_cache()
    body = pod(
        "web-1", 7, status={"phase": 2**63, "containerStatuses": [{"restartCount": 10**30}, {"restartCount": 1}]}
    )
    (change,) = cache.apply(PODS, frame(ADDED, body))
    assert change.state.values == {RESTARTS: (1,)}


def test_annotations_are_kept_where_a_rule_asks() -> None:
    cache = new_cache(Pod=Projection(annotations=True))
    cache.apply(PODS, frame(ADDED, pod("a", 1, metadata={"annotations": {"a": "b"}})))
    state = cache.get(ObjectRef("Pod", "a", "shop"))
    assert state is not None
    assert state.annotations == {"a": "b"}


def test_a_node_is_on_itself() -> None:
    cache = new_cache()
    cache.apply(NODES, frame(ADDED, pod("node-1", 1, namespace="")))
    state = cache.get(ObjectRef("Node", "node-1"))
    assert state is not None
    assert state.node == "node-1"


def test_what_is_there_at_the_start_exists_and_what_comes_is_created() -> None:
    cache = new_cache()
    assert feed(cache, PODS, *listed(pod("a", 1)), frame(ADDED, pod("b", 101))) == [("existing", "a"), ("created", "b")]


def test_an_update_has_what_was_before() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("a", 1, status={"phase": "Pending"})))
    (change,) = cache.apply(PODS, frame(MODIFIED, pod("a", 2, status={"phase": "Running"})))
    assert change.change is Change.UPDATED
    assert change.before is not None
    assert (change.before.values[PHASE], change.state.values[PHASE]) == (("Pending",), ("Running",))


def test_T36_an_object_that_lives_for_a_moment_is_created_and_deleted() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed())
    assert feed(cache, PODS, frame(ADDED, pod("a", 101)), frame(DELETED, pod("a", 102))) == [
        ("created", "a"),
        ("deleted", "a"),
    ]


def test_T41_a_relist_with_the_same_versions_changes_nothing() -> None:
    cache = new_cache()
    pods = [pod(f"p{number}", number + 1) for number in range(100)]
    feed(cache, PODS, *listed(*pods))
    assert feed(cache, PODS, LOST, *listed(*pods, version="200")) == []


def test_P2_a_relist_makes_up_what_nobody_saw() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("kept", 1), pod("changed", 2), pod("gone", 3), pod("replaced", 4)))
    relisted = [pod("kept", 1), pod("changed", 9), pod("new", 10), pod("replaced", 11, uid="another")]
    assert feed(cache, PODS, LOST, *listed(*relisted, version="200")) == [
        ("updated", "changed"),
        ("created", "new"),
        ("deleted", "replaced"),
        ("created", "replaced"),
        ("deleted", "gone"),
    ]


def test_an_empty_list_deletes_all_and_a_resumed_watch_nothing() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("a", 1)))
    assert feed(cache, PODS, LOST, RESUMED) == []
    assert feed(cache, PODS, LOST, *listed(version="200")) == [("deleted", "a")]


def test_a_list_that_breaks_off_is_void() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("a", 1), pod("b", 2)))
    unfinished = frame(WatchEventType.LISTED, pod("a", 1))
    assert feed(cache, PODS, LOST, unfinished, LOST, *listed(pod("b", 2), version="200")) == [("deleted", "a")]


def test_a_list_of_one_namespace_ends_nothing_elsewhere() -> None:
    cache = new_cache()
    shop, bank = Source(POD, "shop"), Source(POD, "bank")
    feed(cache, shop, *listed(pod("a", 1)))
    feed(cache, bank, *listed(pod("b", 2, namespace="bank")))
    assert feed(cache, bank, LOST, *listed(version="200")) == [("deleted", "b")]


def test_a_list_of_a_restored_server_counts_though_its_versions_are_lower() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("a", 500)))
    assert feed(cache, PODS, LOST, *listed(pod("a", 50)), frame(MODIFIED, pod("a", 51))) == [
        ("updated", "a"),
        ("updated", "a"),
    ]


@pytest.mark.parametrize(
    "late",
    [
        frame(MODIFIED, pod("a", 9)),
        frame(MODIFIED, pod("a", 10)),
        frame(ADDED, pod("a", 10)),
        frame(DELETED, pod("a", 8, uid="older")),
        frame(DELETED, pod("unknown", 12)),
        frame(MODIFIED, pod("b", 10)),
    ],
    ids=["older", "same", "added again", "deletion of another", "deletion of an unknown", "after its deletion"],
)
def test_what_is_known_or_older_changes_nothing(late: WatchEvent) -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("a", 10), pod("b", 9)), frame(DELETED, pod("b", 11)))
    assert feed(cache, PODS, late) == []


@pytest.mark.parametrize("seed", range(20))
def test_P3_and_F_41_a_bad_stream_ends_like_a_perfect_one(seed: int) -> None:
    """Frames twice, late ones again, relists in between: the same objects and, per object, the same last change."""
    rng = random.Random(seed)
    alive: dict[str, dict[str, Any]] = {}
    perfect, bad = new_cache(), new_cache()
    past: list[WatchEvent] = []
    last: dict[str, dict[ObjectCache, str]] = {}
    for version in range(1, 300):
        name = f"p{rng.randrange(6)}"
        kind = (DELETED if rng.random() < 0.3 else MODIFIED) if name in alive else ADDED
        uid = alive[name]["metadata"]["uid"] if name in alive else f"uid-{version}"
        body = pod(name, version, uid=uid)
        now = frame(kind, body)
        alive.pop(name, None) if kind is DELETED else alive.update({name: body})
        past.append(now)
        is_lost = rng.random() < 0.1
        for cache, frames in (
            (perfect, [now]),
            (bad, [LOST, *listed(*alive.values(), version=str(version))] if is_lost else [now, rng.choice(past), now]),
        ):
            for change, changed in feed(cache, PODS, *frames):
                last.setdefault(changed, {})[cache] = change if change == "deleted" else "alive"
    assert bad.uids("Pod", "", "") == perfect.uids("Pod", "", "") == {b["metadata"]["uid"] for b in alive.values()}
    assert all(of[bad] == of[perfect] for of in last.values())


def test_uids_are_those_of_a_namespace_or_of_all() -> None:
    cache = new_cache()
    feed(cache, PODS, *listed(pod("a", 1), pod("b", 2, namespace="bank")))
    assert cache.uids("Pod", "", "") == {"uid-a", "uid-b"}
    assert cache.uids("Pod", "", "bank") == {"uid-b"}
    assert cache.uids("Nope", "", "") == frozenset()


def test_malformed_metadata_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        new_cache().apply(PODS, frame(ADDED, {"metadata": {"name": "a", "resourceVersion": "1", "labels": [1]}}))


# The owner chain


def with_workloads() -> ObjectCache:
    cache = new_cache()
    feed(cache, DEPLOYMENTS, *listed(pod("web", 1)))
    feed(cache, SETS, *listed(pod("web-5f", 2, **owned("Deployment", "web"))))
    feed(cache, JOBS, *listed(pod("backup-1", 3, **owned("CronJob", "backup", "batch/v1")), pod("once", 4)))
    return cache


@pytest.mark.parametrize(
    ("body", "workload"),
    [
        (pod("p", 9), "Pod/p"),
        (pod("p", 9, **owned("ReplicaSet", "web-5f")), "Deployment/web"),
        (pod("p", 9, **owned("Job", "backup-1", "batch/v1")), "CronJob/backup"),
        (pod("p", 9, **owned("Job", "once", "batch/v1")), "Job/once"),
        (pod("p", 9, **owned("DaemonSet", "agent")), "DaemonSet/agent"),
        (pod("p", 9, **owned("Rollout", "canary", "argoproj.io/v1alpha1")), "Rollout/canary"),
        (pod("p", 9, **owned("ReplicaSet", "web-5f", "example.com/v1")), "ReplicaSet/web-5f"),
    ],
    ids=["bare", "deployment", "cron job", "job", "daemon set", "custom owner", "another ReplicaSet"],
)
def test_the_workload_is_the_top_controller(body: dict[str, Any], workload: str) -> None:
    cache = with_workloads()
    cache.apply(PODS, frame(ADDED, body))
    about = cache.about(ObjectRef("Pod", "p", "shop", "", "uid-p"))
    assert about is not None
    assert about.workload == workload


def test_owners_in_a_ring_end() -> None:
    cache = new_cache()
    feed(cache, SETS, *listed(pod("ring", 1, **owned("ReplicaSet", "ring"))))
    assert cache.about(ObjectRef("ReplicaSet", "ring", "shop", "apps")) is not None


def test_a_missing_owner_is_to_be_fetched_and_then_known() -> None:
    cache = new_cache()
    cache.apply(PODS, frame(ADDED, pod("p", 9, **owned("ReplicaSet", "web-5f"))))
    ref = ObjectRef("Pod", "p", "shop", "", "uid-p")
    owner = ObjectRef("ReplicaSet", "web-5f", "shop", "apps", "uid-web-5f")
    assert cache.about(ref) is None
    assert cache.missing(ref) == owner
    cache.put_fetched(owner, SETS.resource, msgspec.json.encode(pod("web-5f", 2, **owned("Deployment", "web"))))
    deployment = cache.missing(ref)
    assert deployment is None
    about = cache.about(ref)
    assert about is not None
    assert about.workload == "Deployment/web"


# Misses


def test_an_unknown_object_of_a_watched_kind_is_a_miss_until_it_was_asked_for() -> None:
    cache = new_cache()
    ref = ObjectRef("Pod", "late", "shop", "", "uid-late")
    assert cache.about(ref) is None
    assert cache.missing(ref) == ref
    cache.put_fetched(ref, POD, None)
    assert cache.about(ref) == About(None, "Pod/late", is_gone=True)
    (change,) = cache.apply(PODS, frame(ADDED, pod("late", 9)))
    assert change.change is Change.CREATED
    assert cache.about(ref) == About(change.state, "Pod/late")


@pytest.mark.parametrize(
    ("body", "is_gone"),
    [(b"[", False), (b'{"metadata":{}}', False), (msgspec.json.encode(pod("late", 9, uid="another")), True)],
)
def test_an_answer_that_is_not_the_object_is_none(body: bytes, is_gone: bool) -> None:
    cache = new_cache()
    ref = ObjectRef("Pod", "late", "shop", "", "uid-late")
    cache.put_fetched(ref, POD, body)
    assert cache.about(ref) == About(None, "Pod/late", is_gone)


def test_a_kind_that_is_not_watched_is_never_a_miss() -> None:
    assert new_cache().about(ObjectRef("Secret", "s", "shop")) == About(None, "Secret/s")


def test_of_a_deleted_object_its_labels_stay_known_but_not_its_status() -> None:
    cache = with_workloads()
    body = pod("p", 9, **owned("ReplicaSet", "web-5f", labels={"team": "shop"}), status={"phase": "Failed"})
    feed(
        cache,
        PODS,
        frame(ADDED, body),
        frame(DELETED, pod("p", 10, **owned("ReplicaSet", "web-5f", labels={"team": "shop"}))),
    )
    ref = ObjectRef("Pod", "p", "shop", "", "uid-p")
    about = cache.about(ref)
    assert cache.get(ref) is None
    assert about is not None
    assert about.is_gone
    assert about.state is not None
    assert (about.workload, about.state.labels, about.state.values) == ("Deployment/web", {"team": "shop"}, {})


def test_the_kubelet_names_a_node_where_its_uid_should_be() -> None:
    cache = new_cache()
    cache.apply(NODES, frame(ADDED, pod("node-1", 1, namespace="", uid="real")))
    assert cache.get(ObjectRef("Node", "node-1", uid="node-1")) is not None
    assert cache.get(ObjectRef("Node", "node-1", uid="another")) is None
