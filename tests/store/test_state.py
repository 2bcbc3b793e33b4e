"""The state on a real SQLite file: what is committed is there, what is refused is refused aloud."""

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from kwatch.errors import StateError
from kwatch.model.decisions import Checkpoint, Decision, IncidentRow, Row, Table
from kwatch.model.notifications import (
    Attempt,
    Delivery,
    DeliveryState,
    Message,
    NotificationKind,
    Receipt,
    Thread,
)
from kwatch.model.rules import Severity
from kwatch.store.deliveries import Queue, Settlement
from kwatch.store.instants import from_micros, to_micros
from kwatch.store.schema import MIGRATIONS, migrate
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import InlineExecutor, run

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED
MESSAGE = Message(b"body \x00\xff")


def open_state(folder: Path, counters: Counters | None = None) -> State:
    return State.open(folder, InlineExecutor(), counters)


def settled(delivery: Delivery, state: DeliveryState, **facts: Any) -> Settlement:
    return Settlement(
        delivery=delivery, state=state, at=START, **{"due_at": START, "attempts": delivery.attempts + 1, **facts}
    )


async def lease_next(state: State, destination: str = "hook") -> Delivery:
    (delivery,) = await state.due(destination, START, 1)
    assert await state.lease(delivery, MESSAGE)
    return delivery


async def states(state: State) -> dict[str, str]:
    """Return id → state, ids cut to their sequence."""
    return {d.notification.id.rsplit("/", 1)[1]: d.state.value for d in await state.newest((), 100)}


def in_state(folder: Path, work: Any) -> Any:
    """Run `work(state)` on a state that is opened for it alone."""
    state = open_state(folder)
    try:
        made: Coroutine[Any, Any, Any] = work(state)
        return run(made)
    finally:
        state.close()


# what is kept


def test_a_new_folder_is_a_first_start(state: State) -> None:
    snapshot = state.load()
    assert snapshot.is_new
    assert snapshot.covered_until is None
    assert (snapshot.rows, snapshot.checkpoints, snapshot.incidents) == ((), {}, ())


def test_what_was_committed_is_loaded(tmp_path: Path) -> None:
    earlier, later = START, START + timedelta(seconds=1)
    decision = Decision(
        rows=(Row(Table.ALERTS, "a", b"1"), Row(Table.GROUPS, "g", b"2"), Row(Table.COUNTS, "c", b"3")),
        checkpoints=(Checkpoint("v1/events", "41", later), Checkpoint("v1/pods", "7", earlier)),
    )
    in_state(tmp_path, lambda state: state.commit(decision))
    again = open_state(tmp_path)
    snapshot = again.load()
    again.close()
    assert not snapshot.is_new
    assert snapshot.rows == decision.rows
    assert snapshot.checkpoints == {
        "v1/events": Checkpoint("v1/events", "41", later),
        "v1/pods": Checkpoint("v1/pods", "7", earlier),
    }
    assert snapshot.covered_until == later


def test_the_last_word_on_a_row_counts(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(rows=(Row(Table.SEEN, "a", b"1"), Row(Table.SEEN, "b", b"1"))))
        await state.commit(
            Decision(rows=(Row(Table.SEEN, "a", None), Row(Table.SEEN, "b", None), Row(Table.SEEN, "b", b"2")))
        )

    run(main())
    assert state.load().rows == (Row(Table.SEEN, "b", b"2"),)


def test_the_instance_is_the_same_after_a_restart_and_another_in_another_folder(tmp_path: Path) -> None:
    def instance(folder: Path) -> str:
        state = open_state(folder)
        try:
            return state.load().instance
        finally:
            state.close()

    assert instance(tmp_path / "a") == instance(tmp_path / "a") != instance(tmp_path / "b")


@pytest.mark.parametrize(
    "at", [START, datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_instants_are_kept_to_the_microsecond(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at


# deliveries


def test_a_notification_becomes_a_delivery_that_is_due(state: State) -> None:
    async def main() -> tuple[Delivery, ...]:
        await state.commit(Decision(notifications=(notification(1),)))
        return await state.due("hook", START, 10)

    assert run(main()) == (Delivery(notification=notification(1), state=DeliveryState.QUEUED, due_at=START),)


def test_a_commit_that_is_repeated_changes_nothing(state: State) -> None:
    async def main() -> tuple[Delivery, ...]:
        for _ in range(2):
            await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        delivery = await lease_next(state)
        await state.settle(settled(delivery, DeliveryState.SENT))
        await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        return await state.due("hook", START, 10)

    assert run(main()) == ()
    assert run(states(state)) == {"1": "superseded", "2": "sent"}


def test_one_row_per_lane_is_due_and_the_urgent_come_first(state: State) -> None:
    async def main() -> list[str]:
        await state.commit(
            Decision(
                notifications=(
                    notification(1, incident="old"),
                    notification(1, NotificationKind.NOTICE, incident="notes"),
                    notification(2, NotificationKind.NOTICE, incident="notes"),
                    notification(1, RESOLVED, incident="over"),
                    notification(1, incident="worst", severity=Severity.CRITICAL),
                    notification(1, incident="elsewhere", destination="mail"),
                )
            )
        )
        return [delivery.notification.incident for delivery in await state.due("hook", START, 10)]

    assert run(main()) == ["worst", "over", "old", "notes"]


def test_f_28_an_end_waits_until_its_trigger_is_final(state: State) -> None:
    later = START + timedelta(minutes=5)

    async def main() -> list[tuple[str, ...]]:
        seen = []

        async def look() -> None:
            due = await state.due("hook", START, 10)
            seen.append(tuple(delivery.notification.kind.value for delivery in due))

        await state.commit(Decision(notifications=(notification(1),)))
        delivery = await lease_next(state)
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))
        await look()
        await state.settle(settled(delivery, DeliveryState.RETRY_WAIT, due_at=later))
        await look()
        assert await state.earliest_due("hook") == later
        (again,) = await state.due("hook", later, 10)
        await state.lease(again, MESSAGE)
        await state.settle(settled(again, DeliveryState.SENT))
        await look()
        return seen

    assert run(main()) == [(), (), ("resolved",)]


def test_an_end_cancels_what_was_never_attempted(state: State) -> None:
    run(state.commit(Decision(notifications=(notification(1), notification(2, RESOLVED)))))
    assert run(states(state)) == {"1": "cancelled", "2": "cancelled"}


@pytest.mark.parametrize("then", [DeliveryState.RETRY_WAIT, DeliveryState.QUEUED])
def test_an_end_does_not_cancel_what_was_attempted(state: State, then: DeliveryState) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), then))
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))

    run(main())
    assert run(states(state)) == {"1": then.value, "2": "queued"}


def test_a_trigger_that_only_had_to_wait_counts_as_never_attempted(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.QUEUED, attempts=0))
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))

    run(main())
    assert run(states(state)) == {"1": "cancelled", "2": "cancelled"}


def test_an_update_in_the_triggers_place_is_told_as_firing(state: State) -> None:
    async def main() -> Delivery:
        await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        (delivery,) = await state.due("hook", START, 10)
        return delivery

    told = run(main()).notification
    assert (told.id, told.kind, told.content.kind) == ("kw/group/1/hook/2", FIRING, FIRING)


def test_f_29_a_dead_trigger_cancels_its_end(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        delivery = await lease_next(state)
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))
        await state.settle(settled(delivery, DeliveryState.DEAD, reason="rejected"))

    run(main())
    assert run(states(state)) == {"1": "dead", "2": "cancelled"}


def test_f_30_the_end_of_a_dead_trigger_that_may_have_arrived_stays(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        delivery = await lease_next(state)
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))
        await state.settle(settled(delivery, DeliveryState.DEAD, is_ambiguous=True, reason="too_old"))

    run(main())
    assert run(states(state)) == {"1": "dead", "2": "queued"}
    assert state.load().incidents == (
        IncidentRow(destination="hook", incident="kw/group/1", is_open=True, last_sent_at=None),
    )


def test_a_lease_is_given_once(state: State) -> None:
    async def main() -> list[bool]:
        await state.commit(Decision(notifications=(notification(1),)))
        (delivery,) = await state.due("hook", START, 1)
        return [await state.lease(delivery, MESSAGE), await state.lease(delivery, MESSAGE)]

    assert run(main()) == [True, False]


def test_what_was_superseded_since_it_was_read_is_not_leased(state: State) -> None:
    async def main() -> bool:
        await state.commit(Decision(notifications=(notification(1),)))
        (delivery,) = await state.due("hook", START, 1)
        await state.commit(Decision(notifications=(notification(2, UPDATE),)))
        return await state.lease(delivery, MESSAGE)

    assert run(main()) is False


def test_the_leased_bytes_are_shown_again_until_they_are_rendered_again(state: State) -> None:
    async def main() -> list[Message | None]:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.RETRY_WAIT))
        (kept,) = await state.due("hook", START, 1)
        await state.lease(kept, MESSAGE)
        await state.settle(settled(kept, DeliveryState.QUEUED, is_degraded=True, is_rendered_again=True))
        (dropped,) = await state.due("hook", START, 1)
        return [kept.message, dropped.message]

    assert run(main()) == [MESSAGE, None]


def test_the_next_of_a_lane_knows_the_root(state: State) -> None:
    root = Receipt({"ts": "1.5"})

    async def main() -> list[Thread]:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=root))
        await state.commit(
            Decision(notifications=(notification(2, UPDATE), notification(1, incident="next", thread_of="kw/group/1")))
        )
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=Receipt()))
        await state.commit(Decision(notifications=(notification(3, RESOLVED),)))
        return [delivery.thread for delivery in await state.due("hook", START, 10)]

    assert run(main()) == [Thread(root, is_own=True), Thread(root, is_own=False)]


@pytest.mark.parametrize("kind", [NotificationKind.NOTICE, NotificationKind.SUMMARY])
def test_what_stands_for_itself_opens_nothing(state: State, kind: NotificationKind) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1, kind),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT))

    run(main())
    assert [incident.is_open for incident in state.load().incidents] == [False]


def test_an_end_that_died_leaves_the_incident_open(state: State) -> None:
    async def main() -> None:
        for sequence, kind, then in ((1, FIRING, DeliveryState.SENT), (2, RESOLVED, DeliveryState.DEAD)):
            await state.commit(Decision(notifications=(notification(sequence, kind),)))
            await state.settle(settled(await lease_next(state), then, is_ambiguous=True))

    run(main())
    assert [incident.is_open for incident in state.load().incidents] == [True]


def test_an_incident_that_goes_on_in_anothers_thread_never_owns_its_root(state: State) -> None:
    root = Receipt({"ts": "1.5"})

    async def main() -> list[Thread]:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=root))
        await state.commit(Decision(notifications=(notification(1, incident="next", thread_of="kw/group/1"),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=root))
        await state.commit(Decision(notifications=(notification(2, RESOLVED, incident="next"),)))
        return [delivery.thread for delivery in await state.due("hook", START, 10)]

    assert run(main()) == [Thread(root, is_own=False)]


def test_a_root_that_was_lost_is_replaced_by_the_new_one(state: State) -> None:
    async def main() -> list[Thread]:
        for sequence, ts in ((1, "1.5"), (2, "2.5")):
            await state.commit(Decision(notifications=(notification(sequence, UPDATE),)))
            delivery = await lease_next(state)
            await state.settle(settled(delivery, DeliveryState.SENT, receipt=Receipt({"ts": ts})))
        await state.commit(Decision(notifications=(notification(3, RESOLVED),)))
        return [delivery.thread for delivery in await state.due("hook", START, 10)]

    assert run(main()) == [Thread(Receipt({"ts": "2.5"}), is_own=True)]


def test_an_incident_is_open_from_its_first_message_to_its_end(state: State) -> None:
    async def main() -> list[IncidentRow]:
        seen = []
        for sequence, kind in ((1, FIRING), (2, UPDATE), (3, RESOLVED)):
            await state.commit(Decision(notifications=(notification(sequence, kind),)))
            await state.settle(settled(await lease_next(state), DeliveryState.SENT))
            seen.extend(state.load().incidents)
        return seen

    assert [incident.is_open for incident in run(main())] == [True, True, False]


def test_f_03_every_lease_is_given_back_at_a_start(tmp_path: Path) -> None:
    async def crash(state: State) -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        await lease_next(state)

    async def restart(state: State) -> Delivery:
        await state.recover(START + timedelta(seconds=7))
        (delivery,) = await state.due("hook", START + timedelta(seconds=7), 10)
        return delivery

    in_state(tmp_path, crash)
    delivery = in_state(tmp_path, restart)
    assert (delivery.state, delivery.attempts, delivery.is_ambiguous) == (DeliveryState.QUEUED, 1, True)
    assert delivery.message == MESSAGE


def test_s_97_the_ledger_and_the_counters_balance(tmp_path: Path) -> None:
    counters = Counters()
    state = open_state(tmp_path, counters)

    async def main() -> Any:
        await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT))
        await state.commit(
            Decision(
                notifications=(
                    notification(1, incident="short"),
                    notification(2, RESOLVED, incident="short"),
                    notification(1, incident="open"),
                )
            )
        )
        return await state.counts(), await state.queues()

    ledger, queues = run(main())
    state.close()
    assert ledger == {
        "hook": {
            DeliveryState.CANCELLED: 2,
            DeliveryState.QUEUED: 1,
            DeliveryState.SENT: 1,
            DeliveryState.SUPERSEDED: 1,
        }
    }
    assert queues == {"hook": Queue(1, START)}
    assert {
        dict(labels)["state"]: count for (name, labels), count in counters.read().items() if name == "deliveries"
    } == {
        "queued": 5,
        "sent": 1,
        "superseded": 1,
        "cancelled": 2,
    }


def test_one_delivery_is_shown_with_its_attempts(state: State) -> None:
    def attempt(number: int, outcome: str) -> Attempt:
        return Attempt(number=number, started_at=START, ended_at=START, outcome=outcome)

    async def main() -> Any:
        await state.commit(Decision(notifications=(notification(1),)))
        first = await lease_next(state)
        await state.settle(settled(first, DeliveryState.RETRY_WAIT, attempt=attempt(1, "retry")))
        second = await lease_next(state)
        await state.settle(settled(second, DeliveryState.SENT, attempt=attempt(2, "sent")))
        return await state.find("kw/group/1/hook/1"), await state.find("no such")

    found, missing = run(main())
    assert (found[0].state, found[0].attempts, found[0].finished_at) == (DeliveryState.SENT, 2, START)
    assert found[0].message == MESSAGE
    assert found[1] == (attempt(1, "retry"), attempt(2, "sent"))
    assert missing is None


def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not(state: State) -> None:
    async def main() -> tuple[int, int]:
        for incident in ("closed", "open"):
            await state.commit(Decision(notifications=(notification(1, incident=incident),)))
            await state.settle(settled(await lease_next(state), DeliveryState.SENT))
        await state.commit(Decision(notifications=(notification(2, RESOLVED, incident="closed"),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT))
        await state.commit(Decision(notifications=(notification(1, incident="waits"),)))
        return await state.prune(START), await state.prune(START + timedelta(seconds=1))

    assert run(main()) == (0, 3)
    assert run(states(state)) == {"1": "queued"}
    assert [incident.incident for incident in state.load().incidents] == ["open"]


# what is refused


def test_the_folder_and_the_file_are_private(tmp_path: Path) -> None:
    state = open_state(tmp_path / "new")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", tmp_path / "new" / "state.db")]
    state.close()
    assert modes == [0o700, 0o600]


def test_the_file_is_written_durably(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    connection = state._connection
    assert (connection.pragma("journal_mode"), connection.pragma("synchronous")) == ("wal", 2)
    state.close()


def test_a_second_process_is_refused_with_the_holders_pid(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    script = f"from pathlib import Path\nfrom kwatch.store.state import State\nState.open(Path({str(tmp_path)!r}))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    state.close()
    assert f"is in use by process {os.getpid()}" in answer.stderr


def test_the_folder_is_free_after_close(tmp_path: Path) -> None:
    open_state(tmp_path).close()
    open_state(tmp_path).close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    open_state(tmp_path).close()
    connection = apsw.Connection(str(tmp_path / "state.db"))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(StateError, match="schema 99, this one knows 7"):
        open_state(tmp_path)


def test_an_older_schema_is_migrated_and_keeps_what_is_in_it() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, MIGRATIONS[:1])
    connection.execute("INSERT INTO engine_seen VALUES ('a', x'01')")
    migrate(connection, (MIGRATIONS[0], "ALTER TABLE engine_seen ADD COLUMN note TEXT NOT NULL DEFAULT 'new'"))
    assert connection.pragma("user_version") == 2
    assert connection.execute("SELECT * FROM engine_seen").fetchall() == [("a", b"\x01", "new")]
    connection.close()


def test_a_migration_that_fails_leaves_the_old_version() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, MIGRATIONS[:1])
    with pytest.raises(apsw.SQLError):
        migrate(connection, (MIGRATIONS[0], "CREATE TABLE half (x)", "nonsense"))
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'half'").fetchall() == []
    connection.close()


def test_f_09_a_damaged_file_is_refused(tmp_path: Path) -> None:
    in_state(
        tmp_path,
        lambda state: state.commit(Decision(rows=tuple(Row(Table.SEEN, f"{n}", b"x" * 900) for n in range(200)))),
    )
    path = tmp_path / "state.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * 20000 + whole[28192:])
    with pytest.raises(StateError, match="damaged"):
        open_state(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to look" * 20])
def test_f_09_an_empty_or_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StateError, match=r"state\.db"):
        open_state(tmp_path)
    assert (tmp_path / "state.db").read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "state.db"))
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(StateError, match="not a state file of kwatch"):
        open_state(tmp_path)
    assert (tmp_path / "state.db").read_bytes() == before


def test_f_09_a_journal_without_its_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db-wal").write_bytes(b"x")
    with pytest.raises(StateError, match="its journal"):
        open_state(tmp_path)


def test_a_refused_folder_is_not_kept_locked(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StateError, match="not a state file"):
            open_state(tmp_path)


def test_a_half_made_draft_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "state.db.new").write_bytes(b"half")
    open_state(tmp_path).close()
    assert not (tmp_path / "state.db.new").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be used"):
        open_state(tmp_path / "file" / "state")


# the writer


def test_f_07_a_full_disk_refuses_the_whole_decision_and_takes_it_later(tmp_path: Path) -> None:
    decision = Decision(
        rows=tuple(Row(Table.SEEN, f"{n}", b"x" * 3000) for n in range(200)),
        notifications=(notification(1),),
        checkpoints=(Checkpoint("v1/events", "9", START),),
    )
    state = open_state(tmp_path)
    state._connection.pragma("max_page_count", state._connection.pragma("page_count") + 2)
    with pytest.raises(StateError, match="full"):
        run(state.commit(decision))
    assert state.load().is_new
    assert run(states(state)) == {}
    state._connection.pragma("max_page_count", 1 << 30)
    run(state.commit(decision))
    assert len(state.load().rows) == 200
    assert run(states(state)) == {"1": "queued"}
    state.close()


def test_f_08_a_locked_file_refuses_writes_answers_reads_and_recovers(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    run(state.commit(Decision(notifications=(notification(1),))))
    other = apsw.Connection(str(tmp_path / "state.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match="locked"):
        run(state.commit(Decision(notifications=(notification(2, UPDATE),))))
    assert run(states(state)) == {"1": "queued"}
    other.execute("ROLLBACK")
    other.close()
    run(state.commit(Decision(notifications=(notification(2, UPDATE),))))
    assert run(states(state)) == {"1": "superseded", "2": "queued"}
    state.close()


def test_a_job_that_fails_rolls_back_alone(tmp_path: Path) -> None:
    """On the real thread, where the jobs share a commit."""

    def bad(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO engine_seen VALUES ('bad', x'01')")
        raise ZeroDivisionError

    def good(key: str) -> Any:
        return lambda connection: connection.execute("INSERT INTO engine_seen VALUES (?, x'01')", (key,)).fetchall()

    async def main() -> list[Any]:
        write = state._writer.write
        return await asyncio.gather(write(good("a")), write(bad), write(good("b")), return_exceptions=True)

    state = State.open(tmp_path)
    answers = asyncio.run(main())
    assert [type(answer) for answer in answers] == [list, ZeroDivisionError, list]
    assert sorted(row.key for row in state.load().rows) == ["a", "b"]
    state.close()


def test_what_waits_is_committed_together(tmp_path: Path) -> None:
    """On the real thread: 300 concurrent commits need far fewer transactions."""
    state = State.open(tmp_path)
    transactions = []
    state._connection.set_commit_hook(lambda: bool(transactions.append(1)))

    async def main() -> None:
        await asyncio.gather(*(state.commit(Decision(rows=(Row(Table.SEEN, f"{n}", b"x"),))) for n in range(300)))

    asyncio.run(main())
    assert len(state.load().rows) == 300
    assert len(transactions) < 100
    state._connection.set_commit_hook(None)
    state.close()


def test_a_caller_that_gave_up_does_not_disturb_the_others(tmp_path: Path) -> None:
    async def main() -> None:
        given_up = asyncio.ensure_future(state.commit(Decision(rows=(Row(Table.SEEN, "a", b"x"),))))
        other = asyncio.ensure_future(state.commit(Decision(rows=(Row(Table.SEEN, "b", b"x"),))))
        await asyncio.sleep(0)
        given_up.cancel()
        await other

    state = State.open(tmp_path)
    asyncio.run(main())
    assert "b" in {row.key for row in state.load().rows}
    state.close()
