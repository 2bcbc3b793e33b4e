"""What a caller was told is stored survives kill -9, on a real thread in a real process."""

import signal
import subprocess
import sys
from pathlib import Path

from kwatch.store.state import State

_COMMIT_FOR_EVER = """
import asyncio, itertools, sys
from pathlib import Path
from kwatch.model.decisions import Checkpoint, Decision, Row, Table
from kwatch.store.state import State
from kwatch.testing.samples import START, notification

async def commit(state, number):
    await state.commit(Decision(
        rows=(Row(Table.COUNTS, str(number), b"x"),),
        notifications=(notification(1, incident=str(number)),),
        checkpoints=(Checkpoint("v1/events", str(number), START),),
    ))
    print(number, flush=True)

async def main():
    state = State.open(Path(sys.argv[1]))
    for first in itertools.count(0, 8):
        await asyncio.gather(*(commit(state, first + n) for n in range(8)))

asyncio.run(main())
"""


def test_what_was_acknowledged_before_kill_9_is_there_and_nothing_by_halves(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMIT_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, process.stdout as told:
        acknowledged = [int(told.readline()) for _ in range(100)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in told]
    state = State.open(tmp_path)
    snapshot = state.load()
    deliveries = state._connection.execute("SELECT incident FROM deliveries").fetchall()
    state.close()
    stored = {int(row.key) for row in snapshot.rows}
    assert stored >= set(acknowledged)
    assert {int(incident) for (incident,) in deliveries} == stored
    assert int(snapshot.checkpoints["v1/events"].resource_version) in stored
