"""The state of one kwatch: what it knows, what it owes, how far it has read; all of it in one transaction (D1)."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

import apsw
import msgspec

from kwatch.errors import StateError
from kwatch.model.decisions import AuditEntry, Checkpoint, Decision, IncidentRow, Row, Table
from kwatch.model.notifications import (
    Attempt,
    Delivery,
    DeliveryState,
    Folded,
    Message,
    Notification,
    NotificationKind,
    Untold,
)
from kwatch.store import audit, by_hand, deliveries, detours, folds, token, upkeep
from kwatch.store.deliveries import Queue, Settlement
from kwatch.store.folder import FolderLock
from kwatch.store.instants import from_micros, to_micros
from kwatch.store.rows import Change
from kwatch.store.schema import open_database
from kwatch.store.undelivered import with_undelivered
from kwatch.store.writer import Writer
from kwatch.telemetry import Counters

FILE_NAME: Final = "state.db"

_TABLES: Final[Mapping[Table, str]] = {
    Table.ALERTS: "engine_alerts",
    Table.GROUPS: "engine_groups",
    Table.COUNTS: "engine_counts",
    Table.SILENCES: "engine_silences",
    Table.SEEN: "engine_seen",
}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was committed last, for the engine and the watches to go on from."""

    instance: str  # the same for the life of the folder
    is_new: bool  # nothing was ever committed: the first start
    rows: tuple[Row, ...]
    checkpoints: Mapping[str, Checkpoint]
    incidents: tuple[IncidentRow, ...]
    queues: Mapping[str, Queue]  # what waits, by destination
    version: str  # the kwatch that ran last; empty: none has said so
    covered_until: datetime | None  # the last instant that some source was decided for; None: never


class State:
    """The one owner of the state folder. Every method that writes is durable when it returns.

    Each may raise `StateError`: nothing of that call was stored, and the caller may repeat it as it is; where it is a
    `FencedError` that is of no use: another process is in charge.
    """

    def __init__(
        self, lock: FolderLock, token: str, connection: apsw.Connection, executor: Executor, counters: Counters
    ) -> None:
        self.folder = lock.folder
        self.token = token  # who has it may change what kwatch does
        self._lock = lock
        self._connection = connection
        self._executor = executor
        self._counters = counters
        self._writer = Writer(connection, executor, counters)

    @classmethod
    def open(cls, folder: Path, executor: Executor | None = None, counters: Counters | None = None) -> Self:
        """Take the folder, and create or migrate what is in it.

        `executor` runs one call at a time; None: a thread of its own. It is shut down with the state.
        """
        lock = FolderLock(folder)
        try:
            secret = token.ensure(folder)
            connection = open_database(folder / FILE_NAME)
        except BaseException:
            lock.release()
            raise
        executor = executor or ThreadPoolExecutor(1, thread_name_prefix="state")
        return cls(lock, secret, connection, executor, counters or Counters())

    def close(self) -> None:
        """Wait for what was asked for, close the file, and give the folder back."""
        self._executor.shutdown(wait=True)
        self._connection.close()
        self._lock.release()

    def load(self) -> Snapshot:
        """Read everything that the engine and the watches keep; before the first commit, in the caller's thread."""
        try:
            return _snapshot(self._connection)
        except apsw.Error as error:
            raise StateError(f"the state cannot be read: {error}") from error

    async def commit(self, decision: Decision) -> None:
        """T1: store the decision whole. Notifications become deliveries, once per id; see `lanes` for what they end."""
        self._count(await self._writer.write(lambda connection: _commit(connection, decision)))

    async def due(self, destination: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
        """Return up to `limit` deliveries that may be leased now, each of another lane, the most urgent first."""
        return await self._writer.read(lambda connection: deliveries.due(connection, destination, now, limit))

    async def earliest_due(self, destination: str) -> datetime | None:
        """Return when the next delivery may be leased; None: nothing waits."""
        return await self._writer.read(lambda connection: deliveries.earliest_due(connection, destination))

    async def lease(self, delivery: Delivery, message: Message) -> bool:
        """T2, before the socket opens: take the delivery for its next attempt. False: it has changed since."""
        return await self._writer.write(lambda connection: deliveries.lease(connection, delivery, message))

    async def settle(self, settlement: Settlement) -> None:
        """T3: store what has become of an attempt."""
        self._count(await self._writer.write(lambda connection: deliveries.settle(connection, settlement)))

    async def foldable(self, destination: str, now: datetime, *, with_critical: bool) -> tuple[str, ...]:
        """Return the ids of what may be folded now; in batches, oldest first."""
        return await self._writer.read(
            lambda connection: folds.foldable(connection, destination, now, with_critical=with_critical)
        )

    async def attempts_since(self, destination: str, at: datetime) -> int | None:
        """Return how many attempts were made since then, or a few more; None: an overflow is open."""
        return await self._writer.read(lambda connection: folds.attempts_since(connection, destination, at))

    async def fold(self, ids: Iterable[str], at: datetime) -> None:
        """End these deliveries of one destination as lines of its next overflow, as far as they are still untouched."""
        chosen = tuple(ids)
        self._count(await self._writer.write(lambda connection: folds.fold(connection, chosen, at)))

    async def complete(self, notification: Notification) -> Notification:
        """Return it with what is known only when it leaves.

        That is of an overflow all that it stands for, and from now on it takes in no more; of a digest what its period
        had of deliveries that failed.
        """
        match notification.kind:
            case NotificationKind.OVERFLOW:
                return await self._writer.write(lambda connection: folds.list_folded(connection, notification))
            case NotificationKind.DIGEST:
                return await self._writer.read(lambda connection: with_undelivered(connection, notification))
            case _:
                return notification

    async def folded(self, overflow_id: str, limit: int = -1) -> tuple[Folded, ...]:
        """Return what an overflow stands for, oldest first; at most `limit`, unless that is negative."""
        return await self._writer.read(lambda connection: folds.folded(connection, overflow_id, limit))

    async def untold(
        self, destination: str, fallbacks: Iterable[str], before: datetime | None, now: datetime
    ) -> tuple[Untold, ...]:
        """Return what a destination was not told, nor these in its place: a batch of it, oldest first.

        That is what is dead, and what waits since `before` (None: not that).
        """
        chosen = tuple(fallbacks)
        return await self._writer.read(lambda connection: detours.untold(connection, destination, chosen, before, now))

    async def retry(self, delivery_id: str, actor: str, now: datetime) -> bool:
        """Let a delivery be attempted now because somebody wants it; False: there is none of that id.

        Raises RefusedError for one that cannot be.
        """
        changes = await self._writer.write(lambda connection: by_hand.retry(connection, delivery_id, actor, now))
        self._count(changes or ())
        return changes is not None

    async def drop(self, delivery_id: str, actor: str, now: datetime) -> bool:
        """End a delivery because somebody wants it; False: there is none of that id.

        Raises RefusedError for one that cannot be.
        """
        changes = await self._writer.write(lambda connection: by_hand.drop(connection, delivery_id, actor, now))
        self._count(changes or ())
        return changes is not None

    async def note_version(self, version: str) -> None:
        """Keep which kwatch runs."""
        await self._writer.write(lambda connection: _note_version(connection, version))

    async def recover(self, now: datetime) -> int:
        """Queue again, as ambiguous, what the process before us had leased; return how many that were."""
        return await self._writer.write(lambda connection: upkeep.recover(connection, now))

    async def bring_forward(self, now: datetime, by: timedelta) -> None:
        """Let what is due after `now` be due that much earlier: the clock was set back."""
        await self._writer.write(lambda connection: upkeep.bring_forward(connection, now, by))

    async def give_up(self, destination: str, before: datetime, now: datetime) -> int:
        """End what waits for a destination if all of it was decided before an instant; return how many that were."""
        changes = await self._writer.write(lambda connection: upkeep.give_up(connection, destination, before, now))
        self._count(changes)
        return len(changes)

    async def prune(self, before: datetime) -> int:
        """Forget deliveries and incidents that ended before that instant; return how many deliveries."""
        return await self._writer.write(lambda connection: upkeep.prune(connection, before))

    async def newest(self, states: Iterable[DeliveryState], limit: int, destination: str = "") -> tuple[Delivery, ...]:
        """Return the newest deliveries in one of the states and to a destination (in all, to all)."""
        chosen = tuple(states)
        return await self._writer.read(lambda connection: deliveries.newest(connection, chosen, limit, destination))

    async def find(self, delivery_id: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery and its attempts, oldest first."""
        return await self._writer.read(lambda connection: deliveries.find(connection, delivery_id))

    async def of_incident(self, destination: str, incident: str) -> tuple[str, ...]:
        """Return the ids of an incident's deliveries, oldest first."""
        return await self._writer.read(lambda connection: deliveries.of_incident(connection, destination, incident))

    async def counts(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        """Return how many deliveries are in which state, by destination."""
        return await self._writer.read(deliveries.counts)

    async def queues(self) -> Mapping[str, Queue]:
        """Return what waits, by destination."""
        return await self._writer.read(deliveries.queues)

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """Return the newest changes that were made by hand, newest first."""
        return await self._writer.read(lambda connection: audit.newest(connection, limit))

    async def is_audited(self, subject: str) -> bool:
        """Return whether the audit log names a subject."""
        return await self._writer.read(lambda connection: audit.names(connection, subject))

    def _count(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._counters.add("deliveries", destination=change.destination, state=change.state.value)


def _commit(connection: apsw.Connection, decision: Decision) -> list[Change]:
    _write_rows(connection, decision.rows)
    _move_checkpoints(connection, decision.clock_set_by)
    _write_checkpoints(connection, decision.checkpoints)
    audit.write(connection, decision.audit)
    changes: list[Change] = []
    for notification in decision.notifications:
        changes += deliveries.enqueue(connection, notification)
    detours.mark(connection, decision.detours)
    return changes


def _note_version(connection: apsw.Connection, version: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (version,))


def _write_rows(connection: apsw.Connection, rows: Iterable[Row]) -> None:
    latest = {(row.table, row.key): row.body for row in rows}
    for table, name in _TABLES.items():
        upserts = [(key, body) for (of, key), body in latest.items() if of is table and body is not None]
        deletes = [(key,) for (of, key), body in latest.items() if of is table and body is None]
        connection.executemany(f"INSERT OR REPLACE INTO {name} VALUES (?, ?)", upserts)  # noqa: S608
        connection.executemany(f"DELETE FROM {name} WHERE key = ?", deletes)  # noqa: S608


def _move_checkpoints(connection: apsw.Connection, by: timedelta) -> None:
    if by:
        connection.execute("UPDATE checkpoints SET covered_at = covered_at + ?", (by // timedelta(microseconds=1),))


def _write_checkpoints(connection: apsw.Connection, checkpoints: Iterable[Checkpoint]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)",
        [(point.source, point.resource_version, to_micros(point.covered_at)) for point in checkpoints],
    )


def _snapshot(connection: apsw.Connection) -> Snapshot:
    rows = tuple(
        Row(table, key, body)
        for table, name in _TABLES.items()
        for key, body in connection.execute(f"SELECT key, body FROM {name}")  # noqa: S608
    )
    checkpoints = {
        source: Checkpoint(source, version, from_micros(covered_at))
        for source, version, covered_at in connection.execute("SELECT * FROM checkpoints")
    }
    instance = connection.execute("SELECT value FROM meta WHERE key = 'instance'").get
    return Snapshot(
        instance=instance,
        is_new=not rows and not checkpoints,
        rows=rows,
        checkpoints=checkpoints,
        incidents=_incidents(connection),
        queues=deliveries.queues(connection),
        version=connection.execute("SELECT value FROM meta WHERE key = 'version'").get or "",
        covered_until=max((point.covered_at for point in checkpoints.values()), default=None),
    )


def _incidents(connection: apsw.Connection) -> tuple[IncidentRow, ...]:
    rows = connection.execute("SELECT destination, incident, is_open, last_sent_at FROM incidents")
    return tuple(
        IncidentRow(
            destination=destination,
            incident=incident,
            is_open=bool(is_open),
            last_sent_at=None if last_sent_at is None else from_micros(last_sent_at),
        )
        for destination, incident, is_open, last_sent_at in rows
    )
