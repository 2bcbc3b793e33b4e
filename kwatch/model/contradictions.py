"""Conditions that can never hold: two parts of an AND that exclude each other.

The answer is sound, not complete: what is called impossible is so for any observation; what is not may still be. Only
texts of which there is one (words, labels, annotations, the statuses of conditions) are compared with each other. There
may be several values at a path; of these, only what is asked for and excluded at once is told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from kwatch.model.conditions import (
    AllOf,
    AnyElement,
    AnyOf,
    Compare,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Matcher,
    Not,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.covering import follows
from kwatch.model.matching import any_of, is_word, may_meet, number_of

#: What a text must be one of, by its name.
Known = Mapping[str, frozenset[str]]
OneText = WordIs | LabelIs | StatusConditionIs

_EXCLUDED = "what `not` excludes is asked for"


def impossible(condition: Condition) -> str:
    """Return why a condition can never be true; empty when it may be."""
    return _impossible(condition, {})


def literals(condition: Condition, word: Word) -> frozenset[str]:
    """Return the texts of which a word must be one; empty: any, or not plain ones."""
    parts = [part for part in _parts(condition) if isinstance(part, WordIs) and part.word is word]
    return next((_texts(part) for part in parts if all(map(is_word, part.anyof))), frozenset())


def have_in_common(word: Word, one: Condition, other: Condition) -> bool:
    """Return whether a text of this word may be that of an observation of each."""
    return not impossible(AllOf((_of_word(word, one), _of_word(word, other))))


def _of_word(word: Word, condition: Condition) -> Condition:
    """Return what a condition asks of one word, all else taken to be true."""
    match condition:
        case AllOf(of=of):
            return AllOf(tuple(_of_word(word, part) for part in of))
        case AnyOf(of=of):
            return AnyOf(tuple(_of_word(word, part) for part in of))
        case WordIs(word=asked) | Not(of=WordIs(word=asked)) if asked is word:
            return condition
        case _:
            return AllOf(())


def _impossible(condition: Condition, known: Known) -> str:
    match condition:
        case AllOf():
            return _impossible_all(condition, known)
        case AnyOf(of=of):
            reasons = [_impossible(part, known) for part in of]
            return reasons[0] if reasons and all(reasons) else ""
        case Not(of=inner):
            return _EXCLUDED if _is_certain(inner, known) else ""
        case WordIs() | LabelIs() | StatusConditionIs():
            return _excluded(condition, known) or _out_of_bounds(condition.anyof)
        case AnyElement(of=inner):
            return _impossible(inner, known)
        case FieldIs(anyof=anyof):
            return _out_of_bounds(anyof)
        case FieldChanged():
            return _never_changes(condition, known)


def _impossible_all(condition: AllOf, known: Known) -> str:
    parts = tuple(_parts(condition))
    for part in sorted(parts, key=_is_open):  # plain texts first: they say what the others must match
        if isinstance(part, OneText):
            if reason := _impossible(part, known):
                return reason
            known = _narrowed(known, part)
    if reason := _apart([part for part in parts if isinstance(part, OneText) and _is_open(part)]):
        return reason
    others = [part for part in parts if not isinstance(part, OneText)]
    if any(isinstance(part, Not) and follows(part.of, parts) for part in others):
        return _EXCLUDED
    return next((reason for part in others if (reason := _impossible(part, known))), "")


def _parts(condition: Condition) -> Iterator[Condition]:
    """Yield the parts of an AND, also of those inside it."""
    if not isinstance(condition, AllOf):
        yield condition
        return
    for part in condition.of:
        yield from _parts(part)


def _is_open(part: Condition) -> bool:
    return not (isinstance(part, OneText) and all(map(is_word, part.anyof)))


def _name(part: OneText) -> str:
    match part:
        case WordIs(word=word):
            return word.value
        case LabelIs(key=key, annotation=annotation):
            return f"the annotation {key}" if annotation else f"the label {key}"
        case StatusConditionIs(type=type_):
            return f"the condition {type_}"


def _texts(part: OneText) -> frozenset[str]:
    globs = (matcher.glob for matcher in part.anyof if isinstance(matcher, Text))
    # `Certificate` and `Certificate.cert-manager.io` may be the same kind.
    return frozenset(glob.partition(".")[0] if _is_kind(part) else glob for glob in globs)


def _is_kind(part: OneText) -> bool:
    return isinstance(part, WordIs) and part.word is Word.KIND


def _left(part: OneText, values: frozenset[str]) -> frozenset[str]:
    """Return those of some values that a part takes."""
    if _is_kind(part):
        return values if _is_open(part) else values & _texts(part)
    return frozenset(filter(any_of(part.anyof), values))


def _excluded(part: OneText, known: Known) -> str:
    name = _name(part)
    if name not in known or _left(part, known[name]):
        return ""
    return f"{name} would have to be two things at once, one of them {' or '.join(map(repr, sorted(known[name])))}"


def _apart(parts: Sequence[OneText]) -> str:
    for one, other in combinations(parts, 2):
        if _name(one) == _name(other) and not (_is_kind(one) or may_meet(one.anyof, other.anyof)):
            return f"no {_name(one)} matches all that is asked of it"
    return ""


def _narrowed(known: Known, part: OneText) -> Known:
    name = _name(part)
    if name in known:
        return {**known, name: _left(part, known[name])}
    return known if _is_open(part) else {**known, name: _texts(part)}


def _is_certain(condition: Condition, known: Known) -> bool:
    """Return whether it is true of everything whose texts are among `known`."""
    match condition:
        case AllOf(of=of):
            return all(_is_certain(part, known) for part in of)
        case AnyOf(of=of):
            return any(_is_certain(part, known) for part in of)
        case Not(of=inner):
            return bool(_impossible(inner, known))
        case WordIs() | LabelIs() | StatusConditionIs():
            values = known.get(_name(condition), frozenset())
            return bool(values) and all(map(any_of(condition.anyof), values))
        case AnyElement() | FieldIs() | FieldChanged():
            return False


def _out_of_bounds(anyof: Iterable[Matcher]) -> str:
    return "no number is within the bounds" if anyof and all(map(_is_empty, anyof)) else ""


def _is_empty(matcher: Matcher) -> bool:
    if not isinstance(matcher, Compare):
        return False
    low = max((bound for bound in (matcher.gt, matcher.ge) if bound is not None), default=None)
    high = min((bound for bound in (matcher.lt, matcher.le) if bound is not None), default=None)
    if low is None or high is None:
        return False
    return low > high or (low == high and (matcher.gt == low or matcher.lt == high))


def _never_changes(condition: FieldChanged, known: Known) -> str:
    if "updated" not in known.get(Word.CHANGE.value, ("updated",)):
        return "`changed` compares with what was before: an object that is created or deleted has none"
    if None in condition.path:
        return ""
    if condition.increased and _is_no_less(condition.before, condition.after):
        return "`from` is no less than `to`, so nothing has `increased`"
    is_same = len(condition.before) == 1 and condition.before == condition.after and is_word(condition.before[0])
    return "`from` and `to` are the same" if is_same else ""


def _is_no_less(before: Sequence[Matcher], after: Sequence[Matcher]) -> bool:
    """Return whether all of some plain numbers are no less than all of others."""
    low, high = (
        [number_of(matcher.glob) if isinstance(matcher, Text) else None for matcher in each] for each in (before, after)
    )
    numbers = [number for number in (*low, *high) if number is not None]
    is_known = bool(low and high) and len(numbers) == len(low) + len(high)
    return is_known and min(numbers[: len(low)]) >= max(numbers[len(low) :])
