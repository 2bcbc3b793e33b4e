"""Whether a condition is true of what was seen: true, false or unknown, for any condition and any observation.

The logic is Kleene's: false AND unknown is false, true OR unknown is true, NOT unknown is unknown. A value that is
absent matches nothing (so its `not` is true); a value that cannot be had now is unknown.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from kwatch.model.conditions import (
    AllOf,
    AnyElement,
    AnyOf,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Matcher,
    Not,
    Path,
    StatusConditionIs,
    Word,
    WordIs,
)
from kwatch.model.elements import is_through, required_paths
from kwatch.model.findings import Truth
from kwatch.model.matching import Predicate, Scalar, any_of, number_of
from kwatch.model.observations import ObjectState, Position
from kwatch.rules.observed import TEXTS, Observed

TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


Evaluator = Callable[[Observed], Truth]

#: Where the elements stand for which something is true.
ElementFinder = Callable[[Observed], Sequence[Position]]


def compile_condition(condition: Condition, bound: tuple[Path, ...] = ()) -> Evaluator:
    """Compile a condition into a function from what was seen to its truth; `bound`: the lists that it stands in."""
    match condition:
        case WordIs():
            return _word(condition)
        case LabelIs():
            return _label(condition)
        case FieldIs():
            return _field(condition, bound)
        case StatusConditionIs():
            return _status_condition(condition)
        case FieldChanged():
            return _changed(condition)
        case AllOf(of=of):
            return _all_of([compile_condition(each, bound) for each in of])
        case AnyOf(of=of):
            return _any_of([compile_condition(each, bound) for each in of])
        case Not(of=inner):
            return _not(compile_condition(inner, bound))
        case AnyElement():
            return _any_element(condition, bound)


_NEGATED = {TRUE: FALSE, FALSE: TRUE, UNKNOWN: UNKNOWN}


def _not(inner: Evaluator) -> Evaluator:
    return lambda o: _NEGATED[inner(o)]


def _all_of(parts: Sequence[Evaluator]) -> Evaluator:
    if len(parts) == 1:
        return parts[0]

    def evaluate(o: Observed) -> Truth:
        truth = TRUE
        for part in parts:
            of_part = part(o)
            if of_part is FALSE:
                return FALSE
            if of_part is UNKNOWN:
                truth = UNKNOWN
        return truth

    return evaluate


def _any_of(parts: Sequence[Evaluator]) -> Evaluator:
    if len(parts) == 1:
        return parts[0]

    def evaluate(o: Observed) -> Truth:
        truth = FALSE
        for part in parts:
            of_part = part(o)
            if of_part is TRUE:
                return TRUE
            if of_part is UNKNOWN:
                truth = UNKNOWN
        return truth

    return evaluate


def _word(condition: WordIs) -> Evaluator:
    matches = any_of(condition.anyof)
    if condition.word is Word.KIND:
        return lambda o: TRUE if matches(o.kind) or (o.group and matches(f"{o.kind}.{o.group}")) else FALSE
    text = TEXTS[condition.word]
    # Cluster-scoped objects have an empty namespace; every other empty text is an absent one.
    may_be_empty = condition.word is Word.NAMESPACE

    def evaluate(o: Observed) -> Truth:
        value = text(o)
        if value is None:
            return UNKNOWN
        return TRUE if (value or may_be_empty) and matches(value) else FALSE

    return evaluate


def _label(condition: LabelIs) -> Evaluator:
    key, matches, annotation = condition.key, any_of(condition.anyof), condition.annotation

    def evaluate(o: Observed) -> Truth:
        if o.state is None:
            return UNKNOWN
        value = (o.state.annotations if annotation else o.state.labels).get(key)
        return TRUE if value is not None and matches(value) else FALSE

    return evaluate


def _field(condition: FieldIs, bound: Sequence[Path]) -> Evaluator:
    path, matches, list_ = condition.path, any_of(condition.anyof), _innermost(bound, condition.path)
    if not list_:
        return lambda o: UNKNOWN if o.state is None else _some(matches, o.state.values.get(path, ()))
    return lambda o: UNKNOWN if o.state is None else _some(matches, _values_in(o.state, path, o.elements[list_]))


def _any_element(condition: AnyElement, bound: tuple[Path, ...]) -> Evaluator:
    list_, outer = condition.path, _innermost(bound, condition.path)
    paths = frozenset(required_paths(list_, condition.of))
    holds = compile_condition(condition.of, (*bound, list_))

    def evaluate(o: Observed) -> Truth:
        if o.state is None:
            return holds(o)
        if not o.state.values.keys() >= paths:  # as of almost every object
            return FALSE
        truth = FALSE
        for element in _elements(o.state, list_, paths, o.elements.get(outer, ())):
            of_element = holds(msgspec.structs.replace(o, elements={**o.elements, list_: element}))
            if of_element is TRUE:
                return TRUE
            if of_element is UNKNOWN:
                truth = UNKNOWN
        return truth

    return evaluate


def compile_elements(condition: AnyElement) -> ElementFinder:
    """Compile what is asked of an element into a function that returns each one of which it is true."""
    list_, holds = condition.path, compile_condition(condition.of, (condition.path,))
    paths = frozenset(required_paths(list_, condition.of))

    def find(o: Observed) -> Sequence[Position]:
        elements = _elements(o.state, list_, paths, ()) if o.state is not None else ()
        return [each for each in elements if holds(msgspec.structs.replace(o, elements={list_: each})) is TRUE]

    return find


def _innermost(bound: Sequence[Path], path: Path) -> Path:
    """Return the innermost bound list that a path goes through; empty: none."""
    return max((list_ for list_ in bound if is_through(list_, path)), key=len, default=())


def _elements(state: ObjectState, list_: Path, paths: Iterable[Path], outer: Position) -> Iterable[Position]:
    """Return where the elements of a list stand that have a value at each of the paths, in one outer element."""
    found: list[set[Position]] = []
    for path in paths:
        positions = state.positions_of(path)
        if not positions:
            return ()
        found.append({at[: list_.count(None)] for at in positions if at[: len(outer)] == outer})
    return set.intersection(*found) if found else ()


def _values_in(state: ObjectState, path: Path, element: Position) -> Sequence[Scalar]:
    placed = zip(state.values.get(path, ()), state.positions_of(path), strict=False)
    return [value for value, at in placed if at[: len(element)] == element]


def _status_condition(condition: StatusConditionIs) -> Evaluator:
    kind, matches = condition.type, any_of(condition.anyof)

    def evaluate(o: Observed) -> Truth:
        found = o.state.conditions.get(kind) if o.state is not None else None
        if found is None:
            return UNKNOWN
        return TRUE if matches(found.status) else FALSE

    return evaluate


def _changed(condition: FieldChanged) -> Evaluator:
    path, increased = condition.path, condition.increased
    left, came = _optional(condition.before), _optional(condition.after)

    def evaluate(o: Observed) -> Truth:
        if o.change is None:
            return UNKNOWN
        if o.before is None or o.state is None:
            return FALSE
        old, new = o.before.values.get(path, ()), o.state.values.get(path, ())
        changed = old != new and left(old) and came(new) and (not increased or _has_increased(old, new))
        return TRUE if changed else FALSE

    return evaluate


def _optional(matchers: Sequence[Matcher]) -> Callable[[Sequence[Scalar]], bool]:
    if not matchers:
        return lambda _values: True
    matches = any_of(matchers)
    return lambda values: _some(matches, values) is TRUE


def _some(matches: Predicate, values: Sequence[Scalar]) -> Truth:
    for value in values:
        if matches(value):
            return TRUE
    return FALSE


def _has_increased(old: Sequence[Scalar], new: Sequence[Scalar]) -> bool:
    """Compare element by element; where elements came or went, only the greatest can be compared."""
    before, after = _numbers(old), _numbers(new)
    if len(before) == len(after):
        return any(a > b for b, a in zip(before, after, strict=True))
    return bool(before and after) and max(after) > max(before)


def _numbers(values: Sequence[Scalar]) -> list[int | float]:
    return [number for value in values if (number := number_of(value)) is not None]
