"""kwatch's own words, in the language of a destination's readers. Pure.

English is what stands in the code and in the templates, so that both can be read; it is the key of the tables, of which
there is one file for each other language (`zh.py`). A text without an entry stays English; a test finds every one that
is said. Texts of packs are in the tables as they stand in the rules. What people and clusters wrote stays as it is.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from kwatch.notify.words.zh import WORDS as ZH
from kwatch.notify.words.zh_packs import WORDS as ZH_PACKS


class Language(Enum):
    """The languages, as in `language:` of a destination."""

    EN = "en"
    ZH = "zh"


class Words:
    """The words of one language."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text in this language, with the values in its places."""
        said = self._table.get(text, text)
        return said.format(**values) if values else said


#: By the word of the language.
WORDS: Final[Mapping[str, Words]] = {Language.EN.value: Words({}), Language.ZH.value: Words({**ZH, **ZH_PACKS})}
