"""Limits of memory, end to end: reached, counted, and told at most once an hour."""

from pathlib import Path

from tests.scenarios.workloads import Cluster


def rolls_out(cluster: Cluster, at: float, name: str) -> None:
    """Let a Deployment begin a rollout that gets nowhere."""
    cluster.workload(
        at,
        spec={"replicas": 2, "progressDeadlineSeconds": 600},
        status={"observedGeneration": 99, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2},
        metadata={"name": name, "annotations": {"deployment.kubernetes.io/revision": "2"}},
    )


def test_a_limit_that_is_reached_is_told_once_an_hour(tmp_path: Path) -> None:
    """A thousand rollouts can be held at a time; the others hold nothing."""
    cluster = Cluster(tmp_path)
    for number in range(1001):
        rolls_out(cluster, 10, f"web-{number}")
    rolls_out(cluster, 100, "later")
    what = "hook meta the cluster sends more than memory is for"
    assert cluster.play(7300) == [f"10 {what}", f"3630 {what}"]
    assert "planned changes beyond 1,000 at a time hold nothing" in cluster.stage.told[0].document["message"]
    assert cluster.stage.counted("decisions", outcome="planned_dropped") == 2
