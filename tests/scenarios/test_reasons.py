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
    assert (alert["rule"], alert["state"], alert["reason"], alert["hold"]) == ("broken", "firing", "true", None)
    assert [(member["object"], member["truth"]) for member in alert["objects"]] == [("Pod/shop/web-1", "true")]
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
    hold = {
        "reason": "muted_inhibited",
        "by": "cause (Node/n1)",
        "says": "held back by cause (Node/n1)",
        "until": None,
    }
    assert alert["hold"] == hold
    assert [told["hold"] for told in alert["told"]] == [hold]
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
        "there is no such object; ask of one that is gone by its workload, as Deployment/shop/web, or fingerprint",
        "namespace hidden is not watched: `watch.namespaces` leaves it out",
        (
            "Ingress is not watched: no rule asks for it; watched are "
            "DaemonSet, Deployment, Job, Node, Pod, ReplicaSet, StatefulSet"
        ),
        "no alert that is open, or was within the last hour, has this fingerprint; objects are KIND/NAMESPACE/NAME",
    ]


MUTED = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}
  - {name: back-off, on: event, match: {reason: BackOff}, quiet: 10m}
  - {name: pulled, on: event, match: {reason: Pulled}, mode: notice, dedup_window: 1h}
windows:
  night: {start: "11:00", end: "13:00"}
route:
  receiver: team
  group_wait: 5s
  repeat_interval: 0s
  escalate: [{after: 10m, receiver: boss}]
  routes:
    - {match: {namespace: dropped}, receiver: none}
    - {match: {namespace: night}, mute_in: [night]}
receivers:
  team:
    - {type: webhook, url: "https://example.com/hook"}
    - {type: webhook, name: pager, url: "https://example.com/pager", severity: critical}
  boss: [{type: webhook, url: "https://example.com/boss"}]
"""
DIGEST = MUTED.replace('hook"}', 'hook", digest: {schedule: "0 * * * *"}}')


def alert_of(answers: list[dict[str, Any]], rule: str = "broken") -> dict[str, Any]:
    (answer,) = answers
    (alert,) = (each for each in answer["alerts"] if each["rule"] == rule)
    return dict(alert)


def test_a_silence_says_until_when_and_afterwards_why_nobody_was_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)

    async def silence() -> None:
        await stage.request("POST", "/api/v1/silences", {"match": {"namespace": "shop"}, "for": "1h"})

    stage.at(0, silence)
    stage.pod(1, ready=False)
    during = ask(stage, 100, "Pod/shop/web-1")
    stage.pod(200, ready=True)
    after = ask(stage, 300, "Pod/shop/web-1")
    assert stage.run(until=301) == []
    alert = alert_of(during)
    assert alert["hold"] == {
        "reason": "muted_silenced",
        "by": "the silence of alice",
        "says": "silenced until 2026-01-01 13:00 UTC by alice",
        "until": stage.second(3600),
    }
    assert alert["drops"] == [{"destination": "pager", "reason": "muted_severity", "severity": "critical"}]
    assert (alert["drop"], [told["is_told"] for told in alert["told"]]) == ("", [False])
    alert = alert_of(after)
    assert (alert["state"], alert["end_reason"], alert["drop"], alert["hold"], alert["told"]) == (
        "resolved",
        "healthy",
        "muted_silenced",
        None,
        [],
    )


def test_a_window_says_until_when(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(1, ready=False, namespace="night")
    answers = ask(stage, 100, "Pod/night/web-1")
    assert stage.run(until=101) == []
    (told,) = alert_of(answers)["told"]
    assert (told["hold"]["reason"], told["hold"]["says"], told["hold"]["until"]) == (
        "muted_window",
        "muted in the window night until 2026-01-01 13:00 UTC",
        stage.second(3600),
    )


def test_what_a_route_drops_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(1, ready=False, namespace="dropped")
    during = ask(stage, 100, "Pod/dropped/web-1")
    stage.pod(200, ready=True, namespace="dropped")
    after = ask(stage, 300, "Pod/dropped/web-1")
    assert stage.run(until=301) == []
    assert [(alert_of(each)["drop"], alert_of(each)["told"]) for each in (during, after)] == [
        ("dropped_by_route", []),
        ("dropped_by_route", []),
    ]


def test_what_was_told_is_known_after_its_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(0, ready=False)
    stage.pod(100, ready=True)
    stage.absent(200, 205)
    answers = ask(stage, 300, "Pod/shop/web-1")
    stage.run(until=301)
    (told,) = alert_of(answers)["told"]
    assert (told["destination"], told["is_told"]) == ("team-webhook", True)
    assert [(each["kind"], each["state"]) for each in told["deliveries"]] == [("firing", "sent"), ("resolved", "sent")]


def test_acknowledgement_and_escalation(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(0, ready=False)
    before = ask(stage, 100, "Pod/shop/web-1")
    stage.ack(200, "broken", comment="on it")
    after = ask(stage, 300, "Pod/shop/web-1")
    stage.run(until=301)
    step = {"receiver": "boss", "due_at": stage.second(605), "is_suspended": False}
    assert (alert_of(before)["escalation"], alert_of(before)["acked_by"]) == ([step], "")
    alert = alert_of(after)
    assert (alert["escalation"], alert["acked_by"], alert["ack_comment"]) == ([], "ann", "on it")


def test_quiet_says_when_it_ends_and_it_does_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(0, ready=True)
    stage.event(1, count=1)
    answers = ask(stage, 100, "Pod/shop/web-1")
    stage.run(until=1100)
    alert = alert_of(answers, "back-off")
    assert (alert["quiet_at"][:23], alert["throttled"]) == (stage.time(1039.183)[:23], True)
    assert stage.lines == [
        "6 hook firing back-off shop/Pod/web-1",
        "606 boss firing back-off shop/Pod/web-1",
        "1039.184 boss resolved back-off shop/Pod/web-1",
        "1039.184 hook resolved back-off shop/Pod/web-1",
    ]


def test_a_notice_says_until_when_it_is_not_told_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(0, ready=True)
    stage.event(1, 1, reason="Pulled")
    stage.event(60, 2, reason="Pulled")
    answers = ask(stage, 100, "Pod/shop/web-1")
    stage.run(until=101)
    assert alert_of(answers, "pulled")["notice"] == {
        "noticed_at": stage.second(1),
        "repeats_from": stage.second(3601),
        "dropped": 1,
        "is_told": True,
    }


def test_a_digest_says_when_it_comes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED.replace('hook"}', 'hook", digest: {schedule: "0 * * * *"}}'))
    stage.pod(1, ready=False)
    answers = ask(stage, 100, "Pod/shop/web-1")
    stage.run(until=101)
    (told,) = alert_of(answers)["told"]
    assert (told["is_digest"], told["is_told"], told["next_at"]) == (True, False, stage.second(3600))


def test_a_pod_that_is_gone_is_known_by_its_workload(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MUTED)
    stage.pod(0, ready=False)
    stage.delete(100, "web-1")
    answers = ask(stage, 200, "Pod/shop/web-1")
    stage.run(until=201)
    alert = alert_of(answers)
    assert (answers[0]["problem"], answers[0]["rules"]) == ("", [])
    assert (alert["state"], alert["end_reason"], alert["drop"]) == ("resolved", "object_gone", "")
