"""The noise of a rollout that began while the watches were broken is held, too, in whatever order they are back."""

from pathlib import Path

import pytest

from kwatch.testing.fake import Effect, Fault
from tests.scenarios.workloads import RULES, Cluster

ROLLED_OUT = "205 hook notice planned-change shop/Deployment/web"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A rollout begins at 100; its new Pod is not ready from 102 to 150. What is told waits 15 s for company."""
    made = Cluster(tmp_path, RULES.replace("group_wait: 0s", "group_wait: 15s"))
    made.stands()
    made.deployment(100, 3, 1, 2)
    made.pod(102, "new", ready=False)
    made.pod(150, "new", ready=True)
    made.deployment(160, 2, 2, 2)
    return made


def breaks(cluster: Cluster, effect: Effect, path: str, begin: float, end: float) -> None:
    """Let watches break and answers fail for a while."""

    def strike() -> None:
        cluster.stage.cluster.faults.add(Fault(effect=Effect.HTML_500, path=path, times=1_000_000))
        cluster.stage.cluster.strike(Fault(effect=effect, path=path))

    cluster.stage.at(begin, strike)
    cluster.stage.at(end, cluster.stage.cluster.faults.clear)


@pytest.mark.parametrize("path", ["*", "*/deployments"])
@pytest.mark.parametrize("effect", [Effect.DROP, Effect.GONE])
def test_a_rollout_that_began_while_its_watch_was_broken(cluster: Cluster, effect: Effect, path: str) -> None:
    breaks(cluster, effect, path, 95, 112)
    assert cluster.play() == [ROLLED_OUT]


def test_a_rollout_that_began_while_the_machine_slept(cluster: Cluster) -> None:
    cluster.stage.sleep(95, 112)
    assert cluster.play() == [ROLLED_OUT]


def test_one_that_is_heard_when_company_was_waited_for_in_vain_holds_nothing(cluster: Cluster) -> None:
    breaks(cluster, Effect.DROP, "*/deployments", 95, 140)
    assert cluster.play(149) == ["117 hook firing not-ready shop/Deployment/web"]


def test_what_was_not_ready_before_the_break_is_told(cluster: Cluster) -> None:
    cluster.pod(90, "old-1", ready=False)
    breaks(cluster, Effect.DROP, "*", 95, 103)
    assert cluster.play(149) == ["105 hook firing not-ready shop/Deployment/web"]
