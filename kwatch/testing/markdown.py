"""Reads Markdown as chats show it: what people see, what leads elsewhere, what would call somebody."""

import re
from typing import NamedTuple

_FENCE = re.compile(r"```(?:\n)?(.*?)\n?```", re.DOTALL)
_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^)\s]+)\)")
_MARKS = re.compile(r"\*\*|__|~~|\|\||`")
_SHIFT = 0xE000  # escaped characters are kept out of the way in the private use area


class Reading(NamedTuple):
    """A text as it is shown."""

    text: str
    links: tuple[str, ...]  # addresses behind words of their own
    live: str  # what is neither escaped nor code: where mentions are looked for


def read_markdown(text: str, escapable: str) -> Reading:
    """Read a text in which a backslash takes the meaning of each of the `escapable` characters."""
    shown, links, live = "", [], ""
    for number, part in enumerate(_FENCE.split(text)):
        if number % 2:  # inside a fence
            shown += part
            continue
        hidden = re.sub(rf"\\([{re.escape(escapable)}])", lambda found: chr(_SHIFT + ord(found[1])), part)
        links += [link for _, link in _LINK.findall(hidden)]
        live += hidden
        shown += _MARKS.sub("", _LINK.sub(r"\1", hidden))
    restored = re.sub("[\ue000-\ue0ff]", lambda found: chr(ord(found[0]) - _SHIFT), shown)
    return Reading(restored, tuple(links), live)
