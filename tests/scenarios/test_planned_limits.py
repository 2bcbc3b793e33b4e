"""Planned changes near their limits, and over an absence of kwatch: what goes well is one line there, too."""

from pathlib import Path

import pytest

from kwatch.testing.fake import Effect, Fault
from tests.scenarios.workloads import RULES, Cluster

ROLLED_OUT = "hook notice planned-change shop/Deployment/web"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path)
    made.stands()
    return made


def test_a_rollout_that_ends_just_before_its_limit_has_its_time_to_settle(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.unhealthy(12)
    cluster.pod(594, "new", ready=True)
    cluster.deployment(595, 2, 2, 2)
    assert cluster.play() == [f"625 {ROLLED_OUT}"]
    assert cluster.said() == ["Deployment shop/web rolled out: 2 Pods, 9 min 45 s, 2 alerts came and went"]


def test_what_ends_within_two_minutes_after_the_end_is_not_told_for_the_limit(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(545, "late", ready=False)
    cluster.deployment(550, 2, 2, 2)
    cluster.pod(630, "late", ready=True)
    assert cluster.play() == [f"630 {ROLLED_OUT}"]


def test_what_is_wrong_for_longer_is_told_two_minutes_after_the_end(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(545, "late", ready=False)
    cluster.deployment(550, 2, 2, 2)
    assert cluster.play(1000) == ["670 hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the rollout of Deployment shop/web, after which it did not end"]


@pytest.mark.parametrize("is_asleep", [False, True])
def test_a_rollout_that_ends_while_kwatch_is_away_past_its_limit_is_told_after_it(
    cluster: Cluster, is_asleep: bool
) -> None:
    cluster.rolls_out(10)
    (cluster.stage.sleep if is_asleep else cluster.stage.absent)(25, 900)
    assert [line.partition(" ")[2] for line in cluster.play()] == [ROLLED_OUT]


def test_a_rollout_that_had_ended_is_judged_after_an_absence_by_what_is_seen_then(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.deployment(40, 2, 2, 2)
    cluster.stage.absent(60, 900)
    cluster.pod(100, "new", ready=True)
    assert [line.partition(" ")[2] for line in cluster.play()] == [ROLLED_OUT]


def test_a_rollout_that_went_on_past_its_limit_while_kwatch_was_away_tells_what_it_held(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.stage.absent(60, 900)
    lines = [line.partition(" ")[2] for line in cluster.play(1500)]
    assert lines == ["hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the rollout of Deployment shop/web, which takes too long"]


DRAINED = "hook notice planned-change Node/node-1"


def drains(cluster: Cluster) -> None:
    """Let the last Pod of node-1 be moved from 12 to 20."""
    cluster.stage.delete(-20, "old-2")
    cluster.node(10, cordoned=True)
    cluster.ends(12, "old-1")
    cluster.pod(14, "old-1", ready=False)
    cluster.stage.delete(20, "old-1")
    cluster.pod(21, "new", ready=True, node="node-2")


@pytest.mark.parametrize("back_at", [60, 900])
def test_a_drain_that_ends_while_kwatch_is_away_is_told_after_it(cluster: Cluster, back_at: float) -> None:
    drains(cluster)
    cluster.stage.absent(16, back_at)
    assert [line.partition(" ")[2] for line in cluster.play()] == [DRAINED]


def test_so_is_one_of_which_the_node_is_gone(cluster: Cluster) -> None:
    drains(cluster)
    cluster.stage.absent(16, 60)
    cluster.stage.delete(30, "node-1", kind="Node", namespace="")
    assert [line.partition(" ")[2] for line in cluster.play()] == [DRAINED]


def test_a_drain_that_goes_on_after_an_absence_is_not_over(cluster: Cluster) -> None:
    cluster.node(10, cordoned=True)
    cluster.ends(12, "old-1")
    cluster.pod(14, "old-1", ready=False)
    cluster.stage.absent(16, 60)
    cluster.ends(100, "old-2")
    cluster.pod(101, "old-2", ready=False)
    cluster.stage.delete(110, "old-1")
    cluster.stage.delete(115, "old-2")
    assert cluster.play() == [f"145 {DRAINED}"]
    assert cluster.said() == ["Node node-1 drained: 2 Pods moved, 1 min 43 s, 1 alert came and went"]


def test_the_noise_of_a_rollout_that_began_while_kwatch_was_away_is_held(cluster: Cluster) -> None:
    """It is seen to go on when kwatch is back, and its length counts from then."""
    cluster.rolls_out(100)
    cluster.stage.absent(95, 112)
    assert cluster.play() == [f"160 {ROLLED_OUT}"]
    assert cluster.said() == ["Deployment shop/web rolled out: 2 Pods, 18 s, 2 alerts came and went"]


def away(cluster: Cluster) -> None:
    """Let a rollout begin while kwatch is away from 95 to 112; its new Pod is not ready from 102 to 130."""
    cluster.stage.absent(95, 112)
    cluster.deployment(100, 3, 1, 2)
    cluster.pod(102, "new", ready=False)
    cluster.pod(130, "new", ready=True)
    cluster.deployment(140, 2, 2, 2)


@pytest.mark.parametrize("seconds", [0, 17])
def test_so_it_is_where_the_workloads_are_slow_to_list(cluster: Cluster, seconds: float) -> None:
    """Nothing waits for company here: whatever is told is told at once."""
    away(cluster)
    slow = Fault(effect=Effect.DELAY, path="*/deployments", seconds=seconds)
    cluster.stage.at(96, lambda: cluster.stage.cluster.faults.add(slow))
    assert cluster.play() == [f"170 {ROLLED_OUT}"]


def test_what_cannot_be_listed_for_half_a_minute_holds_nothing_up(cluster: Cluster) -> None:
    away(cluster)
    slow = Fault(effect=Effect.DELAY, path="*/deployments", seconds=31)
    cluster.stage.at(96, lambda: cluster.stage.cluster.faults.add(slow))
    cluster.pod(130, "new", ready=False)
    assert cluster.play(600) == ["142 hook firing not-ready shop/Deployment/web"]


def test_what_is_heard_a_moment_before_the_rollout_is_held(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, RULES.replace("group_wait: 0s", "group_wait: 10s"))
    cluster.stands()
    cluster.pod(10.2, "new", ready=False)
    cluster.deployment(10.4, 3, 1, 2)
    cluster.pod(30, "new", ready=True)
    cluster.deployment(40, 2, 2, 2)
    assert cluster.play() == [f"80 {ROLLED_OUT}"]


def test_what_began_before_that_is_told(cluster: Cluster) -> None:
    cluster.stage.pod(90, "old-1", ready=False, owner="Deployment/web", node="node-1")
    cluster.deployment(100, 3, 1, 2)
    cluster.stage.absent(95, 112)
    assert cluster.play(400) == ["90 hook firing not-ready shop/Deployment/web"]
