"""How much a condition over labels can hold of: everything, nothing, or some. Pure.

Only what is plain to see is said: a condition of which this cannot be told is `SOME`.
"""

from collections.abc import Collection, Mapping
from enum import Enum

from kwatch.model.conditions import AllOf, AnyOf, Condition, LabelIs, Matcher, Not, Regex, Text
from kwatch.model.covering import follows
from kwatch.model.matching import any_of, is_word

#: A text that nobody writes: a matcher that takes it takes any but the empty one.
_ODD = "~kwatch~\u2042~"
#: The values of a label that every alert has, where these are not known.
PRESENT: Collection[str] = (_ODD,)


class Extent(Enum):
    """What a condition holds of."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


def extent(condition: Condition, domains: Mapping[str, Collection[str]]) -> Extent:
    """Return how much a condition holds of; `domains` are the labels that every alert has, with all their values."""
    match condition:
        case LabelIs(key=key, anyof=anyof):
            return _of_label(anyof, domains.get(key))
        case AllOf(of=of):
            found = [extent(part, domains) for part in of]
            if Extent.NONE in found or _contradicts(of):
                return Extent.NONE
            return Extent.ALL if all(one is Extent.ALL for one in found) else Extent.SOME
        case AnyOf(of=of):
            found = [extent(part, domains) for part in of]
            if Extent.ALL in found:
                return Extent.ALL
            return Extent.NONE if all(one is Extent.NONE for one in found) else Extent.SOME
        case Not(of=inner):
            negated = {Extent.ALL: Extent.NONE, Extent.NONE: Extent.ALL, Extent.SOME: Extent.SOME}
            return negated[extent(inner, domains)]
        case _:
            return Extent.NONE  # alerts have labels alone


def _of_label(anyof: tuple[Matcher, ...], domain: Collection[str] | None) -> Extent:
    """`*` asks for a label that an alert may lack; a pattern of the empty text is meant to hold of any (S-82)."""
    if domain is PRESENT:
        return Extent.ALL if any_of(anyof)(_ODD) else Extent.SOME
    if domain is None:
        patterns = tuple(each for each in anyof if isinstance(each, Regex))
        return Extent.ALL if patterns and all(map(any_of(patterns), ("", _ODD))) else Extent.SOME
    taken = [any_of(anyof)(value) for value in domain]
    if taken and all(taken):
        return Extent.ALL
    return Extent.SOME if any(taken) else Extent.NONE


def _contradicts(parts: tuple[Condition, ...]) -> bool:
    """Return whether parts of an AND exclude each other: what `not` excludes, or other words of one label."""
    flat = _flat(parts)
    if any(isinstance(part, Not) and follows(part.of, flat) for part in flat):
        return True
    words: dict[str, set[str]] = {}
    labels = [part for part in flat if isinstance(part, LabelIs)]
    for part in labels:
        if all(map(is_word, part.anyof)):
            asked = {matcher.glob for matcher in part.anyof if isinstance(matcher, Text)}
            words[part.key] = words.get(part.key, asked) & asked
    return any(not any(map(any_of(part.anyof), words[part.key])) for part in labels if part.key in words)


def _flat(parts: tuple[Condition, ...]) -> list[Condition]:
    """Return the parts of an AND, with those of the ANDs in it and of alternatives that are none."""
    flat: list[Condition] = []
    for part in parts:
        match part:
            case AllOf(of=of):
                flat += _flat(of)
            case AnyOf(of=(only,)):
                flat += _flat((only,))
            case _:
                flat.append(part)
    return flat
