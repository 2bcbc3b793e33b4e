"""Label selectors as of `kubectl -l`: `team=payments, tier in (web, api), !canary`. Pure."""

import re
from collections.abc import Iterator

from kwatch.config.names import LABEL_KEY
from kwatch.model.conditions import AllOf, Condition, LabelIs, Not, Text

_KEY = r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?"
_EQUAL = re.compile(rf"(?P<key>{_KEY})\s*(?P<sign>==|=|!=)\s*(?P<value>{_VALUE})")
_SET = re.compile(rf"(?P<key>{_KEY})\s+(?P<sign>in|notin)\s*\((?P<values>[^()]*)\)")
_EXISTS = re.compile(rf"(?P<sign>!?)\s*(?P<key>{_KEY})")
_COMMA = re.compile(r",(?![^()]*\))")


def parse_selector(text: str) -> Condition:
    """Return the requirements of a selector, ANDed. Raises ValueError naming the one that is none.

    As in Kubernetes, `!=` and `notin` hold where the label is absent.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    return AllOf(tuple(_requirements(text)))


def _requirements(text: str) -> Iterator[Condition]:
    for part in map(str.strip, _COMMA.split(text)):
        if found := _EQUAL.fullmatch(part):
            values = [found["value"]]
        elif found := _SET.fullmatch(part):
            values = [value.strip() for value in found["values"].split(",")]
        elif found := _EXISTS.fullmatch(part):
            values = ["*"]
        else:
            raise ValueError(f"{part!r} is no requirement; write team=payments, tier in (web, api), team or !team")
        if values != ["*"] and not all(re.fullmatch(_VALUE, value) for value in values):
            raise ValueError(f"{part!r} has a value that no label can have")
        if not LABEL_KEY.takes(found["key"]):
            raise ValueError(f"{part!r} has a key that no label can have: {LABEL_KEY.mend}")
        condition = LabelIs(found["key"], tuple(map(Text, values)))
        yield Not(condition) if found["sign"] in {"!", "!=", "notin"} else condition
