"""Rules that are right and could be better: warnings, which stop nothing. Errors are in `bad/never-true.yaml`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.config.load import load

Warned = Callable[[str], tuple[str, ...]]


@pytest.fixture
def warned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warned:
    monkeypatch.chdir(tmp_path)

    def warned(text: str) -> tuple[str, ...]:
        Path("kwatch.yaml").write_text(text, "utf-8")
        return load(Path("kwatch.yaml"), environ={}).warnings

    return warned


def test_the_packs_warn_of_nothing() -> None:
    assert load(None, environ={}).warnings == ()


def test_a_rate_of_a_series_comes_late(warned: Warned) -> None:
    rules = """rules:
  - {name: a, on: event, match: {reason: FailedScheduling, kind: Pod}, rate: {count: 5, within: 10m}, mode: notice}
  - {name: b, on: event, match: {component: default-scheduler}, rate: {count: 5, within: 10m}}
  - {name: c, on: event, match: {reason: Unhealthy}, rate: {count: 5, within: 10m}}
"""
    late = (
        "rate: the scheduler writes what repeats each 30 minutes only, so this may be told that late; "
        "the object shows it at once: on: resource with `for`"
    )
    assert warned(rules) == (f"kwatch.yaml:2:72: {late}", f"kwatch.yaml:3:65: {late}")


def test_the_object_knows_better_than_its_events(warned: Warned) -> None:
    rules = """rules:
  - {name: a, on: event, match: {reason: [BackOff, NodeNotReady]}}
  - {name: b, on: event, match: {reason: BackOff, kind: Pod}, resolve: {condition: {Ready: "True"}}}
  - {name: c, on: event, match: {reason: BackOff}, mode: notice}
  - {name: d, on: event, match: {reason: BackOff}, enabled: false}
  - {name: e, on: event, match: {reason: "Back*"}}
  - {name: f, on: event, match: {reason: BackOff}, absent_for: 1h}
"""
    (warning,) = warned(rules)
    assert warning == (
        "kwatch.yaml:2:26: match: Events do not say when it is over, the object does: "
        "add `resolve`, or use the built-in rule 'crash-loop' or 'node-not-ready'"
    )


def test_S54_what_is_over_at_once_is_not_told(warned: Warned) -> None:
    rules = """rules:
  - {name: a, on: event, match: {reason: A, kind: Pod}, resolve: {condition: {Ready: "True"}}, resolve_hold: 0s}
  - {name: b, on: event, match: {reason: A, kind: Pod}, resolve: {condition: {Ready: "True"}}, resolve_hold: 1s}
  - {name: c, on: event, match: {reason: A, kind: Pod}, resolve_hold: 0s}
  - {name: d, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}
"""
    why = "what happens to an object that is well is over before it is told"
    mend = "write a time longer than the group_wait of the route"
    assert warned(rules) == (f"kwatch.yaml:2:96: resolve_hold: {why}: {mend}",)


def test_of_what_went_while_kwatch_was_away_not_all_is_known(warned: Warned) -> None:
    rules = """rules:
  - {name: a, on: resource, match: {kind: Pod, change: deleted, annotations: {keep: "true"}}}
  - {name: b, on: resource, match: {kind: Pod, change: [created, deleted], fields: {status.phase: Failed}}}
  - {name: c, on: resource, match: {kind: Pod, change: deleted, condition: {Ready: "True"}}}
  - {name: d, on: resource, match: {kind: Pod, change: deleted, labels: {app: web}, workload: Deployment/web}}
  - {name: e, on: resource, match: {kind: Pod, change: created, fields: {status.phase: Failed}}}
"""
    unknown = "annotations, fields and conditions of what goes while kwatch is away are not known afterwards"
    text = f"match: {unknown}, so it may not be told: ask for labels, owner or workload"
    assert warned(rules) == tuple(f"kwatch.yaml:{line}:29: {text}" for line in (2, 3, 4))


@pytest.mark.parametrize(
    "match",
    [
        "{reason: BackOff, any: [{reason: Killing}, {reason: Back*}]}",
        "{kind: Certificate, any: [{kind: Certificate.cert-manager.io}]}",
        "{kind: Node}",
        "{namespace: prod-a, not: {namespace: prod-b}}",
        "{kind: Pod, fields: {spec.replicas: [{gt: 5, lt: 3}, 4]}}",
        "{kind: Pod, fields: {spec.a: {ge: 3, le: 3}}}",
        "{kind: Pod, any: [{labels: {a: b}}, {labels: {a: c}}], labels: {a: [b, c]}}",
        "{namespace: {regex: 'prod-.*'}, not: {namespace: 'prod-*-x'}}",
        "{reason: 'A*', not: {reason: 'A?*'}}",
        "{reason: '*A', not: {reason: ['?A', A]}}",
        "{reason: '*', not: {reason: {regex: '.{1,5}'}}}",
        "{kind: Pod, fields: {spec.a: 'a*'}, not: {fields: {spec.b: 'a*'}}}",
        "{kind: Pod, fields: {'spec.a[*]': {gt: 5}}, not: {fields: {'spec.a[*]': {gt: 7}}}}",
        "{kind: Pod, labels: {a: b}, not: {annotations: {a: b}}}",
        "{kind: Node, namespace: prod-a}",
        "{kind: Node, name: 'a*', node: '*b'}",
        "{kind: [Node, Pod], name: a, node: b}",
        "{kind: Node.example.com, name: a, node: b}",
        "{namespace: '*-a'}",
        "{namespace: ['dev-*', 'p?od-*']}",
        "{namespace: {regex: 'dev-.*'}}",
        "{kind: Pod, any: [{labels: {a: 'b*c'}, not: {labels: {a: c}}}]}",
    ],
)
def test_what_may_be_true_is_taken(match: str, warned: Warned) -> None:
    namespaces = "watch: {namespaces: {include: ['prod-*'], exclude: ['prod-b']}}\n"
    assert warned(f"{namespaces}rules: [{{name: a, on: event, match: {match}, mode: notice}}]\n") == ()


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        ("kind: Pod", "kind: Node", "[node]"),
        ("kind: Pod", "kind: Job", "[namespace, workload]"),
        ("kind: Pod", "kind: Kafka", "[namespace]"),
        ("kind: Node.longhorn.io", "kind: Pod", "[namespace]"),
        ("kind: Certificate", "kind: Certificate.cert-manager.io", "[namespace, kind]"),
        ("kind: [Pod, Node]", "kind: Node", "[namespace, kind]"),
        ("namespace: prod-a", "namespace: 'prod-*'", "[namespace]"),
        ("namespace: '*-a'", "namespace: 'prod-*'", "[namespace]"),
        ("name: a", "any: [{name: b}, {kind: Pod}]", "[name]"),
        ("not: {name: a}", "name: 'a*'", "[name]"),
    ],
)
def test_steps_that_may_share_the_key_are_taken(first: str, second: str, key: str, warned: Warned) -> None:
    then = f"then: {{match: {{reason: B, {second}}}, within: 5m}}"
    assert warned(f"rules: [{{name: a, on: event, match: {{reason: A, {first}}}, {then}, key: {key}}}]\n") == ()


@pytest.mark.parametrize(
    "match",
    [
        "{kind: [Node, Pod], namespace: shop}",
        "{kind: Node.longhorn.io, namespace: shop}",
        "{kind: Node, not: {namespace: shop}}",
        "{kind: Node, namespace: '*'}",
    ],
)
def test_only_what_is_in_no_namespace_is_refused_in_one(match: str, warned: Warned) -> None:
    assert warned(f"rules: [{{name: a, on: resource, match: {match}}}]\n") == ()


def test_what_no_destination_is_told(warned: Warned) -> None:
    text = """packs: []
rules:
  - {name: a, on: event, match: {reason: A}}
  - {name: b, on: event, match: {reason: B}, severity: critical}
  - {name: c, on: event, match: {reason: C}, severity: info}
receivers:
  team: [{type: stdout, severity: critical}, {type: webhook, url: "http://receiver.example/", severity: LEAST}]
"""
    assert warned(text.replace("LEAST", "info")) == ()
    (warning,) = warned(text.replace("LEAST", "critical"))
    assert warning == (
        "kwatch.yaml:6:1: no destination is told of less than critical, so nobody is of the rules a, c: "
        "lower the `severity` of a destination, or switch these rules off"
    )
