"""What a configuration becomes."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kwatch.config.config import Config
from kwatch.config.load import load, pack_names
from kwatch.model.conditions import AllOf, LabelIs, StatusConditionIs, Text, Word, WordIs
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Flapping, Inhibition, Mode, OnDelete, Rate, Rule, Severity, Subject

Configured = Callable[..., Config]

TWO = "receivers: {ops: [{type: stdout}], team-web: [{type: stdout, name: web}]}\n"


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    def configured(text: str, **environ: str) -> Config:
        (tmp_path / "kwatch.yaml").write_text(text, "utf-8")
        return load(tmp_path / "kwatch.yaml", environ=environ)

    return configured


def _rule(config: Config, name: str) -> Rule:
    return next(rule for rule in config.rules if rule.name == name)


def test_no_configuration_is_all_packs_on_standard_output() -> None:
    config = load(None, environ={})
    assert pack_names() == ("crashes", "images", "jobs", "nodes", "rollouts", "scheduling", "storage")
    assert {"crash-loop", "image-pull", "job-failed", "node-not-ready", "rollout-stuck", "evicted", "failed-mount"} <= {
        rule.name for rule in config.rules
    }
    assert config.route == Route(receiver="stdout")
    assert config.destinations == (Destination(name="stdout", receiver="stdout", type="stdout"),)
    assert (config.cluster, config.state) == (None, Path("kwatch-state"))
    assert (config.web.host, config.web.port, config.web.public_url) == ("127.0.0.1", 8080, "")
    assert config.watch.namespaces.include == ("*",)


def test_an_empty_file_is_no_configuration(configured: Configured) -> None:
    assert configured("# nothing\n") == load(None, environ={})


def test_in_a_cluster_the_page_is_for_the_service() -> None:
    assert load(None, environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).web.host == "0.0.0.0"


def test_a_listen_address_may_be_ipv6(configured: Configured) -> None:
    web = configured('web: {listen: "[::1]:9090", public_url: "https://k.example.com/"}').web
    assert (web.host, web.port, web.public_url) == ("::1", 9090, "https://k.example.com")


def test_an_event_rule(configured: Configured) -> None:
    config = configured("""\
packs: []
rules:
  - name: crash
    id: crash-1
    on: event
    match: {reason: BackOff, kind: Pod}
    rate: {count: 5, within: 1h30m, per: [namespace, workload]}
    resolve: {condition: {Ready: "True"}}
    resolve_hold: 0s
    flapping: {transitions: 6, within: 1h}
    on_delete: keep
    severity: critical
    labels: {area: runtime}
    annotations: {summary: "{{ workload }} costs $5"}
    details: {phase: status.phase}
""")
    assert config.rules == (
        Rule(
            name="crash",
            id="crash-1",
            on=Subject.EVENT,
            match=AllOf((WordIs(Word.REASON, (Text("BackOff"),)), WordIs(Word.KIND, (Text("Pod"),)))),
            key=("namespace", "workload"),
            severity=Severity.CRITICAL,
            rate=Rate(5, timedelta(minutes=90), ("namespace", "workload")),
            resolve=AllOf((StatusConditionIs("Ready", (Text("True"),)),)),
            resolve_hold=timedelta(0),
            flapping=Flapping(6, timedelta(hours=1), timedelta(minutes=15)),
            on_delete=OnDelete.KEEP,
            labels={"area": "runtime"},
            annotations={"summary": "{{ workload }} costs $5"},
            details={"phase": ("status", "phase")},
            origin=config.rules[0].origin,
        ),
    )
    assert config.rules[0].origin.endswith("kwatch.yaml:3")


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("on: event, match: {reason: A}", ("namespace", "workload", "reason")),
        ("on: event, match: {reason: A}, key: [name]", ("name",)),
        ("on: event, match: {reason: A}, rate: {count: 2, within: 5m, per: [node]}", ("node",)),
        ("on: event, match: {reason: A}, rate: {count: 2, within: 5m}", ("namespace", "workload", "reason")),
        ("on: resource, match: {kind: Pod}", ("namespace", "workload")),
        ("on: resource, match: {kind: Pod}, key: [area], labels: {area: x}", ("area",)),
    ],
)
def test_the_key_of_a_rule(configured: Configured, words: str, key: tuple[str, ...]) -> None:
    rule = configured(f"packs: []\nrules: [{{name: a, {words}}}]\n").rules[0]
    assert rule.key == key
    assert rule.rate is None or rule.rate.per == key


def test_a_rule_of_a_pack_is_changed_key_by_key(configured: Configured) -> None:
    before = _rule(load(None, environ={}), "node-not-ready")
    after = _rule(
        configured("rules: [{name: node-not-ready, for: 2m, match: {kind: Node, name: n1}}]"), "node-not-ready"
    )
    assert (before.origin, after.for_, after.severity) == ("pack nodes", timedelta(minutes=2), Severity.CRITICAL)
    assert after.match == AllOf((WordIs(Word.KIND, (Text("Node"),)), WordIs(Word.NAME, (Text("n1"),))))
    assert after.annotations == before.annotations


def test_a_rule_of_a_pack_is_switched_off(configured: Configured) -> None:
    config = configured("rules: [{name: image-pull, enabled: false}]")
    assert [rule.name for rule in load(None, environ={}).rules if rule not in config.rules] == ["image-pull"]


def test_only_the_chosen_packs_are_in_use(configured: Configured) -> None:
    config = configured("packs: [jobs]")
    assert [rule.name for rule in config.rules] == ["job-failed"]
    assert config.inhibitions == ()


def test_rules_of_included_files_come_after(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("b", "a"):
        (tmp_path / "rules" / f"{name}.yaml").write_text(
            f"rules: [{{name: {name}, on: event, match: {{reason: {name}}}, mode: notice}}]", "utf-8"
        )
    config = configured('packs: []\ninclude: ["rules/*.yaml", "rules/a.yaml"]\n')
    assert [(rule.name, rule.mode) for rule in config.rules] == [("a", Mode.NOTICE), ("b", Mode.NOTICE)]


def test_inhibitions(configured: Configured) -> None:
    config = configured("packs: [jobs]\ninhibit: [{when: {rule: job-failed}, mute: {kind: Pod}, equal: [node]}]\n")
    assert config.inhibitions == (
        Inhibition(
            when=AllOf((LabelIs("rule", (Text("job-failed"),)),)),
            mute=AllOf((LabelIs("kind", (Text("Pod"),)),)),
            equal=("node",),
        ),
    )


def test_routes_inherit(configured: Configured) -> None:
    root = configured(
        TWO
        + """\
watch: {labels: [team]}
route:
  receiver: ops
  group_by: [namespace]
  group_wait: 30s
  repeat_interval: 0s
  routes:
    - match: {severity: critical}
      receiver: "team-{{ team }}"
      continue: true
      routes:
        - {match: {kind: Node}, group_interval: 5m}
    - {match: {namespace: sandbox}, receiver: none}
"""
    ).route
    inherited = {"group_by": ("namespace",), "group_wait": timedelta(seconds=30), "repeat_interval": timedelta(0)}
    team, sandbox = root.children
    (node,) = team.children
    waits = {"critical_wait": timedelta(seconds=30)}  # where it is set; a child that inherits it lets them go at once
    assert root == Route(receiver="ops", **inherited, **waits, children=root.children, origin=root.origin)
    assert team == Route(
        receiver="team-{{ team }}",
        parent_receiver="ops",
        match=AllOf((LabelIs("severity", (Text("critical"),)),)),
        continue_=True,
        children=(node,),
        origin=team.origin,
        **inherited,
    )
    assert (node.receiver, node.parent_receiver) == ("team-{{ team }}", "ops")
    assert (node.group_interval, node.continue_) == (timedelta(minutes=5), False)
    assert (sandbox.receiver, sandbox.parent_receiver) == ("none", "ops")
    assert [route.origin.rpartition(":")[2] for route in (root, team, node, sandbox)] == ["4", "9", "13", "14"]


def test_the_only_receiver_needs_no_route(configured: Configured) -> None:
    config = configured("receivers: {ops: [{type: stdout}]}")
    assert config.route == Route(receiver="ops")
    assert config.destinations[0].name == "ops-stdout"


def test_destinations(configured: Configured) -> None:
    config = configured(
        """\
receivers:
  ops:
    - {type: slack, token: {env: TOKEN}, channel: "#alerts", severity: warning}
    - {type: slack, name: second, url: {env: URL}, send_resolved: false}
""",
        TOKEN="xoxb-$1",
        URL="https://hooks.slack.com/services/$1",
    )
    assert config.destinations == (
        Destination(name="ops-slack", receiver="ops", type="slack", severity=Severity.WARNING, can_edit=True),
        Destination(name="second", receiver="ops", type="slack", send_resolved=False),
    )
    assert [entry.name for entry in config.receivers["ops"]] == ["ops-slack", "second"]


def test_events_are_watched_whether_or_not_the_configuration_says_so(configured: Configured) -> None:
    assert configured("watch: {events: {}}").watch == configured("watch: {}").watch


def test_t16_a_selector_of_namespaces(configured: Configured) -> None:
    watch = configured("watch: {namespaces: {exclude: [kube-system], selector: team=a}, resources: [Node]}").watch
    assert watch.namespaces.selector == AllOf((LabelIs("team", (Text("a"),)),))
    assert (watch.namespaces.exclude, watch.resources) == (("kube-system",), ("Node",))


def test_a_file_does_not_include_itself(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("rules: [{name: a, on: event, match: {reason: A}}]", "utf-8")
    assert [rule.name for rule in configured('packs: []\ninclude: ["*.yaml"]\n').rules] == ["a"]


def test_an_absolute_glob_includes(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.yaml").write_text("rules: [{name: a, on: event, match: {reason: A}}]", "utf-8")
    assert [rule.name for rule in configured(f"packs: []\ninclude: ['{tmp_path}/deep/**/*.yaml']\n").rules] == ["a"]
