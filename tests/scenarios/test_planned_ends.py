"""Planned changes that take Pods away: drains, scale-downs, ends of Jobs, single Pods."""

from pathlib import Path

import pytest

from kwatch.testing import manifests
from tests.scenarios.workloads import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path)
    made.stands()
    return made


# Drains


def drains(cluster: Cluster, at: float) -> None:
    """Let node-1 be drained in 20 s, with a Pod that no node takes for a while."""
    cluster.node(at, cordoned=True)
    for number, name in enumerate(("old-1", "old-2"), start=1):
        cluster.ends(at + number, name)
        cluster.stage.delete(at + 10 * number, name)
    waits(cluster, at + 2, at + 15)


def waits(cluster: Cluster, begin: float, end: float) -> None:
    """Let no node take a new Pod for a while."""
    pending = manifests.condition("PodScheduled", holds=False, since=cluster.stage.second(begin))
    scheduled = manifests.condition("PodScheduled", holds=True, since=cluster.stage.second(end))
    cluster.stage.pod(begin, "new", owner="Deployment/web", status={"conditions": [pending]})
    cluster.stage.pod(end, "new", owner="Deployment/web", node="node-2", status={"conditions": [scheduled]})


def test_a_drain_that_goes_well_is_one_line(cluster: Cluster) -> None:
    cluster.pod(-25, "agent", ready=True, owner="DaemonSet/agent")
    drains(cluster, 10)
    assert cluster.play() == ["60 hook notice planned-change Node/node-1"]
    assert cluster.said() == ["Node node-1 drained: 2 Pods moved, 19 s, 1 alert came and went"]


@pytest.mark.parametrize(
    ("reason", "lines"),
    [
        ("EvictionByEvictionAPI", ["59 hook notice planned-change Node/node-1"]),
        ("DeletionByTaintManager", ["12 hook firing pending shop/Deployment/web"]),
    ],
)
def test_so_is_one_whose_eviction_is_heard_before_the_cordon(cluster: Cluster, reason: str, lines: list[str]) -> None:
    """Pods and Nodes have a watch each; whether somebody evicts it, the Pod says."""
    evicted = {**manifests.condition("DisruptionTarget", holds=True, since=cluster.stage.second(10)), "reason": reason}
    for name in ("old-1", "old-2"):
        cluster.stage.pod(10, name, node="node-1", owner="Deployment/web", status={"conditions": [evicted]})
        cluster.ends(10, name)
        cluster.stage.delete(29, name)
    cluster.node(11, cordoned=True)
    waits(cluster, 12, 25)
    assert cluster.play()[:1] == lines


def test_what_a_drain_moved_may_start_elsewhere_when_the_node_is_empty(cluster: Cluster) -> None:
    """The Pod of a StatefulSet is made anew only when the one before is gone."""
    cluster.pod(-25, "db-0", ready=True, owner="StatefulSet/db")
    drains(cluster, 10)
    cluster.ends(12, "db-0")
    cluster.stage.delete(31, "db-0")
    cluster.pod(32, "db-0", ready=False, owner="StatefulSet/db", node="node-2")
    cluster.pod(50, "db-0", ready=True, owner="StatefulSet/db", node="node-2")
    assert cluster.play() == ["61 hook notice planned-change Node/node-1"]
    assert cluster.said() == ["Node node-1 drained: 3 Pods moved, 20 s, 2 alerts came and went"]


def test_what_a_drain_moved_and_does_not_start_is_told(cluster: Cluster) -> None:
    cluster.pod(-25, "db-0", ready=True, owner="StatefulSet/db")
    drains(cluster, 10)
    cluster.ends(12, "db-0")
    cluster.stage.delete(31, "db-0")
    cluster.pod(32, "db-0", ready=False, owner="StatefulSet/db", node="node-2")
    assert cluster.play() == ["151 hook firing not-ready shop/StatefulSet/db"]
    assert cluster.held_back() == ["the drain of Node node-1, after which it did not end"]


def test_a_drain_that_a_disruption_budget_blocks_tells_what_it_held_after_ten_minutes(cluster: Cluster) -> None:
    cluster.pod(-25, "blocked", ready=True, owner="StatefulSet/db")
    cluster.node(10, cordoned=True)
    cluster.ends(11, "old-1")
    cluster.stage.delete(20, "old-1")
    cluster.pod(30, "blocked", ready=False, owner="StatefulSet/db")
    assert cluster.play() == ["611 hook firing not-ready shop/StatefulSet/db"]
    assert cluster.held_back() == ["the drain of Node node-1, which takes too long"]


def test_a_cordon_alone_holds_nothing(cluster: Cluster) -> None:
    cluster.node(10, cordoned=True)
    cluster.pod(20, "old-1", ready=False)
    assert cluster.play(1000) == ["20 hook firing not-ready shop/Deployment/web"]


def test_a_node_that_goes_down_while_it_is_drained_is_told_with_what_was_held(cluster: Cluster) -> None:
    cluster.pod(-25, "last", ready=True, owner="StatefulSet/db")
    cluster.node(10, cordoned=True)
    cluster.ends(11, "old-1")
    cluster.pod(20, "last", ready=False, owner="StatefulSet/db")
    cluster.node(30, cordoned=True, ready=False)
    assert cluster.play(1000) == [
        "30 hook firing node-down Node/node-1",
        "30 hook firing not-ready shop/StatefulSet/db",
    ]


# Scale-downs, ends of Jobs, single Pods


def test_a_scale_down_that_goes_well_is_one_line(cluster: Cluster) -> None:
    cluster.deployment(10, 2, 2, 2, revision=1, spec={"replicas": 1})
    cluster.ends(11, "old-1")
    cluster.deployment(11, 1, 1, 1, revision=1, spec={"replicas": 1})
    cluster.pod(15, "old-1", ready=False)
    cluster.stage.delete(35, "old-1")
    assert cluster.play() == ["41 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web scaled down: 1 Pod fewer, 1 s, 1 alert came and went"]


def test_a_scale_down_in_steps_is_one_line(cluster: Cluster) -> None:
    for at, wanted in ((10, 1), (35, 0)):
        cluster.deployment(at, wanted + 1, wanted + 1, wanted + 1, revision=1, spec={"replicas": wanted})
        cluster.ends(at + 1, f"old-{wanted + 1}")
        cluster.pod(at + 2, f"old-{wanted + 1}", ready=False)
        cluster.deployment(at + 3, wanted, wanted, wanted, revision=1, spec={"replicas": wanted})
        cluster.stage.delete(at + 20, f"old-{wanted + 1}")
    assert cluster.play() == ["68 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web scaled down: 2 Pods fewer, 28 s, 1 alert came and went"]


def test_the_end_of_a_job_is_one_line(cluster: Cluster) -> None:
    stage = cluster.stage
    cluster.workload(-25, "batch/v1/Job")
    stage.pod(-25, "run", owner="Job/web", ready=True)
    ended = manifests.condition("Ready", holds=False, since=stage.second(10))
    stage.pod(10, "run", owner="Job/web", status={"phase": "Succeeded", "conditions": [ended]})
    complete = manifests.condition("Complete", holds=True, since=stage.second(11))
    cluster.workload(11, "batch/v1/Job", status={"conditions": [complete]})
    assert cluster.play() == ["41 hook notice planned-change shop/Job/web"]
    assert cluster.said() == ["Job shop/web has done its work, 1 alert came and went"]


def test_a_pod_that_is_deleted_may_be_not_ready_until_its_time_is_up(cluster: Cluster) -> None:
    cluster.ends(10, "old-1")
    cluster.pod(15, "old-1", ready=False)
    assert cluster.play(1000) == ["100 hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the end of its Pods"]


def test_of_two_changes_at_once_each_is_told(cluster: Cluster) -> None:
    cluster.deployment(5, 3, 1, 2)
    drains(cluster, 10)
    cluster.deployment(45, 2, 2, 2)
    assert cluster.play() == [
        "60 hook notice planned-change Node/node-1",
        "75 hook notice planned-change shop/Deployment/web",
    ]
