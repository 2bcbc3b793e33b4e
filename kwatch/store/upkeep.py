"""What is done to the outbox as a whole, in SQL: after a crash, when the clock was set, and once in a while."""

from datetime import datetime, timedelta

import apsw

from kwatch.model.beat import BEAT
from kwatch.model.notifications import DeliveryState
from kwatch.store.instants import to_micros
from kwatch.store.rows import Change


def recover(connection: apsw.Connection, now: datetime) -> int:
    """Give back every lease: its process is gone, and what it sent may have arrived (F-03, F-04)."""
    connection.execute(
        "UPDATE deliveries SET state = 'queued', is_ambiguous = 1, due_at = ? WHERE state = 'leased'"
        " AND finished_at IS NULL",
        (to_micros(now),),
    )
    return connection.changes()


def bring_forward(connection: apsw.Connection, now: datetime, by: timedelta) -> None:
    """Let what is due after `now` be due that much earlier."""
    connection.execute(
        "UPDATE deliveries SET due_at = due_at - ? WHERE finished_at IS NULL AND due_at > ?",
        (by // timedelta(microseconds=1), to_micros(now)),
    )


def give_up(connection: apsw.Connection, destination: str, before: datetime, now: datetime) -> list[Change]:
    """End all that waits for a destination, and what it holds open, if nothing was decided for it since an instant."""
    newest = connection.execute(
        "SELECT max(created_at) FROM deliveries WHERE destination = ? AND finished_at IS NULL", (destination,)
    ).get
    if newest is None or newest >= to_micros(before):
        return []
    connection.execute(
        "UPDATE deliveries SET state = 'dropped', reason = 'destination removed', finished_at = ?"
        " WHERE destination = ? AND finished_at IS NULL",
        (to_micros(now), destination),
    )
    changes = [Change(destination, DeliveryState.DROPPED)] * connection.changes()
    connection.execute("UPDATE incidents SET is_open = 0 WHERE destination = ?", (destination,))
    return changes


def prune(connection: apsw.Connection, before: datetime) -> int:
    """Forget what ended before that instant, and every beat; return how many deliveries that were."""
    micros = to_micros(before)
    connection.execute(
        "DELETE FROM deliveries WHERE finished_at < ? OR (destination = ? AND finished_at IS NOT NULL)", (micros, BEAT)
    )
    pruned = connection.changes()
    connection.execute(
        "DELETE FROM incidents WHERE NOT is_open AND (last_sent_at < ? OR destination = ?)", (micros, BEAT)
    )
    return pruned
