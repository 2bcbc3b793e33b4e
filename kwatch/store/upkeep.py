"""What is done to the outbox as a whole, in SQL: after a crash, when the clock was set, and once in a while."""

from datetime import datetime, timedelta

import apsw

from kwatch.model.beat import BEAT
from kwatch.store.instants import to_micros


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
