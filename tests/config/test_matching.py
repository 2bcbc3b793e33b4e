"""What each matcher of the YAML means, as a condition tree."""

import pytest

from kwatch.config.matching import KEYS, KnownNames, Scope, read_label_match, read_match
from kwatch.config.parse import parse
from kwatch.config.problems import Problems
from kwatch.config.selectors import parse_selector
from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Not,
    Regex,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.matching import label_predicate

BACK_OFF = WordIs(Word.REASON, (Text("BackOff"),))


def _read(text: str, scope: Scope) -> Condition:
    problems = Problems()
    node = parse(text, "k.yaml", problems)
    assert node is not None
    condition = read_match("match", node, scope, problems)
    assert problems.sorted() == ()
    return condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("{reason: BackOff}", AllOf((BACK_OFF,))),
        ("{reason: [BackOff]}", AllOf((BACK_OFF,))),
        (
            "{reason: [BackOff, 'Fail*'], type: Warning}",
            AllOf(
                (WordIs(Word.REASON, (Text("BackOff"), Text("Fail*"))), WordIs(Word.TYPE, (Text("Warning"),))),
            ),
        ),
        ("{message: {regex: 'a$'}}", AllOf((WordIs(Word.MESSAGE, (Regex("a$"),)),))),
        ("{message: ['x*', {regex: 'a|b'}]}", AllOf((WordIs(Word.MESSAGE, (Text("x*"), Regex("a|b"))),))),
        ("{not: {reason: BackOff}}", AllOf((Not(AllOf((BACK_OFF,))),))),
        (
            "{any: [{reason: BackOff}, {node: n1}]}",
            AllOf((AnyOf((AllOf((BACK_OFF,)), AllOf((WordIs(Word.NODE, (Text("n1"),)),)))),)),
        ),
        (
            "{labels: {team: payments, v: 1.10}}",
            AllOf((LabelIs("team", (Text("payments"),)), LabelIs("v", (Text("1.10"),)))),
        ),
        ("{annotations: {a.b/c: '*'}}", AllOf((LabelIs("a.b/c", (Text("*"),), annotation=True),))),
        ("{fields: {status.phase: Failed}}", AllOf((FieldIs(("status", "phase"), (Text("Failed"),)),))),
        ("{condition: {Ready: False}}", AllOf((StatusConditionIs("Ready", (Text("False"),)),))),
        (
            "{condition: {Ready: [false, Unknown]}}",
            AllOf((StatusConditionIs("Ready", (Text("False"), Text("Unknown"))),)),
        ),
    ],
)
def test_matches_of_events(text: str, condition: Condition) -> None:
    assert _read(text, Scope.EVENT) == condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        (
            '{fields: {"spec.containers[*].resources.limits.memory": {gt: 500m, le: 1Gi}}}',
            FieldIs(("spec", "containers", None, "resources", "limits", "memory"), (Compare(gt=0.5, le=1073741824.0),)),
        ),
        (
            """{fields: {'metadata.annotations["a.b/c"]': x}}""",
            FieldIs(("metadata", "annotations", "a.b/c"), (Text("x"),)),
        ),
        ("{change: [created, deleted]}", WordIs(Word.CHANGE, (Text("created"), Text("deleted")))),
        ("{changed: spec.replicas}", AnyOf((FieldChanged(("spec", "replicas")),))),
        ("{changed: [spec.a, spec.b]}", AnyOf((FieldChanged(("spec", "a")), FieldChanged(("spec", "b"))))),
        (
            "{changed: {path: spec.a, from: x, to: {ge: 3}, increased: true}}",
            AnyOf((FieldChanged(("spec", "a"), (Text("x"),), (Compare(ge=3),), increased=True),)),
        ),
    ],
)
def test_matches_of_objects(text: str, condition: Condition) -> None:
    assert _read(text, Scope.RESOURCE) == AllOf((condition,))


def test_routes_match_labels_of_alerts() -> None:
    problems = Problems()
    node = parse("{severity: critical, team: [a, 'b*'], not: {kind: Node}}", "k.yaml", problems)
    assert node is not None
    known = KnownNames(labels=frozenset(("severity", "team", "kind")), rules=frozenset())
    assert read_label_match("match", node, known, problems) == AllOf(
        (
            LabelIs("severity", (Text("critical"),)),
            LabelIs("team", (Text("a"), Text("b*"))),
            Not(AllOf((LabelIs("kind", (Text("Node"),)),))),
        )
    )
    assert problems.sorted() == ()


@pytest.mark.parametrize("labels", [{}, {"team": "a"}, {"team": "b"}, {"team": ""}])
@pytest.mark.parametrize(
    ("selector", "truths"),
    [
        ("team=a", (False, True, False, False)),
        ("team==a", (False, True, False, False)),
        ("team!=a", (True, False, True, True)),
        ("team in (a, b)", (False, True, True, False)),
        ("team notin (a,b)", (True, False, False, True)),
        ("team", (False, True, True, True)),
        ("!team", (True, False, False, False)),
        ("team,team!=a", (False, False, True, True)),
        ("team=", (False, False, False, True)),
    ],
)
def test_t53_selectors_have_the_truth_of_kubectl(
    selector: str, truths: tuple[bool, ...], labels: dict[str, str]
) -> None:
    column = [{}, {"team": "a"}, {"team": "b"}, {"team": ""}].index(labels)
    assert label_predicate(parse_selector(selector))(labels) is truths[column]


def _problems(key: str, value: str, scope: Scope) -> tuple[str, ...]:
    problems = Problems()
    node = parse(f"{key}: {value}", "k.yaml", problems)
    assert node is not None
    read_match("match", node, scope, problems)
    return problems.sorted()


_ASKED = [(scope, key) for scope, keys in KEYS.items() for key in keys]
_NOTHING = (
    '""',
    "' '",
    "[]",
    "{}",
    "null",
    '[""]',
    "[[]]",
    "[{}]",
    "{regex: }",
    "{regex: ''}",
    "{regex: '['}",
    "{a: }",
)


@pytest.mark.parametrize(("scope", "key"), _ASKED)
@pytest.mark.parametrize("value", _NOTHING)
def test_t02_no_key_can_ask_nothing(scope: Scope, key: str, value: str) -> None:
    by_name = key in {"labels", "annotations", "fields", "condition"}
    assert _problems(key, f"{{a: {value}}}" if by_name else value, scope) != ()


@pytest.mark.parametrize("value", _NOTHING)
def test_t52_no_label_can_ask_nothing(value: str) -> None:
    problems = Problems()
    node = parse(f"team: {value}", "k.yaml", problems)
    assert node is not None
    read_label_match("match", node, None, problems)
    assert problems.sorted() != ()


def test_t25_a_glob_given_as_a_regular_expression_is_proposed_as_a_glob() -> None:
    (problem,) = _problems("reason", "{regex: '*test*'}", Scope.EVENT)
    assert problem.startswith("k.yaml:1:17: reason: regex: no argument for repetition operator: *: ")
    assert problem.endswith('it looks like a glob; write reason: "*test*"')


def test_t30_a_dollar_is_a_dollar() -> None:
    assert _read("{message: [{regex: '^a$'}, '${HOME}']}", Scope.EVENT) == AllOf(
        (WordIs(Word.MESSAGE, (Regex("^a$"), Text("${HOME}"))),)
    )


def test_p8_a_pattern_that_would_hang_others_is_taken() -> None:
    assert _read("{message: {regex: '(a+)+$'}}", Scope.EVENT) == AllOf((WordIs(Word.MESSAGE, (Regex("(a+)+$"),)),))
