"""The state on a real SQLite file: what is committed is there, whole or not at all."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from kwatch.errors import StateError
from kwatch.model.decisions import Checkpoint, Decision, Row, Table
from kwatch.store.instants import from_micros, to_micros
from kwatch.store.state import State
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import run
from tests.store.working import UPDATE, in_state, open_state, states


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
