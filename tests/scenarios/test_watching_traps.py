"""What others do not see, or see twice, of the objects of a cluster (T07, T16, T17, T39 to T41, T45, T46, T53)."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, GROUPED, HOOK, play

UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available",
            "lastTransitionTime": "2026-01-01T12:00:00Z",
        }
    ],
}


def test_T07_a_condition_over_time_needs_no_further_event(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - {name: stuck, on: resource, match: {kind: Pod, condition: {PodScheduled: "False"}}, for: 5m}
"""
    stage, _ = play(tmp_path, rules + HOOK)
    stage.pod(0, "a", status=UNSCHEDULABLE)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing stuck shop/Pod/a"]


SELECTED = "watch: {namespaces: {selector: SELECTOR}}\n"


def label(stage: Stage, at: float, name: str, **labels: str | None) -> None:
    stage.apply(at, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def test_T16_a_selector_that_selects_nothing_watches_nothing(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, SELECTED.replace("SELECTOR", "team=payments") + BROKEN + HOOK)
    pods.phase(0, "a")
    stage.run(until=600)
    assert stage.lines == []


def test_T16_a_namespace_is_picked_up_when_it_is_labelled_with_all_that_is_in_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, SELECTED.replace("SELECTOR", "team=payments") + BROKEN + HOOK)
    pods.phase(0, "a")
    pods.phase(0, "well", "Running")
    pods.phase(0, "b", ns="other")
    label(stage, 100, "shop", team="payments")
    pods.phase(150, "c")
    label(stage, 200, "shop", colour="red")
    stage.run(until=600)
    assert stage.lines == ["100 hook firing broken shop/Pod/a", "220 hook update broken shop/Pod/a, broken shop/Pod/c"]


def test_T16_a_notice_is_not_told_again_for_another_label(tmp_path: Path) -> None:
    rules = """
packs: []
rules: [{name: seen, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, mode: notice, dedup_window: 1s}]
"""
    stage, pods = play(tmp_path, SELECTED.replace("SELECTOR", "team=payments") + rules + HOOK)
    pods.phase(0, "a")
    label(stage, 100, "shop", team="payments")
    label(stage, 200, "shop", colour="red")
    stage.run(until=600)
    assert stage.lines == ["100 hook notice seen shop/Pod/a"]


def test_T16_what_is_in_a_namespace_that_is_left_is_no_longer_observed(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, SELECTED.replace("SELECTOR", "team=payments") + BROKEN + HOOK)
    label(stage, -20, "shop", team="payments")
    pods.phase(0, "a")
    label(stage, 100, "shop", team=None)
    pods.phase(200, "a", "Running")
    label(stage, 300, "shop", team="payments")
    pods.phase(400, "a")
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook expired broken shop/Pod/a",
        "400 hook firing broken shop/Pod/a",
    ]


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("team=payments", ["both", "payments"]),
        ("team==payments", ["both", "payments"]),
        ("team!=payments", ["bare", "web"]),
        ("team in (payments, web)", ["both", "payments", "web"]),
        ("team notin (payments)", ["bare", "web"]),
        ("team", ["both", "payments", "web"]),
        ("'!team'", ["bare"]),
        ("'team=payments,!canary'", ["payments"]),
    ],
)
def test_T53_selectors_are_those_of_kubectl(tmp_path: Path, selector: str, selected: list[str]) -> None:
    stage, pods = play(tmp_path, SELECTED.replace("SELECTOR", f'"{selector.strip(chr(39))}"') + BROKEN + HOOK)
    label(stage, -20, "payments", team="payments")
    label(stage, -20, "web", team="web")
    label(stage, -20, "both", team="payments", canary="yes")
    for ns in ("bare", "both", "payments", "web"):
        pods.phase(0, "a", ns=ns)
    stage.run(until=60)
    assert sorted(stage.lines) == [f"0 hook firing broken {ns}/Pod/a" for ns in selected]


@pytest.mark.parametrize(
    ("match", "matching"),
    [
        ("labels: {team: payments}", "broken shop/Pod/payments"),
        ("labels: {team: [payments, web]}", "broken shop/Pod/web, broken shop/Pod/payments"),
        ('labels: {team: "*"}', "broken shop/Pod/web, broken shop/Pod/payments"),
        ("not: {labels: {team: payments}}", "broken shop/Pod/bare, broken shop/Pod/web"),
        ('not: {labels: {team: "*"}}', "broken shop/Pod/bare"),
    ],
)
def test_T53_a_label_that_is_absent_matches_nothing_and_its_not_everything(
    tmp_path: Path, match: str, matching: str
) -> None:
    rules = """
packs: []
rules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}, MORE}}]
"""
    stage, _ = play(tmp_path, rules.replace("MORE", match) + GROUPED)
    for name, labels in {"payments": {"team": "payments"}, "web": {"team": "web"}, "bare": {}}.items():
        stage.pod(0, name, labels=labels, status={"phase": "Failed"})
    stage.run(until=300)
    assert stage.lines == [f"15 hook firing {matching}"]


def container(name: str) -> dict[str, Any]:
    waiting = {"reason": "CrashLoopBackOff", "message": f"back-off 10s restarting failed container={name}"}
    ended = {"terminated": {"reason": "Error", "exitCode": 1}}
    return {"name": name, "restartCount": 3, "state": {"waiting": waiting}, "lastState": ended}


def test_T17_two_containers_that_fail_in_the_same_way_are_both_told(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, "packs: [crashes]\n" + HOOK)
    stage.pod(0, "a", status={"containerStatuses": [container("app"), container("proxy")]})
    stage.run(until=600)
    assert stage.lines == ["5 hook firing crash-loop shop/Pod/a"]
    assert stage.told[0].document["alerts"][0]["details"]["back_off"] == (
        "back-off 10s restarting failed container=app, back-off 10s restarting failed container=proxy"
    )


def test_T39_a_kind_that_is_forbidden_is_told_once_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}
  - {name: not-ready, on: resource, match: {kind: Node, condition: {Ready: "False"}}}
"""
    stage, pods = play(tmp_path, rules + HOOK)
    answers: list[tuple[int, str, list[tuple[str, str]]]] = []
    in_sync: list[str] = []

    async def ask() -> None:
        answer = await stage.get("/readyz")
        document = answer.json()
        bad = [(source["id"], source["error"]) for source in document["sources"] if not source["ok"]]
        answers.append((answer.status_code, document["status"], bad))
        lines = (await stage.get("/metrics")).text.splitlines()
        in_sync.append(next(line for line in lines if line.startswith('kwatch_source_in_sync{source="v1/nodes"}')))

    for verb in ("list", "watch"):
        stage.cluster.access.forbid(verb, "nodes")
        stage.at(50, lambda verb=verb: stage.cluster.access.allow(verb, "nodes"))  # type: ignore[misc]
    stage.node(0, "n1", ready=False)
    pods.phase(10, "a")
    stage.at(20, ask)
    stage.at(200, ask)
    stage.run(until=3600)
    assert stage.lines == [
        "-30 hook meta kwatch may not watch v1/nodes: what needs it is missed",
        "10 hook firing broken shop/Pod/a",
        "53.31 hook firing not-ready Node/n1",  # a refused watch is tried again at least each minute, with jitter
        "60 hook meta kwatch may watch v1/nodes now",
    ]
    said = [record for record in caplog.records if record.message == "watches are refused"]
    assert [(record.levelname, vars(record)["sources"]) for record in said] == [("WARNING", "v1/nodes")]
    forbidden = (
        'nodes is forbidden: User "system:serviceaccount:kwatch:kwatch" cannot watch resource "nodes" in API group "" '
        "at the cluster scope"
    )
    assert stage.told[0].document["text"] == (
        f"KWATCH about itself\nkwatch may not watch v1/nodes: what needs it is missed\n{forbidden}\n"
        "Grant `list` and `watch` to its account; it is tried again each minute.\nCluster      stage"
    )
    assert answers == [(200, "degraded", [("v1/nodes", forbidden)]), (200, "ready", [])]
    assert [line.rpartition(" ")[2] for line in in_sync] == ["0.0", "1.0"]


def restarted(times: int, **more: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "main", "restartCount": times}], **more}


def test_T40_a_restart_of_last_month_is_no_news(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - name: restarted
    on: resource
    match: {kind: Pod, changed: {path: "status.containerStatuses[*].restartCount", increased: true}}
    mode: notice
    dedup_window: 1s
"""
    stage, _ = play(tmp_path, rules + HOOK)
    stage.pod(-20, "a", status=restarted(1))
    for second in range(0, 300, 10):
        stage.pod(second, "a", status=restarted(1, heartbeat=f"{second}"))
    stage.pod(300, "a", status=restarted(2))
    stage.run(until=600)
    assert stage.lines == ["300 hook notice restarted shop/Pod/a"]


def test_T41_a_relist_of_what_is_known_is_nothing_at_all(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(0, "a")
    pods.phase(0, "b", "Running")
    counted: list[dict[Any, int]] = []

    def note() -> None:
        read = stage.counters.read()
        counted.append({key: value for key, value in read.items() if key[0] in ("observations", "decisions")})

    stage.at(50, note)
    for at in (100, 200, 300):
        stage.at(at, lambda: stage.cluster.strike(Fault(effect=Effect.GONE)))
    stage.at(500, note)
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a"]
    assert counted[0] == counted[1]
    assert stage.counted("watch_lists", source="v1/pods") == 4


def deployment(replicas: int, image: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"name": "main", "image": image}]}},
        },
    }


CHANGES = """
packs: []
rules:
  - {name: scaled, on: resource, match: {kind: Deployment, changed: [spec.replicas]}, mode: notice}
  - {name: image, on: resource, match: {kind: Deployment, changed: ["spec.template.spec.containers[*].image"]},
     mode: notice}
"""


def test_T45_a_change_is_told_by_the_rule_that_asked_for_it(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, CHANGES + HOOK)
    stage.apply(-20, deployment(2, "web:1"))
    stage.apply(0, deployment(2, "web:2"))
    stage.run(until=600)
    assert stage.lines == ["0 hook notice image shop/Deployment/web"]
    assert stage.told[0].document["alerts"][0]["message"] == "spec.template.spec.containers[*].image: web:1 → web:2"


RULES = (
    '{name: skip, on: event, match: {reason: BackOff, not: {name: "*"}}, mode: notice}',
    "{name: narrow, on: event, match: {reason: BackOff, name: a}, mode: notice}",
    "{name: wide, on: event, match: {reason: BackOff}, mode: notice}",
    "{name: state, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}",
)


@pytest.mark.parametrize("order", tuple(permutations(range(4))), ids=str)
def test_T46_the_order_of_rules_means_nothing(tmp_path: Path, order: tuple[int, ...]) -> None:
    rules = "packs: []\nrules:\n" + "".join(f"  - {RULES[index]}\n" for index in order)
    stage, pods = play(tmp_path, rules + HOOK)
    pods.event(0, "a")
    pods.event(10, "b")
    pods.phase(20, "b")
    stage.run(until=100)
    assert [(one.at, one.kind, sorted(one.rules)) for one in stage.told] == [
        (0, "notice", ["narrow", "wide"]),
        (10, "notice", ["wide"]),
        (20, "firing", ["state"]),
    ]
