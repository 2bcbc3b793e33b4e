"""The outbox in virtual time on a real state file: what it does while nothing fails."""

import asyncio
import random
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
from outbox_kit import OK, UNAUTHORIZED, Machine, Play, Sink, at, paced

from kwatch.clock import SystemClock
from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.outbox.outbox import DestinationStatus, Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import VirtualClock

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


def test_what_is_committed_is_sent_once_and_said_so(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock)
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert sink.requests == [(0.0, "kw/group/1/hook/1", "firing", b"firing rich 1")]
        assert machine.sent == [("kw/group/1", FIRING, START)]
        assert await machine.states() == {"1/1": "sent"}
        assert machine.counted("attempts", "outcome") == {"sent": 1}

    play(scene)


def test_a_wake_sends_at_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock)
        outbox = machine.outbox({"hook": sink})
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(5)
            await machine.commit(at(5, notification(1)), outbox=outbox)
            await machine.clock.sleep(5)
            outbox.stop(0)
        assert sink.times == [5.0]

    play(scene)


def test_lanes_go_in_parallel_up_to_the_concurrency(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, concurrency=4, seconds=1)
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(10)))
        await machine.run(60, hook=sink)
        assert sink.most_in_flight == 4
        assert sink.times == [0.0] * 4 + [1.0] * 4 + [2.0] * 2

    play(scene)


def test_the_time_from_the_decision_to_the_delivery_is_measured(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(3)))
        await machine.run(60, hook=Sink(machine.clock, concurrency=1, seconds=2))
        assert machine.counted("delivery_seconds", "le") == {"5": 2, "30": 1}
        assert machine.counted("delivery_seconds_sum_ms", "destination") == {"hook": 2000 + 4000 + 6000}

    play(scene)


def test_one_lane_has_one_in_flight(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, concurrency=4, seconds=1)
        await machine.commit(*(notification(n, NotificationKind.NOTICE) for n in range(1, 6)))
        await machine.run(60, hook=sink)
        assert [request.id[-1] for request in sink.requests] == ["1", "2", "3", "4", "5"]
        assert sink.most_in_flight == 1

    play(scene)


def test_a_lane_with_a_long_queue_lets_the_others_have_their_turn(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, seconds=1)
        notes = [notification(n, NotificationKind.NOTICE, incident="long") for n in range(1, 9)]
        await machine.commit(*notes, notification(1, incident="b"), notification(1, incident="c"))
        await machine.run(3, hook=sink)
        assert [request.id.split("/")[0] for request in sink.requests] == ["long", "b", "c"]

    play(scene)


def test_the_urgent_overtakes_what_was_read_ahead(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, seconds=1)
        outbox = machine.outbox({"hook": sink})
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(4)))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(0.5)
            await machine.commit(notification(1, incident="worst", severity=Severity.CRITICAL), outbox=outbox)
            await machine.clock.sleep(9)
            outbox.stop(0)
        assert [request.id.split("/")[0] for request in sink.requests] == ["i0", "worst", "i1", "i2", "i3"]

    play(scene)


@pytest.mark.parametrize("tick", range(8))
def test_what_becomes_due_between_two_looks_is_not_missed(play: Play, tick: int) -> None:
    class TickingClock(VirtualClock):
        """Each reading takes 0.1 s."""

        ticks = 0

        def now(self) -> datetime:
            self.ticks += 1
            return super().now() + timedelta(seconds=0.1 * self.ticks)

    async def scene(machine: Machine) -> None:
        machine.clock = TickingClock(START, asyncio.get_running_loop())
        sink = Sink(VirtualClock(START, asyncio.get_running_loop()))
        await machine.commit(at(0.1 * tick + 0.05, notification(1)))
        await machine.run(60, hook=sink)
        assert len(sink.requests) == 1

    play(scene)


def test_a_bug_in_a_channel_is_ambiguous_and_tried_again(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [ZeroDivisionError("bug")])
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert await machine.states() == {"1/1": "sent"}
        assert machine.counted("attempts", "reason") == {"other": 1, "": 1}

    play(scene)
    assert [record.message for record in caplog.records] == ["channel failed by a bug"]


def test_the_thread_of_the_first_is_given_to_the_next(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [Receipt({"ts": "1"}), OK])
        await machine.commit(notification(1))
        await machine.run(1, hook=sink)
        await machine.commit(notification(2, RESOLVED))
        await machine.run(1, hook=sink)
        assert sink.threads == [Thread(), Thread(Receipt({"ts": "1"}), is_own=True)]

    play(scene)


def test_the_status_says_what_waits_and_why(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        channels = {
            "busy": Sink(machine.clock, [paced(60)]),
            "down": Sink(machine.clock, [UNAUTHORIZED]),
            "idle": Sink(machine.clock),
        }
        await machine.commit(*(notification(1, destination=name) for name in ("busy", "down", "removed")))
        outbox = machine.outbox(channels)
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(1)
            assert await outbox.status() == (
                DestinationStatus(
                    destination="busy", queued=1, oldest_at=START, paused_until=START + timedelta(seconds=60)
                ),
                DestinationStatus(
                    destination="down", queued=1, oldest_at=START, suspended="unauthorized", failing="unauthorized"
                ),
                DestinationStatus(destination="idle", queued=0, oldest_at=None),
                DestinationStatus(destination="removed", queued=1, oldest_at=START, suspended="not_configured"),
            )
            outbox.stop(0)

    play(scene)


def test_ended_deliveries_are_forgotten_after_seven_days(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock)
        await machine.commit(notification(1))
        await machine.run(7 * 86400 - 1, hook=sink)
        assert await machine.states() == {"1/1": "sent"}
        await machine.run(2 * 3600, hook=sink)
        assert await machine.states() == {}

    play(scene)


def test_it_works_on_the_real_thread_too(tmp_path: Path) -> None:
    async def main() -> list[str]:
        sink, done = Sink(SystemClock(), concurrency=4), asyncio.Event()
        outbox = Outbox(
            state,
            {"hook": sink},
            clock=SystemClock(),
            rng=random.Random(1),
            counters=Counters(),
            on_ended=lambda *_: done.set() if len(sink.requests) == 60 else None,
        )
        made = [msgspec.structs.replace(notification(1, incident=f"i{n}"), created_at=now) for n in range(60)]
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            for one in made:
                await state.commit(Decision(notifications=(one,)))
                outbox.wake(["hook"])
            await done.wait()
            outbox.stop(10)
        assert await state.counts() == {"hook": {DeliveryState.SENT: 60}}
        return [request.id for request in sink.requests]

    now = SystemClock().now()
    state = State.open(tmp_path)
    requests = asyncio.run(main())
    state.close()
    assert sorted(requests) == sorted(f"i{n}/hook/1" for n in range(60))


def test_an_outbox_without_destinations_waits_for_its_end(play: Play) -> None:
    assert play(partial(Machine.run, seconds=5))
