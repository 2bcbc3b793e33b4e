"""What the annotations of one object ask for, read and checked. What is wrong is ignored, and what is right stays.

The texts come from whoever may write the object: none of them becomes a template, an address to send to, or long.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from kwatch.model.rules import Severity
from kwatch.model.self_service import PREFIX, SelfService, Wish

#: Annotations of one object that are read, and characters of each; what is beyond is ignored.
MOST = 20
LONGEST = 500

# An address for people to follow, as messages show one. Braces are left out: texts of rules are templates.
_URL = re.compile(r"https://[\w.-]+(?::\d+)?(?:[/?#][!#-;=?-\[\]_a-z~]*)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_SEVERITIES = {severity.word: severity for severity in Severity}


class Ignored(msgspec.Struct, frozen=True):
    """An annotation that does nothing, and why. `reason` is one of a closed set, for the counter."""

    annotation: str
    reason: str  # denied, not_offered, unknown, unreadable, too_long
    says: str


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What one object asks for; None and empty: nothing."""

    mute_until: datetime | None = None
    mute_reason: str = ""
    receiver: str = ""
    severity: Severity | None = None
    runbook: str = ""
    watch: bool | None = None
    ignored: tuple[Ignored, ...] = ()


class _IgnoredError(Exception):
    """A value that cannot be used."""

    def __init__(self, reason: str, says: str) -> None:
        super().__init__(says)
        self.reason = reason


def own(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the annotations that are meant for kwatch."""
    found = sorted(item for item in annotations.items() if item[0].startswith(PREFIX))
    return {key[:LONGEST]: value[: LONGEST + 1] for key, value in found[:MOST]}


def read_wishes(annotations: Mapping[str, str], allowed: SelfService, heard_at: datetime) -> Wishes:
    """Return what annotations ask for that were heard at an instant: from it the longest mute counts."""
    wishes = Wishes()
    ignored: list[Ignored] = []
    for key, value in annotations.items():
        try:
            wishes = _granted(wishes, key, value.strip(), allowed, heard_at)
        except _IgnoredError as error:
            ignored.append(Ignored(key, error.reason, str(error)))
    return msgspec.structs.replace(wishes, ignored=tuple(ignored))


def _granted(wishes: Wishes, key: str, value: str, allowed: SelfService, heard_at: datetime) -> Wishes:
    try:
        wish = Wish(key)
    except ValueError:
        raise _IgnoredError("unknown", f"there is {', '.join(wish.value for wish in Wish)}") from None
    if not allowed.allows(wish):
        raise _IgnoredError("denied", "the configuration does not allow it, see `self_service`")
    if len(value) > LONGEST:
        raise _IgnoredError("too_long", f"at most {LONGEST} characters")
    match wish:
        case Wish.MUTE_UNTIL:
            return msgspec.structs.replace(wishes, mute_until=_mute_until(value, allowed, heard_at))
        case Wish.MUTE_REASON:
            return msgspec.structs.replace(wishes, mute_reason=value)
        case Wish.RECEIVER:
            return msgspec.structs.replace(wishes, receiver=_one_of(value, sorted(allowed.receivers)))
        case Wish.SEVERITY:
            word = _one_of(value, [severity.word for severity in sorted(allowed.severities)])
            return msgspec.structs.replace(wishes, severity=_SEVERITIES[word])
        case Wish.RUNBOOK:
            return msgspec.structs.replace(wishes, runbook=_url(value))
        case Wish.WATCH:
            return msgspec.structs.replace(wishes, watch=_boolean(value))


def _mute_until(value: str, allowed: SelfService, heard_at: datetime) -> datetime | None:
    try:
        until = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        until = None
    if until is None or until.tzinfo is None:
        raise _IgnoredError("unreadable", "write an instant with a zone, as in 2026-03-01T18:00:00Z")
    if until - heard_at > allowed.longest_mute:
        raise _IgnoredError("too_long", f"at most {allowed.longest_mute} from when it is read")
    return until.astimezone(UTC) if until > heard_at else None


def _one_of(value: str, words: list[str]) -> str:
    if value not in words:
        raise _IgnoredError("not_offered", f"choose one of {', '.join(words)}")
    return value


def _url(value: str) -> str:
    if _URL.fullmatch(value) is None:
        raise _IgnoredError("unreadable", "write a URL, as in https://runbooks.example.com/web")
    return value


def _boolean(value: str) -> bool:
    if value not in _BOOLEANS:
        raise _IgnoredError("unreadable", 'write "true" or "false"')
    return _BOOLEANS[value]
