"""I1 and I5 of spec 3.7 where more is decided than may be told, over random answers and crashes."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_kit import OK, REFUSED, SERVER, Answer, Crash, Machine, Sink, at, paced

from kwatch.model.notifications import DeliveryState, NotificationKind
from kwatch.model.pace import Pace, Paces
from kwatch.testing.samples import notification
from kwatch.testing.virtual import run

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED
PACE = Pace(per_minute=12, burst=3)
ANSWERS: st.SearchStrategy[Answer] = st.sampled_from([OK, OK, REFUSED, SERVER, paced(5), Crash()])
LIVES = st.lists(st.lists(st.sampled_from([[FIRING], [FIRING, UPDATE], [FIRING, RESOLVED]]), max_size=8), max_size=4)


async def play(folder: Path, lives: list[list[list[NotificationKind]]], answers: list[Answer]) -> None:
    """Let each life begin some incidents and end by a crash or after a while; then look at what is left."""
    machine = Machine(folder, paces=Paces(destinations={"hook": PACE}))
    sink, lane = Sink(machine.clock, answers), 0
    for life in lives:
        for kinds in life:
            lane += 1
            for sequence, kind in enumerate(kinds, 1):
                now = machine.clock.monotonic()
                await machine.commit(at(now, notification(sequence, kind, incident=f"kw/group/{lane}")))
                if lane % 2:
                    await machine.run(1, hook=sink)
        await machine.run(20, hook=sink)
    while not await machine.run(3600, hook=sink):
        pass
    await check(machine, sink)
    machine.close()


async def check(machine: Machine, sink: Sink) -> None:
    rows = await machine.state.newest((), 1000)
    sent = {row.notification.id for row in rows if row.state is DeliveryState.SENT}
    folded = [row for row in rows if row.state is DeliveryState.FOLDED]
    assert {row.state.is_final for row in rows} <= {True}
    assert {row.reason.removeprefix("into ") for row in folded} <= sent, "each is in an overflow that was told"
    listed = [row.notification.content.folded for row in rows if row.notification.kind is NotificationKind.OVERFLOW]
    assert sum(listed) == len(folded), "each is in one overflow, which counts it"
    counted = machine.counted("deliveries", "state")
    assert counted.pop("queued", 0) == sum(counted.values()) == len(rows)


@settings(max_examples=60)
@given(lives=LIVES, answers=st.lists(ANSWERS, max_size=6))
def test_i1_i5_all_is_told_or_listed_once(lives: list[list[list[NotificationKind]]], answers: list[Answer]) -> None:
    with TemporaryDirectory() as folder:
        run(play(Path(folder), lives, answers))
