"""What destinations did not take, for those who read digests."""

from datetime import timedelta
from typing import Final

import apsw
import msgspec

from kwatch.model.notifications import Notification, Undelivered
from kwatch.store.instants import to_micros

#: What waits for less is under way.
_PATIENCE: Final = timedelta(minutes=15)
#: Lines; what is beyond is on the status page.
_LINES: Final = 20


def with_undelivered(connection: apsw.Connection, digest: Notification) -> Notification:
    """Return the digest with what was given up in its period, and what waits since before its end."""
    content = digest.content
    ends_at = content.ends_at or digest.created_at
    rows = connection.execute(
        "SELECT destination, reason, count(*), finished_at IS NOT NULL AS is_dead FROM deliveries"
        " WHERE (state = 'dead' AND finished_at > ?1 AND finished_at <= ?2)"
        " OR (finished_at IS NULL AND created_at < ?3)"
        " GROUP BY destination, reason, is_dead ORDER BY is_dead DESC, count(*) DESC, destination, reason LIMIT ?4",
        (to_micros(content.starts_at), to_micros(ends_at), to_micros(ends_at - _PATIENCE), _LINES),
    )
    undelivered = tuple(
        Undelivered(destination=destination, reason=reason, count=count, is_dead=bool(is_dead))
        for destination, reason, count, is_dead in rows
    )
    return msgspec.structs.replace(digest, content=msgspec.structs.replace(content, undelivered=undelivered))
