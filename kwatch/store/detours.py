"""Detours in SQL: what a destination could not be told, and which others were told in its place.

A row stays where it is, and goes out when its destination takes it. It names the fallbacks that were told: where others
are configured, they are told too. Of an overflow each row that it stands for does so, as it takes in more meanwhile.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

import apsw

from kwatch.model.decisions import Detour
from kwatch.model.notifications import Notification, NotificationKind, Untold
from kwatch.store.instants import to_micros
from kwatch.store.rows import notification_of

#: Dead letters that are older were there before anybody asked for a fallback.
RECENT: Final = timedelta(hours=1)
#: Rows that are told elsewhere at once.
BATCH: Final = 200

#: What waits since some instant, and what has died lately; an overflow not before it has its company. The plus has the
#: few dead found by when they died; `!= ''` is what the index of what is folded asks for.
_UNTOLD: Final = """
    SELECT id FROM deliveries AS waiting
    WHERE number IN (
        SELECT number FROM deliveries WHERE destination = :destination AND finished_at IS NULL AND created_at <= :before
        UNION ALL
        SELECT number FROM deliveries
          WHERE +destination = :destination AND finished_at >= :died_after AND state = 'dead')
      AND kind != 'test'
      AND iif(kind = 'overflow',
        due_at <= :now
        AND EXISTS (SELECT 1 FROM deliveries
          WHERE folded_into = waiting.id AND folded_into != '' AND detoured_to != :fallbacks),
        detoured_to != :fallbacks)
    ORDER BY number LIMIT :batch
"""


def untold(
    connection: apsw.Connection, destination: str, fallbacks: Iterable[str], before: datetime | None, now: datetime
) -> tuple[Untold, ...]:
    """Return what is dead, and what waits since `before`, and these were not told; None: nothing that waits."""
    named = _named(fallbacks)
    asked = {
        "destination": destination,
        "before": -1 if before is None else to_micros(before),
        "died_after": to_micros(now - RECENT),
        "now": to_micros(now),
        "fallbacks": named,
        "batch": BATCH,
    }
    rows: Iterator[tuple[str]] = connection.execute(_UNTOLD, asked)
    return tuple(_untold(connection, notification_of(connection, id_), named) for (id_,) in tuple(rows))


def mark(connection: apsw.Connection, detours: Iterable[Detour]) -> None:
    """Note who was told."""
    connection.executemany(
        "UPDATE deliveries SET detoured_to = ? WHERE id = ?",
        [(_named(detour.fallbacks), id_) for detour in detours for id_ in detour.ids],
    )


def _untold(connection: apsw.Connection, notification: Notification, named: str) -> Untold:
    if notification.kind is not NotificationKind.OVERFLOW:
        return Untold(notification)
    rows: Iterator[tuple[str]] = connection.execute(
        "SELECT id FROM deliveries WHERE folded_into = ? AND folded_into != '' AND detoured_to != ? ORDER BY number",
        (notification.id, named),
    )
    return Untold(notification, tuple(notification_of(connection, id_) for (id_,) in tuple(rows)))


def _named(fallbacks: Iterable[str]) -> str:
    return ", ".join(fallbacks)
