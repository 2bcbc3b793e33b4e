"""kwatch ends, or its store fails: rows F-01 to F-08, F-37 and T32 of the specification, in virtual time."""

import asyncio
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from outbox_kit import REFUSED, Crash, Machine, Play, play_on

from kwatch.errors import StateError
from kwatch.model.notifications import DeliveryState, NotificationKind, Receipt
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.testing.samples import START, notification

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


def test_f_01_a_crash_before_t1_leaves_nothing_and_the_replay_sends_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink()
        machine.cut("commit", is_before=True)
        with pytest.raises(Crash):
            await machine.commit(notification(1))
        machine.close()
        machine.open()
        await machine.commit(notification(1))  # the watch replays from its checkpoint
        await machine.run(60, hook=sink)
        assert sink.kinds == ["firing"]

    play(scene)


def test_f_01_a_crash_after_t1_and_a_replay_send_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink()
        machine.cut("commit", is_before=False)
        with pytest.raises(Crash):
            await machine.commit(notification(1))
        machine.close()
        machine.open()
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert sink.kinds == ["firing"]

    play(scene)


def test_f_02_a_crash_between_t1_and_t2_sends_once_after_the_restart(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink()
        await machine.commit(notification(1))
        machine.cut("lease", is_before=True)
        assert not await machine.run(60, hook=sink)
        assert sink.requests == []
        await machine.run(60, hook=sink)
        assert sink.kinds == ["firing"]
        (delivery,) = await machine.state.newest((), 10)
        assert (delivery.attempts, delivery.is_ambiguous) == (1, False)

    play(scene)


def test_f_03_a_crash_between_t2_and_the_connection_sends_once_as_attempt_2(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink()
        await machine.commit(notification(1))
        machine.cut("lease", is_before=False)
        assert not await machine.run(60, hook=sink)
        await machine.run(60, hook=sink)
        assert sink.kinds == ["firing"]
        delivery, attempts = await machine.state.find("kw/group/1/hook/1")
        assert (delivery.state, delivery.attempts, delivery.is_ambiguous) == (DeliveryState.SENT, 2, True)
        assert [attempt.number for attempt in attempts] == [2]

    play(scene)


@pytest.mark.parametrize("is_before", [True, False])
def test_f_04_f_05_a_crash_around_t3_sends_the_same_bytes_at_most_twice(play: Play, is_before: bool) -> None:
    async def scene(machine: Machine) -> list[tuple[str, bytes]]:
        sink = machine.sink()
        await machine.commit(notification(1))
        machine.cut("settle", is_before=is_before)
        assert not await machine.run(60, hook=sink)
        await machine.run(60, hook=sink)
        assert await machine.states() == {"1/1": "sent"}
        return [(request.id, request.body) for request in sink.requests]

    request = ("kw/group/1/hook/1", b"firing rich 1")
    assert play(scene) == ([request, request] if is_before else [request])


def test_f_04_a_crash_after_the_reply_is_one_duplicate(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([Crash()])
        await machine.commit(notification(1))
        assert not await machine.run(60, hook=sink)
        await machine.run(60, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing rich 1", b"firing rich 1"]

    play(scene)


def lock(machine: Machine, folder: Path) -> apsw.Connection:
    other = apsw.Connection(str(folder / "state" / "state.db"))
    other.execute("BEGIN IMMEDIATE")
    return other


def unlock(other: apsw.Connection) -> None:
    other.execute("ROLLBACK")
    other.close()


def test_f_08_nothing_is_sent_that_cannot_be_leased(play: Play, tmp_path: Path) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(seconds=1)
        await machine.commit(notification(1))
        await machine.run(0)  # the recovery writes nothing any more
        outbox = machine.outbox({"hook": sink})
        async with asyncio.TaskGroup() as group:
            other = lock(machine, tmp_path)
            group.create_task(outbox.run())
            await machine.clock.sleep(5.5)
            assert sink.requests == []
            unlock(other)
            await machine.clock.sleep(5)
            outbox.stop(0)
        assert sink.times == [6.0]

    play(scene)


def test_f_08_what_is_leased_is_sent_and_its_outcome_is_kept(play: Play, tmp_path: Path) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(seconds=10)
        await machine.commit(notification(1))
        outbox = machine.outbox({"hook": sink})
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(5)
            other = lock(machine, tmp_path)
            await machine.clock.sleep(8)
            assert machine.sent == []
            unlock(other)
            await machine.clock.sleep(2)
            outbox.stop(0)
        assert sink.times == [0.0]
        assert await machine.states() == {"1/1": "sent"}
        assert len(machine.sent) == 1

    play(scene)


def test_f_07_a_full_disk_delays_the_outcome_and_loses_nothing(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        receipt = Receipt({"key": "x" * 200_000})
        sink = machine.sink([receipt], seconds=1)
        await machine.commit(notification(1))
        outbox = machine.outbox({"hook": sink})
        connection = machine.state._connection
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(0.5)
            connection.pragma("max_page_count", connection.pragma("page_count"))
            await machine.clock.sleep(5)
            assert await machine.states() == {"1/1": "leased"}
            connection.pragma("max_page_count", 1 << 30)
            await machine.clock.sleep(2)
            outbox.stop(0)
        assert sink.times == [0.0]
        assert await machine.states() == {"1/1": "sent"}

    play(scene)


class FullForOutcomes(State):
    """A state that stores leases, and for three seconds no outcome."""

    refusals = 3

    async def settle(self, settlement: Settlement) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StateError("database or disk is full")
        await super().settle(settlement)


def test_i3_the_next_is_sent_once_the_outcome_before_it_is_durable(tmp_path: Path) -> None:
    """A crash at any instant repeats one request, not two."""

    async def scene(machine: Machine) -> None:
        sink = machine.sink()
        await machine.commit(notification(1, incident="a"), notification(1, incident="b"))
        await machine.run(10, hook=sink)
        assert sink.times == [0.0, 3.0]

    play_on(tmp_path / "state", state_type=FullForOutcomes)(scene)


def test_f_37_at_a_stop_what_is_in_flight_ends_and_the_rest_stays(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(concurrency=4, seconds=3)
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(54)))
        await machine.run(1, grace=20, hook=sink)
        assert machine.clock.now() == START + timedelta(seconds=3)
        assert (await machine.state.counts())["hook"] == {DeliveryState.SENT: 4, DeliveryState.QUEUED: 50}
        await machine.run(60, hook=sink)
        assert (await machine.state.counts())["hook"] == {DeliveryState.SENT: 54}
        assert len(sink.requests) == 54

    play(scene)


def test_f_37_what_outlasts_the_grace_stays_leased_and_is_sent_again(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        slow, quick = machine.sink(seconds=25), machine.sink()
        await machine.commit(notification(1))
        await machine.run(1, grace=20, hook=slow)
        assert machine.clock.now() == START + timedelta(seconds=21)
        assert await machine.states() == {"1/1": "leased"}
        await machine.run(1, hook=quick)
        assert quick.requests[0].body == slow.requests[0].body == b"firing rich 1"

    play(scene)


def test_T32_three_failures_a_crash_and_a_success_deliver_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([REFUSED, REFUSED, REFUSED])
        await machine.commit(notification(1))
        machine.cut("settle", is_before=False, nth=2)
        assert not await machine.run(60, hook=sink)
        await machine.run(60, hook=sink)
        assert sink.kinds == ["firing"] * 4
        assert await machine.states() == {"1/1": "sent"}

    play(scene)
