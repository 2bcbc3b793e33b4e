"""Make untrusted text harmless: the last step before it leaves, one encoder per destination.

Anyone who can create a Pod controls names, labels and messages. Authors of templates never escape; these functions do,
and for HTML the engine of the built-in templates. Pure.
"""

import html as html_entities
import re
import unicodedata
from collections.abc import Callable

_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links
    r"|\x1b[@-_]"
)
#: C0 and C1 without line feed, bidirectional overrides and isolates, line separators, lone surrogates.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MENTION = re.compile(r"(?<![^\s(\[{\"'<])([@#])(?=\w)")
_AT = re.compile(r"(?<!\w)@(?=\S)")  # not that of an address, or of an image's digest
_MARKUP = re.compile(r"<(?=\S)|\](?=[(\[])")
_ADDRESS = r"https?://[\w.~/%?=&#:+-]+"
_MARK = re.compile(r"… \(cut, (\d{1,3}(?: \d{3}){0,3}) characters more\)")
_LONGEST_MARK = 48
_FENCE = re.compile(r"`(?=``)")

_ZERO_WIDTH_SPACE = "\u200b"
_JOINER = "\u200d"
_LONGEST_CLUSTER = 64  # a hostile pile of combining marks is cut like any text


def clean(text: str) -> str:
    """Return the text in NFC without control characters, terminal escapes and bidirectional overrides.

    Line feeds stay, tabs become spaces, carriage returns end lines.
    """
    if text.isascii() and text.isprintable():  # as most names are: nothing to do
        return text
    lines = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return unicodedata.normalize("NFC", _UNSAFE.sub("", lines))


def line(text: str) -> str:
    """Return the cleaned text as one line."""
    return " ".join(clean(text).split())


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters, between two graphemes, saying how many are missing."""
    return text if len(text) <= limit else fit(text, limit, str)


def is_cut(text: str) -> bool:
    """Whether a text, or a part of it, was cut."""
    return _MARK.search(text) is not None


def fit(text: str, limit: int, encode: Callable[[str], str], size: Callable[[str], int] = len) -> str:
    """Return the encoded text, cut such that its *encoded* `size` is at most `limit`."""
    encoded = encode(text)
    if size(encoded) <= limit:
        return encoded
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if size(_shortened(text, middle, limit, encode)) <= limit:
            low = middle
        else:
            high = middle - 1
    return _shortened(text, low, limit, encode)[:limit]


def utf16(text: str) -> int:
    """Return the length in UTF-16 units, as many chats count it; never less than in characters."""
    return len(text.encode("utf-16-le")) // 2


def _shortened(text: str, length: int, limit: int, encode: Callable[[str], str]) -> str:
    end, cut_before = _unmarked(text)
    kept = _boundary(text, min(length, end))
    missing = f"{end - kept + cut_before:,}".replace(",", " ")
    mark = f"… (cut, {missing} characters more)"
    return encode(text[:kept]) + (mark if len(mark) < limit else "…")


def _unmarked(text: str) -> tuple[int, int]:
    """Return where a text ends before the mark of an earlier cut, and how many characters that took away."""
    mark = _MARK.search(text, max(0, len(text) - _LONGEST_MARK))
    if mark is None or mark.end() < len(text):
        return len(text), 0
    return mark.start(), int(mark[1].replace(" ", ""))


def _boundary(text: str, length: int) -> int:
    """Return the greatest grapheme boundary that is at most `length`; simplified from UAX 29, without its tables."""
    position = length
    while position > max(0, length - _LONGEST_CLUSTER) and _is_inside(text, position):
        position -= 1
    return position


def _is_inside(text: str, position: int) -> bool:
    if not 0 < position < len(text):
        return False
    after, before = text[position], text[position - 1]
    if _JOINER in (after, before) or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff":  # skin tones
        return True
    return _is_flag(after) and _flags_before(text, position) % 2 == 1


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, position: int) -> int:
    start = position
    while start > 0 and _is_flag(text[start - 1]) and position - start < _LONGEST_CLUSTER:
        start -= 1
    return position - start


def padded(text: str, columns: int) -> str:
    """Return the text with spaces up to so many columns; characters of East Asia take two (UAX 11)."""
    wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return text.ljust(columns - wide)


def slack(text: str) -> str:
    """Encode for Slack's mrkdwn and `text`: no mention, no link, no channel can come of it."""
    entities = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(rf"\1{_ZERO_WIDTH_SPACE}", entities)


def unmentioned(text: str) -> str:
    """Return the cleaned text with every `@` that could name somebody broken from the name."""
    return _AT.sub(f"@{_ZERO_WIDTH_SPACE}", clean(text))


def markdown(text: str, special: str = r"\`*_~|[]<>#") -> str:
    """Encode for Markdown, in which the `special` characters mean something: no mention, link or format comes of it.

    An address stays as it is, as far as nothing in it could mean more: it is read as one before its marks are.
    """
    marks = re.compile(f"{_ADDRESS}|[{re.escape(special)}]")
    return marks.sub(lambda found: found[0] if len(found[0]) > 1 else f"\\{found[0]}", unmentioned(text))


def plain(text: str) -> str:
    """Encode for tools that may show HTML, Markdown or Slack's markup, and undo no escapes: none of it comes about.

    Characters of no width break tags, links with words of their own, and mentions.
    """
    return _MARKUP.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", unmentioned(text))


def fenced(text: str) -> str:
    """Encode for a block of code between ```: there is no fence in it, so it ends where it should (X-06)."""
    return _FENCE.sub(f"`{_ZERO_WIDTH_SPACE}", clean(text))


def html(text: str) -> str:
    """Encode for HTML: text and nothing else, and no mention."""
    return html_code(unmentioned(text))


def html_code(text: str) -> str:
    """Encode for a block of code in HTML, where nobody is mentioned."""
    return html_entities.escape(clean(text))


def header(text: str) -> str:
    """Encode for a header of a mail or a request: one line, and never the start of an encoded word.

    Python's modern e-mail policy decodes an encoded word in a value that is set, and writes the line breaks that it
    holds (CVE-2024-6923, CVE-2026-1299). Both measures are taken whatever the interpreter.
    """
    one_line = clean(_CONTROL.sub(" ", text))
    return re.sub(r"=(?=\?)", f"={_ZERO_WIDTH_SPACE}", " ".join(one_line.split()))


def terminal(text: str) -> str:
    """Encode for a terminal or a log: nothing in it moves the cursor or changes a colour."""
    return clean(text)
