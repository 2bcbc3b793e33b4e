"""kwatch's own words, in the language of a destination's readers. Pure.

English is what stands in the code and in the templates, so that both can be read; it is the key of the tables, of which
there is one file for each other language (`zh.py`). A text without an entry stays English; a test finds every one that
is said. Texts of packs are in the tables as they stand in the rules. What people and clusters wrote stays as it is.
"""

import string
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from kwatch.notify.words.zh import WORDS as ZH
from kwatch.notify.words.zh_kept import KEPT as ZH_KEPT
from kwatch.notify.words.zh_packs import WORDS as ZH_PACKS

_NESTED = 4  # sentences in one another
_LONGEST = 1000  # characters of one: what is longer is none of ours


class Language(Enum):
    """The languages, as in `language:` of a destination."""

    EN = "en"
    ZH = "zh"


class Words:
    """The words of one language; `kept` are the sentences that others have put together, by their English form."""

    def __init__(self, table: Mapping[str, str], kept: Mapping[str, str] = MappingProxyType({})) -> None:
        self._table = table
        self._kept = tuple((_Form(english), other) for english, other in kept.items())

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text in this language, with the values in its places."""
        said = self._table.get(text, text)
        return said.format(**values) if values else said

    def retold(self, text: str) -> str:
        """Return each line of a text in this language, where it is one of kwatch's own sentences; others stay."""
        return "\n".join(self._line(each, _NESTED) for each in text.split("\n")) if self._kept else text

    def _line(self, text: str, nested: int) -> str:
        """Return a sentence, and the sentences among its values down to a depth."""
        for form, other in self._kept if nested and len(text) <= _LONGEST else ():
            if (found := form.values(text)) is not None:
                return other.format(**{name: self._line(each, nested - 1) for name, each in found.items()})
        return text


class _Form:
    """What finds a sentence and its values: each ends where what follows it is found first, so it takes linear time."""

    def __init__(self, english: str) -> None:
        parts = [(text, name) for text, name, _, _ in string.Formatter().parse(english)]
        self._names = [name for _, name in parts if name]
        texts = [text for text, _ in parts]
        self._start, self._follows = texts[0], [*texts[1:], *([""] if len(texts) == len(self._names) else [])]

    def values(self, text: str) -> Mapping[str, str] | None:
        """Return the values by their names; None: it is another sentence."""
        if not self._names:
            return {} if text == self._start else None
        *between, tail = self._follows
        if not text.startswith(self._start) or not text.endswith(tail):
            return None
        found, at, over = [], len(self._start), len(text) - len(tail)
        for follows in between:
            end = text.find(follows, at + 1, over)
            if end < 0:
                return None
            found.append(text[at:end])
            at = end + len(follows)
        return dict(zip(self._names, [*found, text[at:over]], strict=True)) if at < over else None


#: By the word of the language.
WORDS: Final[Mapping[str, Words]] = {
    Language.EN.value: Words({}),
    Language.ZH.value: Words({**ZH, **ZH_PACKS}, ZH_KEPT),
}
