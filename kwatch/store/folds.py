"""Folding in SQL: what becomes a line of an overflow, and what the overflow is then told for (spec 3.2, S-91 to S-96).

A folded row has ended: `folded_into` names the overflow that lists it. An overflow takes in more until it is listed,
which is done once, in the transaction that reads what it stands for; so nothing can come between the two. Queries say
`folded_into != ''` too: without it their index is of no use to SQLite.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import apsw
import msgspec

from kwatch.model.notifications import DeliveryState, Folded, Notification, NotificationKind
from kwatch.store.instants import to_micros
from kwatch.store.lanes import SNAPSHOTS
from kwatch.store.overflow import WAIT, list_overflow, open_overflow
from kwatch.store.rows import Change, insert, notification_of

_NOTIFICATION: Final = msgspec.json.Decoder(Notification)

_SNAPSHOTS: Final = ", ".join(sorted(f"'{kind.value}'" for kind in SNAPSHOTS))
_IS_FRESH: Final = "finished_at IS NULL AND state = 'queued' AND attempts = 0 AND NOT is_ambiguous"
#: Rows that are folded at once.
BATCH: Final = 1000


def foldable(connection: apsw.Connection, destination: str, now: datetime, *, with_critical: bool) -> tuple[str, ...]:
    """Return the ids of what no attempt was made for and an overflow can stand for, oldest first.

    An end is not among them: the destination holds an incident open for it. Nor is what waits for an earlier row of its
    lane: the overflow would tell it first.
    """
    rows = connection.execute(
        f"SELECT id FROM deliveries AS head WHERE destination = ? AND {_IS_FRESH} AND due_at <= ?"  # noqa: S608
        f" AND kind IN ({_SNAPSHOTS}, 'notice') AND (priority > 0 OR ?)"
        " AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.destination = head.destination"
        " AND earlier.incident = head.incident AND earlier.finished_at IS NULL AND earlier.sequence < head.sequence)"
        f" ORDER BY number LIMIT {BATCH}",
        (destination, to_micros(now), with_critical),
    )
    return tuple(id_ for (id_,) in rows)


def attempts_since(connection: apsw.Connection, destination: str, at: datetime) -> int | None:
    """Return how many attempts were made since then, or a few more; None: an overflow is open."""
    if _open_id(connection, destination) is not None:
        return None
    return int(
        connection.execute(
            "SELECT coalesce(sum(attempts), 0) FROM deliveries WHERE destination = ? AND attempts > 0"
            " AND (finished_at IS NULL OR finished_at >= ?)",
            (destination, to_micros(at)),
        ).get
    )


def fold(connection: apsw.Connection, ids: Iterable[str], at: datetime) -> list[Change]:
    """Fold what is still untouched of these rows, which are of one destination."""
    fresh = [id_ for id_ in ids if _is_fresh(connection, id_)]
    if not fresh:
        return []
    first = notification_of(connection, fresh[0])
    overflow_id, changes = _open(connection, first, at)
    connection.executemany(
        "UPDATE deliveries SET state = 'folded', reason = ?, folded_into = ?, finished_at = ? WHERE id = ?",
        [(f"into {overflow_id}", overflow_id, to_micros(at), id_) for id_ in fresh],
    )
    return changes + [Change(first.destination, DeliveryState.FOLDED)] * len(fresh)


def fold_late(connection: apsw.Connection, notification: Notification, at: datetime) -> list[Change]:
    """Let a row that has ended for its age be listed in the next overflow."""
    overflow_id, changes = _open(connection, notification, at)
    connection.execute(
        "UPDATE deliveries SET reason = ?, folded_into = ? WHERE id = ?",
        (f"into {overflow_id}", overflow_id, notification.id),
    )
    return [*changes, Change(notification.destination, DeliveryState.FOLDED)]


def _is_fresh(connection: apsw.Connection, id_: str) -> bool:
    query = f"SELECT 1 FROM deliveries WHERE id = ? AND {_IS_FRESH}"  # noqa: S608
    return connection.execute(query, (id_,)).fetchone() is not None


def _open(connection: apsw.Connection, first: Notification, at: datetime) -> tuple[str, list[Change]]:
    """Return the overflow that takes in more, opened if there is none."""
    found = _open_id(connection, first.destination)
    if found is not None:
        return found, []
    overflow = open_overflow(first, at)
    return overflow.id, [insert(connection, overflow, at + WAIT)]


def _open_id(connection: apsw.Connection, destination: str) -> str | None:
    """Return the id of the overflow that takes in more; None: there is none.

    Of several the oldest: one that did not arrive is open again, and another may have been opened meanwhile.
    """
    found: str | None = connection.execute(
        "SELECT id FROM deliveries WHERE destination = ? AND kind = 'overflow' AND NOT is_listed"
        " AND finished_at IS NULL ORDER BY number LIMIT 1",
        (destination,),
    ).get
    return found


def list_folded(connection: apsw.Connection, overflow: Notification) -> Notification:
    """Close the overflow to more, and keep it as it is told; doing so again gives the same."""
    rows = connection.execute(
        "SELECT notification FROM deliveries WHERE folded_into = ? AND folded_into != '' ORDER BY number",
        (overflow.id,),
    )
    listed = list_overflow(overflow, (_NOTIFICATION.decode(body) for (body,) in rows))
    connection.execute(
        "UPDATE deliveries SET is_listed = 1, notification = ? WHERE id = ?",
        (msgspec.json.encode(listed), overflow.id),
    )
    return listed


def folded(connection: apsw.Connection, overflow_id: str, limit: int) -> tuple[Folded, ...]:
    """Return what an overflow stands for, oldest first."""
    rows = connection.execute(
        "SELECT id, incident, kind FROM deliveries WHERE folded_into = ? AND folded_into != '' ORDER BY number LIMIT ?",
        (overflow_id, limit),
    )
    return tuple(Folded(id_, incident, NotificationKind(kind)) for id_, incident, kind in rows)


def remember(connection: apsw.Connection, overflow: Notification, at: datetime) -> None:
    """Keep that the destination knows of the incidents that a sent overflow lists; they go on in its thread.

    What was told since by itself stays: an incident that is over is not open again.
    """
    connection.execute(
        "INSERT INTO incidents SELECT destination, incident, NULL, ?2,"  # noqa: S608
        f" coalesce(max(sequence) FILTER (WHERE kind IN ({_SNAPSHOTS})) = max(sequence), 0), ?3"
        " FROM deliveries WHERE folded_into = ?1 AND folded_into != '' AND kind != 'notice'"
        " GROUP BY destination, incident"
        " ON CONFLICT DO UPDATE SET is_open = min(is_open, excluded.is_open), last_sent_at = excluded.last_sent_at",
        (overflow.id, overflow.incident, to_micros(at)),
    )
