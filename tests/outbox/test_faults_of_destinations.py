"""A destination fails: rows F-10 to F-30, F-44 and T24 of the specification, in virtual time."""

import asyncio
import itertools
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from outbox_kit import (
    GONE,
    OK,
    REFUSED,
    REJECTED,
    SERVER,
    TOO_LARGE,
    UNAUTHORIZED,
    Machine,
    Play,
    Sink,
    at,
    paced,
    play_on,
)

from kwatch.errors import PermanentSendError
from kwatch.model.notifications import Delivery, DeliveryState, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.model.routes import Handling, Policies
from kwatch.testing.samples import START, notification

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


def test_f_15_three_failures_and_then_a_success(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([SERVER] * 3)
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
        await machine.run(30.001, hook=machine.sink(seconds=3600))
        (delivery,) = await machine.state.newest((), 10)
        assert (delivery.state, delivery.is_ambiguous, delivery.reason) == (DeliveryState.RETRY_WAIT, True, "timeout")

    play(scene)


def test_f_16_a_pause_holds_every_lane_of_the_destination(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink, other = machine.sink([paced(120)]), machine.sink()
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
        sink = machine.sink([paced(None)] * 10)
        await machine.commit(notification(1))
        await machine.run(3600, hook=sink)
        assert sink.times == [0.0, 30.0, 90.0, 210.0, 450.0, 930.0, 1890.0]

    play(scene)


A_DAY = [paced(3600.0)] * 24  # what a pause of a day becomes: clamped to an hour, again and again


def test_f_19_after_a_pause_of_a_day_a_chat_is_told_late_in_a_list(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(A_DAY)
        await machine.commit(notification(1), notification(1, incident="b"))
        await machine.run(26 * 3600, hook=sink)
        assert sink.times == [3600.0 * n for n in range(7)] + [25260.0 + 3600 * n for n in range(18)]
        assert sink.kinds == ["firing"] * 7 + ["overflow"] * 18
        assert await machine.states() == {"1/1": "folded", "b/1": "folded", "kw/overflow/1795276800000/1": "sent"}
        overflow = (await machine.state.newest((DeliveryState.SENT,), 1))[0].notification.content
        assert (overflow.folded, overflow.is_late, overflow.starts_at) == (2, True, START)

    play(scene)


def test_f_19_after_a_pause_of_a_day_nobody_is_called(tmp_path: Path) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(A_DAY)
        await machine.commit(notification(1), notification(1, incident="b"))
        await machine.run(26 * 3600, hook=sink)
        assert sink.times == [3600.0 * n for n in range(7)]
        assert await machine.states() == {"1/1": "dead", "b/1": "dead"}

    play_on(tmp_path / "state", handlings={"hook": Handling(pages=True)})(scene)


def test_f_20_a_refused_rich_message_is_delivered_plain(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([REJECTED])
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing rich 1", b"firing plain 2"]
        (delivery,) = await machine.state.newest((), 10)
        assert (delivery.state, delivery.is_degraded) == (DeliveryState.SENT, True)

    play(scene)


def test_f_21_what_is_too_large_is_shortened_once(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([TOO_LARGE])
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing rich 1", b"firing plain 2"]
        assert await machine.states() == {"1/1": "sent"}
        twice = machine.sink([TOO_LARGE, TOO_LARGE])
        await machine.commit(notification(1, incident="b"))
        await machine.run(60, hook=twice)
        assert [request.body for request in twice.requests] == [b"firing rich 1", b"firing plain 2"]
        assert (await machine.states())["b/1"] == "dead"

    play(scene)


def test_f_22_a_suspended_destination_keeps_its_queue_and_drains_it_in_order(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([UNAUTHORIZED, UNAUTHORIZED])
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
        sink = machine.sink([GONE])
        await machine.commit(notification(1))
        await machine.run(7 * 86400, hook=sink)
        assert sink.times == [0.0]
        assert await machine.states() == {"1/1": "queued"}

    play(scene)


def test_f_10_the_breaker_opens_once_and_one_goes_through(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([REFUSED] * 12)
        for name in "abcdef":
            await machine.commit(notification(1, incident=name))
        await machine.run(3600, hook=sink)
        assert machine.counted("breaker_opened", "destination") == {"hook": 1}
        assert set((await machine.states()).values()) == {"sent"}
        assert len(sink.requests) == 12 + 6

    play(scene)


def test_f_11_an_hour_without_connection_is_told_late_and_collapsed(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(REFUSED if machine.clock.monotonic() < 3600 else OK for _ in itertools.count())
        other = machine.sink()
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
        sink = machine.sink([OK, OK, paced(120), OK], concurrency=4, seconds=1)
        await machine.commit(*(notification(1, incident=f"i{n}") for n in range(8)))
        await machine.run(300, hook=sink)
        assert [time for time in sink.times if 2 <= time < 121] == []
        assert set((await machine.states()).values()) == {"sent"}

    play(scene)


def test_f_28_a_resolve_never_overtakes_its_trigger(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([REFUSED, SERVER], concurrency=4)
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
        sink = machine.sink([REFUSED, REJECTED, REJECTED])
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
        sink = machine.sink([SERVER, REJECTED, REJECTED])
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


def test_what_is_too_old_when_its_turn_comes_is_listed(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(max_age=timedelta(hours=1))
        await machine.commit(notification(1), at(3000, notification(1, incident="young")))
        await machine.clock.sleep(3601)
        await machine.run(1, hook=sink)
        assert await machine.states() == {"1/1": "folded", "young/1": "sent", "kw/overflow/1795255201000/1": "queued"}

    play(scene)


def test_T24_a_hung_destination_does_not_delay_another(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        hung, healthy = machine.sink(seconds=3600), machine.sink()
        for n in range(100):
            for name in ("hook", "mail"):
                await machine.commit(notification(1, incident=f"i{n}", destination=name))
        await machine.run(600, hook=hung, mail=healthy)
        assert healthy.times == [0.0] * 100
        assert len(hung.requests) < 60

    play(scene)


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


class Searchable(Sink):
    """A destination that can be asked whether it has a message."""

    async def find(self, message: Message, delivery: Delivery) -> Receipt | None:
        has_it = any(request.id == delivery.notification.id for request in self.requests)
        return Receipt({"ts": "found"}) if has_it and not self.is_blind else None

    is_blind = False


class Blind(Searchable):
    """It has it, and does not find it."""

    is_blind = True


@pytest.mark.parametrize(("kind", "requests"), [(Searchable, 1), (Blind, 2)])
def test_what_is_in_doubt_is_looked_for_before_it_is_sent_again(play: Play, kind: type[Sink], requests: int) -> None:
    async def scene(machine: Machine) -> None:
        sink = kind(machine.clock, [SERVER])
        await machine.commit(notification(1))
        await machine.run(60, hook=sink)
        assert len(sink.requests) == requests
        assert await machine.states() == {"1/1": "sent"}
        await machine.commit(notification(2, RESOLVED))
        await machine.run(1, hook=sink)
        assert sink.threads[-1].root == (Receipt({"ts": "found"}) if requests == 1 else None)

    play(scene)


@pytest.mark.parametrize("answer", [UNAUTHORIZED, GONE])
def test_f_22_f_24_a_suspended_destination_is_asked_again_when_the_configuration_is_loaded(
    play: Play, answer: PermanentSendError
) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([answer])
        outbox = machine.outbox({"hook": sink})
        await machine.commit(notification(1), notification(1, incident="b"))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(100)
            outbox.use({"hook": sink}, Policies())
            await machine.clock.sleep(1)
            outbox.stop(0)
        assert sink.times == [0.0, 100.0, 100.0]

    play(scene)
