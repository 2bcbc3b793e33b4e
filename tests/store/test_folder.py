"""The state's folder: whose it is, and which are refused."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import apsw
import pytest

from kwatch.errors import StateError
from kwatch.model.decisions import Decision, Row, Table
from kwatch.store.folder import FolderLock
from kwatch.store.schema import MIGRATIONS, migrate
from kwatch.store.state import State
from kwatch.testing.virtual import InlineExecutor
from tests.store.working import in_state, open_state


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
    with pytest.raises(StateError, match="schema 99, this one knows 8"):
        open_state(tmp_path)


def test_an_older_schema_is_migrated_and_keeps_what_is_in_it() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, MIGRATIONS[:1])
    connection.execute("INSERT INTO engine_seen VALUES ('a', x'01')")
    migrate(connection, (MIGRATIONS[0], "ALTER TABLE engine_seen ADD COLUMN note TEXT NOT NULL DEFAULT 'new'"))
    assert connection.pragma("user_version") == 2
    assert connection.execute("SELECT * FROM engine_seen").fetchall() == [("a", b"\x01", "new")]
    connection.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{"m":"é \\u2028","groups":["a/1","b/d"],"held_back_by":"\\"A\\"","n":1.50}',
            '{"m":"é \\u2028","groups":["a/1","b/d"],"held_back_by":{"a/1":"\\"A\\"","b/d":"\\"A\\""},"n":1.50}',
        ),
        ('{"groups":["a/1"],"held_back_by":""}', '{"groups":["a/1"],"held_back_by":{}}'),
        ('{"groups":[],"held_back_by":"the window night"}', '{"groups":[],"held_back_by":{}}'),
    ],
)
def test_what_held_an_alert_back_is_said_of_each_group_from_the_eighth_schema_on(before: str, after: str) -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, MIGRATIONS[:7])
    connection.execute("INSERT INTO engine_alerts VALUES ('a', ?)", (before.encode(),))
    migrate(connection)
    assert connection.execute("SELECT body FROM engine_alerts").fetchall() == [(after.encode(),)]
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


class Silent(State):
    """It begins anew where it cannot go on."""

    @classmethod
    def open(cls, folder: Path, *words: Any) -> Self:
        try:
            return super().open(folder, *words)
        except StateError:
            (folder / "state.db").unlink()
            return super().open(folder, *words)


def test_F09_without_the_refusal_a_damaged_file_is_an_empty_one(tmp_path: Path) -> None:
    in_state(tmp_path, lambda state: state.commit(Decision(rows=(Row(Table.SEEN, "a", b"x"),))))
    (tmp_path / "state.db").write_bytes(b"\xa5" * 20000)
    state = Silent.open(tmp_path, InlineExecutor())
    assert state.load().rows == ()
    state.close()


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


def test_a_folder_on_a_full_disk_says_so(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("/dev/full")
    with pytest.raises(StateError, match=f"^the state folder {tmp_path} cannot be used: "):
        FolderLock(tmp_path)
