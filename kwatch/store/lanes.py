"""What a notification makes of those that wait before it in its lane (spec 3.2). Pure.

A lane is (destination, incident); it is told in the order of sequence. A row that no attempt was made for may still be
taken back; one that was leased once may have arrived, and stays. The destination sees a trigger, updates, an end: so
- a newer state replaces older ones that were never attempted; in the trigger's stead it opens the incident itself;
- an end whose trigger was never attempted cancels both: they came and went;
- an end whose trigger is dead, with nothing told since, is cancelled; where the trigger may have arrived, it is sent;
- a lane without a trigger was announced elsewhere (the summary of a first start): its end is sent;
- a lane of which all so far was folded goes on folded: its end is in the next overflow, and never stands alone (S-93);
  what is told of it by itself before the overflow has left opens the incident.
"""

from collections.abc import Iterable, Sequence

import msgspec

from kwatch.model.notifications import DeliveryState, NotificationKind

#: A snapshot of the incident, complete by itself: the newest says it all.
SNAPSHOTS = frozenset({NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.REPEAT})

CAME_AND_WENT = "came_and_went"
TRIGGER_DEAD = "trigger_dead"


class LaneRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a lane that is not final."""

    id: str
    sequence: int
    kind: NotificationKind
    is_fresh: bool  # no attempt was ever made
    thread_of: str


class Lane(msgspec.Struct, frozen=True, gc=False):
    """A lane as it is: its rows that are not final, and what its destination knows."""

    rows: Sequence[LaneRow] = ()
    is_told: bool = False  # it was told of the incident, or may have been
    is_trigger_dead: bool = False
    is_only_folded: bool = False  # it was told nothing by itself, but in overflows


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A row that ends without being sent."""

    id: str
    state: DeliveryState
    reason: str


class Admission(msgspec.Struct, frozen=True, gc=False):
    """How a notification enters its lane: what ends for it, as what it is told, whether it ends itself."""

    kind: NotificationKind
    thread_of: str
    endings: tuple[Ending, ...] = ()
    cancelled: str = ""  # why it ends at once; empty when it does not
    is_folded: bool = False  # it is for the next overflow


def admit(id_: str, sequence: int, kind: NotificationKind, thread_of: str, lane: Lane) -> Admission:
    """Decide what the new notification `id_` makes of the lane, and the lane of it."""
    if kind not in SNAPSHOTS and not kind.closes:
        return Admission(kind, thread_of)
    before = [row for row in lane.rows if row.sequence < sequence]
    stale = [row for row in before if row.is_fresh and row.kind in SNAPSHOTS]
    is_trigger_fresh = any(row.kind is NotificationKind.FIRING for row in stale)
    is_silent = len(stale) == len(before)
    if kind.closes and is_silent and lane.is_only_folded:
        return Admission(kind, thread_of, _end(stale, DeliveryState.SUPERSEDED, f"by {id_}"), is_folded=True)
    is_unopened = is_trigger_fresh or lane.is_trigger_dead or lane.is_only_folded
    is_untold = not lane.is_told and is_silent and is_unopened
    if kind.closes and is_untold:
        cancelled = CAME_AND_WENT if is_trigger_fresh else TRIGGER_DEAD
        return Admission(kind, thread_of, _end(stale, DeliveryState.CANCELLED, cancelled), cancelled)
    return Admission(
        NotificationKind.FIRING if is_untold else kind,
        thread_of or next((row.thread_of for row in stale if row.thread_of), ""),
        _end(stale, DeliveryState.SUPERSEDED, f"by {id_}"),
    )


def bury(lane: Lane) -> tuple[Ending, ...]:
    """Say which ends need no telling after a row of the lane has died."""
    if lane.is_told or not lane.is_trigger_dead or any(not row.kind.closes for row in lane.rows):
        return ()
    return _end((row for row in lane.rows if row.is_fresh), DeliveryState.CANCELLED, TRIGGER_DEAD)


def _end(rows: Iterable[LaneRow], state: DeliveryState, reason: str) -> tuple[Ending, ...]:
    return tuple(Ending(row.id, state, reason) for row in rows)
