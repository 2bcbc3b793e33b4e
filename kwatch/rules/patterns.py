"""What a message says without what changes each time it is said, so that one problem is one alert. Pure.

A key may hold `message`: then the alert is named by this pattern, not by the words. What is replaced, in this order:

    time        2026-11-21T09:10:11Z, 09:10:11.123
    uid         0f8c6d1e-2f6a-4a3c-9b1d-7f1c2d3e4f50
    hash        sha256:…, 12 hexadecimal digits and more with a digit and a letter among them
    address     10.0.0.1, 10.0.0.1:8080, fe80::1, [::1]:443
    suffix      the ends of generated names: -7d4b9c6f5-x2x8k, -x2x8k, -bcdfg, and of ReplicaSets: -7d4b9c6f5
    duration    10s, 1h2m3.5s, 250ms
    number      counters, sizes, ports, exit codes: 137, 3.5, 512Mi, 11132kB, 85%

Each expression is a run of plain classes, of bounded length where it looks ahead: the work is linear in the length of
the message, which is cut.
"""

import re
from typing import Final

_SAFE: Final = "[bcdfghjklmnpqrstvwxz2456789]"  # what Kubernetes makes suffixes of: no vowels, no 0, 1, 3

_START: Final = "(?<![0-9a-zA-Z])"  # other than \b, behind `_`, too: leaders are named host_uid
_END: Final = "(?![0-9a-zA-Z])"
_GROUP: Final = "[0-9a-fA-F]{1,4}"
_GROUPS: Final = f"{_GROUP}(?::{_GROUP})"
_IPV4: Final = r"(?:(?<![\w:])::[fF]{4}:|\b)\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}\b|/\d{1,2}\b)?"
_BRACKETED: Final = r"\[[0-9a-fA-F:.]{2,45}\](?::\d{1,5})?"
_IPV6: Final = rf"(?<![\w:])(?:(?:{_GROUPS}{{0,6}})?::{_GROUPS}{{0,6}}|{_GROUPS}{{0,6}}::|{_GROUPS}{{2,7}})(?!\w)"
_HEXADECIMAL: Final = "(?=[0-9a-f]{0,63}\\d)(?=[0-9a-f]{0,63}[a-f])[0-9a-f]{12,64}"
_REPLICAS: Final = "(?=[4-9]{0,9}[bcdf])[4-9bcdf]{8,10}"  # a 32-bit number whose digits are written as 4-9, b, c, d, f
#: What looks like a suffix without a digit, and is a word.
_WORDS: Final = "(?!(?:dhcpd|httpd|https|mssql|pgsql|rdbms|smtps|xhtml)\\b)"

_PARTS: Final = (
    ("time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"),
    ("uid", rf"{_START}[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{_END}"),
    ("hash", rf"{_START}(?:sha256:[0-9a-f]{{8,64}}|{_HEXADECIMAL}{_END}|0x[0-9a-fA-F]{{1,16}}{_END})"),
    ("address", rf"{_IPV4}|{_BRACKETED}|{_IPV6}"),
    ("suffix", rf"(?<=\w)-(?:[0-9a-f]{{6,10}}-{_SAFE}{{5}}|{_WORDS}{_SAFE}{{5}}|{_REPLICAS}){_END}"),
    ("duration", r"\b(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|h|m|s))+\b"),
    ("number", rf"(?<![\w.])[+-]?\d+(?:\.\d+)?(?:[kKMGTPE]i?B?|[mn]|%)?{_END}"),
)
_VARIABLE: Final = re.compile("|".join(f"(?P<{name}>{expression})" for name, expression in _PARTS))
_LONGEST: Final = 1024  # characters of a message that name an alert


def pattern_of(message: str) -> str:
    """Return the message with what varies replaced by what it is: `Back-off 5m0s` → `Back-off <duration>`."""
    return _VARIABLE.sub(_placeholder, message[:_LONGEST])


def _placeholder(found: re.Match[str]) -> str:
    return "-<suffix>" if found.lastgroup == "suffix" else f"<{found.lastgroup}>"
