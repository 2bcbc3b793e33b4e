"""A row of the outbox: written once, read by its id."""

from datetime import datetime
from typing import Final

import apsw
import msgspec

from kwatch.model.notifications import DeliveryState, Notification, NotificationKind
from kwatch.model.rules import Severity
from kwatch.store.instants import to_micros

_NOTIFICATION: Final = msgspec.json.Decoder(Notification)


class Change(msgspec.Struct, frozen=True, gc=False):
    """A delivery was created (`QUEUED`) or ended; for the ledger: what was created and has not ended is in flight."""

    destination: str
    state: DeliveryState


def insert(connection: apsw.Connection, notification: Notification, due_at: datetime) -> Change:
    """Queue a notification, which must not be there yet."""
    connection.execute(
        "INSERT INTO deliveries (id, destination, incident, sequence, kind, priority, thread_of, state, created_at,"
        " due_at, notification) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        (
            notification.id,
            notification.destination,
            notification.incident,
            notification.sequence,
            notification.kind.value,
            _priority(notification),
            notification.thread_of,
            to_micros(notification.created_at),
            to_micros(due_at),
            msgspec.json.encode(notification),
        ),
    )
    return Change(notification.destination, DeliveryState.QUEUED)


def notification_of(connection: apsw.Connection, id_: str) -> Notification:
    """Return the notification of a row that is there."""
    return _NOTIFICATION.decode(connection.execute("SELECT notification FROM deliveries WHERE id = ?", (id_,)).get)


def _priority(notification: Notification) -> int:
    """Return the rank in the queue: the critical, then ends and what stands for many, then all else, then digests."""
    if notification.kind is NotificationKind.DIGEST:
        return 3
    if notification.severity is Severity.CRITICAL:
        return 0
    return 1 if notification.kind.closes or notification.kind is NotificationKind.OVERFLOW else 2
