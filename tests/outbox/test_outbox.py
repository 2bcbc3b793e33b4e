"""The outbox in virtual time on a real state file: rows F-… of spec 3.6."""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from outbox_kit import GONE, OK, REFUSED, REJECTED, SERVER, UNAUTHORIZED, Crash, Machine, Sink, at, paced

from kwatch.clock import SystemClock
from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.outbox.outbox import DestinationStatus, Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import VirtualClock, run

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Machine], Awaitable[Any]]], Any]:
    """Play a scene on a machine in virtual time."""

    def play_scene(scene: Callable[[Machine], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            machine = Machine(tmp_path / "state")
            try:
                return await scene(machine)
            finally:
                machine.close()

        return run(main())

    return play_scene


Play = Callable[[Callable[[Machine], Awaitable[Any]]], Any]


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


# crashes


def test_f_01_a_crash_before_t1_leaves_nothing_and_the_replay_sends_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock)
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
        sink = Sink(machine.clock)
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
        sink = Sink(machine.clock)
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
        sink = Sink(machine.clock)
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
        sink = Sink(machine.clock)
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
        sink = Sink(machine.clock, [Crash()])
        await machine.commit(notification(1))
        assert not await machine.run(60, hook=sink)
        await machine.run(60, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing rich 1", b"firing rich 1"]

    play(scene)


# the store fails


def lock(machine: Machine, folder: Path) -> apsw.Connection:
    other = apsw.Connection(str(folder / "state" / "state.db"))
    other.execute("BEGIN IMMEDIATE")
    return other


def unlock(other: apsw.Connection) -> None:
    other.execute("ROLLBACK")
    other.close()


def test_f_08_nothing_is_sent_that_cannot_be_leased(play: Play, tmp_path: Path) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock)
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
        sink = Sink(machine.clock, seconds=10)
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
        sink = Sink(machine.clock, [receipt], seconds=1)
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


# the destination fails


def test_f_15_three_failures_and_then_a_success(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [SERVER] * 3)
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        gaps = [after - before for before, after in zip(sink.times, sink.times[1:], strict=False)]
        assert len(gaps) == 3
        assert all(0 < gap < limit for gap, limit in zip(gaps, (1, 2, 4), strict=True))
        assert {request.body for request in sink.requests} == {b"firing rich 1"}
        assert await machine.states() == {"1/1": "sent"}
        _, attempts = await machine.state.find("kw/group/1/hook/1")
        assert [attempt.outcome for attempt in attempts] == ["ambiguous", "ambiguous", "ambiguous", "sent"]

    play(scene)


def test_f_12_a_destination_that_never_answers_is_cut_at_its_timeout(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        await machine.commit(notification(1))
        await machine.run(30.001, hook=Sink(machine.clock, seconds=3600))
        (delivery,) = await machine.state.newest((), 10)
        assert (delivery.state, delivery.is_ambiguous, delivery.reason) == (DeliveryState.RETRY_WAIT, True, "timeout")

    play(scene)


def test_f_16_a_pause_holds_every_lane_of_the_destination(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink, other = Sink(machine.clock, [paced(120)]), Sink(machine.clock)
        await machine.commit(
            notification(1), notification(1, incident="b"), notification(1, incident="c", destination="mail")
        )
        await machine.run(300, hook=sink, mail=other)
        assert sink.times == [0.0, 120.0, 120.0]
        assert other.times == [0.0]
        (delivery, attempts) = await machine.state.find("kw/group/1/hook/1")
        assert (delivery.attempts, len(attempts)) == (1, 1)

    play(scene)


def test_f_18_pauses_without_a_word_are_no_hammering(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [paced(None)] * 10)
        await machine.commit(notification(1))
        await machine.run(3600, hook=sink)
        assert sink.times == [0.0, 30.0, 90.0, 210.0, 450.0, 930.0, 1890.0]

    play(scene)


def test_f_19_a_pause_of_a_day_that_was_clamped_to_an_hour_ends_with_the_age_limit(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [paced(3600.0)] * 24)
        await machine.commit(notification(1))
        await machine.run(8 * 3600, hook=sink)
        assert sink.times == [0.0, 3600.0, 7200.0, 10800.0, 14400.0, 18000.0, 21600.0]
        assert await machine.states() == {"1/1": "dead"}

    play(scene)


def test_f_20_a_refused_rich_message_is_delivered_plain(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [REJECTED])
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing rich 1", b"firing plain 2"]
        (delivery,) = await machine.state.newest((), 10)
        assert (delivery.state, delivery.is_degraded) == (DeliveryState.SENT, True)

    play(scene)


def test_f_22_a_suspended_destination_keeps_its_queue_and_drains_it_in_order(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [UNAUTHORIZED, UNAUTHORIZED])
        await machine.commit(
            notification(1, NotificationKind.NOTICE), notification(2, NotificationKind.NOTICE), notification(3, UPDATE)
        )
        await machine.run(3600, hook=sink)
        assert sink.times == [0.0, 900.0, 1800.0, 1800.0, 1800.0]
        assert [request.id[-1] for request in sink.requests] == ["1", "1", "1", "2", "3"]

    play(scene)
    assert [record.message for record in caplog.records] == ["destination suspended"]


def test_f_24_gone_is_not_probed(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [GONE])
        await machine.commit(notification(1))
        await machine.run(7 * 86400, hook=sink)
        assert sink.times == [0.0]
        assert await machine.states() == {"1/1": "queued"}

    play(scene)


def test_f_10_the_breaker_opens_once_and_one_goes_through(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [REFUSED] * 12)
        for name in "abcdef":
            await machine.commit(notification(1, incident=name))
        await machine.run(3600, hook=sink)
        assert machine.counted("breaker_opened", "destination") == {"hook": 1}
        assert set((await machine.states()).values()) == {"sent"}
        assert len(sink.requests) == 12 + 6

    play(scene)


def test_f_11_an_hour_without_connection_is_told_late_and_collapsed(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, (REFUSED if machine.clock.monotonic() < 3600 else OK for _ in itertools.count()))
        other = Sink(machine.clock)
        outbox = machine.outbox({"hook": sink, "mail": other})
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            for n in range(12):
                made = notification(n + 1, UPDATE if n else FIRING)
                await machine.commit(at(300 * n, made), outbox=outbox)
                await machine.commit(at(300 * n, notification(n + 1, destination="mail")), outbox=outbox)
                await machine.clock.sleep(300)
            refused = len(sink.requests)
            await machine.clock.sleep(600)
            outbox.stop(0)
        assert refused < 30
        assert [(request.kind, request.id[-2:]) for request in sink.requests[refused:]] == [
            ("firing", "/1"),
            ("update", "12"),
        ]
        assert other.times == [300.0 * n for n in range(12)]

    play(scene)


def test_i7_nothing_is_started_after_a_pause_was_asked_for(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [OK, OK, paced(120), OK], concurrency=4, seconds=1)
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(8)))
        await machine.run(300, hook=sink)
        assert [time for time in sink.times if 2 <= time < 121] == []
        assert set((await machine.states()).values()) == {"sent"}

    play(scene)


def test_f_28_a_resolve_never_overtakes_its_trigger(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [REFUSED, SERVER], concurrency=4)
        outbox = machine.outbox({"hook": sink})
        await machine.commit(notification(1))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(0.0001)
            await machine.commit(notification(2, RESOLVED), outbox=outbox)
            await machine.clock.sleep(60)
            outbox.stop(0)
        assert sink.kinds == ["firing", "firing", "firing", "resolved"]

    play(scene)


def test_f_29_the_resolve_of_a_dead_trigger_is_cancelled(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [REFUSED, REJECTED, REJECTED])
        outbox = machine.outbox({"hook": sink})
        await machine.commit(notification(1))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(0.0001)
            await machine.commit(notification(2, RESOLVED), outbox=outbox)
            await machine.clock.sleep(60)
            outbox.stop(0)
        assert sink.kinds == ["firing", "firing", "firing"]
        assert await machine.states() == {"1/1": "dead", "1/2": "cancelled"}
        assert (await machine.state.find("kw/group/1/hook/2"))[0].reason == "trigger_dead"

    play(scene)
    (warning,) = (record for record in caplog.records if record.message == "delivery dead")
    assert warning.levelno == logging.WARNING
    assert (vars(warning)["receiver"], vars(warning)["reason"]) == ("team", "rejected")


def test_f_30_the_resolve_of_an_ambiguous_trigger_is_sent(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [SERVER, REJECTED, REJECTED])
        outbox = machine.outbox({"hook": sink})
        await machine.commit(notification(1))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(0.0001)
            await machine.commit(notification(2, RESOLVED), outbox=outbox)
            await machine.clock.sleep(60)
            outbox.stop(0)
        assert await machine.states() == {"1/1": "dead", "1/2": "sent"}

    play(scene)


def test_what_is_too_old_when_its_turn_comes_is_dead(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, max_age=timedelta(hours=1))
        await machine.commit(notification(1), at(3000, notification(1, incident="young")))
        await machine.clock.sleep(3601)
        await machine.run(1, hook=sink)
        assert await machine.states() == {"1/1": "dead", "young/1": "sent"}

    play(scene)


# the worker


def test_f_37_at_a_stop_what_is_in_flight_ends_and_the_rest_stays(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, concurrency=4, seconds=3)
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
        slow, quick = Sink(machine.clock, seconds=25), Sink(machine.clock)
        await machine.commit(notification(1))
        await machine.run(1, grace=20, hook=slow)
        assert machine.clock.now() == START + timedelta(seconds=21)
        assert await machine.states() == {"1/1": "leased"}
        await machine.run(1, hook=quick)
        assert quick.requests[0].body == slow.requests[0].body == b"firing rich 1"

    play(scene)


def test_lanes_go_in_parallel_up_to_the_concurrency(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, concurrency=4, seconds=1)
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(10)))
        await machine.run(60, hook=sink)
        assert sink.most_in_flight == 4
        assert sink.times == [0.0] * 4 + [1.0] * 4 + [2.0] * 2

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


def test_t_24_a_hung_destination_does_not_delay_another(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        hung, healthy = Sink(machine.clock, seconds=3600), Sink(machine.clock)
        for n in range(100):
            for name in ("hook", "mail"):
                await machine.commit(notification(1, incident=f"i{n}", destination=name))
        await machine.run(600, hook=hung, mail=healthy)
        assert healthy.times == [0.0] * 100
        assert len(hung.requests) < 60

    play(scene)


def test_t_32_three_failures_a_crash_and_a_success_deliver_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = Sink(machine.clock, [REFUSED, REFUSED, REFUSED])
        await machine.commit(notification(1))
        machine.cut("settle", is_before=False, nth=2)
        assert not await machine.run(60, hook=sink)
        await machine.run(60, hook=sink)
        assert sink.kinds == ["firing"] * 4
        assert await machine.states() == {"1/1": "sent"}

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


def test_f_44_a_bug_in_rendering_is_told_plain(play: Play) -> None:
    class Broken(Sink):
        def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
            if not degraded:
                raise ZeroDivisionError("bug")
            return super().render(notification, thread, degraded=degraded)

    async def scene(machine: Machine) -> None:
        sink = Broken(machine.clock)
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing plain 1"]

    play(scene)


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
                DestinationStatus(destination="down", queued=1, oldest_at=START, suspended="unauthorized"),
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
