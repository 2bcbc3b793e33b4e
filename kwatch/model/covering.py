"""Whether a condition is true whenever some others are. Pure.

The answer is sound, not complete: what is said to follow does so for any observation; what is not may still.
"""

from collections.abc import Collection, Sequence
from itertools import product

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldIs,
    LabelIs,
    Matcher,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.matching import any_of, is_word

_ODD = "\u2042"  # a character that nobody writes into a matcher
_MOST = 6  # wildcards of a glob that are tried


def follows(condition: Condition, given: Collection[Condition]) -> bool:
    """Return whether a condition is true wherever all the given ones are."""
    if condition in given:
        return True
    match condition:
        case AllOf(of=of):
            return all(follows(part, given) for part in of)
        case AnyOf(of=of):
            return any(follows(part, given) for part in of)
        case _:
            name, matchers = _asked(condition)
            return name is not None and any(
                _covers(matchers, _asked(each)[1]) for each in given if _asked(each)[0] == name
            )


def _asked(condition: Condition) -> tuple[object, tuple[Matcher, ...]]:
    """Return what a condition compares, and with what; None: it compares nothing, or not one text."""
    match condition:
        case WordIs(word=word, anyof=anyof) if word is not Word.KIND:  # a kind may have its group in it, or not
            return word, anyof
        case LabelIs(key=key, anyof=anyof, annotation=annotation):
            return (key, annotation), anyof
        case FieldIs(path=path, anyof=anyof):
            return ("", path), anyof
        case StatusConditionIs(type=type_, anyof=anyof):
            return ("", type_), anyof
        case _:
            return None, ()


def _covers(wide: Sequence[Matcher], narrow: Sequence[Matcher]) -> bool:
    """Return whether each value that one of the narrow matchers takes is taken by a wide one."""
    return all(each in wide or (isinstance(each, Text) and _takes(wide, each)) for each in narrow)


def _takes(wide: Sequence[Matcher], narrow: Text) -> bool:
    if is_word(narrow):
        return any_of(wide)(narrow.glob)
    return any(isinstance(each, Text) and _takes_glob(each, narrow.glob) for each in wide)


def _takes_glob(wide: Text, glob: str) -> bool:
    """Try each wildcard with nothing and with more than the wide one names: if it takes all of these, it takes any."""
    first, *rest = glob.replace("?", _ODD).split("*")
    if len(rest) > _MOST:
        return False
    holds = any_of((wide,))
    much = _ODD * (len(wide.glob) + 1)
    return all(
        holds(first + "".join(between + part for between, part in zip(tried, rest, strict=True)))
        for tried in product(("", much), repeat=len(rest))
    )
