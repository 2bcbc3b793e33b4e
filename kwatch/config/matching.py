"""Matchers of the YAML to condition trees. Pure.

Keys are AND, lists are OR, texts are globs. What would match everything by accident (an empty mapping, an empty list,
an empty text) is a problem: a matcher that asks nothing is left out, not written empty.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from kwatch.config.names import FORMS, OBJECT_FORMS, check_entries, check_kinds, check_names
from kwatch.config.parse import Node
from kwatch.config.paths import parse_path
from kwatch.config.problems import Place, Problems, did_you_mean, listed
from kwatch.config.validate import is_mapping
from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Matcher,
    Not,
    Regex,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.elements import bind_elements
from kwatch.model.matching import number_of, regex_problem

_OBJECT_WORDS = (Word.KIND, Word.NAMESPACE, Word.NAME, Word.OWNER, Word.WORKLOAD, Word.NODE)
_EVENT_WORDS = (Word.REASON, Word.TYPE, Word.MESSAGE, Word.COMPONENT, Word.HOST)
_PARTS = ("labels", "annotations", "fields", "condition")
_NESTING = ("not", "any")
_BOUNDS = ("gt", "ge", "lt", "le")

#: Words whose values are one of a few.
_CLOSED: Mapping[str, tuple[str, ...]] = {
    "type": ("Normal", "Warning"),
    "change": ("created", "updated", "deleted"),
    "severity": ("info", "warning", "critical"),
}

_EMPTY = "an empty matcher would match everything: ask something, or leave it out"


class Scope(Enum):
    """Where a matcher stands, and so what it can see."""

    EVENT = "a rule on: event"
    RESOURCE = "a rule on: resource"
    RESOLVE = "resolve"
    ANY = "a rule"  # its `on` is missing or wrong


#: The match keys of each scope.
KEYS: Mapping[Scope, tuple[str, ...]] = {
    Scope.EVENT: (*(word.value for word in (*_EVENT_WORDS, *_OBJECT_WORDS)), *_PARTS, *_NESTING),
    Scope.RESOURCE: (*(word.value for word in (*_OBJECT_WORDS, Word.CHANGE)), *_PARTS, "changed", *_NESTING),
    Scope.RESOLVE: (*(word.value for word in _OBJECT_WORDS), *_PARTS, *_NESTING),
    Scope.ANY: (*(word.value for word in Word), *_PARTS, "changed", *_NESTING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What matchers of alerts can name."""

    labels: frozenset[str]
    rules: frozenset[str]
    #: Of these the rules that are switched off.
    off: frozenset[str] = frozenset()
    #: Of rules that run: the labels that each alert has, with all their values, and what is so of all that it names.
    certain: Mapping[str, Mapping[str, Collection[str]]] = field(default_factory=dict)
    named: Mapping[str, Condition] = field(default_factory=dict)


def check_label(name: str, place: Place, labels: Collection[str], problems: Problems, alert: str = "alert") -> bool:
    """Return whether alerts have a label; that they have not is a problem."""
    if name in labels:
        return True
    hint = did_you_mean(name, labels) or f"; there is {listed(labels)}"
    problems.add(place, f"no {alert} has a label {name!r} (a rule's `labels` and `watch.labels` add some){hint}")
    return False


def check_labels(nodes: Iterable[Node], known: "KnownNames | None", problems: Problems) -> None:
    """Refuse names of labels that no alert has, where all names are known."""
    if known is not None:
        for node in nodes:
            check_label(node.text, node.place, known.labels, problems)


def read_match(key: str, node: Node, scope: Scope, problems: Problems) -> Condition:
    """Return a rule's `match` or `resolve`. What is wrong is added to `problems`, and left out."""
    return bind_elements(_Reader(problems, _ObjectKeys(scope)).conjunction(key, node))


def read_label_match(key: str, node: Node, known: "KnownNames | None", problems: Problems) -> Condition:
    """Return a matcher of alert labels: a route's, an inhibition's. `known` None: a file is broken, any name may be."""
    return _Reader(problems, _LabelKeys(known)).conjunction(key, node)


class _Reader:
    """Reads matchers; `keys` says what each key asks for."""

    def __init__(self, problems: Problems, keys: "_ObjectKeys | _LabelKeys") -> None:
        self.problems = problems
        self._keys = keys

    def conjunction(self, key: str, node: Node) -> Condition:
        """Return the AND of the keys of the mapping that stands at `key`."""
        if not is_mapping(node, self.problems, key):
            return AllOf(())
        if not node.mapping:
            self.problems.add(node.place, f"{key}: {_EMPTY}")
        return AllOf(tuple(part for key, value in node.mapping.items() for part in self._part(key, value)))

    def _part(self, key: str, node: Node) -> Iterable[Condition]:
        match key:
            case "not":
                return (Not(self.conjunction(key, node)),)
            case "any":
                return (AnyOf(tuple(self.conjunction(key, each) for each in self.listed(key, node))),)
            case _:
                return self._keys.part(self, key, node)

    def listed(self, key: str, node: Node) -> tuple[Node, ...]:
        """Return the elements of a list that has some."""
        if not node.items:
            self.problems.add(node.place, f"{key}: must be a list with at least one element")
        return node.items

    def matchers(self, key: str, node: Node, *, numbers: bool = False) -> tuple[Matcher, ...]:
        """Return a value, or the values of a list, as matchers."""
        nodes = self.listed(key, node) if isinstance(node.value, tuple) else (node,)
        return tuple(found for each in nodes if (found := self._matcher(key, each, numbers)) is not None)

    def _matcher(self, key: str, node: Node, numbers: bool) -> Matcher | None:
        if isinstance(node.value, Mapping):
            return self._asked(key, node, numbers)
        if isinstance(node.value, tuple):
            self.problems.add(node.place, f"{key}: a list inside a list: lists are OR, write one list")
            return None
        return self._text(key, node)

    def _text(self, key: str, node: Node) -> Matcher | None:
        if not node.text.strip() or node.value is None:
            self.problems.add(
                node.place, f'{key}: must not be empty; "*" is any value, and not: {{{key}: "*"}} is none'
            )
            return None
        if node.text.startswith("!") and key not in {"message", "annotations", "fields"}:
            self.problems.add(node.place, f"{key}: a leading ! means nothing here: write not: {{{key}: …}}")
            return None
        return Text(node.text)

    def _asked(self, key: str, node: Node, numbers: bool) -> Matcher | None:
        asked = set(node.mapping)
        if asked == {"regex"}:
            return self._regex(key, node.mapping["regex"])
        if asked and asked <= set(_BOUNDS):
            return self._compare(key, node, numbers)
        ways = "{regex: …}, or bounds {gt, ge, lt, le}" if numbers else "{regex: …}"
        self.problems.add(node.place, f"{key}: must be a text, a list of texts, or {ways}")
        return None

    def _regex(self, key: str, node: Node) -> Matcher | None:
        if not isinstance(node.value, str) or not node.text:
            self.problems.add(node.place, f"{key}: regex: must be a text that is not empty: put it in quotes")
            return None
        wrong = regex_problem(node.text)
        if wrong is not None:
            self.problems.add(node.place, f"{key}: regex: {wrong}{_regex_hint(key, node.text)}")
            return None
        return Regex(node.text)

    def _compare(self, key: str, node: Node, numbers: bool) -> Matcher | None:
        if not numbers:
            self.problems.add(node.place, f"{key}: bounds compare numbers, and this is a text")
            return None
        bounds = {name: self._bound(name, bound) for name, bound in node.mapping.items()}
        return Compare(**bounds)

    def _bound(self, name: str, node: Node) -> float | None:
        number = number_of(node.text) if node.is_scalar else None
        if number is None:
            self.problems.add(node.place, f"{name}: must be a number or a quantity, as 3, 0.5, 500m or 1Gi")
        return number

    def unknown(self, key: str, node: Node, known: Iterable[str]) -> tuple[Condition, ...]:
        """Refuse a key."""
        words = tuple(known)
        self.problems.add(
            node.key_place, f"unknown key {key!r}{did_you_mean(key, words) or f'; there is {listed(words)}'}"
        )
        return ()

    def closed(self, key: str, node: Node, words: Iterable[str]) -> None:
        """Refuse plain texts that are none of a few words."""
        known = frozenset(words)
        for each in node.items or (node,):
            if each.is_scalar and each.text.strip() and not _is_pattern(each.text) and each.text not in known:
                hint = did_you_mean(each.text, known) or (f"; there is {listed(known)}" if known else "")
                self.problems.add(each.place, f"{key}: there is no {each.text!r}{hint}")


@dataclass(frozen=True, slots=True)
class _ObjectKeys:
    """Keys that ask for an observation."""

    scope: Scope

    def part(self, reader: _Reader, key: str, node: Node) -> Iterable[Condition]:
        """Return what one key asks for."""
        if key not in KEYS[self.scope]:
            return self._misplaced(reader, key, node)
        match key:
            case "labels" | "annotations":
                is_annotation = key == "annotations"
                check_entries(key, node, reader.problems)
                return [LabelIs(name, found, is_annotation) for name, found in _entries(reader, key, node)]
            case "fields":
                return _fields(reader, node)
            case "condition":
                return _status_conditions(reader, node)
            case "changed":
                return (AnyOf(tuple(found for each in node.items or (node,) for found in _changed(reader, each))),)
            case _:
                return _word(reader, key, node)

    def _misplaced(self, reader: _Reader, key: str, node: Node) -> Iterable[Condition]:
        if key not in KEYS[Scope.ANY]:
            return reader.unknown(key, node, KEYS[self.scope])
        reader.problems.add(node.key_place, f"{key!r} cannot be asked in {self.scope.value}: {_reason(key)}")
        return ()


@dataclass(frozen=True, slots=True)
class _LabelKeys:
    """Keys that are names of alert labels. `known` None: any."""

    known: KnownNames | None

    def part(self, reader: _Reader, key: str, node: Node) -> Iterable[Condition]:
        """Return what one key asks for."""
        if self.known is not None:
            if not check_label(key, node.key_place, self.known.labels, reader.problems):
                return ()
            if key == "rule":
                reader.closed(key, node, self.known.rules)
        if key == "severity":
            reader.closed(key, node, _CLOSED[key])
        check_names(key, node.items or (node,), FORMS.get(key), reader.problems)
        return (LabelIs(key, reader.matchers(key, node)),)


def _reason(key: str) -> str:
    if key in {"changed", "change"}:
        return "it asks for a change of an object, for a rule's match with on: resource"
    return "it is of a Kubernetes Event, for a rule's match with on: event"


def _word(reader: _Reader, key: str, node: Node) -> Iterable[Condition]:
    if key in _CLOSED:
        reader.closed(key, node, _CLOSED[key])
    if key == "kind":
        check_kinds(node.items or (node,), reader.problems)
    check_names(key, node.items or (node,), OBJECT_FORMS.get(key), reader.problems)
    return (WordIs(Word(key), reader.matchers(key, node)),)


def _entries(reader: _Reader, key: str, node: Node) -> list[tuple[str, tuple[Matcher, ...]]]:
    """Return the names of a mapping, each with its matchers."""
    if not is_mapping(node, reader.problems, key):
        return []
    if not node.mapping:
        reader.problems.add(node.place, f"{key}: {_EMPTY}")
    return [(name, reader.matchers(key, value, numbers=True)) for name, value in node.mapping.items()]


def _fields(reader: _Reader, node: Node) -> Iterable[Condition]:
    for text, found in _entries(reader, "fields", node):
        try:
            yield FieldIs(parse_path(text), found)
        except ValueError as error:
            reader.problems.add(node.mapping[text].key_place, f"fields: {error}")


def _status_conditions(reader: _Reader, node: Node) -> Iterable[Condition]:
    """The API server writes the truth of a condition as a text, so `True` need not be quoted."""
    if not is_mapping(node, reader.problems, "condition"):
        return
    if not node.mapping:
        reader.problems.add(node.place, f"condition: {_EMPTY}")
    for name, value in node.mapping.items():
        reader.closed(f"condition {name}", _as_status(value), ("True", "False", "Unknown"))
        yield StatusConditionIs(name, reader.matchers("condition", _as_status(value)))


def _as_status(node: Node) -> Node:
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(map(_as_status, node.value)))
    return replace(node, text=str(node.value)) if isinstance(node.value, bool) else node


def _changed(reader: _Reader, node: Node) -> Iterable[Condition]:
    entries = node.mapping if isinstance(node.value, Mapping) else {"path": node}
    for key, value in entries.items():
        if key not in {"path", "from", "to", "increased"}:
            reader.unknown(key, value, ("path", "from", "to", "increased"))
    path = entries.get("path")
    if path is None:
        reader.problems.add(node.place, "changed: 'path' is missing")
        return
    if not isinstance(path.value, str):
        reader.problems.add(
            path.place, "changed: must be a path, a list of paths, or {path, from, to, increased: true}"
        )
        return
    increased = entries.get("increased")
    if increased is not None and increased.value is not True:
        reader.problems.add(increased.place, "increased: must be true, or left out")
    try:
        yield FieldChanged(
            parse_path(path.text),
            before=reader.matchers("from", entries["from"], numbers=True) if "from" in entries else (),
            after=reader.matchers("to", entries["to"], numbers=True) if "to" in entries else (),
            increased=increased is not None,
        )
    except ValueError as error:
        reader.problems.add(path.place, f"changed: {error}")


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _regex_hint(key: str, pattern: str) -> str:
    if any(sign in pattern for sign in ("(?=", "(?!", "(?<=", "(?<!")):
        return ": RE2 has no look-around, as it could take for ever; combine the key with `not` or `any`"
    if any(f"\\{digit}" in pattern for digit in range(1, 10)):
        return ": RE2 has no back-references, as they could take for ever"
    if _is_pattern(pattern) and not any(sign in pattern for sign in "()[]{}|\\+^$"):
        return f': it looks like a glob; write {key}: "{pattern}"'
    return ""
