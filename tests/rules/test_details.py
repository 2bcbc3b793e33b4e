"""Of which elements the details are."""

import pytest
from making import WORKLOAD, change, every, resource_rule, state, texts

from kwatch.model.conditions import AnyOf, Condition, FieldIs, Not
from kwatch.model.elements import bind_elements
from kwatch.model.observations import ObjectState
from kwatch.rules.details import compile_details, positioned
from kwatch.rules.observed import observe_change

LIST = ("status", "containers", None)
NAME, REASON, CODE = (*LIST, "name"), (*LIST, "reason"), (*LIST, "code")
IMAGE = ("spec", "containers", None, "image")
ERROR, SOME_CODE, OOM = FieldIs(REASON, texts("Error")), FieldIs(CODE, texts("*")), FieldIs(REASON, texts("OOM"))

POD = state(
    values={NAME: ("a", "b", "c"), REASON: ("Error", "OOM"), CODE: (1, 137), IMAGE: ("x", "y")},
    positions={NAME: ((0,), (1,), (2,)), REASON: ((0,), (1,)), CODE: ((0,), (1,))},
)


def shown(match: Condition, pod: ObjectState = POD) -> dict[str, str]:
    rule = resource_rule("r", bind_elements(match), details={"name": NAME, "image": IMAGE})
    return dict(compile_details(rule)(observe_change(change(pod), WORKLOAD)))


@pytest.mark.parametrize(
    ("match", "names"),
    [
        (every(ERROR, SOME_CODE), "a"),
        (every(SOME_CODE, Not(every(OOM))), "a"),
        (every(AnyOf((every(ERROR, SOME_CODE), every(OOM)))), "a, b"),
        (every(AnyOf((every(ERROR, SOME_CODE), every(FieldIs(NAME, texts("c")))))), "a, c"),
        # nothing is bound
        (every(ERROR), "a, b, c"),
        (every(Not(every(OOM))), "a, b, c"),
        # it holds of none of them
        (every(OOM, FieldIs(CODE, texts("1"))), "a, b, c"),
    ],
)
def test_they_are_of_the_elements_that_the_match_is_about(match: Condition, names: str) -> None:
    assert shown(match) == {"name": names, "image": "x, y"}


def test_what_is_not_there_is_left_out() -> None:
    assert shown(every(ERROR, SOME_CODE), state()) == {}


def test_positions_are_needed_where_an_element_is_bound() -> None:
    details = {"name": NAME, "image": IMAGE}
    bound = resource_rule("r", bind_elements(every(ERROR, SOME_CODE)), details=details)
    assert positioned(bound) == {NAME, REASON, CODE}
    assert positioned(resource_rule("r", every(ERROR), details=details)) == set()
