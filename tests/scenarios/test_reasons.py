"""Why something was told, or not, asked of the running kwatch: the answer alone is enough."""

from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

INHIBIT = "inhibit: [{when: {rule: cause}, mute: {rule: broken}, equal: [node]}]"
CONFIG = text(
    '{name: broken, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, for: 30s}',
    "{name: other, on: resource, match: {kind: Pod, labels: {state: other}}}",
    '{name: cause, on: resource, match: {kind: Node, condition: {Ready: "False"}}}',
    "{name: often, on: event, match: {reason: BackOff}, rate: {count: 3, within: 10m, per: [namespace, workload]}}",
    route="group_wait: 15s, repeat_interval: 1h",
    more=f"watch: {{namespaces: {{exclude: [hidden]}}}}\n{INHIBIT}",
)


def ask(stage: Stage, at: float, subject: str) -> list[dict[str, Any]]:
    """Ask at an instant; the answer is there when the play is over."""
    answers: list[dict[str, Any]] = []

    async def act() -> None:
        answers.append((await stage.get(f"/api/v1/why/{subject}")).json())

    stage.at(at, act)
    return answers


def test_an_object_that_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    stage.pod(0, ready=False)
    answers = ask(stage, 100, "Pod/shop/web-1")
    stage.run(until=200)
    (answer,) = answers
    assert answer["problem"] == ""
    assert {verdict["rule"]: verdict["truth"] for verdict in answer["rules"]} == {
        "broken": "true",
        "other": "false",
        "cause": "false",
    }
    (alert,) = answer["alerts"]
    assert (alert["rule"], alert["state"], alert["reason"], alert["held_by"]) == ("broken", "firing", "true", "")
    assert [(member["object"], member["truth"]) for member in alert["members"]] == [("Pod/shop/web-1", "true")]
    (told,) = alert["told"]
    assert (told["destination"], told["is_told"], told["is_repeat"]) == ("team-webhook", True, True)
    assert told["last_at"] == stage.second(45)
    assert told["next_at"] == stage.second(3645)
    assert [(each["kind"], each["state"], len(each["tries"])) for each in told["deliveries"]] == [("firing", "sent", 1)]


def test_an_alert_that_waits_for_its_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    stage.pod(0, ready=False)
    answers = ask(stage, 10, "Pod/shop/web-1")
    stage.run(until=20)
    (alert,) = answers[0]["alerts"]
    assert (alert["state"], alert["due_at"], alert["told"]) == ("pending", stage.second(30), [])


def test_an_alert_that_something_holds_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    stage.node(0, "n1", ready=False)
    stage.pod(1, ready=False, node="n1")
    answers = ask(stage, 100, "Pod/shop/web-1")
    stage.run(until=200)
    (alert,) = answers[0]["alerts"]
    assert (alert["held_by"], alert["hold"]) == ("cause (Node/n1)", "muted_inhibited")
    assert [(told["is_told"], told["deliveries"]) for told in alert["told"]] == [(False, [])]


def test_a_rate_that_is_not_reached(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    stage.pod(0, ready=True)
    stage.event(1, count=1)
    stage.event(2, count=2)
    answers = ask(stage, 10, "Pod/shop/web-1")
    stage.run(until=20)
    (alert,) = answers[0]["alerts"]
    assert (alert["rule"], alert["state"]) == ("often", "inactive")
    assert (alert["in_window"], alert["rate_count"], alert["told"]) == (2, 3, [])


def test_what_is_not_there_or_not_watched(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    subjects = ("Pod/shop/nobody", "Pod/hidden/web-1", "Ingress/shop/web", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
    asked = [ask(stage, 10, subject) for subject in subjects]
    stage.run(until=20)
    assert [answers[0]["problem"] for answers in asked] == [
        "there is no such object",
        "namespace hidden is not watched: `watch.namespaces` leaves it out",
        (
            "Ingress is not watched: no rule asks for it; watched are "
            "DaemonSet, Deployment, Job, Node, Pod, ReplicaSet, StatefulSet"
        ),
        "no alert that is open or was an hour ago has this fingerprint",
    ]
