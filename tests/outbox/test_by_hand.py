"""What people do to a delivery by hand: `kwatch deliveries retry` and `drop`."""

import asyncio
from datetime import timedelta

import pytest
from outbox_kit import GONE, OK, REFUSED, REJECTED, SERVER, Machine, Play, Sink, at

from kwatch.errors import RefusedError
from kwatch.model.notifications import NotificationKind
from kwatch.outbox.outbox import Outbox
from kwatch.testing.samples import START, notification

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED
FIRST, SECOND = "kw/group/1/hook/1", "kw/group/1/hook/2"


async def balance(machine: Machine) -> bool:
    """Whether what was created is what has ended and what waits (S-97)."""
    counted = machine.counted("deliveries", "state")
    waiting = sum(queue.queued for queue in (await machine.state.queues()).values())
    return counted.pop("queued") == sum(counted.values()) + waiting


async def dead(machine: Machine, *more: object) -> tuple[Sink, Outbox]:
    """Return a destination that has refused the first message for good, and an outbox for it."""
    sink = machine.sink([REJECTED, REJECTED, *more])
    await machine.commit(notification(1))
    await machine.run(10, hook=sink)
    assert await machine.states() == {"1/1": "dead"}
    return sink, machine.outbox({"hook": sink})


def test_a_dead_delivery_that_is_retried_is_rendered_anew_and_sent(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink, outbox = await dead(machine)
        assert await outbox.retry(FIRST, "ann")
        await machine.run(10, hook=sink)
        assert [request.body for request in sink.requests] == [b"firing rich 1", b"firing plain 2", b"firing rich 3"]
        assert await machine.states() == {"1/1": "sent"}
        (entry,) = await machine.state.audit(10)
        assert (entry.at, entry.actor, entry.action) == (START + timedelta(seconds=10), "ann", "delivery retried")
        assert (entry.subject, entry.detail) == (FIRST, "hook")
        assert await balance(machine)

    play(scene)


def test_its_age_counts_from_then(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink, outbox = await dead(machine)
        await machine.clock.sleep(7 * 3600)
        assert await outbox.retry(FIRST, "ann")
        await machine.run(10, hook=sink)
        assert await machine.states() == {"1/1": "sent"}

    play(scene)


def test_what_waits_is_retried_at_once_though_the_destination_is_not_asked_any_more(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([GONE])
        outbox = machine.outbox({"hook": sink})
        await machine.commit(notification(1))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await machine.clock.sleep(3600)
            assert await outbox.retry(FIRST, "ann")
            await machine.clock.sleep(1)
            outbox.stop(0)
        assert sink.times == [0.0, 3600.0]

    play(scene)


def test_an_incident_that_has_gone_on_is_not_opened_again(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        _, outbox = await dead(machine)
        await machine.commit(at(10, notification(2, RESOLVED)))
        with pytest.raises(RefusedError, match="gone on without it: the resolved after it was cancelled"):
            await outbox.retry(FIRST, "ann")
        assert await machine.states() == {"1/1": "dead", "1/2": "cancelled"}
        assert await machine.state.audit(10) == ()

    play(scene)


def test_a_notice_stands_for_itself_and_may_come_at_any_time(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([REJECTED, REJECTED, OK])
        await machine.commit(notification(1, NotificationKind.NOTICE), notification(2, NotificationKind.NOTICE))
        await machine.run(10, hook=sink)
        assert await machine.states() == {"1/1": "dead", "1/2": "sent"}
        assert await machine.outbox({"hook": sink}).retry(FIRST, "ann")
        await machine.run(10, hook=sink)
        assert await machine.states() == {"1/1": "sent", "1/2": "sent"}

    play(scene)


def test_what_was_sent_is_neither_retried_nor_dropped(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink()
        await machine.commit(notification(1))
        await machine.run(1, hook=sink)
        outbox = machine.outbox({"hook": sink})
        with pytest.raises(RefusedError, match="it is sent: there is nothing to try again"):
            await outbox.retry(FIRST, "ann")
        with pytest.raises(RefusedError, match="it is sent: there is nothing to drop"):
            await outbox.drop(FIRST, "ann")
        assert not await outbox.retry("other", "ann")
        assert not await outbox.drop("other", "ann")

    play(scene)


def test_what_is_under_way_is_left_alone(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        slow = machine.sink(seconds=25)
        await machine.commit(notification(1))
        await machine.run(1, grace=2, hook=slow)
        outbox = machine.outbox({"hook": slow})
        for act in (outbox.retry, outbox.drop):
            with pytest.raises(RefusedError, match="an attempt is under way"):
                await act(FIRST, "ann")

    play(scene)


def test_what_is_in_doubt_is_retried_with_the_same_bytes(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([SERVER, REFUSED])
        await machine.commit(notification(1))
        await machine.run(0.01, hook=sink)
        assert await machine.outbox({"hook": sink}).retry(FIRST, "ann")
        await machine.run(60, hook=sink)
        assert {request.body for request in sink.requests} == {b"firing rich 1"}

    play(scene)


def test_a_trigger_that_is_dropped_takes_its_end_along(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink([REFUSED])
        await machine.commit(notification(1))
        await machine.run(0.001, hook=sink)
        await machine.commit(at(1, notification(2, RESOLVED)))
        outbox = machine.outbox({"hook": sink})
        assert await outbox.drop(FIRST, "ann")
        await machine.run(60, hook=sink)
        assert await machine.states() == {"1/1": "dropped", "1/2": "cancelled"}
        assert (await machine.state.find(FIRST))[0].reason == "by ann"
        assert machine.sent == [("kw/group/1", FIRING, START + timedelta(seconds=0.001))]
        assert [(entry.action, entry.subject) for entry in await machine.state.audit(10)] == [
            ("delivery dropped", FIRST)
        ]
        assert await balance(machine)

    play(scene)


def test_a_dead_letter_that_is_dropped_is_not_dead_any_more(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        _, outbox = await dead(machine)
        assert await outbox.drop(FIRST, "ann")
        assert await machine.states() == {"1/1": "dropped"}
        assert await balance(machine)

    play(scene)
