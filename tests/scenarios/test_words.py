"""Each word of the configuration, through the whole of kwatch: a play that is told otherwise without it."""

from pathlib import Path

import pytest

from kwatch.testing import manifests
from kwatch.testing.stage import Stage
from tests.scenarios.plays import GROUPED, HOOK, play, pod
from tests.scenarios.two_pods import failing, populate, tell, told

OF_OBJECTS = [
    ("kind: Pod", ["db-0", "web-1"]),
    ("kind: [Pod, Node]", ["db-0", "node-1", "web-1"]),
    ('kind: Pod, namespace: "sh*"', ["web-1"]),
    ("kind: Pod, namespace: [shop, data]", ["db-0", "web-1"]),
    ('kind: Pod, name: "web-?"', ["web-1"]),
    ('kind: Pod, name: {regex: "web-[0-9]"}', ["web-1"]),
    ('kind: Pod, name: {regex: "eb-[0-9]"}', []),
    ("kind: Pod, labels: {app: web}", ["web-1"]),
    ("kind: Pod, annotations: {example.com/tier: {gt: 2}}", ["web-1"]),
    ('kind: Pod, owner: "ReplicaSet/*"', ["web-1"]),
    ("kind: Pod, workload: Deployment/web", ["web-1"]),
    ("kind: Pod, node: node-2", ["db-0"]),
    ("kind: Pod, fields: {status.phase: Failed}", ["db-0"]),
    ('kind: Pod, fields: {"spec.containers[*].resources.limits.memory": {ge: 1Gi}}', ["web-1"]),
    ('kind: Pod, fields: {"metadata.annotations[\\"example.com/tier\\"]": "1"}', ["db-0"]),
    ("kind: Pod, condition: {Ready: true}", ["web-1"]),
    ('kind: Pod, condition: {Ready: ["False", "Unknown"]}', ["db-0"]),
    ("kind: Pod, condition: {Nothing: true}", []),
    ("kind: Pod, not: {condition: {Nothing: true}}", []),
    ("kind: Pod, not: {labels: {absent: here}}", ["db-0", "web-1"]),
    ("kind: Pod, not: {namespace: shop, name: db-0}", ["db-0", "web-1"]),
    ("kind: Pod, any: [{name: web-1}, {node: node-2}]", ["db-0", "web-1"]),
]


@pytest.mark.parametrize(("match", "names"), OF_OBJECTS)
def test_a_match_on_objects(tmp_path: Path, match: str, names: list[str]) -> None:
    text = f"packs: []\nrules: [{{name: r, on: resource, match: {{{match}}}, key: [name]}}]\n"
    stage = Stage(tmp_path, text + HOOK)
    populate(stage, 0)
    stage.run(until=100)
    assert told(stage) == names


OF_EVENTS = [
    ("reason: BackOff", ["web-1"]),
    ("reason: [BackOff, Rebooted]", ["node-1", "web-1"]),
    ("type: Normal", ["db-0"]),
    ('message: "*restarting"', ["web-1"]),
    ("component: operator", ["db-0"]),
    ("host: node-2", ["db-0"]),
    ('namespace: "?*"', ["db-0", "web-1"]),
    ('kind: Node, not: {namespace: "?*"}', ["node-1"]),
    ("kind: Pod, not: {type: Normal}", ["web-1"]),
    ("any: [{reason: Rebooted}, {component: operator}]", ["db-0", "node-1"]),
]


@pytest.mark.parametrize(("match", "names"), [*OF_EVENTS, *OF_OBJECTS])
def test_a_match_on_events(tmp_path: Path, match: str, names: list[str]) -> None:
    text = f"packs: []\nrules: [{{name: r, on: event, match: {{{match}}}, mode: notice, key: [name]}}]\n"
    stage = Stage(tmp_path, text + HOOK)
    populate(stage, -20)
    tell(stage, 0)
    stage.run(until=100)
    assert told(stage) == names


@pytest.mark.parametrize(
    ("match", "instants"),
    [
        ("change: created", [0]),
        ("change: updated", [10, 20, 30]),
        ("change: deleted", [40]),
        ("changed: [spec.replicas]", [10, 20]),
        ("changed: [spec.paused, metadata.labels.app]", [30]),
        ("changed: {path: spec.replicas, increased: true}", [10]),
        ("changed: {path: spec.replicas, to: 0}", [20]),
        ("changed: {path: spec.replicas, from: 2, to: {ge: 5}}", [10]),
        ("changed: {path: spec.replicas, from: 3}", []),
    ],
)
def test_a_match_on_changes(tmp_path: Path, match: str, instants: list[float]) -> None:
    rule = f"{{name: r, on: resource, match: {{kind: Deployment, {match}}}, mode: notice, dedup_window: 1s}}"
    stage = Stage(tmp_path, f"packs: []\nrules: [{rule}]\n" + HOOK)
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    for at, replicas in ((0, 2), (10, 5), (20, 0)):
        stage.apply(at, {**web, "spec": {"replicas": replicas}})
    stage.apply(30, {**web, "metadata": {**web["metadata"], "labels": {"app": "web"}}})
    stage.at(40, lambda: stage.cluster.delete(web))
    stage.run(until=100)
    assert [one.at for one in stage.told] == instants


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ([], ["0 hook firing r shop/Pod/a", "180 hook resolved r shop/Pod/a"]),
        (["for: 30s"], ["30 hook firing r shop/Pod/a", "180 hook resolved r shop/Pod/a"]),
        (["for: 61s"], []),
        (["resolve_hold: 10s"], ["0 hook firing r shop/Pod/a", "70 hook resolved r shop/Pod/a"]),
        (["mode: notice"], ["0 hook notice r shop/Pod/a"]),
        (["enabled: false"], []),
        (
            ["resolve: {fields: {status.reason: Fixed}}", "resolve_hold: 0s"],
            ["0 hook firing r shop/Pod/a", "30 hook resolved r shop/Pod/a"],
        ),
    ],
)
def test_a_state_and_its_times(tmp_path: Path, words: list[str], lines: list[str]) -> None:
    stage, pods = play(tmp_path, failing(*words))
    pods.phase(0, "a")
    pods.phase(30, "a", reason="Fixed")
    pods.phase(60, "a", "Running")
    stage.run(until=600)
    assert stage.lines == lines


def test_on_delete_keeps_what_its_object_does_not_end(tmp_path: Path) -> None:
    for word, lines in (("resolve", 2), ("keep", 1)):
        folder = tmp_path / word
        folder.mkdir()
        stage, pods = play(folder, failing(f"on_delete: {word}"))
        pods.phase(0, "a")
        pods.gone(60, "a")
        stage.run(until=600)
        assert len(stage.lines) == lines


def test_expire_after_ends_what_nobody_can_see_as_no_longer_observed(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, failing("expire_after: 1h", on="event, match: {reason: BackOff}"))
    pods.event(0, "a")
    for number in range(12):  # these take all tokens of the kubelet, so that its silence says nothing
        pods.event(300 * number, "a", number + 1, reason="Pulled")
    stage.run(until=7200)
    assert stage.lines == ["0 hook firing r shop/Pod/a", "3600 hook expired r shop/Pod/a"]


def test_reopen_window_continues_an_episode(tmp_path: Path) -> None:
    for window, continues in (("10m", "continues episode 1"), ("1m", "")):
        folder = tmp_path / window
        folder.mkdir()
        stage, pods = play(folder, failing("resolve_hold: 0s", f"reopen_window: {window}"))
        for at, phase in ((0, "Failed"), (60, "Running"), (300, "Failed")):
            pods.phase(at, "a", phase)
        stage.run(until=600)
        assert continues in stage.told[-1].document["text"]
        assert ("continues" in stage.told[-1].document["text"]) is bool(continues)


def test_dedup_window_counts_the_repeats_of_a_notice(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, failing("mode: notice", "dedup_window: 1m", on="event, match: {reason: BackOff}"))
    for count, at in enumerate((0, 30, 59, 61), start=1):
        pods.event(at, "a", count)
    stage.run(until=600)
    assert [(one.at, one.document["notices_dropped"]) for one in stage.told] == [(0, 0), (61, 2)]


@pytest.mark.parametrize(
    ("key", "instants"),
    [("key: [namespace]", [0]), ("key: [namespace, name]", [0, 10]), ("key: [rule]", [0]), ("", [0, 10])],
)
def test_key_tells_alerts_apart(tmp_path: Path, key: str, instants: list[float]) -> None:
    stage, pods = play(tmp_path, failing("mode: notice", *filter(None, [key])))
    pods.phase(0, "a")
    pods.phase(10, "b")
    stage.run(until=100)
    assert [one.at for one in stage.told] == instants


@pytest.mark.parametrize(("per", "instants"), [("[namespace]", [20]), ("[namespace, name]", [])])
def test_rate_counts_per_its_labels(tmp_path: Path, per: str, instants: list[float]) -> None:
    rate = f"rate: {{count: 3, within: 1m, per: {per}}}"
    stage, pods = play(tmp_path, failing(rate, on="event, match: {reason: BackOff}"))
    for at, name in ((0, "a"), (10, "b"), (20, "c")):
        pods.event(at, name)
    stage.run(until=100)
    assert [one.at for one in stage.told] == instants


def test_labels_annotations_details_and_watched_labels_are_in_the_message(tmp_path: Path) -> None:
    rule = failing(
        "severity: critical",
        "labels: {area: runtime}",
        (
            'annotations: {runbook: "https://runbooks.example.com/r", '
            'summary: "{{ workload }} of {{ team }}: {{ details.why }}"}'
        ),
        "details: {why: status.reason}",
    )
    stage = Stage(tmp_path, "watch: {labels: [team]}\n" + rule)
    stage.apply(
        0,
        {
            **pod("a", "Failed", reason="Broken"),
            "metadata": {"name": "a", "namespace": "shop", "labels": {"team": "x"}},
        },
    )
    stage.run(until=10)
    (alert,) = stage.told[0].document["alerts"]
    assert (alert["severity"], alert["labels"]["area"], alert["labels"]["team"]) == ("critical", "runtime", "x")
    assert (alert["cause"], alert["runbook"]) == ("Pod/a of x: Broken", "https://runbooks.example.com/r")
    assert alert["details"] == {"why": "Broken"}


def test_id_keeps_an_alert_through_a_new_name(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, failing("id: stays", "resolve_hold: 0s"))
    pods.phase(0, "a")
    stage.absent(10, 20, failing("id: stays", "resolve_hold: 0s").replace("name: r,", "name: other,"))
    pods.phase(60, "a", "Running")
    stage.run(until=100)
    assert [line.split()[2] for line in stage.lines] == ["firing", "resolved"]


# watching


@pytest.mark.parametrize(
    ("namespaces", "names"),
    [
        ("{include: [shop]}", ["web-1"]),
        ("{include: [shop, data]}", ["db-0", "web-1"]),
        ('{include: ["*"], exclude: [shop]}', ["db-0"]),
        ('{include: ["sh*", data], exclude: ["d*"]}', ["web-1"]),
    ],
)
@pytest.mark.parametrize("on", ["event", "resource"])
def test_namespaces_are_globs_and_exclude_wins(tmp_path: Path, on: str, namespaces: str, names: list[str]) -> None:
    rule = f"{{name: r, on: {on}, match: {{kind: Pod}}, mode: notice, key: [name]}}"
    stage = Stage(tmp_path, f"watch: {{namespaces: {namespaces}}}\npacks: []\nrules: [{rule}]\n" + HOOK)
    populate(stage, -20 if on == "event" else 0)
    tell(stage, 0)
    stage.run(until=100)
    assert told(stage) == names


@pytest.mark.parametrize("namespaces", ["exclude: [default]", "include: [shop]", 'include: ["sh*"]'])
def test_events_of_cluster_scoped_objects_are_not_filtered_by_namespace(tmp_path: Path, namespaces: str) -> None:
    rule = "{name: r, on: event, match: {kind: [Node, Pod]}, mode: notice}"
    stage = Stage(tmp_path, f"watch: {{namespaces: {{{namespaces}}}}}\npacks: []\nrules: [{rule}]\n" + HOOK)
    tell(stage, 0)
    stage.apply(0, manifests.core_event("x", "Pod/default/x", reason="a", message="b", count=1, first="", last=""))
    stage.run(until=100)
    assert "node-1" in told(stage)
    assert "x" not in told(stage)


def test_the_selector_of_namespaces_is_live(tmp_path: Path) -> None:
    rule = "{name: r, on: event, match: {reason: BackOff}, mode: notice, key: [name]}"
    watch = 'watch: {namespaces: {selector: "team=payments"}}\n'
    stage, pods = play(tmp_path, f"{watch}packs: []\nrules: [{rule}]\n" + HOOK)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    stage.apply(-20, space)
    pods.event(0, "a")
    stage.apply(10, {**space, "metadata": {"name": "shop", "labels": {"team": "payments"}}})
    pods.event(20, "b")
    stage.apply(30, {**space, "metadata": {"name": "shop", "labels": {"team": "other"}}})
    pods.event(40, "c")
    stage.run(until=100)
    assert told(stage) == ["b"]


# the first start, and unknown


def test_what_was_there_at_the_first_start_is_one_summary_and_ends_as_announced(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, failing("resolve_hold: 0s").replace(HOOK, GROUPED))
    for name in ("a", "b", "c"):
        pods.phase(-30, name)
    for name in ("a", "b", "c"):
        pods.phase(300, name, "Running")
    stage.run(until=900)
    assert [one.kind for one in stage.told] == ["summary", "resolved"]
    assert "3 problems were already there" in stage.told[0].document["title"]


def test_a_restart_tells_late_what_began_meanwhile_and_ends_what_ended(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, failing("resolve_hold: 0s", "key: [namespace, name]", "reopen_window: 0s"))
    pods.phase(0, "a")
    stage.absent(60, 300)
    pods.phase(120, "a", "Running")
    pods.phase(150, "b")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing r shop/Pod/a",
        "300 hook update r shop/Pod/b, r shop/Pod/a resolved",
    ]


def test_events_while_kwatch_was_down_are_told_once_and_late_with_their_true_time(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, failing("mode: notice", on="event, match: {reason: BackOff}"))
    pods.event(0, "a")
    stage.absent(60, 300)
    pods.event(100, "b")
    stage.run(until=900)
    assert stage.lines == ["0 hook notice r shop/Pod/a", "300 hook notice r shop/Pod/b"]
    assert [one.document["is_late"] for one in stage.told] == [False, True]
    assert stage.told[1].document["starts_at"] == "2026-01-01T12:01:40+00:00"
