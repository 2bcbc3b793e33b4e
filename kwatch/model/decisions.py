"""What the engine decided: committed whole, or not at all."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from kwatch.model.alerts import Transition
from kwatch.model.notifications import Notification


class Table(Enum):
    """The tables of engine state. Keys and bodies are the owner's; the store only keeps them."""

    ALERTS = "alerts"  # fingerprint → the alert with its members and thresholds
    GROUPS = "groups"  # group id → what was told, timers
    COUNTS = "counts"  # namespace/name of an Event → its last count
    SILENCES = "silences"  # id → the silence
    SEEN = "seen"  # object → what rules must know of it over a restart


class Row(msgspec.Struct, frozen=True, gc=False):
    """One upsert (`body`) or one delete (None)."""

    table: Table
    key: str
    body: bytes | None


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """How far one source has been decided: where to resume, and until when it was covered."""

    source: str
    resource_version: str
    covered_at: datetime


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change that somebody made by hand."""

    at: datetime
    actor: str  # who says to have made it
    action: str  # what was done, as in "silence added"
    subject: str  # the id of what it was done to
    detail: str  # the rest, for people


class Detour(msgspec.Struct, frozen=True, gc=False):
    """Deliveries that others were told in the place of their destination."""

    ids: tuple[str, ...]
    fallbacks: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that follows from some observations and from time; the unit of a commit."""

    rows: tuple[Row, ...] = ()
    notifications: tuple[Notification, ...] = ()
    transitions: tuple[Transition, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    detours: tuple[Detour, ...] = ()
    counters: Mapping[str, int] = {}  # name{label} → increment, for the ledgers
    clock_set_by: timedelta = timedelta(0)  # by which the checkpoints that are written move


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one destination was told of one incident; the engine's memory of it after a restart."""

    destination: str
    incident: str
    is_open: bool  # it was told that it fires (or may have been), and not yet that it is over
    last_sent_at: datetime | None  # None: never for certain
