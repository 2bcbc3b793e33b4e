"""YAML text to nodes: plain values that know where they stand. Pure.

Scalars are those of YAML 1.2's core schema (`no` and `on` are texts, there are no dates and no base 60). Duplicate
keys, tags, anchors and aliases are problems: the first two hide mistakes, the last can grow without bounds. It walks
libyaml's events, since its nodes no longer say where an alias stands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from kwatch.config.problems import Place, Problems

_DEPTH = 40  # of nested mappings and lists; nothing that kwatch understands is deeper than about ten

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value of the YAML. `text` is a scalar as it was written, without its quotes."""

    value: "Value"
    place: Place
    key_place: Place  # of its key; in a list its own
    text: str = ""

    @property
    def mapping(self) -> "Mapping[str, Node]":
        """Its keys; none when it is no mapping."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> "tuple[Node, ...]":
        """Its elements; none when it is no list."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def is_scalar(self) -> bool:
        """Whether it is neither a mapping nor a list."""
        return not isinstance(self.value, Mapping | tuple)

    def value_of(self, key: str) -> object:
        """Return what stands at a key of a mapping; None: nothing does."""
        return self.mapping[key].value if key in self.mapping else None

    def text_of(self, key: str) -> str:
        """Return the text that stands at a key; empty: none does."""
        return self.mapping[key].text if key in self.mapping else ""

    def mapping_of(self, key: str) -> "Mapping[str, Node]":
        """Return the mapping that stands at a key; empty: none does."""
        return self.mapping[key].mapping if key in self.mapping else {}

    def place_of(self, key: str) -> Place:
        """Return where a key stands, or, where there is none, the mapping."""
        return self.mapping[key].key_place if key in self.mapping else self.place

    def child(self, part: str | int) -> "Node | None":
        """Return the value of a key, or the element at an index; None when there is none."""
        if isinstance(part, str):
            return self.mapping.get(part)
        return self.items[part] if part < len(self.items) else None

    def plain(self) -> object:
        """Return the value without places: dicts, lists and scalars."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


Value = Scalar | Mapping[str, Node] | tuple[Node, ...]


def empty(file: str) -> Node:
    """Return what a file without content says: a mapping without keys."""
    start = Place(file, 1, 1)
    return Node(value={}, place=start, key_place=start)


def parse(text: str, file: str, problems: Problems) -> Node | None:
    """Return the content of a file; None when it cannot be understood at all. What is wrong is added to `problems`."""
    walker = _Walker(file, problems)
    try:
        return walker.document(iter(yaml.parse(text, Loader=yaml.CSafeLoader)))
    except yaml.MarkedYAMLError as error:
        place = _place(file, error.problem_mark or error.context_mark)
        problems.add(place, f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(place, "not YAML: control characters are not allowed")
    except _UnreadableError as error:
        problems.add(error.place, error.text)
    return None


class _UnreadableError(Exception):
    """What follows cannot be understood."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place = place
        self.text = text


class _Walker:
    """Builds nodes from libyaml's events."""

    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems

    def document(self, events: Iterator[Event]) -> Node:
        """Return the only document of a file."""
        found: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if found is not None:
                    raise _UnreadableError(
                        _place(self._file, event.start_mark), "a second document: a file holds one, without `---`"
                    )
                found = self._node(next(events), events, None, _DEPTH)
        if found is None or (found.is_scalar and found.value is None):
            return empty(self._file)
        return found

    def _node(self, event: Event, events: Iterator[Event], key_place: Place | None, depth: int) -> Node:
        place = _place(self._file, event.start_mark)
        self._refuse(event, place, depth)
        value: Value
        text = ""
        match event:
            case MappingStartEvent():
                value = self._mapping(events, depth)
            case SequenceStartEvent():
                value = tuple(self._node(each, events, None, depth - 1) for each in _until_end(events))
            case ScalarEvent(value=text, implicit=(is_plain, _), tag=tag):
                text = text or (tag or "").removeprefix(
                    "!"
                )  # `- !kube-system` is a tag alone, which the problem above names
                value = _scalar(text) if is_plain else text
            case _:
                raise AssertionError("unreachable")  # libyaml gives nothing else where a value may stand
        return Node(value=value, place=place, key_place=key_place or place, text=text)

    def _refuse(self, event: Event, place: Place, depth: int) -> None:
        if isinstance(event, AliasEvent):
            raise _UnreadableError(place, f"aliases are not supported: write out what *{event.anchor} stands for")
        if depth == 0:
            raise _UnreadableError(place, f"nested deeper than {_DEPTH} levels")
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._problems.add(place, f"anchors are not supported: remove &{event.anchor}")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._problems.add(place, f"the YAML tag {tag} means nothing here: put a text with a leading ! in quotes")

    def _mapping(self, events: Iterator[Event], depth: int) -> Mapping[str, Node]:
        entries: dict[str, Node] = {}
        for event in _until_end(events):
            key = self._node(event, events, None, depth - 1)
            entry = self._node(next(events), events, key.place, depth - 1)
            if not key.is_scalar:
                self._problems.add(key.place, "a key must be a text")
            elif key.text in entries:
                first = entries[key.text].key_place
                self._problems.add(key.place, f"duplicate key {key.text!r}: it is already at {first}")
            else:
                entries[key.text] = entry
        return entries


class _Mark(Protocol):
    """Where libyaml found something; counted from 0."""

    line: int
    column: int


def _place(file: str, mark: "_Mark | None") -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file, 1, 1)


def _until_end(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, CollectionEndEvent):
            return
        yield event


def _scalar(text: str) -> Scalar:
    """Resolve a plain scalar as YAML 1.2's core schema does (https://yaml.org/spec/1.2.2/#103-core-schema)."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
