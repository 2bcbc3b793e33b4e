from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from making import WORKLOAD, about, change, event, state, texts, word
from strategies import CONDITIONS, STATES, TEXTS

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Matcher,
    Not,
    StatusConditionIs,
    Word,
)
from kwatch.model.contradictions import impossible
from kwatch.model.findings import Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About, Change, ObjectState, StatusCondition
from kwatch.rules.evaluate import compile_condition
from kwatch.rules.explain import explain
from kwatch.rules.observed import Observed, observe_change, observe_event, observe_state

TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN

RESTARTS = ("status", "containerStatuses", None, "restartCount")
IMAGE = ("spec", "image")


def truth(condition: Condition, seen: Observed) -> Truth:
    return compile_condition(condition)(seen)


SEEN = observe_event(event(message="Back-off restarting"), about(state(labels={"team": "payments"})))


@pytest.mark.parametrize(
    ("asked", "glob", "expected"),
    [
        (Word.REASON, "BackOff", TRUE),
        (Word.REASON, "Back", FALSE),
        (Word.TYPE, "Warning", TRUE),
        (Word.KIND, "Pod", TRUE),
        (Word.NAMESPACE, "sh?p", TRUE),
        (Word.NAME, "web-*", TRUE),
        (Word.MESSAGE, "*restarting*", TRUE),
        (Word.COMPONENT, "kubelet", TRUE),
        (Word.HOST, "node-1", TRUE),
        (Word.OWNER, "ReplicaSet/web-*", TRUE),
        (Word.WORKLOAD, "Deployment/web", TRUE),
        (Word.NODE, "node-1", TRUE),
        (Word.CHANGE, "*", FALSE),
    ],
)
def test_words_of_an_event(asked: Word, glob: str, expected: Truth) -> None:
    """Kind, namespace and the like are those of the object that it is about."""
    assert truth(word(asked, glob), SEEN) is expected


@pytest.mark.parametrize("asked", [Word.REASON, Word.TYPE, Word.MESSAGE, Word.COMPONENT, Word.HOST])
def test_what_an_object_does_not_have_matches_nothing(asked: Word) -> None:
    seen = observe_state(state(), WORKLOAD)
    assert truth(word(asked, "*"), seen) is FALSE
    assert truth(Not(word(asked, "*")), seen) is TRUE


@pytest.mark.parametrize(
    ("kind", "group", "asked", "expected"),
    [
        ("Certificate", "cert-manager.io", "Certificate.cert-manager.io", TRUE),
        ("Certificate", "cert-manager.io", "Certificate", TRUE),
        ("Certificate", "other.io", "Certificate.cert-manager.io", FALSE),
        ("Pod", "", "Pod.", FALSE),
    ],
)
def test_a_kind_may_be_named_with_its_group(kind: str, group: str, asked: str, expected: Truth) -> None:
    seen = observe_event(event(regarding=ObjectRef(kind, "a", "b", group)), None)
    assert truth(word(Word.KIND, asked), seen) is expected


def test_a_cluster_scoped_object_has_an_empty_namespace() -> None:
    seen = observe_state(state(ref=ObjectRef("Node", "n1")), "Node/n1")
    assert truth(word(Word.NAMESPACE, ""), seen) is TRUE
    assert truth(word(Word.NAMESPACE, "*"), seen) is TRUE
    assert truth(word(Word.NAMESPACE, "prod-*"), seen) is FALSE


def test_a_pod_that_is_not_scheduled_has_no_node() -> None:
    assert truth(word(Word.NODE, "*"), observe_state(state(node=""), WORKLOAD)) is FALSE


OF_THE_OBJECT: list[Condition] = [
    LabelIs("team", texts("*")),
    LabelIs("team", texts("*"), annotation=True),
    FieldIs(IMAGE, texts("*")),
    StatusConditionIs("Ready", texts("True")),
    word(Word.OWNER, "*"),
    word(Word.WORKLOAD, "*"),
    word(Word.NODE, "*"),
]


@pytest.mark.parametrize("condition", OF_THE_OBJECT)
@pytest.mark.parametrize("known", [None, About(None, "Pod/web-1")])
def test_what_cannot_be_had_is_unknown_and_so_is_its_not(condition: Condition, known: About | None) -> None:
    seen = observe_event(event(), known)
    assert truth(condition, seen) is UNKNOWN
    assert truth(Not(condition), seen) is UNKNOWN


def test_an_unknown_object_does_not_hide_what_the_event_says() -> None:
    seen = observe_event(event("Killing"), None)
    unknown = LabelIs("team", texts("payments"))
    assert truth(AllOf((unknown, word(Word.REASON, "BackOff"))), seen) is FALSE
    assert truth(AnyOf((unknown, word(Word.REASON, "Killing"))), seen) is TRUE


@pytest.mark.parametrize(
    ("labels", "asked", "negated"),
    [({"team": "payments"}, TRUE, FALSE), ({"team": "shop"}, FALSE, TRUE), ({}, FALSE, TRUE)],
)
def test_t53_an_absent_label_matches_nothing(labels: dict[str, str], asked: Truth, negated: Truth) -> None:
    seen = observe_state(state(labels=labels), WORKLOAD)
    condition = LabelIs("team", texts("payments"))
    assert (truth(condition, seen), truth(Not(condition), seen)) == (asked, negated)


def test_annotations_are_not_labels() -> None:
    seen = observe_state(state(labels={"a": "label"}, annotations={"a": "annotation"}), WORKLOAD)
    assert truth(LabelIs("a", texts("annotation"), annotation=True), seen) is TRUE
    assert truth(LabelIs("a", texts("annotation")), seen) is FALSE


@pytest.mark.parametrize(
    ("values", "matchers", "expected"),
    [
        ((0, 3), (Compare(ge=3),), TRUE),
        ((0, 3), (Compare(gt=3),), FALSE),
        ((0, 3), texts("3"), TRUE),
        ((True,), texts("true"), TRUE),
        ((), texts("*"), FALSE),
    ],
)
def test_any_element_of_a_list_will_do(values: tuple[int, ...], matchers: tuple[Matcher, ...], expected: Truth) -> None:
    seen = observe_state(state(values={RESTARTS: values} if values else {}), WORKLOAD)
    assert truth(FieldIs(RESTARTS, matchers), seen) is expected


@pytest.mark.parametrize(("status", "expected"), [("True", FALSE), ("False", TRUE), ("Unknown", TRUE), (None, UNKNOWN)])
def test_a_condition_that_is_not_there_is_unknown(status: str | None, expected: Truth) -> None:
    conditions = {"Ready": StatusCondition(status)} if status is not None else {}
    seen = observe_state(state(conditions=conditions), WORKLOAD)
    assert truth(StatusConditionIs("Ready", texts("False", "Unknown")), seen) is expected


def _updated(old: tuple[str | int, ...], new: tuple[str | int, ...], kind: Change = Change.UPDATED) -> Observed:
    def at(values: tuple[str | int, ...]) -> ObjectState:
        return state(values={RESTARTS: values} if values else {})

    return observe_change(change(at(new), at(old), kind), WORKLOAD)


@pytest.mark.parametrize(
    ("old", "new", "asked", "expected"),
    [
        (("a",), ("a",), FieldChanged(RESTARTS), FALSE),
        (("a",), ("b",), FieldChanged(RESTARTS), TRUE),
        ((), ("b",), FieldChanged(RESTARTS), TRUE),
        (("a",), (), FieldChanged(RESTARTS), TRUE),
        (("a",), ("b",), FieldChanged(RESTARTS, before=texts("a")), TRUE),
        (("a",), ("b",), FieldChanged(RESTARTS, before=texts("x")), FALSE),
        ((), ("b",), FieldChanged(RESTARTS, before=texts("*")), FALSE),
        (("a",), ("b",), FieldChanged(RESTARTS, before=texts("a"), after=texts("b")), TRUE),
        (("a",), ("b",), FieldChanged(RESTARTS, before=texts("a"), after=texts("c")), FALSE),
        ((1, 5), (2, 5), FieldChanged(RESTARTS, increased=True), TRUE),
        ((2, 5), (1, 5), FieldChanged(RESTARTS, increased=True), FALSE),
        ((2, 5), (3, 0), FieldChanged(RESTARTS, increased=True), TRUE),
        ((5,), (0, 5), FieldChanged(RESTARTS, increased=True), FALSE),
        ((5,), (0, 6), FieldChanged(RESTARTS, increased=True), TRUE),
        ((), (1,), FieldChanged(RESTARTS, increased=True), FALSE),
        (("500m",), ("1",), FieldChanged(RESTARTS, increased=True), TRUE),
        (("1Gi",), ("900Mi",), FieldChanged(RESTARTS, increased=True), FALSE),
        (("a",), ("b",), FieldChanged(RESTARTS, increased=True), FALSE),
    ],
)
def test_a_change_is_between_two_states(
    old: tuple[str | int, ...], new: tuple[str | int, ...], asked: FieldChanged, expected: Truth
) -> None:
    assert truth(asked, _updated(old, new)) is expected


def test_t40_a_pod_that_has_restarted_once_has_not_restarted_again() -> None:
    restarted = FieldChanged(RESTARTS, increased=True)
    assert truth(restarted, _updated((1,), (1,))) is FALSE
    assert truth(restarted, _updated((1,), (2,))) is TRUE


def test_nothing_has_changed_without_a_before() -> None:
    changed = FieldChanged(IMAGE)
    first = observe_change(change(state(values={IMAGE: ("a",)}), None, Change.EXISTING), WORKLOAD)
    assert truth(changed, first) is FALSE
    assert truth(changed, SEEN) is FALSE
    assert truth(FieldChanged(RESTARTS), _updated((1,), (), Change.DELETED)) is FALSE


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Change.CREATED, "created"), (Change.UPDATED, "updated"), (Change.DELETED, "deleted"), (Change.EXISTING, None)],
)
def test_what_was_there_already_has_not_changed(kind: Change, expected: str | None) -> None:
    seen = observe_change(change(state(), None, kind), WORKLOAD)
    true = [glob for glob in ("created", "updated", "deleted") if truth(word(Word.CHANGE, glob), seen) is TRUE]
    assert true == ([expected] if expected else [])


# Kleene's logic

_CONSTANT: dict[Truth, Condition] = {
    TRUE: AllOf(()),
    FALSE: AnyOf(()),
    UNKNOWN: StatusConditionIs("Absent", texts("True")),
}
_ORDER = [FALSE, UNKNOWN, TRUE]


@pytest.mark.parametrize(("a", "b"), list(product(_ORDER, repeat=2)))
def test_t26_the_truth_table(a: Truth, b: Truth) -> None:
    """AND is the lesser, OR the greater, of false < unknown < true."""
    both = (_CONSTANT[a], _CONSTANT[b])
    assert truth(AllOf(both), SEEN) is min(a, b, key=_ORDER.index)
    assert truth(AnyOf(both), SEEN) is max(a, b, key=_ORDER.index)


SEEN_ANY: st.SearchStrategy[Observed] = st.one_of(
    st.builds(
        lambda now, before, kind: observe_change(change(now, before, kind), WORKLOAD),
        STATES,
        st.none() | STATES,
        st.sampled_from(Change),
    ),
    st.builds(
        lambda reason, message, known: observe_event(event(reason, message=message), known),
        TEXTS,
        TEXTS,
        st.none() | st.builds(About, st.none() | STATES, TEXTS),
    ),
    st.builds(Observed, kind=TEXTS, group=TEXTS, namespace=st.none() | TEXTS),
)


@given(CONDITIONS, SEEN_ANY)
def test_every_condition_has_a_truth(condition: Condition, seen: Observed) -> None:
    assert truth(condition, seen) in (TRUE, FALSE, UNKNOWN)


@given(CONDITIONS, CONDITIONS, SEEN_ANY)
def test_kleenes_laws(a: Condition, b: Condition, seen: Observed) -> None:
    assert truth(Not(Not(a)), seen) is truth(a, seen)
    assert truth(AllOf((a, b)), seen) is truth(AllOf((b, a)), seen)
    assert truth(Not(AllOf((a, b))), seen) is truth(AnyOf((Not(a), Not(b))), seen)
    assert truth(AllOf((a, AnyOf((a, b)))), seen) is truth(a, seen)


@given(CONDITIONS, SEEN_ANY)
def test_an_explanation_says_what_the_evaluation_says(condition: Condition, seen: Observed) -> None:
    explanation = explain(condition, seen)
    assert explanation.truth is truth(condition, seen)
    assert str(explanation).startswith(explanation.truth.value)


@given(CONDITIONS, CONDITIONS, SEEN_ANY)
def test_what_is_called_impossible_is_true_of_nothing(a: Condition, b: Condition, seen: Observed) -> None:
    assume(seen.change != "created" or seen.before is None)  # what has just been made was not before
    assert not impossible(AllOf((a, b))) or truth(AllOf((a, b)), seen) is not TRUE
