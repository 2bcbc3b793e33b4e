"""Paths into objects: `status.containerStatuses[*].state.waiting.reason`, `metadata.annotations["a.b/c"]`. Pure."""

import re

from kwatch.model.conditions import Path

_PART = re.compile(
    r"""
      (?P<any>\[\*\])
    | \["(?P<double>[^"]+)"\]
    | \['(?P<single>[^']+)'\]
    | (?P<dot>\.)?(?P<key>[^.\[\]"'*\s]+)
    """,
    re.VERBOSE,
)


def parse_path(text: str) -> Path:
    """Return the keys of a path, None for `[*]`. Raises ValueError saying how to write it."""
    parts: list[str | None] = []
    at = 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or (found["key"] is not None and (found["dot"] is None) == bool(parts)):
            raise ValueError(f"{text!r} is not a path{_hint(text)}")
        parts.append(found["double"] or found["single"] or found["key"])
        at = found.end()
    if not parts or parts[0] is None:
        raise ValueError(f"{text!r} is not a path: it begins with a key, as in status.phase")
    return tuple(parts)


def _hint(text: str) -> str:
    if text.startswith("."):
        return f": leave out the leading dot, {text.lstrip('.')}"
    if re.search(r"\[\d+\]", text):
        return ": elements have no fixed order, write [*] for any of them"
    return ': write keys with dots between them, [*] for any element, ["a.b/c"] for a key with dots'
