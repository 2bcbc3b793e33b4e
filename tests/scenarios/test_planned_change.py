"""Planned change: the noise of what goes well is one line, and is told in full when it does not go well."""

from pathlib import Path

import pytest

from tests.scenarios.workloads import NOT_READY, UNHEALTHY, Cluster
from tests.scenarios.writing import text


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


def test_a_rollout_begins_with_the_template_before_its_controller_says_so(cluster: Cluster) -> None:
    cluster.asks(9, template={"spec": {"priority": 1}})
    cluster.pod(10, "new", ready=False)
    cluster.deployment(12, 3, 1, 2, observedGeneration=100)
    cluster.pod(100, "new", ready=True)
    cluster.deployment(110, 2, 2, 2, observedGeneration=100)
    assert cluster.play() == ["140 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web rolled out: 2 Pods, 1 min 41 s, 1 alert came and went"]


def test_what_no_controller_sees_for_a_minute_is_no_rollout(cluster: Cluster) -> None:
    cluster.asks(9, template={"spec": {"priority": 1}})
    cluster.pod(20, "old-1", ready=False)
    assert cluster.play(1000) == ["69 hook firing not-ready shop/Deployment/web"]
    assert cluster.held_back() == ["the rollout of Deployment shop/web, which takes too long"]


def test_so_does_one_that_comes_with_another_number_of_pods(cluster: Cluster) -> None:
    cluster.asks(9, template={"spec": {"priority": 1}}, replicas=3)
    cluster.pod(10, "new", ready=False)
    cluster.deployment(12, 3, 1, 2, observedGeneration=100, spec={"replicas": 3})
    cluster.pod(100, "new", ready=True)
    cluster.deployment(110, 3, 3, 3, observedGeneration=100, spec={"replicas": 3})
    assert cluster.play() == ["140 hook notice planned-change shop/Deployment/web"]
    assert cluster.said() == ["Deployment shop/web rolled out: 3 Pods, 1 min 41 s, 1 alert came and went"]


def test_what_asks_for_no_other_pods_is_no_rollout(cluster: Cluster) -> None:
    cluster.asks(9, minReadySeconds=5)
    cluster.pod(10, "old-1", ready=False)
    cluster.deployment(11, 2, 2, 2, revision=1, observedGeneration=100)
    assert cluster.play(1000) == ["10 hook firing not-ready shop/Deployment/web"]


def test_what_replaces_no_pods_is_no_rollout(cluster: Cluster) -> None:
    """A template that was asked for before has its Pods."""
    cluster.asks(9, template={"spec": {"priority": 1}})
    cluster.deployment(11, 2, 2, 2, revision=1, observedGeneration=100)
    cluster.pod(20, "old-1", ready=False)
    assert cluster.play(1000) == ["20 hook firing not-ready shop/Deployment/web"]


def test_another_number_of_pods_is_no_rollout(cluster: Cluster) -> None:
    cluster.asks(9, replicas=3)
    cluster.pod(20, "old-1", ready=False)
    assert cluster.play(1000) == ["20 hook firing not-ready shop/Deployment/web"]


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
    assert cluster.play(1000) == [
        "-30 hook meta kwatch may not watch apps/v1/deployments: what needs it is missed",
        "11 hook firing not-ready shop/Deployment/web",
    ]
