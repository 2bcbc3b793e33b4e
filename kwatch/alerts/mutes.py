"""The mutes that annotations ask for: what one says, and what the audit log says of its changes."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from kwatch.alerts.wishes import Wishes
from kwatch.model.decisions import AuditEntry
from kwatch.model.objects import ObjectRef
from kwatch.model.self_service import Wish

#: Who changes a mute: whoever may write the object. Else the time, or the configuration.
ANNOTATION: Final = "annotation"


class Mute(msgspec.Struct, frozen=True):
    """A mute that is in force."""

    source: str  # the object whose annotation it is
    until: datetime
    reason: str

    @property
    def title(self) -> str:
        """One line that says how long, by whom and why."""
        why = f": {self.reason}" if self.reason else ""
        return f"muted until {self.until:%Y-%m-%d %H:%M} UTC by an annotation of {self.source}{why}"


class Standing(msgspec.Struct, frozen=True):
    """What an object has of the mute that it asks for, for people; empty: nothing."""

    muted: str = ""
    refused: str = ""


def standing_of(wishes: Wishes, annotations: Mapping[str, str]) -> Standing:
    """Return it of an object with these annotations."""
    key, muted = Wish.MUTE_UNTIL.value, ""
    if wishes.mute_until is not None:
        why = f": {wishes.mute_reason}" if wishes.mute_reason else ""
        muted = f"until {wishes.mute_until:%Y-%m-%d %H:%M} UTC{why}"
    refusals = (f"{annotations[key]}: {each.says}" for each in wishes.ignored if each.annotation == key)
    return Standing(muted, next(refusals, ""))


def changes(ref: ObjectRef, before: Standing, after: Standing, actor: str, at: datetime) -> Iterator[AuditEntry]:
    """Yield what the audit log says of a change."""

    def entry(action: str, detail: str) -> AuditEntry:
        return AuditEntry(at=at, actor=actor, action=action, subject=str(ref), detail=detail)

    if before.muted and not after.muted:
        yield entry("mute expired" if actor == ANNOTATION else "mute ended", before.muted)
    elif before.muted != after.muted:
        yield entry("mute changed" if before.muted else "mute added", after.muted)
    if after.refused and before.refused != after.refused:
        yield entry("mute refused", after.refused)
