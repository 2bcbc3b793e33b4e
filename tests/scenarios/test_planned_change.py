"""Planned change: the noise of what goes well is one line, and is told in full when it does not go well."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing import manifests
from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

NOT_READY = '{name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 5s%s}'
UNHEALTHY = "{name: unhealthy, on: event, match: {reason: Unhealthy, kind: Pod}, key: [namespace, workload]%s}"
NO_IMAGE = (
    '{name: no-image, on: resource, match: {kind: Pod, fields: {"status.containerStatuses[*].state.waiting.reason": '
    "ErrImagePull}}, planned: tell}"
)
NODE_DOWN = '{name: node-down, on: resource, match: {kind: Node, condition: {Ready: "False"}}, severity: critical}'
PENDING = '{name: pending, on: resource, match: {kind: Pod, condition: {PodScheduled: "False"}}, resolve_hold: 5s}'
RULES = text(NOT_READY % "", UNHEALTHY % ", quiet: 12h", NO_IMAGE, NODE_DOWN, PENDING)


class Cluster:
    """The cluster of a play: the Deployment shop/web and its Pods, on two Nodes."""

    def __init__(self, folder: Path, rules: str = RULES) -> None:
        self.stage = Stage(folder, rules)

    def deployment(
        self, at: float, total: int, updated: int, available: int, *, revision: int = 2, **more: Any
    ) -> None:
        """Let the Deployment say how many Pods there are, of the newest revision, and available; it wants two."""
        status = {"observedGeneration": 99, "replicas": total, "updatedReplicas": updated}
        self.workload(
            at,
            spec={"replicas": 2, "progressDeadlineSeconds": 600, **more.pop("spec", {})},
            status={**status, "availableReplicas": available, "conditions": [], **more},
            metadata={"annotations": {"deployment.kubernetes.io/revision": str(revision)}},
        )

    def workload(
        self, at: float, kind: str = "apps/v1/Deployment", metadata: Mapping[str, Any] = {}, **body: Any
    ) -> None:
        """Write an object named web."""
        version, _, name = kind.rpartition("/")
        named = {"name": "web", "namespace": "shop", **metadata}
        self.stage.apply(at, {"apiVersion": version, "kind": name, "metadata": named, **body})

    def pod(self, at: float, name: str, *, ready: bool, image: bool = True, **more: Any) -> None:
        """Write a Pod of the Deployment."""
        waiting = [] if image else [{"name": "main", "state": {"waiting": {"reason": "ErrImagePull"}}}]
        more = {"owner": "Deployment/web", "node": "node-1", **more}
        self.stage.pod(at, name, ready=ready, status={"containerStatuses": waiting}, **more)

    def ends(self, at: float, name: str, *, grace: float = 30) -> None:
        """Let a Pod be deleted: it has until then."""
        metadata = {"name": name, "namespace": "shop", "deletionTimestamp": self.stage.second(at + grace)}
        self.stage.apply(at, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata})

    def unhealthy(self, at: float, count: int = 1, *, pod: str = "new") -> None:
        """Write an Event of the kubelet."""
        self.stage.event(at, count, name=f"{pod}.unhealthy", about=f"Pod/shop/{pod}", reason="Unhealthy")

    def node(self, at: float, *, cordoned: bool = False, ready: bool = True, name: str = "node-1") -> None:
        """Write a Node."""
        conditions = [manifests.condition("Ready", holds=ready, since=self.stage.second(at))]
        node = manifests.node(name, status={"conditions": conditions})
        self.stage.apply(at, {**node, "spec": {"unschedulable": cordoned}})

    def stands(self) -> None:
        """Let all be well before the play."""
        self.deployment(-25, 2, 2, 2, revision=1)
        for name in ("old-1", "old-2"):
            self.pod(-25, name, ready=True)
        for name in ("node-1", "node-2"):
            self.node(-25, name=name)

    def rolls_out(self, at: float) -> None:
        """Let a rollout go well in 30 s; a readiness probe fails, and an old Pod is not ready at its end."""
        self.deployment(at, 3, 1, 2)
        self.pod(at + 1, "new", ready=False)
        self.unhealthy(at + 2)
        self.pod(at + 10, "new", ready=True)
        self.ends(at + 11, "old-1")
        self.pod(at + 12, "old-1", ready=False)
        self.stage.delete(at + 20, "old-1")
        self.ends(at + 21, "old-2")
        self.deployment(at + 30, 2, 2, 2)
        self.stage.delete(at + 40, "old-2")

    def play(self, until: float = 3600) -> list[str]:
        """Play it; return what was told."""
        self.stage.run(until=until)
        return self.stage.lines

    def said(self) -> list[str]:
        """Return the messages of the notices."""
        notices = (told.document for told in self.stage.told if told.kind == "notice")
        return [alert["message"] for document in notices for alert in document["alerts"]]

    def held_back(self) -> list[str]:
        """Return by what each alert was held back, in the order in which they were told."""
        documents = (told.document for told in self.stage.told if told.kind in ("firing", "update"))
        return [alert["held_back_by"] for document in documents for alert in document["alerts"]]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path)
    made.stands()
    return made


def test_a_rolling_update_that_goes_well_is_one_line(cluster: Cluster) -> None:
    cluster.rolls_out(10)
    assert cluster.play() == ["70 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web rolled out: 2 Pods, 30 s, 2 alerts came and went"]


def test_a_rolling_update_without_noise_is_not_told(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.deployment(40, 2, 2, 2)
    assert cluster.play() == []


def test_a_bad_image_tells_what_was_held_at_once(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.unhealthy(12)
    cluster.pod(30, "new", ready=False, image=False)
    assert cluster.play() == [
        "30 hook firing not-ready shop/Deployment/web, unhealthy shop/Deployment/web, no-image shop/Deployment/web"
    ]
    why = "the rollout of Deployment shop/web, during which no-image (shop, Deployment/web) began"
    assert cluster.held_back() == [why, why, ""]


def test_a_rollout_that_is_stuck_tells_what_was_held_at_once(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    cluster.deployment(310, 3, 1, 2, conditions=[condition])
    assert cluster.play(1000) == ["310 hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the rollout of Deployment shop/web, which is stuck"]


def test_a_rollout_that_takes_too_long_tells_what_was_held_then(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.deployment(600, 3, 1, 2, spec={"replicas": 2})
    assert cluster.play(1000) == ["610 hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the rollout of Deployment shop/web, which takes too long"]


def test_a_rollout_that_gets_further_has_its_time_anew_for_up_to_an_hour(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 0, 2)
    cluster.pod(11, "new", ready=False)
    for minute in range(1, 100):
        cluster.deployment(60 * minute, minute + 3, minute, 2)
    assert cluster.play(7000) == ["3610 hook firing not-ready shop/Deployment/web"]


def test_a_rollout_that_is_paused_tells_what_was_held(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.deployment(60, 3, 1, 2, spec={"paused": True})
    assert cluster.play(1000) == ["60 hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the rollout of Deployment shop/web, which is paused"]


def test_what_is_still_wrong_two_minutes_after_the_end_is_told(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.deployment(40, 2, 2, 2)
    assert cluster.play(1000) == ["160 hook firing not-ready shop/Deployment/web"]


def test_what_began_before_the_rollout_is_not_held(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, text(NOT_READY % "", route="group_wait: 15s"))
    cluster.stands()
    cluster.pod(5, "old-1", ready=False)
    cluster.deployment(10, 3, 1, 2)
    assert cluster.play(1000) == ["20 hook firing not-ready shop/Deployment/web"]


def test_what_begins_after_the_rollout_is_not_held(cluster: Cluster) -> None:
    cluster.rolls_out(10)
    cluster.pod(75, "new", ready=False)
    assert cluster.play(1000) == [
        "70 hook notice planned-change shop/Deployment/web",
        "75 hook firing not-ready shop/Deployment/web",
    ]


def test_an_alert_that_was_held_is_told_when_it_happens_again_after_the_rollout(cluster: Cluster) -> None:
    cluster.rolls_out(10)
    cluster.unhealthy(500, 2)
    assert cluster.play(1000) == [
        "70 hook notice planned-change shop/Deployment/web",
        "500 hook firing unhealthy shop/Deployment/web ×2",
    ]


def test_a_rollout_that_is_corrected_is_one_change(cluster: Cluster) -> None:
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.deployment(500, 3, 1, 2, revision=3)
    cluster.stage.delete(505, "new")
    cluster.deployment(700, 2, 2, 2, revision=3)
    assert cluster.play() == ["730 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web rolled out: 2 Pods, 11 min 30 s, 1 alert came and went"]


def test_a_rollout_that_corrects_one_that_was_stuck_is_held_again(cluster: Cluster) -> None:
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.deployment(310, 3, 1, 2, conditions=[stuck])
    cluster.deployment(400, 3, 1, 2, revision=3, conditions=[stuck], observedGeneration=0)
    cluster.deployment(401, 3, 1, 2, revision=3)
    cluster.stage.delete(405, "new")
    cluster.pod(411, "newer", ready=False)
    cluster.pod(420, "newer", ready=True)
    cluster.deployment(440, 2, 2, 2, revision=3)
    assert cluster.play() == [
        "310 hook firing not-ready shop/Deployment/web",
        "405 hook resolved not-ready shop/Deployment/web",
        "470 hook notice planned-change shop/Deployment/web",
    ]


def test_the_first_start_of_a_workload_is_no_rollout(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.deployment(0, 2, 2, 0, revision=1)
    cluster.pod(1, "new", ready=False)
    assert cluster.play(1000) == ["1 hook firing not-ready shop/Deployment/web"]


def test_a_rule_may_be_told_all_the_same(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, text(NOT_READY % ", planned: tell", UNHEALTHY % ""))
    cluster.stands()
    cluster.deployment(10, 3, 1, 2)
    cluster.unhealthy(11, pod="old-1")
    cluster.pod(12, "new", ready=False)
    assert cluster.play(1000) == ["12 hook firing unhealthy shop/Deployment/web, not-ready shop/Deployment/web"]


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("is_mended", [False, True])
@pytest.mark.parametrize("words", [", planned: tell", ", severity: critical"])
def test_a_rule_that_is_told_from_now_on_tells_what_it_held(
    tmp_path: Path, words: str, is_mended: bool, is_restarted: bool
) -> None:
    cluster = Cluster(tmp_path, text(NOT_READY % ""))
    cluster.stands()
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    if is_restarted:
        cluster.stage.absent(30, 30, text(NOT_READY % words))
    else:
        cluster.stage.reload(30, text(NOT_READY % words))
    if is_mended:
        cluster.pod(290, "new", ready=True)
    cluster.deployment(300, 2, 2, 2)
    ends = ["295 hook resolved not-ready shop/Deployment/web"] if is_mended else []
    assert cluster.play() == [f"{31 if is_restarted else 30} hook firing not-ready shop/Deployment/web", *ends]
    assert cluster.held_back() == [
        "the rollout of Deployment shop/web, during which not-ready (shop, Deployment/web) began"
    ]


def test_a_notice_that_is_told_from_now_on_is_not_held_any_longer(tmp_path: Path) -> None:
    noted = UNHEALTHY % ", mode: notice%s"
    cluster = Cluster(tmp_path, text(noted % "", NOT_READY % ""))
    cluster.stands()
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    cluster.unhealthy(12)
    cluster.stage.reload(30, text(noted % ", planned: tell", NOT_READY % ""))
    cluster.pod(290, "new", ready=True)
    cluster.deployment(300, 2, 2, 2)
    assert cluster.play() == [
        "30 hook notice unhealthy shop/Deployment/web",
        "330 hook notice planned-change shop/Deployment/web",
    ]
    assert cluster.said()[1:] == ["Deployment shop/web rolled out: 2 Pods, 4 min 50 s, 1 alert came and went"]


def test_notices_are_held_and_told_with_the_rest_or_not_at_all(tmp_path: Path) -> None:
    cluster = Cluster(
        tmp_path,
        text(
            UNHEALTHY % ", mode: notice",
            "{name: image, on: resource, mode: notice, "
            "match: {kind: Deployment, changed: [\"metadata.annotations['deployment.kubernetes.io/revision']\"]}}",
        ),
    )
    cluster.stands()
    cluster.deployment(10, 3, 1, 2)
    cluster.unhealthy(11, pod="old-1")
    cluster.deployment(40, 2, 2, 2)
    cluster.deployment(500, 3, 1, 2, revision=3)
    cluster.unhealthy(511, 2, pod="old-1")
    cluster.deployment(520, 3, 1, 2, revision=3, spec={"paused": True})
    assert cluster.play() == [
        "10 hook notice image shop/Deployment/web",
        "70 hook notice planned-change shop/Deployment/web",
        "500 hook notice image shop/Deployment/web",
        "520 hook notice unhealthy shop/Deployment/web",
    ]
    assert cluster.stage.counted("decisions", outcome="held_planned_change") == 1


def test_a_restart_in_the_middle_changes_nothing(cluster: Cluster) -> None:
    cluster.rolls_out(10)
    cluster.stage.absent(25, 35)
    assert cluster.play() == ["70 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web rolled out: 2 Pods, 30 s, 2 alerts came and went"]


def test_a_rollout_that_ends_while_kwatch_is_not_there_is_told_after_it(cluster: Cluster) -> None:
    cluster.rolls_out(10)
    cluster.stage.absent(35, 60)
    assert [line.partition(" ")[2] for line in cluster.play()] == ["hook notice planned-change shop/Deployment/web"]


def test_where_workloads_may_not_be_read_nothing_is_held(cluster: Cluster) -> None:
    cluster.stage.cluster.access.forbid("*", "deployments.apps")
    cluster.deployment(10, 3, 1, 2)
    cluster.pod(11, "new", ready=False)
    assert cluster.play(1000) == ["11 hook firing not-ready shop/Deployment/web"]


# Drains


def drains(cluster: Cluster, at: float) -> None:
    """Let node-1 be drained in 20 s, with a Pod that no node takes for a while."""
    cluster.node(at, cordoned=True)
    for number, name in enumerate(("old-1", "old-2"), start=1):
        cluster.ends(at + number, name)
        cluster.stage.delete(at + 10 * number, name)
    pending = manifests.condition("PodScheduled", holds=False, since=cluster.stage.second(at + 2))
    scheduled = manifests.condition("PodScheduled", holds=True, since=cluster.stage.second(at + 15))
    cluster.stage.pod(at + 2, "new", owner="Deployment/web", status={"conditions": [pending]})
    cluster.stage.pod(at + 15, "new", owner="Deployment/web", node="node-2", status={"conditions": [scheduled]})


def test_a_drain_that_goes_well_is_one_line(cluster: Cluster) -> None:
    cluster.pod(-25, "agent", ready=True, owner="DaemonSet/agent")
    drains(cluster, 10)
    assert cluster.play() == ["60 hook notice planned-change Node/node-1"]
    assert cluster.said() == ["Node node-1 drained: 2 Pods moved, 19 s, 1 alert came and went"]


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
