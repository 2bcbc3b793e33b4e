"""What a rule asks for, as data: comparable, printable, explainable.

A condition is a tree. It is compiled by `rules.compile` and given its truth by `rules.evaluate`; here it only says what
was meant. Lists are OR, keys are AND (`docs/configuration.md`, "What the words mean").
"""

from collections.abc import Iterator
from enum import Enum

import msgspec


class Text(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """A glob over the whole value, case-sensitive: `*` and `?`. Without either it is an equality."""

    glob: str


class Regex(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """A regular expression (RE2) over the whole value."""

    pattern: str


class Compare(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """Numbers and quantities: every bound that is given must hold. Bounds are plain numbers (`500m` is 0.5)."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None


Matcher = Text | Regex | Compare


class Word(Enum):
    """The match keys that ask for one text of the observation."""

    REASON = "reason"
    TYPE = "type"
    KIND = "kind"
    NAMESPACE = "namespace"
    NAME = "name"
    MESSAGE = "message"
    COMPONENT = "component"
    HOST = "host"
    OWNER = "owner"
    WORKLOAD = "workload"
    NODE = "node"
    CHANGE = "change"


#: A path into an object: keys, and None for "any element of the list".
Path = tuple[str | None, ...]


class WordIs(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """One text of the observation matches one of the matchers."""

    word: Word
    anyof: tuple[Matcher, ...]


class LabelIs(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """A label (or annotation) of the object matches."""

    key: str
    anyof: tuple[Matcher, ...]
    annotation: bool = False


class FieldIs(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """A value found at the path matches; with `[*]`, any of them."""

    path: Path
    anyof: tuple[Matcher, ...]


class StatusConditionIs(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """`status.conditions[type=…].status` matches; unknown when the object has no such condition."""

    type: str
    anyof: tuple[Matcher, ...]


class FieldChanged(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """The value at the path differs from the one before; false when there is no before."""

    path: Path
    before: tuple[Matcher, ...] = ()
    after: tuple[Matcher, ...] = ()
    increased: bool = False


class AllOf(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """AND; empty is true."""

    of: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """OR; empty is false."""

    of: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """Negation; unknown stays unknown."""

    of: "Condition"


class AnyElement(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """One element of the list at the path, which ends with None, for which it holds."""

    path: Path
    of: AllOf


Condition = WordIs | LabelIs | FieldIs | StatusConditionIs | FieldChanged | AllOf | AnyOf | Not | AnyElement


def nodes(condition: Condition) -> Iterator[Condition]:
    """Yield a condition and all those inside it."""
    yield condition
    match condition:
        case AllOf(of=parts) | AnyOf(of=parts):
            for part in parts:
                yield from nodes(part)
        case Not(of=inner) | AnyElement(of=inner):
            yield from nodes(inner)
        case _:
            pass


def asks_of_life(condition: Condition) -> bool:
    """Return whether it asks for an object that came or went."""
    return any(isinstance(node, WordIs) and node.word is Word.CHANGE for node in nodes(condition))


def is_edge(condition: Condition) -> bool:
    """Return whether it asks for a moment (a field that changed, an object that came or went), not for a state."""
    return asks_of_life(condition) or any(isinstance(node, FieldChanged) for node in nodes(condition))
