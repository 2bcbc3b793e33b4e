"""Why a rule is true of what was seen, or not: its conditions as a tree, each with its truth and the value found."""

from collections.abc import Iterator, Sequence

import msgspec

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
    Path,
    Regex,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.findings import Truth
from kwatch.model.matching import Scalar, text_of
from kwatch.model.observations import ObjectState
from kwatch.rules.evaluate import compile_condition
from kwatch.rules.observed import TEXTS, Observed


class Explanation(msgspec.Struct, frozen=True):
    """One condition, its truth, and what was found (None: a node that has only parts, or nothing to be had)."""

    asked: str
    truth: Truth
    found: str | None = None
    parts: tuple["Explanation", ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> Iterator[str]:
        found = f"  (found: {self.found or 'nothing'})" if self.found is not None else ""
        yield f"{'  ' * depth}{self.truth.value:<8}{self.asked}{found}"
        for part in self.parts:
            yield from part._lines(depth + 1)


def explain(condition: Condition, seen: Observed) -> Explanation:
    """Return the truth of a condition and of everything in it."""
    truth = compile_condition(condition)(seen)
    match condition:
        case AllOf(of=of):
            return Explanation("all of", truth, None, tuple(explain(each, seen) for each in of))
        case AnyOf(of=of):
            return Explanation("any of", truth, None, tuple(explain(each, seen) for each in of))
        case Not(of=inner):
            return Explanation("not", truth, None, (explain(inner, seen),))
        case AnyElement(path=path, of=inner):
            return Explanation(f"one element of {path_text(path)}", truth, None, (explain(inner, seen),))
        case _:
            return Explanation(_asked(condition), truth, _found(condition, seen))


def _asked(condition: Condition) -> str:
    match condition:
        case WordIs(word=word, anyof=anyof):
            return f"{word.value}: {_matchers(anyof)}"
        case LabelIs(key=key, anyof=anyof, annotation=annotation):
            return f"{'annotation' if annotation else 'label'} {key}: {_matchers(anyof)}"
        case FieldIs(path=path, anyof=anyof):
            return f"field {path_text(path)}: {_matchers(anyof)}"
        case StatusConditionIs(type=type_, anyof=anyof):
            return f"condition {type_}: {_matchers(anyof)}"
        case FieldChanged(path=path, before=before, after=after, increased=increased):
            asked = (("from", _matchers(before)), ("to", _matchers(after)), ("increased", "yes" if increased else ""))
            return f"changed {path_text(path)}" + "".join(f", {word} {text}" for word, text in asked if text)
        case _:
            raise AssertionError("unreachable")


def _matchers(matchers: Sequence[Matcher]) -> str:
    return " or ".join(map(_matcher, matchers))


def _matcher(matcher: Matcher) -> str:
    match matcher:
        case Text(glob=glob):
            return glob or '""'
        case Regex(pattern=pattern):
            return f"/{pattern}/"
        case Compare(gt=gt, ge=ge, lt=lt, le=le):
            bounds = ((">", gt), (">=", ge), ("<", lt), ("<=", le))
            return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


def path_text(path: Path) -> str:
    """Return a path as it is written in the configuration."""
    text = ""
    for key in path:
        if key is None:
            text += "[*]"
        elif "." in key:
            text += f'["{key}"]'
        else:
            text += f".{key}" if text else key
    return text


def change_text(path: Path, before: ObjectState, after: ObjectState) -> str:
    """Return what stood at a path and what stands there now."""
    old, new = (_values(state.values.get(path, ())) or "nothing" for state in (before, after))
    return f"{old} → {new}"


def _found(condition: Condition, seen: Observed) -> str | None:
    match condition:
        case WordIs(word=word):
            return seen.kind if word is Word.KIND else TEXTS[word](seen)
        case LabelIs(key=key, annotation=annotation) if seen.state is not None:
            return (seen.state.annotations if annotation else seen.state.labels).get(key, "")
        case FieldIs(path=path) if seen.state is not None:
            return _values(seen.state.values.get(path, ()))
        case StatusConditionIs(type=type_) if seen.state is not None:
            found = seen.state.conditions.get(type_)
            return found.status if found is not None else None
        case FieldChanged(path=path) if seen.state is not None and seen.before is not None:
            return change_text(path, seen.before, seen.state)
        case _:
            return None


def _values(values: Sequence[Scalar]) -> str:
    return ", ".join(map(text_of, values))
