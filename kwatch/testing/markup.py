"""Reads HTML as chats show it, and refuses what they do not take."""

from collections.abc import Set as AbstractSet
from html.parser import HTMLParser
from typing import NamedTuple

_CODE = frozenset({"pre", "code"})
_BREAKS = frozenset({"br", "p", "li", "h1", "h2", "h3", "h4", "ul", "ol", "pre"})


class HtmlReading(NamedTuple):
    """A text as it is shown."""

    text: str
    links: tuple[str, ...]  # addresses behind words of their own
    live: str  # what is not code: where mentions are looked for
    fault: str  # why it is refused; empty: it is not


def read_html(
    text: str, tags: AbstractSet[str], *, void: AbstractSet[str] = frozenset(), are_lines_broken: bool = False
) -> HtmlReading:
    """Read a text in which only these tags are known; `are_lines_broken`: by tags, not by line feeds."""
    reader = _Reader(tags, void, are_lines_broken=are_lines_broken)
    reader.feed(text)
    reader.close()
    fault = reader.fault or (f"Can't find end tag corresponding to start tag {reader.open[-1]}" if reader.open else "")
    shown = "".join(reader.shown).replace("\u200b", "")
    return HtmlReading(shown, tuple(reader.links), "".join(reader.live), fault)


class _Reader(HTMLParser):
    def __init__(self, tags: AbstractSet[str], void: AbstractSet[str], *, are_lines_broken: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._tags, self._void, self._are_lines_broken = tags, void, are_lines_broken
        self._href, self._words = "", ""
        self.open: list[str] = []
        self.shown: list[str] = []
        self.live: list[str] = []
        self.links: list[str] = []
        self.fault = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._tags | self._void:
            self.fault = self.fault or f"Unsupported start tag {tag}"
        if self._are_lines_broken and tag in _BREAKS:
            self.shown.append("\n")
        if tag not in self._void:
            self.open.append(tag)
        if tag == "a":
            self._href, self._words = dict(attrs).get("href") or "", ""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.fault = self.fault or f"Unmatched end tag {tag}"
        if tag == "a" and self._words != self._href:
            self.links.append(self._href)
        if self._are_lines_broken and tag in _BREAKS:
            self.shown.append("\n")

    def handle_data(self, data: str) -> None:
        self._words += data
        self.shown.append(data)
        if not _CODE & set(self.open):
            self.live.append(data)
