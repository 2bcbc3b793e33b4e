"""Writing a new row of the outbox."""

from datetime import datetime

import apsw
import msgspec

from kwatch.model.notifications import DeliveryState, Notification, NotificationKind
from kwatch.model.rules import Severity
from kwatch.store.instants import to_micros


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


def _priority(notification: Notification) -> int:
    """Return the rank in the queue: the critical, then ends and what stands for many, then all else."""
    if notification.severity is Severity.CRITICAL:
        return 0
    return 1 if notification.kind.closes or notification.kind is NotificationKind.OVERFLOW else 2
