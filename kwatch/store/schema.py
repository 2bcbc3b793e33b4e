"""The schema of `state.db`, its versions, and what is refused at opening.

A new database is built beside its name and renamed: a file that is there is either whole or not ours, so an empty or
damaged one is never taken for a first start (F-09). Migrations only go forward, in one transaction.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from kwatch.errors import DamagedError, StateError

#: Marks the file as ours (`PRAGMA application_id`): "kwat".
APPLICATION_ID: Final = 0x6B776174

#: How long a statement waits for another process's lock, in milliseconds; short, as every caller tries again.
BUSY_TIMEOUT_MS: Final = 100

#: MIGRATIONS[n] turns version n into n + 1. Times are integers: microseconds since 1970 in UTC.
MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('instance', lower(hex(randomblob(16))));

    CREATE TABLE engine_alerts (key TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE engine_groups (key TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE engine_counts (key TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE engine_seen (key TEXT PRIMARY KEY, body BLOB NOT NULL);

    CREATE TABLE checkpoints (
        source TEXT PRIMARY KEY,
        resource_version TEXT NOT NULL,
        covered_at INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE deliveries (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        destination TEXT NOT NULL,
        incident TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        kind TEXT NOT NULL,
        priority INTEGER NOT NULL,
        thread_of TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        created_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        finished_at INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        is_ambiguous INTEGER NOT NULL DEFAULT 0,
        is_degraded INTEGER NOT NULL DEFAULT 0,
        notification BLOB NOT NULL,
        message BLOB
    );
    CREATE INDEX open_by_priority ON deliveries (destination, priority, number) WHERE finished_at IS NULL;
    CREATE INDEX open_by_lane ON deliveries (destination, incident, sequence) WHERE finished_at IS NULL;
    CREATE INDEX by_lane ON deliveries (destination, incident, state);
    CREATE INDEX by_finish ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE attempts (
        delivery INTEGER NOT NULL REFERENCES deliveries (number) ON DELETE CASCADE,
        body BLOB NOT NULL
    );
    CREATE INDEX attempts_of ON attempts (delivery);

    CREATE TABLE incidents (
        destination TEXT NOT NULL,
        incident TEXT NOT NULL,
        receipt BLOB,
        thread_of TEXT NOT NULL,
        is_open INTEGER NOT NULL,
        last_sent_at INTEGER,
        PRIMARY KEY (destination, incident)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE engine_silences (key TEXT PRIMARY KEY, body BLOB NOT NULL);

    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL,
        UNIQUE (at, actor, action, subject)
    );
    """,
    """
    ALTER TABLE deliveries ADD COLUMN folded_into TEXT NOT NULL DEFAULT '';
    ALTER TABLE deliveries ADD COLUMN is_listed INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX by_overflow ON deliveries (folded_into, number) WHERE folded_into != '';
    CREATE INDEX open_overflow ON deliveries (destination) WHERE kind = 'overflow' AND NOT is_listed;
    """,
    "INSERT INTO meta VALUES ('epoch', 0);",
    "ALTER TABLE deliveries ADD COLUMN renewed_at INTEGER;",
    """
    ALTER TABLE deliveries ADD COLUMN is_detoured INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE detours (
        destination TEXT NOT NULL,
        incident TEXT NOT NULL,
        fallback BLOB NOT NULL,
        PRIMARY KEY (destination, incident, fallback)
    ) WITHOUT ROWID;
    """,
    """
    DROP TABLE detours;
    ALTER TABLE deliveries DROP COLUMN is_detoured;
    ALTER TABLE deliveries ADD COLUMN detoured_to TEXT NOT NULL DEFAULT '';
    """,
    """
    UPDATE engine_alerts SET body = CAST(json_set(CAST(body AS TEXT), '$.held_back_by', json((
        SELECT json_group_object(value, json_extract(CAST(body AS TEXT), '$.held_back_by'))
        FROM json_each(CAST(body AS TEXT), '$.groups')
        WHERE json_extract(CAST(body AS TEXT), '$.held_back_by') != ''
    ))) AS BLOB);
    """,
)


def open_database(path: Path) -> apsw.Connection:
    """Open `path`, or create it when it is absent, at the newest version.

    Raises `StateError` for a file that is damaged, not ours, of a newer version, or locked.
    """
    if not path.exists():
        _create(path)
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        _refuse_other_versions(connection, path)
        _refuse_damaged(connection, path)
        _make_durable(connection)
        migrate(connection)
    except apsw.Error as error:
        if isinstance(error, apsw.NotADBError | apsw.CorruptError):
            raise DamagedError(f"{path}: the file is damaged: {error}") from error
        raise StateError(f"{path}: {error}") from error
    return connection


def migrate(connection: apsw.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Apply what is missing, all of it or nothing."""
    version = connection.pragma("user_version")
    if version == len(migrations):
        return
    with connection:
        for migration in migrations[version:]:
            connection.execute(migration)
        connection.pragma("user_version", len(migrations))


def _create(path: Path) -> None:
    """Build a database beside `path` and move it there, so that `path` never holds half of one."""
    journal = path.with_name(path.name + "-wal")
    if journal.exists():
        raise DamagedError(f"{path} is missing, but its journal {journal.name} is there: restore both or remove it")
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    try:
        draft.touch(mode=0o600)
        connection = apsw.Connection(str(draft))
        connection.pragma("application_id", APPLICATION_ID)
        migrate(connection)
        connection.close()
        draft.rename(path)
    except (OSError, apsw.Error) as error:
        raise StateError(f"{path}: cannot be created: {error}") from error


def _make_durable(connection: apsw.Connection) -> None:
    """Have each commit on disk before it returns, while readers go on."""
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("foreign_keys", 1)


def _refuse_damaged(connection: apsw.Connection, path: Path) -> None:
    verdict = connection.pragma("quick_check", 1)
    if verdict != "ok":
        raise DamagedError(f"{path} is damaged: {verdict}")


def _refuse_other_versions(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise DamagedError(f"{path} is not a state file of kwatch")
    version = connection.pragma("user_version")
    if version > len(MIGRATIONS):
        raise StateError(
            f"{path} was written by a newer kwatch (schema {version}, this one knows {len(MIGRATIONS)}): update kwatch"
        )
