"""F-38: a process that was paused while another one took its place stores nothing any more, and ends."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from outbox_kit import Machine, Sink

from kwatch.errors import FencedError
from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState, Message
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import InlineExecutor, run


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[State]:
    """The state of a process that has lost its lock without knowing."""
    state = lost(tmp_path, State)
    yield state
    state.close()


def lost(folder: Path, state_type: type[State]) -> State:
    state = state_type.open(folder / "state", InlineExecutor())
    (folder / "state" / "lock").unlink()
    return state


def successor(folder: Path) -> State:
    return State.open(folder / "state", InlineExecutor())


def test_f_38_t1_t2_and_t3_of_a_stale_epoch_are_rejected(paused: State, tmp_path: Path) -> None:
    async def scene() -> None:
        await paused.commit(Decision(notifications=(notification(1),)))
        (waiting,) = await paused.due("hook", START, 1)
        leased = msgspec.structs.replace(waiting, state=DeliveryState.LEASED, attempts=1)
        settlement = Settlement(delivery=leased, state=DeliveryState.SENT, at=START, due_at=START, attempts=1)
        other = successor(tmp_path)
        assert await other.recover(START) == 0
        steps: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: paused.commit(Decision(notifications=(notification(2),))),
            lambda: paused.lease(waiting, Message(b"")),
            lambda: paused.settle(settlement),
        )
        for step in steps:
            with pytest.raises(FencedError, match="another kwatch has taken over the state folder"):
                await step()
        assert [row.state for row in await other.newest((), 10)] == [DeliveryState.QUEUED]
        other.close()

    run(scene())


def test_f_38_who_only_looks_takes_nothing_over(paused: State, tmp_path: Path) -> None:
    async def scene() -> None:
        await paused.commit(Decision(notifications=(notification(1),)))
        other = successor(tmp_path)
        await other.counts()
        await paused.commit(Decision(notifications=(notification(2),)))
        await other.recover(START)
        with pytest.raises(FencedError):
            await paused.commit(Decision(notifications=(notification(3),)))
        other.close()

    run(scene())


def test_f_38_what_was_in_flight_at_the_pause_is_repeated_at_most_once(tmp_path: Path) -> None:
    """The paused process sends what it had leased; its successor sends that again, and the rest alone."""

    async def scene() -> tuple[list[str], list[str]]:
        machine = Machine(tmp_path / "state")
        slow, quick = Sink(machine.clock, concurrency=2, seconds=20), Sink(machine.clock)
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(5)))
        stale = machine.outbox({"hook": slow})
        running = asyncio.create_task(stale.run())
        await machine.clock.sleep(5)
        (tmp_path / "state" / "lock").unlink()
        machine.open()
        await machine.run(30, hook=quick)
        with pytest.raises(BaseExceptionGroup) as ended:
            await running
        assert ended.group_contains(FencedError)
        assert (await machine.state.counts())["hook"] == {DeliveryState.SENT: 5}
        machine.close()
        return [request.id for request in slow.requests], [request.id for request in quick.requests]

    assert run(scene()) == (["i0/hook/1", "i1/hook/1"], [f"i{n}/hook/1" for n in range(5)])
