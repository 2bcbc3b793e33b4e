"""What people do to one delivery by hand, in SQL: try it again, or drop it; with its entry in the audit log.

A dead delivery may come back only while nothing was told after it: an incident must not be opened again that has ended.
"""

from datetime import datetime
from typing import Final, NamedTuple

import apsw

from kwatch.errors import RefusedError
from kwatch.model.decisions import AuditEntry
from kwatch.model.notifications import DeliveryState, NotificationKind
from kwatch.store import audit
from kwatch.store.deliveries import end_lane
from kwatch.store.instants import to_micros
from kwatch.store.rows import Change

RETRIED: Final = "delivery retried"
DROPPED: Final = "delivery dropped"

_GIVEN_UP: Final = frozenset({DeliveryState.DEAD, DeliveryState.DROPPED})
#: What says nothing of an incident: it may come at any time.
_ALONE: Final = frozenset(
    {NotificationKind.NOTICE, NotificationKind.META, NotificationKind.DIGEST, NotificationKind.TEST}
)


class _Row(NamedTuple):
    destination: str
    incident: str
    sequence: int
    kind: NotificationKind
    state: DeliveryState


def retry(connection: apsw.Connection, id_: str, actor: str, at: datetime) -> list[Change] | None:
    """Let a delivery be attempted now, also one that was given up; None: there is none of that id.

    Raises RefusedError for one that cannot be.
    """
    row = _find(connection, id_)
    if row is None:
        return None
    _refuse_under_way(row)
    if row.state in _GIVEN_UP:
        _refuse_overtaken(connection, row)
    elif row.state.is_final:
        raise RefusedError(f"it is {row.state.value}: there is nothing to try again")
    connection.execute(
        "UPDATE deliveries SET state = 'queued', reason = '', due_at = ?1, renewed_at = ?1, finished_at = NULL,"
        " is_degraded = is_degraded AND is_ambiguous, message = iif(is_ambiguous, message, NULL) WHERE id = ?2",
        (to_micros(at), id_),
    )
    audit.write(connection, [AuditEntry(at=at, actor=actor, action=RETRIED, subject=id_, detail=row.destination)])
    return [Change(row.destination, DeliveryState.QUEUED)] if row.state.is_final else []


def drop(connection: apsw.Connection, id_: str, actor: str, at: datetime) -> list[Change] | None:
    """End a delivery that is not to be told, also one that was given up; None: there is none of that id.

    Raises RefusedError for one that cannot be.
    """
    row = _find(connection, id_)
    if row is None:
        return None
    _refuse_under_way(row)
    if row.state.is_final and row.state is not DeliveryState.DEAD:
        raise RefusedError(f"it is {row.state.value}: there is nothing to drop")
    connection.execute(
        "UPDATE deliveries SET state = 'dropped', reason = ?, finished_at = ? WHERE id = ?",
        (f"by {actor}", to_micros(at), id_),
    )
    audit.write(connection, [AuditEntry(at=at, actor=actor, action=DROPPED, subject=id_, detail=row.destination)])
    taken_up = [Change(row.destination, DeliveryState.QUEUED)] if row.state.is_final else []
    endings = end_lane(connection, row.destination, row.incident, at)
    return [*taken_up, Change(row.destination, DeliveryState.DROPPED), *endings]


def _find(connection: apsw.Connection, id_: str) -> _Row | None:
    found = connection.execute(
        "SELECT destination, incident, sequence, kind, state FROM deliveries WHERE id = ?", (id_,)
    ).fetchone()
    if found is None:
        return None
    destination, incident, sequence, kind, state = found
    return _Row(destination, incident, sequence, NotificationKind(kind), DeliveryState(state))


def _refuse_under_way(row: _Row) -> None:
    if row.state is DeliveryState.LEASED:
        raise RefusedError("an attempt is under way: ask again when it has ended")


def _refuse_overtaken(connection: apsw.Connection, row: _Row) -> None:
    if row.kind in _ALONE:
        return
    later = connection.execute(
        "SELECT kind, state FROM deliveries WHERE destination = ? AND incident = ? AND sequence > ?"
        " AND (state IN ('sent', 'leased', 'folded', 'cancelled') OR is_ambiguous) ORDER BY sequence LIMIT 1",
        (row.destination, row.incident, row.sequence),
    ).fetchone()
    if later is not None:
        raise RefusedError(f"its incident has gone on without it: the {later[0]} after it was {later[1]}")
