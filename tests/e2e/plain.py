"""Texts without what is another in each run."""

import re

_CHANGING = [
    (r"\b(worker|cache|web|api)-[a-z0-9]{6,10}-[a-z0-9]{5}(?![a-z0-9])", r"\1-POD"),
    (r"\bapi-[a-z0-9]{6,10}\b", "api-SET"),
    (r"\([0-9a-f-]{36}\)", "(UID)"),
    (r'Back-off pulling image "[^"]*": ErrImagePull: ', ""),
    (r"\b(\d{4}-\d\d-\d\d )?\d\d:\d\d UTC\b", "TIME"),
    (r"\b\d+ [sm]\b", "SPAN"),
    (r"(?m)^(Restarts +)\d+$", r"\1N"),
    (r"(?m)^(\*Restarts\*\n)\d+$", r"\1N"),
]


def plain(text: str) -> str:
    """Return a text without what is another in each run: times, spans, generated names, counts."""
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return text
