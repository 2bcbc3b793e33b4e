"""Sequences: what waits is bounded, and every order of arrival comes to the same."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import START, at, event, seconds

from kwatch.alerts import ledger as fates
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Alert
from kwatch.alerts.sequences import KEPT, complete
from kwatch.model.conditions import AllOf
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Then
from tests.alerts.blank import blank_alert

RULE = event(then=Then(AllOf(()), seconds(60)))


def new_alert() -> Alert:
    return blank_alert(START)


def step(alert: Alert, second: float, now: float, ledger: Ledger, *, is_second: bool, name: str = "a") -> float | None:
    """Take a step, and return the second of the last step of the sequence that it completes."""
    finding = Finding(
        kind=FindingKind.OCCURRENCE,
        rule=RULE,
        fingerprint="f",
        key_values=(),
        member=ObjectRef(kind="Pod", name=name),
        truth=Truth.TRUE,
        since_at=at(second),
        labels={},
        is_first=not is_second,
        is_second=is_second,
    )
    told = complete(alert, finding, at(now), ledger)
    return None if told is None else (told.since_at - START).total_seconds()


STEPS = ((0.0, False), (30.0, True), (40.0, False), (200.0, True))


@pytest.mark.parametrize("order", tuple(permutations(STEPS)))
def test_any_order_of_arrival_finds_the_one_sequence(order: tuple[tuple[float, bool], ...]) -> None:
    alert, ledger = new_alert(), Ledger()
    told = [step(alert, second, 200, ledger, is_second=is_second) for second, is_second in order]
    assert [second for second in told if second is not None] == [30.0]


def test_a_first_step_that_comes_late_is_about_the_object_of_the_second() -> None:
    alert, ledger = new_alert(), Ledger()
    step(alert, 10, 10, ledger, is_second=True, name="b")
    finding = Finding(
        kind=FindingKind.OCCURRENCE,
        rule=RULE,
        fingerprint="f",
        key_values=(),
        member=ObjectRef(kind="Pod", name="a"),
        truth=Truth.TRUE,
        since_at=at(5),
        labels={},
        is_first=True,
    )
    told = complete(alert, finding, at(20), ledger)
    assert told is not None
    assert (told.member.name, told.since_at) == ("b", at(10))


def test_what_waits_is_bounded_and_the_oldest_are_counted() -> None:
    alert, ledger = new_alert(), Ledger()
    for second in range(500):
        step(alert, second / 10, second / 10, ledger, is_second=False)
    assert len(alert.steps) == KEPT
    assert ledger.counters[fates.STEP_DROPPED] == 500 - KEPT
    assert step(alert, 100, 100, ledger, is_second=True) == 100.0


def test_what_waits_expires() -> None:
    alert, ledger = new_alert(), Ledger()
    step(alert, 0, 0, ledger, is_second=False)
    step(alert, 1000, 1000, ledger, is_second=False)
    assert [kept.at for kept in alert.steps] == [at(1000)]


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1, max_size=12))
def test_a_sequence_is_found_exactly_when_there_is_one(steps: list[tuple[int, bool]]) -> None:
    alert, ledger = new_alert(), Ledger()
    told = [step(alert, second, 300, ledger, is_second=is_second) for second, is_second in steps]
    firsts = [second for second, is_second in steps if not is_second]
    there_is = any(first <= second <= first + 60 for second, is_second in steps if is_second for first in firsts)
    assert any(second is not None for second in told) is there_is
