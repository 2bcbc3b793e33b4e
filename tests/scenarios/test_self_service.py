"""Self-service (spec 2.6, P12): annotations of objects, workloads and namespaces, through the shipped composition."""

from pathlib import Path

import pytest

from tests.scenarios.owners import allowing, deployed, ignored, outcomes, play, runbooks, severities
from tests.scenarios.plays import BROKEN, HOOK, NOTED, Silences
from tests.scenarios.test_reasons import ask


def test_a_muted_namespace_is_told_of_at_the_end_of_the_mute(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(200))
    pods.phase(20, "a")
    pods.phase(30, "b", ns="other")
    pods.phase(40, "c")
    pods.phase(50, "c", "Running")
    stage.run(until=600)
    assert stage.lines == ["30 hook firing broken other/Pod/b", "200 hook firing broken shop/Pod/a"]
    (alert,) = stage.told[1].document["alerts"]
    assert alert["held_back_by"] == "an annotation of Namespace/shop"
    assert outcomes(stage, "opened", "led_to_notification", "muted_annotation", "came_and_went") == [3, 2, 1, 0]


def test_a_mute_of_a_workload_is_about_its_pods_alone(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.deployment(10, mute_until=stage.second(200), mute_reason="migration")
    deployed(stage, 20, "web-1-a")
    pods.phase(30, "b")
    answers = ask(stage, 100, "Pod/shop/web-1-a")
    stage.run(until=600)
    assert stage.lines == [
        "30 hook firing broken shop/Pod/b",
        "200 hook update broken shop/Deployment/web, broken shop/Pod/b",
    ]
    (alert,) = answers[0]["alerts"]
    assert (alert["hold"]["by"], alert["hold"]["reason"]) == (
        "an annotation of Deployment/shop/web",
        "muted_annotation",
    )
    assert alert["hold"]["until"] == stage.second(200)
    assert alert["annotations"] == [
        {"object": "Deployment/shop/web", "annotation": "kwatch/mute-reason", "value": "migration", "ignored": ""},
        {"object": "Deployment/shop/web", "annotation": "kwatch/mute-until", "value": stage.second(200), "ignored": ""},
    ]


def test_an_object_is_muted_by_what_itself_says(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.pod(10, "a", mute_until=stage.second(200))
    pods.phase(20, "b")
    stage.run(until=600)
    assert stage.lines == ["20 hook firing broken shop/Pod/b", "200 hook update broken shop/Pod/a, broken shop/Pod/b"]


def test_workloads_are_heard_where_namespaces_may_not_be_read(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    for verb in ("list", "watch"):
        stage.cluster.access.forbid(verb, "namespaces")
    owners.namespace(5, mute_until=stage.second(300))
    owners.deployment(10, mute_until=stage.second(200))
    deployed(stage, 20, "web-1-a")
    pods.phase(30, "b")
    stage.run(until=600)
    assert stage.lines[:2] == [
        "-30 hook meta kwatch may not watch v1/namespaces: what needs it is missed",
        "30 hook firing broken shop/Pod/b",
    ]
    assert [told.at for told in stage.told] == [-30, 30, 200]


def test_an_annotation_that_is_taken_away_ends_the_mute_at_once(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(500))
    pods.phase(20, "a")
    owners.namespace(100, mute_until=None)
    stage.run(until=600)
    assert stage.lines == ["100 hook firing broken shop/Pod/a"]


def test_a_mute_can_be_made_longer(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(200))
    pods.phase(20, "a")
    owners.namespace(100, mute_until=stage.second(300))
    stage.run(until=600)
    assert stage.lines == ["300 hook firing broken shop/Pod/a"]


def test_the_end_of_the_object_ends_its_mute(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing(""))
    owners.deployment(10, mute_until=stage.second(500))
    deployed(stage, 20, "web-1-a")
    gone = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    stage.at(100, lambda: stage.cluster.delete(gone))
    stage.run(until=600)
    assert stage.lines == ["100 hook firing broken shop/Deployment/web"]


def test_D2_what_was_told_before_the_mute_is_resolved_quietly(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    pods.phase(10, "a")
    owners.namespace(20, mute_until=stage.second(300))
    pods.phase(100, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "100 hook resolved broken shop/Pod/a"]
    assert [told.document["is_quiet"] for told in stage.told] == [False, True]


def test_a_mute_outlives_a_restart_and_an_end_meanwhile_counts(tmp_path: Path) -> None:
    text = allowing("").replace("group_wait: 0s", "group_wait: 15s")
    stage, pods, owners = play(tmp_path, text)
    owners.namespace(10, mute_until=stage.second(300))
    owners.namespace(10, "other", mute_until=stage.second(300))
    pods.phase(90, "a")
    pods.phase(90, "b", ns="other")
    stage.absent(100, 200)
    owners.namespace(150, "other", mute_until=None)
    stage.run(until=600)
    assert stage.lines == ["201 hook firing broken other/Pod/b", "300 hook firing broken shop/Pod/a"]


def test_a_mute_ends_with_its_object_also_while_kwatch_is_away(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing(""))
    owners.deployment(10, mute_until=stage.second(500))
    deployed(stage, 90, "web-1-a")
    stage.absent(100, 200)
    gone = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    stage.at(150, lambda: stage.cluster.delete(gone))
    stage.run(until=600)
    assert stage.lines == ["201 hook firing broken shop/Deployment/web"]


def test_a_mute_that_was_set_while_kwatch_was_away_holds_what_began_then(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    stage.absent(100, 200)
    owners.namespace(120, mute_until=stage.second(300))
    pods.phase(150, "a")
    stage.run(until=600)
    assert stage.lines == ["300 hook firing broken shop/Pod/a"]


def test_what_is_already_there_at_a_first_start_can_be_muted(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    pods.phase(-40, "a")
    pods.phase(-40, "b", ns="other")
    owners.namespace(-40, mute_until=stage.second(300))
    stage.run(until=600)
    assert [(told.at, told.kind, len(told.rules)) for told in stage.told] == [(-30, "summary", 1), (300, "firing", 1)]


def test_a_mute_ends_while_kwatch_is_away(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(150))
    pods.phase(90, "a")
    stage.absent(100, 200)
    stage.run(until=600)
    assert stage.lines == ["201 hook firing broken shop/Pod/a"]


def test_notices_are_muted_too(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("", rules=NOTED))
    owners.namespace(10, mute_until=stage.second(100))
    pods.phase(0, "a", "Running")
    pods.event(20, "a")
    pods.event(800, "a", 2)
    stage.run(until=900)
    assert stage.lines == ["800 hook notice noted shop/Pod/a"]
    assert outcomes(stage, "opened", "muted_annotation") == [2, 1]


@pytest.mark.parametrize("more", ["", "self_service: {longest_mute: 0s, runbook: false, receivers: [team]}"])
def test_nothing_is_done_that_is_not_allowed(tmp_path: Path, more: str) -> None:
    """The negative control: without `self_service`, or without a word of it, annotations are words."""
    stage, pods, owners = play(tmp_path, f"{BROKEN}{HOOK}{more}")
    words = {"mute_until": stage.second(300), "severity": "critical", "runbook": "https://a.example", "watch": "false"}
    owners.namespace(10, **words)
    pods.phase(20, "a")
    stage.run(until=600)
    assert stage.lines == ["20 hook firing broken shop/Pod/a"]
    assert (severities(stage), runbooks(stage)) == ([["warning"]], [None])
    assert ignored(stage, "denied") == (4 if more else 0)


def test_what_is_wrong_is_ignored_and_what_is_right_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage, pods, owners = play(tmp_path, allowing("longest_mute: 1h, severities: [critical]"))
    words = {"mute_until": "tomorrow", "mut_until": "x", "severity": "critical", "receiver": "team"}
    owners.namespace(10, **words)
    owners.namespace(15, **words, runbook="https://a.example")
    owners.deployment(10, mute_until=stage.second(3700))
    pods.phase(20, "a")
    answers = ask(stage, 100, "Pod/shop/a")
    stage.run(until=600)
    assert severities(stage) == [["critical"]]
    assert [ignored(stage, reason) for reason in ("unreadable", "unknown", "denied", "too_long")] == [1, 1, 1, 1]
    assert {each["annotation"]: each["ignored"] for each in answers[0]["annotations"]} == {
        "kwatch/mut-until": "there is kwatch/mute-until, kwatch/mute-reason, kwatch/receiver, kwatch/severity, "
        "kwatch/runbook, kwatch/watch",
        "kwatch/mute-until": "write an instant with a zone, as in 2026-03-01T18:00:00Z",
        "kwatch/receiver": "the configuration does not allow it, see `self_service`",
        "kwatch/runbook": "",
        "kwatch/severity": "",
    }
    said = [
        (record.__dict__["object"], record.__dict__["annotation"])
        for record in caplog.records
        if record.message == "annotation ignored"
    ]
    assert said == [
        ("Namespace/shop", "kwatch/mut-until"),
        ("Namespace/shop", "kwatch/mute-until"),
        ("Namespace/shop", "kwatch/receiver"),
        ("Deployment/shop/web", "kwatch/mute-until"),
    ]


def test_a_mute_that_was_too_long_stays_refused_over_a_restart(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("longest_mute: 5m"))
    owners.namespace(10, mute_until=stage.second(400))
    stage.absent(100, 200)
    pods.phase(250, "a")
    stage.run(until=600)
    assert stage.lines == ["250 hook firing broken shop/Pod/a"]


def test_a_silence_comes_before_the_annotation(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(200))
    Silences(stage).add(10, {"namespace": "shop"}, until=100)
    pods.phase(20, "a")
    stage.run(until=600)
    assert stage.lines == ["200 hook firing broken shop/Pod/a"]
