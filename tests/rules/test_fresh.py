"""Which rules would find something else than those before."""

from datetime import timedelta

import msgspec
import pytest

from kwatch.model.conditions import AnyOf
from kwatch.model.rules import Mode, Rule, Severity, Subject
from kwatch.rules.fresh import fresh

RULE = Rule(name="broken", id="broken", on=Subject.RESOURCE)


@pytest.mark.parametrize(
    "words",
    [
        {"severity": Severity.CRITICAL},
        {"for_": timedelta(minutes=1)},
        {"annotations": {"summary": "x"}},
        {"name": "other"},
        {"origin": "a.yaml:3"},
    ],
    ids=lambda words: next(iter(words)),
)
def test_a_rule_that_finds_the_same_is_not(words: dict[str, object]) -> None:
    assert fresh([RULE], [msgspec.structs.replace(RULE, **words)], other_labels=frozenset()) == ()


@pytest.mark.parametrize(
    "words",
    [{"id": "other"}, {"match": AnyOf(())}, {"mode": Mode.NOTICE}, {"key": ("namespace",)}, {"resolve": AnyOf(())}],
    ids=lambda words: next(iter(words)),
)
def test_a_rule_that_is_new_or_finds_something_else_is(words: dict[str, object]) -> None:
    other = msgspec.structs.replace(RULE, **words)
    assert fresh([RULE], [RULE, other], other_labels=frozenset()) == (other,)


def test_a_rule_whose_key_has_other_labels_is() -> None:
    rule = msgspec.structs.replace(RULE, key=("namespace", "team"))
    assert fresh([rule], [rule], other_labels=frozenset({"team"})) == (rule,)
    assert fresh([rule], [rule], other_labels=frozenset({"app"})) == ()
