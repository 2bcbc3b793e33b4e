"""Whether one condition follows from others: never where a single value says otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.model.conditions import LabelIs, Text
from kwatch.model.covering import follows
from kwatch.model.matching import any_of

GLOBS = st.text("ab*?", min_size=1, max_size=5)


def takes(wide: str, narrow: str) -> bool:
    return follows(LabelIs("x", (Text(wide),)), [LabelIs("x", (Text(narrow),))])


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("*", "a*b?", True),
        ("a*", "a?b*", True),
        ("a*", "a", True),
        ("?*", "*a*", True),
        ("a?*", "a*", False),
        ("a?", "a*", False),
        ("*a", "a*", False),
        ("a", "?", False),
        ("*a*b*", "*b*a*", False),
    ],
)
def test_one_glob_takes_what_another_does(wide: str, narrow: str, expected: bool) -> None:
    assert takes(wide, narrow) is expected


@given(GLOBS, GLOBS, st.lists(st.text("abc", max_size=8), max_size=50))
def test_no_value_says_otherwise(wide: str, narrow: str, values: list[str]) -> None:
    if takes(wide, narrow):
        holds, taken = any_of((Text(wide),)), any_of((Text(narrow),))
        assert [value for value in values if taken(value) and not holds(value)] == []
