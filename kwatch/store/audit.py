"""Who changed what by hand, and when: the newest changes, in the order in which they were made."""

from collections.abc import Iterable
from typing import Final

import apsw

from kwatch.model.decisions import AuditEntry
from kwatch.store.instants import from_micros, to_micros

#: Entries that are kept.
KEPT: Final = 10_000


def write(connection: apsw.Connection, entries: Iterable[AuditEntry]) -> None:
    """Add entries, each once however often it is committed, and let go of the oldest."""
    rows = [(to_micros(entry.at), entry.actor, entry.action, entry.subject, entry.detail) for entry in entries]
    if rows:
        connection.executemany(
            "INSERT OR IGNORE INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)", rows
        )
        connection.execute("DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (KEPT,))


def newest(connection: apsw.Connection, limit: int) -> tuple[AuditEntry, ...]:
    """Return the newest entries, newest first."""
    rows = connection.execute(
        "SELECT at, actor, action, subject, detail FROM audit ORDER BY number DESC LIMIT ?", (limit,)
    )
    return tuple(
        AuditEntry(at=from_micros(at), actor=actor, action=action, subject=subject, detail=detail)
        for at, actor, action, subject, detail in rows
    )


def names(connection: apsw.Connection, subject: str) -> bool:
    """Return whether there is an entry about a subject."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM audit WHERE subject = ?)", (subject,)).get)
