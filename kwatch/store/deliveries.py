"""The outbox in SQL: each function is one step of a delivery's life inside the caller's transaction (spec 3.2).

Every step only touches rows that are not final, so that repeating one changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import apsw
import msgspec

from kwatch.model.beat import BEAT
from kwatch.model.notifications import (
    Attempt,
    Delivery,
    DeliveryState,
    Message,
    Notification,
    NotificationKind,
    Receipt,
    Thread,
)
from kwatch.store import folds
from kwatch.store.instants import from_micros, to_micros
from kwatch.store.lanes import SNAPSHOTS, Ending, Lane, LaneRow, admit, bury
from kwatch.store.merging import merge
from kwatch.store.rows import Change, insert, notification_of

_to_bytes = msgspec.json.encode
_NOTIFICATION: Final = msgspec.json.Decoder(Notification)
_MESSAGE: Final = msgspec.json.Decoder(Message)
_RECEIPT: Final = msgspec.json.Decoder(Receipt)
_ATTEMPT: Final = msgspec.json.Decoder(Attempt)


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """T3: what has become of a delivery after an attempt, or instead of one.

    `due_at` counts while the state is not final. `attempt` None: nothing was tried, or it does not count as one.
    `is_rendered_again`: the stored bytes are dropped, the next lease renders anew. FOLDED: the next overflow tells it.
    """

    delivery: Delivery
    state: DeliveryState
    at: datetime
    due_at: datetime
    attempts: int
    is_ambiguous: bool = False
    is_degraded: bool = False
    is_rendered_again: bool = False
    reason: str = ""
    attempt: Attempt | None = None
    receipt: Receipt | None = None


class Queue(msgspec.Struct, frozen=True):
    """What waits for one destination."""

    queued: int
    oldest_at: datetime  # when the oldest of it was decided


def enqueue(connection: apsw.Connection, notification: Notification) -> list[Change]:
    """Add one notification to its lane, once however often it is asked for, and end what it makes needless."""
    if _exists(connection, notification.id):
        return []
    admission = admit(
        notification.id,
        notification.sequence,
        notification.kind,
        notification.thread_of,
        _lane(connection, notification.destination, notification.incident),
    )
    told = _told_as(notification, admission.kind, admission.thread_of)
    replaced = [ending.id for ending in admission.endings if ending.state is DeliveryState.SUPERSEDED]
    told = merge(told, [notification_of(connection, id_) for id_ in replaced])
    changes = [insert(connection, told, told.created_at)]
    endings = list(admission.endings)
    if admission.cancelled:
        endings.append(Ending(told.id, DeliveryState.CANCELLED, admission.cancelled))
    _end(connection, endings, notification.created_at)
    changes += [Change(told.destination, ending.state) for ending in endings]
    return changes + (folds.fold(connection, [told.id], told.created_at) if admission.is_folded else [])


def _exists(connection: apsw.Connection, id_: str) -> bool:
    return connection.execute("SELECT 1 FROM deliveries WHERE id = ?", (id_,)).fetchone() is not None


def _told_as(notification: Notification, kind: NotificationKind, thread_of: str) -> Notification:
    if notification.kind is kind and notification.thread_of == thread_of:
        return notification
    content = msgspec.structs.replace(notification.content, kind=kind)
    return msgspec.structs.replace(notification, kind=kind, content=content, thread_of=thread_of)


def _lane(connection: apsw.Connection, destination: str, incident: str) -> Lane:
    lane = (destination, incident)
    rows = connection.execute(
        "SELECT id, sequence, kind, state = 'queued' AND attempts = 0 AND NOT is_ambiguous, thread_of FROM deliveries"
        " WHERE destination = ? AND incident = ? AND finished_at IS NULL ORDER BY sequence",
        lane,
    )
    open_rows = [
        LaneRow(id_, sequence, NotificationKind(kind), bool(is_fresh), thread_of)
        for id_, sequence, kind, is_fresh, thread_of in rows
    ]
    is_told, is_trigger_dead, is_only_folded = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM incidents WHERE destination = ?1 AND incident = ?2 AND is_open),"
        " EXISTS (SELECT 1 FROM deliveries WHERE destination = ?1 AND incident = ?2 "
        " AND state IN ('dead', 'dropped') AND kind = 'firing'),"
        " EXISTS (SELECT 1 FROM deliveries WHERE destination = ?1 AND incident = ?2 AND state = 'folded')"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE destination = ?1 AND incident = ?2"
        " AND (state = 'sent' OR is_ambiguous))",
        lane,
    ).get
    return Lane(open_rows, bool(is_told), bool(is_trigger_dead), bool(is_only_folded))


def _end(connection: apsw.Connection, endings: Sequence[Ending], at: datetime) -> None:
    for ending in endings:
        connection.execute(
            "UPDATE deliveries SET state = ?, reason = ?, finished_at = ? WHERE id = ?",
            (ending.state.value, ending.reason, to_micros(at), ending.id),
        )


_FROM: Final = (
    "FROM deliveries AS head"
    " LEFT JOIN incidents AS own ON own.destination = head.destination AND own.incident = head.incident"
)
_IS_HEAD: Final = """
    WHERE head.destination = :destination AND head.finished_at IS NULL AND head.state IN ('queued', 'retry_wait')
      AND NOT EXISTS (
        SELECT 1 FROM deliveries AS earlier
        WHERE earlier.destination = head.destination AND earlier.incident = head.incident
          AND earlier.finished_at IS NULL AND earlier.sequence < head.sequence)
      AND NOT EXISTS (
        SELECT 1 FROM deliveries AS opening
        WHERE opening.destination = head.destination AND opening.incident = head.thread_of
          AND opening.finished_at IS NULL AND opening.kind = 'summary')
"""
_COLUMNS: Final = (
    "head.notification, head.state, head.due_at, head.attempts, head.is_ambiguous, head.is_degraded, head.message,"
    " head.reason, head.finished_at, head.renewed_at,"
    " own.receipt, (SELECT receipt FROM incidents WHERE destination = head.destination"
    " AND incident = coalesce(nullif(own.thread_of, ''), head.thread_of))"
)


def due(connection: apsw.Connection, destination: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
    """Return what may be leased now: the first open row of each lane, the most urgent and then the oldest first.

    What a summary has opened waits for it: an end that came before it would leave the incident open.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} {_FROM} {_IS_HEAD} AND head.due_at <= :now"
        " ORDER BY head.priority, head.number LIMIT :limit",
        {"destination": destination, "now": to_micros(now), "limit": limit},
    )
    return tuple(_delivery(row) for row in rows)


def earliest_due(connection: apsw.Connection, destination: str) -> datetime | None:
    """Return when the next row may be leased; None: nothing waits."""
    micros = connection.execute(f"SELECT min(head.due_at) {_FROM} {_IS_HEAD}", {"destination": destination}).get
    return None if micros is None else from_micros(micros)


def _delivery(row: Sequence[Any]) -> Delivery:
    notification, state, due_at, attempts, is_ambiguous, is_degraded, message, reason, *instants, own, other = row
    finished_at, renewed_at = (None if each is None else from_micros(each) for each in instants)
    return Delivery(
        notification=_NOTIFICATION.decode(notification),
        state=DeliveryState(state),
        due_at=from_micros(due_at),
        attempts=attempts,
        is_ambiguous=bool(is_ambiguous),
        is_degraded=bool(is_degraded),
        message=None if message is None else _MESSAGE.decode(message),
        thread=_thread(own, other),
        reason=reason,
        finished_at=finished_at,
        renewed_at=renewed_at,
    )


def _thread(own: bytes | None, other: bytes | None) -> Thread:
    if own is not None:
        return Thread(_RECEIPT.decode(own))
    if other is not None:
        return Thread(_RECEIPT.decode(other), is_own=False)
    return Thread()


def lease(connection: apsw.Connection, delivery: Delivery, message: Message) -> bool:
    """T2: take the row for its next attempt with these bytes; False when it is no longer as it was read."""
    connection.execute(
        "UPDATE deliveries SET state = 'leased', attempts = attempts + 1, message = ?"
        " WHERE id = ? AND state = ? AND attempts = ? AND due_at = ?",
        (
            _to_bytes(message),
            delivery.notification.id,
            delivery.state.value,
            delivery.attempts,
            to_micros(delivery.due_at),
        ),
    )
    return connection.changes() == 1


def settle(connection: apsw.Connection, settlement: Settlement) -> list[Change]:
    """T3: write the outcome, the attempt, and what it means for the incident and the rest of the lane."""
    notification = settlement.delivery.notification
    is_final = settlement.state.is_final
    row = connection.execute(
        "UPDATE deliveries SET state = ?, reason = ?, due_at = ?, finished_at = ?, attempts = ?, is_ambiguous = ?,"
        " is_degraded = ?, message = iif(?8, NULL, message), is_listed = iif(?8, 0, is_listed)"
        " WHERE id = ? AND finished_at IS NULL RETURNING number",
        (
            settlement.state.value,
            settlement.reason,
            to_micros(settlement.due_at),
            to_micros(settlement.at) if is_final else None,
            settlement.attempts,
            settlement.is_ambiguous,
            settlement.is_degraded,
            settlement.is_rendered_again,
            notification.id,
        ),
    ).fetchone()
    if row is None:
        return []
    if settlement.attempt is not None:
        connection.execute("INSERT INTO attempts VALUES (?, ?)", (row[0], _to_bytes(settlement.attempt)))
    _remember(connection, settlement)
    if notification.kind is NotificationKind.OVERFLOW and settlement.state is DeliveryState.SENT:
        folds.remember(connection, notification, settlement.at)
    if settlement.state is DeliveryState.FOLDED:
        return folds.fold_late(connection, notification, settlement.at)
    if not is_final:
        return []
    endings: list[Change] = []
    if settlement.state is DeliveryState.DEAD:
        endings = end_lane(connection, notification.destination, notification.incident, settlement.at)
    return [Change(notification.destination, settlement.state), *endings]


def end_lane(connection: apsw.Connection, destination: str, incident: str, at: datetime) -> list[Change]:
    """End what needs no telling after a row of the lane was given up."""
    endings = bury(_lane(connection, destination, incident))
    _end(connection, endings, at)
    return [Change(destination, ending.state) for ending in endings]


def _remember(connection: apsw.Connection, settlement: Settlement) -> None:
    """Keep what the destination knows of the incident: also after its death, if it may have arrived (F-30)."""
    notification = settlement.delivery.notification
    is_sent = settlement.state is DeliveryState.SENT
    is_open = notification.kind in SNAPSHOTS
    if not is_sent and not (settlement.state is DeliveryState.DEAD and settlement.is_ambiguous and is_open):
        return
    root, thread_of = _root(settlement)
    connection.execute(
        "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " receipt = coalesce(excluded.receipt, receipt),"
        " thread_of = iif(thread_of = '', excluded.thread_of, thread_of),"
        " is_open = excluded.is_open, last_sent_at = coalesce(excluded.last_sent_at, last_sent_at)",
        (
            notification.destination,
            notification.incident,
            None if root is None else _to_bytes(root),
            thread_of,
            is_open,
            to_micros(settlement.at) if is_sent else None,
        ),
    )


def _root(settlement: Settlement) -> tuple[Receipt | None, str]:
    """Return the root that the incident has of its own now, and whose thread it goes on in.

    A channel gives back the root as it is after the message; another incident's root stays that incident's.
    """
    thread, receipt = settlement.delivery.thread, settlement.receipt
    if receipt is None or not receipt.values:
        return None, ""
    if not thread.is_own and receipt == thread.root:
        return None, settlement.delivery.notification.thread_of
    return receipt, ""


def newest(
    connection: apsw.Connection, states: Sequence[DeliveryState], limit: int, destination: str = ""
) -> tuple[Delivery, ...]:
    """Return the newest deliveries in one of the states, and to a destination: in all, to all; beats are none."""
    chosen = [state.value for state in states or tuple(DeliveryState)]
    marks = ", ".join("?" * len(chosen))
    rows = connection.execute(
        f"SELECT {_COLUMNS} {_FROM} WHERE head.state IN ({marks}) AND head.destination != ?"
        " AND (? = '' OR head.destination = ?) ORDER BY head.number DESC LIMIT ?",
        (*chosen, BEAT, destination, destination, limit),
    )
    return tuple(_delivery(row) for row in rows)


def find(connection: apsw.Connection, id_: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
    """Return one delivery with its attempts, oldest first."""
    row = connection.execute(f"SELECT {_COLUMNS} {_FROM} WHERE head.id = ?", (id_,)).fetchone()
    if row is None:
        return None
    attempts = connection.execute(
        "SELECT attempts.body FROM attempts JOIN deliveries ON attempts.delivery = deliveries.number"
        " WHERE deliveries.id = ? ORDER BY attempts.rowid",
        (id_,),
    )
    return _delivery(row), tuple(_ATTEMPT.decode(body) for (body,) in attempts)


def of_incident(connection: apsw.Connection, destination: str, incident: str) -> tuple[str, ...]:
    """Return the ids of an incident's deliveries, oldest first."""
    rows = connection.execute(
        "SELECT id FROM deliveries WHERE destination = ? AND incident = ? ORDER BY sequence", (destination, incident)
    )
    return tuple(id_ for (id_,) in rows)


def counts(connection: apsw.Connection) -> dict[str, dict[DeliveryState, int]]:
    """Return how many deliveries are in which state, by destination but that of beats; the ledger of row S-97."""
    ledger: dict[str, dict[DeliveryState, int]] = {}
    rows: Iterator[tuple[str, str, int]] = connection.execute(
        "SELECT destination, state, count(*) FROM deliveries WHERE destination != ?"
        " GROUP BY destination, state ORDER BY destination, state",
        (BEAT,),
    )
    for destination, state, count in rows:
        ledger.setdefault(destination, {})[DeliveryState(state)] = count
    return ledger


def queues(connection: apsw.Connection) -> dict[str, Queue]:
    """Return what waits, by destination; a destination without anything has no entry."""
    rows = connection.execute(
        "SELECT destination, count(*), min(created_at) FROM deliveries WHERE finished_at IS NULL GROUP BY destination"
    )
    return {destination: Queue(count, from_micros(oldest)) for destination, count, oldest in rows}
