"""Detours in SQL: what a destination cannot be told is told its fallbacks too, once each.

The row stays where it is, and goes out when the destination takes it. An incident that a fallback was told of is ended
there too, whoever is told of the end: else it would stay open for ever.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

import apsw
import msgspec

from kwatch.model.identity import notification_id
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.routes import Fallback
from kwatch.store import folds
from kwatch.store.deliveries import enqueue
from kwatch.store.instants import to_micros
from kwatch.store.rows import Change, notification_of

#: Dead letters that are older were there before anybody asked for a fallback.
RECENT: Final = timedelta(hours=1)

#: What waits since some instant, and what has died lately; so many at once.
_UNTOLD: Final = """
    SELECT number, id FROM deliveries
    WHERE destination = ?1 AND finished_at IS NULL AND created_at <= ?2 AND NOT is_detoured AND kind != 'test'
    UNION ALL
    SELECT number, id FROM deliveries
    WHERE finished_at >= ?3 AND destination = ?1 AND state = 'dead' AND NOT is_detoured AND kind != 'test'
    ORDER BY number LIMIT 1000
"""


def detour(
    connection: apsw.Connection, destination: str, fallbacks: Iterable[Fallback], before: datetime | None, at: datetime
) -> list[Change]:
    """Tell the fallbacks what is dead, and what waits since `before`; None: nothing that waits."""
    waiting = -1 if before is None else to_micros(before)
    rows: Iterator[tuple[int, str]] = connection.execute(_UNTOLD, (destination, waiting, to_micros(at - RECENT)))
    changes: list[Change] = []
    for _, id_ in tuple(rows):
        connection.execute("UPDATE deliveries SET is_detoured = 1 WHERE id = ?", (id_,))
        changes += _tell(connection, notification_of(connection, id_), fallbacks, at)
    return changes


def follow(connection: apsw.Connection, notification: Notification) -> list[Change]:
    """Tell of an end those who were told of the incident in the place of its destination."""
    if not notification.kind.closes:
        return []
    lane = (notification.destination, notification.incident)
    rows: Iterator[tuple[bytes]] = connection.execute(
        "SELECT fallback FROM detours WHERE destination = ? AND incident = ?", lane
    )
    changes: list[Change] = []
    for (body,) in tuple(rows):
        fallback = msgspec.json.decode(body, type=Fallback)
        changes += _enqueue(connection, _as_told_to(notification, fallback, notification.created_at))
    connection.execute("DELETE FROM detours WHERE destination = ? AND incident = ?", lane)
    return changes


def forget(connection: apsw.Connection) -> None:
    """Forget the detours of incidents that nobody knows any more."""
    connection.execute(
        "DELETE FROM detours WHERE incident NOT IN (SELECT incident FROM incidents)"
        " AND incident NOT IN (SELECT incident FROM deliveries)"
    )


def _tell(
    connection: apsw.Connection, notification: Notification, fallbacks: Iterable[Fallback], at: datetime
) -> list[Change]:
    if notification.kind is NotificationKind.OVERFLOW:
        notification = folds.list_folded(connection, notification)
    changes: list[Change] = []
    for fallback in fallbacks:
        if notification.severity < fallback.severity:
            continue
        changes += _enqueue(connection, _opening(connection, _as_told_to(notification, fallback, at)))
        if not notification.kind.closes:
            connection.execute(
                "INSERT OR IGNORE INTO detours VALUES (?, ?, ?)",
                (notification.destination, notification.incident, msgspec.json.encode(fallback)),
            )
    return changes


def _enqueue(connection: apsw.Connection, notification: Notification) -> list[Change]:
    """Queue it, never to be detoured again: two destinations may be each other's fallback."""
    changes = enqueue(connection, notification)
    connection.execute("UPDATE deliveries SET is_detoured = 1 WHERE id = ?", (notification.id,))
    return changes


def _as_told_to(notification: Notification, fallback: Fallback, at: datetime) -> Notification:
    content = msgspec.structs.replace(
        notification.content, receiver=fallback.receiver, meant_for=notification.destination
    )
    return msgspec.structs.replace(
        notification,
        id=notification_id(notification.incident, fallback.destination, notification.sequence),
        destination=fallback.destination,
        content=content,
        created_at=at,
        thread_of="",
    )


def _opening(connection: apsw.Connection, notification: Notification) -> Notification:
    """Let what goes on open the incident where nobody has heard of it."""
    if notification.kind not in (NotificationKind.UPDATE, NotificationKind.REPEAT):
        return notification
    lane = (notification.destination, notification.incident)
    is_known = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE destination = ? AND incident = ?)", lane
    ).get
    if is_known:
        return notification
    content = msgspec.structs.replace(notification.content, kind=NotificationKind.FIRING)
    return msgspec.structs.replace(notification, kind=NotificationKind.FIRING, content=content)
