import pytest
from making import event_rule, every, resource_rule, texts, word

from kwatch.model.conditions import (
    AllOf,
    AnyElement,
    AnyOf,
    Condition,
    FieldIs,
    LabelIs,
    Not,
    Regex,
    StatusConditionIs,
    Word,
    WordIs,
)
from kwatch.model.elements import bind_elements
from kwatch.model.matching import kinds_of
from kwatch.model.rules import Mode, Rule
from kwatch.rules.needs import Need, needs_of

POD = word(Word.KIND, "Pod")
NODE = word(Word.KIND, "Node")
PHASE = ("status", "phase")
DELETED_AT = ("metadata", "deletionTimestamp")
KEY, EFFECT = (FieldIs(("spec", "taints", None, name), texts("a")) for name in ("key", "effect"))
OWNERS = {"ReplicaSet.apps": Need(), "Job.batch": Need()}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (POD, {"Pod"}),
        (word(Word.KIND, "Pod", "Node"), {"Pod", "Node"}),
        (word(Word.KIND, "*"), None),
        (WordIs(Word.KIND, (Regex("Pod"),)), None),
        (AllOf(()), None),
        (every(POD, word(Word.NAME, "a")), {"Pod"}),
        (every(word(Word.KIND, "Pod", "Node"), NODE), {"Node"}),
        (AnyOf((POD, NODE)), {"Pod", "Node"}),
        (AnyOf((POD, word(Word.NAME, "a"))), None),
        (AnyElement(("spec", "taints", None), every(POD)), {"Pod"}),
        (Not(POD), None),
    ],
)
def test_a_condition_says_of_which_kinds_it_can_be_true(condition: Condition, expected: set[str] | None) -> None:
    assert kinds_of(condition) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (resource_rule("r", NODE), {"Node": Need()}),
        (resource_rule("r", word(Word.KIND, "Certificate.cert-manager.io")), {"Certificate.cert-manager.io": Need()}),
        (resource_rule("r", every(NODE, LabelIs("a", texts("b")))), {"Node": Need()}),
        (resource_rule("r", every(NODE, LabelIs("a", texts("b"), True))), {"Node": Need(annotations=True)}),
        (resource_rule("r", every(NODE, StatusConditionIs("Ready", texts("True")))), {"Node": Need(full=True)}),
        (
            resource_rule("r", every(NODE, FieldIs(DELETED_AT, texts("*")))),
            {"Node": Need(frozenset({DELETED_AT}))},
        ),
        (
            resource_rule("r", every(NODE, Not(FieldIs(PHASE, texts("a"))))),
            {"Node": Need(frozenset({PHASE}), full=True)},
        ),
        (
            resource_rule("r", bind_elements(every(NODE, KEY, EFFECT, FieldIs(PHASE, texts("a"))))),
            {
                "Node": Need(
                    frozenset({PHASE, KEY.path, EFFECT.path}),
                    full=True,
                    elementwise=frozenset({KEY.path, EFFECT.path}),
                )
            },
        ),
        (resource_rule("r", NODE, details={"phase": PHASE}), {"Node": Need(frozenset({PHASE}), full=True)}),
        (resource_rule("r", POD), {"Pod": Need(full=True), **OWNERS}),
        (event_rule("r", NODE), {"Node": Need()}),
        (event_rule("r", NODE, resolve=StatusConditionIs("Ready", texts("True"))), {"Node": Need(full=True)}),
        (event_rule("r", NODE, mode=Mode.NOTICE), {"Node": Need()}),
        (event_rule("r", NODE, mode=Mode.NOTICE, key=("name",)), {}),
        (event_rule("r", word(Word.REASON, "a")), {}),
    ],
)
def test_what_must_be_watched(rule: Rule, expected: dict[str, Need]) -> None:
    assert needs_of([rule], ()) == expected


def test_the_needs_of_all_rules_are_met() -> None:
    rules = [
        resource_rule("a", every(NODE, FieldIs(PHASE, texts("x")))),
        resource_rule("b", every(NODE, FieldIs(DELETED_AT, texts("x")), LabelIs("a", texts("b"), True))),
    ]
    assert needs_of(rules, ()) == {"Node": Need(frozenset({PHASE, DELETED_AT}), annotations=True, full=True)}
