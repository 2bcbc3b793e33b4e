"""What of an object is never kept, whatever a rule asks for. Pure.

    Secret                          data, stringData: left out
    last-applied-configuration      holds the whole object once more: left out
    ConfigMap                       data, binaryData: a mark of what they are
    env[*].value of any object      a mark of what it is
    spec.template of any object     a mark of all of it; what a rule asks for in there is kept as elsewhere

A mark tells that a value is another (`changed`), and not what it is.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from kwatch.model.conditions import Path

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_MARKED = {("", "ConfigMap"): frozenset(("data", "binaryData"))}
_LEFT_OUT = {("", "Secret"): frozenset(("data", "stringData"))}


_WHOLE: Final[Path] = ("spec", "template")


def is_whole(path: Path) -> bool:
    """Return whether all that lies at a path is one value."""
    return path == _WHOLE


def is_left_out(kind: str, group: str, path: Path) -> bool:
    """Return whether nothing of a path is kept."""
    return path[0] in _LEFT_OUT.get((group, kind), ()) or LAST_APPLIED in path


def is_marked(kind: str, group: str, path: Path) -> bool:
    """Return whether of a path's values marks alone are kept."""
    is_env = len(path) > 2 and path[-3:-1] == ("env", None) and path[-1] == "value"
    return is_env or is_whole(path) or path[0] in _MARKED.get((group, kind), ())


@lru_cache(maxsize=256)
def kept_paths(kind: str, group: str, paths: frozenset[Path]) -> frozenset[Path]:
    """Return the paths without those of which nothing is kept."""
    return frozenset(path for path in paths if not is_left_out(kind, group, path))


@lru_cache(maxsize=256)
def marked_paths(kind: str, group: str, paths: frozenset[Path]) -> tuple[Path, ...]:
    """Return the paths of whose values marks alone are kept."""
    return tuple(path for path in paths if is_marked(kind, group, path))


def mark(values: Iterable[object]) -> list[str | int | float | bool]:
    """Return a mark for each value: the same for the same value, and no way back."""
    return [f"[redacted {hashlib.sha256(str(value).encode(errors='replace')).hexdigest()[:8]}]" for value in values]


def without_last_applied(annotations: Mapping[str, str]) -> Mapping[str, str]:
    """Return annotations without the copy of the object that kubectl leaves there."""
    if LAST_APPLIED not in annotations:
        return annotations
    return {key: value for key, value in annotations.items() if key != LAST_APPLIED}
