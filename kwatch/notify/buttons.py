"""What a person may do about an incident with a click, and the value of the button that says which and until when.

The value is signed, so that only what kwatch has offered comes back; it names an action of a closed set and an
incident, never a command. Each destination has a key of its own, so a value is good for its destination alone. Pure.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256

import msgspec

#: How long after it was told an incident may be answered to.
LIFETIME = timedelta(days=7)
#: How long a click is remembered: Slack delivers what it thinks lost again at once, after 1 and after 5 minutes.
_REMEMBERED = timedelta(minutes=15)
_SIGNATURE = 16  # bytes


class Action(Enum):
    """What a click asks for."""

    ACK = "a"
    SILENCE_1H = "1"
    SILENCE_4H = "4"
    SILENCE_UNTIL_RESOLVED = "r"


#: The lengths of the silences; none is longer than 24 h.
SILENCES: Mapping[Action, Mapping[str, object]] = {
    Action.SILENCE_1H: {"for": "1h"},
    Action.SILENCE_4H: {"for": "4h"},
    Action.SILENCE_UNTIL_RESOLVED: {"for": "24h", "until_resolved": True},
}


class Refusal(Enum):
    """Why a click comes to nothing."""

    FORGED = "forged"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    NOT_ALLOWED = "not_allowed"


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants done about an incident."""

    action: Action
    incident: str


class Signer:
    """Writes and reads the values of one destination's buttons; `secret` is this kwatch's own."""

    def __init__(self, secret: str, destination: str) -> None:
        self._key = hmac.digest(secret.encode(), f"buttons of {destination}".encode(), sha256)

    def value(self, wish: Wish, told_at: datetime) -> str:
        """Return the value of a button: at most 150 characters, as an option of a menu has."""
        until = int((told_at + LIFETIME).timestamp())
        said = f"{wish.action.value}.{until:x}.{wish.incident}".encode()
        return f"{_text(said)}.{_text(self._signature(said))}"

    def read(self, value: str, now: datetime) -> Wish | Refusal:
        """Return what a value asks for, if it is ours and still good."""
        said, signature = (_bytes(part) for part in [*value.split("."), ""][:2])
        if value.count(".") != 1 or not hmac.compare_digest(signature, self._signature(said)):
            return Refusal.FORGED
        action, until, incident = said.decode().split(".", 2)
        if now >= datetime.fromtimestamp(int(until, 16), UTC):
            return Refusal.EXPIRED
        return Wish(Action(action), incident)

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, sha256)[:_SIGNATURE]


class Seen:
    """Remembers what has come, by any of its names; the oldest first to go."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, ...], datetime] = {}

    def is_new(self, names: tuple[tuple[str, ...], ...], now: datetime) -> bool:
        """Whether none of the names was seen in the last quarter of an hour; they are from now on."""
        self._until = {name: until for name, until in self._until.items() if until > now}
        is_new = not any(name in self._until for name in names)
        self._until |= dict.fromkeys(names, now + _REMEMBERED)
        return is_new


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Return what `_text` was given; for anything else nothing, which has no valid signature."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return b""
    return raw if _text(raw) == text else b""
