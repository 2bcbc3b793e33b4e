from making import WORKLOAD, change, event, every, state, texts, word

from kwatch.model.conditions import (
    AnyOf,
    Compare,
    FieldChanged,
    FieldIs,
    LabelIs,
    Not,
    Regex,
    StatusConditionIs,
    Word,
    WordIs,
)
from kwatch.model.elements import bind_elements
from kwatch.model.observations import StatusCondition
from kwatch.rules.explain import explain, path_text
from kwatch.rules.observed import observe_change, observe_event

RESTARTS = ("status", "containerStatuses", None, "restartCount")


def test_t26_the_tree_shows_each_condition_with_what_was_found() -> None:
    condition = every(
        word(Word.KIND, "Pod", "Node"),
        AnyOf((FieldIs(RESTARTS, (Compare(ge=3, lt=10),)), LabelIs("team", texts("payments")))),
        Not(StatusConditionIs("Ready", texts("True"))),
        FieldChanged(RESTARTS, increased=True),
        WordIs(Word.NAME, (Regex("web-[0-9]+"),)),
    )
    before = state(values={RESTARTS: (1, 0)})
    after = state(values={RESTARTS: (2, 0)}, conditions={"Ready": StatusCondition("False")})
    assert str(explain(condition, observe_change(change(after, before), WORKLOAD))).splitlines() == [
        "false   all of",
        "  true    kind: Pod or Node  (found: Pod)",
        "  false   any of",
        "    false   field status.containerStatuses[*].restartCount: >= 3 and < 10  (found: 2, 0)",
        "    false   label team: payments  (found: nothing)",
        "  true    not",
        "    false   condition Ready: True  (found: False)",
        "  true    changed status.containerStatuses[*].restartCount, increased yes  (found: 1, 0 → 2, 0)",
        "  true    name: /web-[0-9]+/  (found: web-1)",
    ]


def test_what_is_asked_of_one_element_is_shown_together() -> None:
    name = (*RESTARTS[:3], "name")
    asked = every(FieldIs(RESTARTS, (Compare(gt=5),)), FieldIs(name, texts("web")))
    pod = state(
        values={RESTARTS: (9, 0), name: ("proxy", "web")}, positions={RESTARTS: ((0,), (1,)), name: ((0,), (1,))}
    )
    assert str(explain(bind_elements(asked), observe_change(change(pod), WORKLOAD))).splitlines() == [
        "false   all of",
        "  false   one element of status.containerStatuses[*]",
        "    true    all of",
        "      true    field status.containerStatuses[*].restartCount: > 5  (found: 9, 0)",
        "      true    field status.containerStatuses[*].name: web  (found: proxy, web)",
    ]


def test_what_cannot_be_had_is_shown_as_unknown() -> None:
    condition = every(word(Word.REASON, "BackOff"), LabelIs("team", texts("payments")))
    assert str(explain(condition, observe_event(event(), None))).splitlines() == [
        "unknown all of",
        "  true    reason: BackOff  (found: BackOff)",
        "  unknown label team: payments",
    ]


def test_a_path_is_written_as_in_the_configuration() -> None:
    path = ("metadata", "annotations", "example.com/a", None, "b")
    assert path_text(path) == 'metadata.annotations["example.com/a"][*].b'
