"""Label selectors as `kubectl -l` has them: `a=b,c!=d,e in (f,g),h notin (i),j,!k`; the commas are AND.

`!=` and `notin` also match objects without the label, as in Kubernetes
(https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors).
"""

import re
from collections.abc import Mapping
from enum import Enum

import msgspec

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|"
_EQUALITY = re.compile(rf"({_KEY})\s*(=|==|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_PRESENCE = re.compile(rf"(!?)\s*({_KEY})")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


class Operator(Enum):
    """How a requirement compares."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    ABSENT = "absent"


class Requirement(msgspec.Struct, frozen=True):
    """One part of a selector; `values` is empty for EXISTS and ABSENT."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether an object with these labels is meant."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.ABSENT:
                return self.key not in labels


class Selector(msgspec.Struct, frozen=True):
    """All requirements must hold; without any, everything is meant."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether an object with these labels is meant."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def parse_selector(text: str) -> Selector:
    """Return the selector; ValueError with the part that is not one."""
    return Selector(tuple(_requirement(part.strip()) for part in _COMMA_OUTSIDE_PARENTHESES.split(text)))


def _requirement(part: str) -> Requirement:
    if found := _EQUALITY.fullmatch(part):
        key, sign, value = found.groups()
        return Requirement(key, Operator.NOT_IN if sign == "!=" else Operator.IN, frozenset({value}))
    if found := _SET.fullmatch(part):
        key, word, values = found.groups()
        return Requirement(key, Operator(word), _values(part, values))
    if found := _PRESENCE.fullmatch(part):
        return Requirement(found[2], Operator.ABSENT if found[1] else Operator.EXISTS)
    raise ValueError(f"{part!r} is not a label selector; write team=payments, tier in (web, api) or !legacy")


def _values(part: str, text: str) -> frozenset[str]:
    values = [value.strip() for value in text.split(",")]
    if not all(re.fullmatch(_VALUE, value) for value in values):
        raise ValueError(f"{part!r} has a value that no label can have")
    return frozenset(values)
