from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    FieldIs,
    LabelIs,
    Not,
    Regex,
    Text,
    Word,
    WordIs,
)
from kwatch.model.matching import Scalar, any_of, label_predicate, may_meet, number_of


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("Failed", "Failed", True),
        ("Failed", "failed", False),
        ("Failed", "FailedMount", False),
        ("", "", True),
        ("", "x", False),
        ("*", "", True),
        ("*", "a\nb", True),
        ("prod-*", "prod-", True),
        ("prod-*", "a-prod-b", False),
        ("*-canary", "web-canary", True),
        ("*-canary", "web-canary-2", False),
        ("*probe*", "a probe failed", True),
        ("*probe*", "a prob failed", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("*a*b", "xaxb", True),
        ("w?b", "web", True),
        ("w?b", "wb", False),
        ("w?b", "wéb", True),
        ("w?b", "w\nb", True),
        ("a.c?", "abcd", False),
        ("[ab]?", "ax", False),
        ("[ab]?", "[ab]x", True),
        ("**", "anything", True),
    ],
)
def test_a_glob_covers_the_whole_value_and_knows_two_signs_only(glob: str, text: str, expected: bool) -> None:
    assert any_of((Text(glob),))(text) is expected


_GLOBS = st.text("ab*?", max_size=4)
#: Two globs of four signs that meet do so in a text of eight at the most.
_SHORT = ["".join(letters) for length in range(9) for letters in product("ab", repeat=length)]


@given(_GLOBS, _GLOBS)
def test_two_globs_meet_where_some_text_is_taken_by_both(one: str, other: str) -> None:
    takes, takes_too = any_of((Text(one),)), any_of((Text(other),))
    assert may_meet((Text(one),), (Text(other),)) is any(takes(text) and takes_too(text) for text in _SHORT)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [("a|b", "b", True), ("a|b", "ab", False), ("Failed.*", "FailedMount", True), ("Mount", "FailedMount", False)],
)
def test_t25_a_regular_expression_covers_the_whole_value(pattern: str, text: str, expected: bool) -> None:
    assert any_of((Regex(pattern),))(text) is expected


def test_p8_a_catastrophic_pattern_takes_linear_time() -> None:
    assert any_of((Regex("(a+)+$"),))("a" * 100_000 + "b") is False
    assert any_of((Text("*a*a*a*a*a*a*b"),))("a" * 10_000) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (2.5, 2.5),
        ("7", 7),
        ("-1.5", -1.5),
        (".5", 0.5),
        ("500m", 0.5),
        ("2k", 2000),
        ("1Ki", 1024),
        ("64Gi", 64 * 2**30),
        ("1E", 1e18),
        ("1e3", 1000),
        ("1E3", 1000),
        ("12 ", None),
        ("1K", None),
        ("Gi", None),
        ("", None),
        ("٣", None),
        (True, None),
    ],
)
def test_numbers_and_quantities(value: Scalar, expected: float | None) -> None:
    assert number_of(value) == expected


@pytest.mark.parametrize(
    ("bounds", "value", "expected"),
    [
        (Compare(gt=3), 3, False),
        (Compare(ge=3), 3, True),
        (Compare(gt=3, lt=5), 4, True),
        (Compare(gt=3, lt=5), 5, False),
        (Compare(le=0.5), "500m", True),
        (Compare(le=0.5), "501m", False),
        (Compare(gt=0), "many", False),
        (Compare(gt=0), True, False),
        (Compare(gt=1e300), 10**400, True),
    ],
)
def test_every_bound_that_is_given_holds(bounds: Compare, value: Scalar, expected: bool) -> None:
    assert any_of((bounds,))(value) is expected


def test_a_list_is_or() -> None:
    matches = any_of((Text("a"), Text("b*"), Regex("c+"), Compare(gt=5)))
    assert [matches(value) for value in ("a", "bb", "cc", 6, "d", 5)] == [True, True, True, True, False, False]
    assert any_of(())("a") is False


def test_booleans_are_matched_by_their_yaml_words() -> None:
    assert any_of((Text("true"),))(True) is True
    assert any_of((Text("1"),))(True) is False


_TEAM = LabelIs("team", (Text("payments"),))


@pytest.mark.parametrize(
    ("condition", "labels", "expected"),
    [
        (_TEAM, {"team": "payments"}, True),
        (_TEAM, {"team": "shop"}, False),
        (_TEAM, {}, False),
        (Not(_TEAM), {"team": "payments"}, False),
        (Not(_TEAM), {"team": "shop"}, True),
        (Not(_TEAM), {}, True),
        (LabelIs("team", (Text("a"), Text("b"))), {"team": "b"}, True),
        (LabelIs("team", (Text("*"),)), {"team": ""}, True),
        (LabelIs("team", (Text("*"),)), {}, False),
        (Not(LabelIs("team", (Text("*"),))), {}, True),
        (WordIs(Word.NAMESPACE, (Text("prod-*"),)), {"namespace": "prod-eu"}, True),
        (AllOf(()), {}, True),
        (AnyOf(()), {}, False),
        (AllOf((_TEAM, Not(WordIs(Word.KIND, (Text("Pod"),))))), {"team": "payments", "kind": "Node"}, True),
        (AnyOf((_TEAM, WordIs(Word.KIND, (Text("Pod"),)))), {"kind": "Pod"}, True),
        (LabelIs("team", (Text("*"),), annotation=True), {"team": "a"}, False),
        (FieldIs(("status",), (Text("*"),)), {"status": "a"}, False),
    ],
)
def test_t53_labels_match_as_selectors_do(condition: Condition, labels: Mapping[str, str], expected: bool) -> None:
    """The table of `kubectl -l`: `=`, `!=`, `in`, exists, and their negations."""
    assert label_predicate(condition)(labels) is expected
    assert label_predicate(condition)(labels) is expected


@given(glob=st.text(alphabet="ab*?.", max_size=6), text=st.text(alphabet="ab.", max_size=6))
def test_a_glob_means_the_same_however_it_is_compiled(glob: str, text: str) -> None:
    def matches(g: str, t: str) -> bool:
        if not g:
            return not t
        if g[0] == "*":
            return any(matches(g[1:], t[n:]) for n in range(len(t) + 1))
        return bool(t) and g[0] in ("?", t[0]) and matches(g[1:], t[1:])

    assert any_of((Text(glob),))(text) is matches(glob, text)
