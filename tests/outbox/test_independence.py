"""No destination delays another (D6): queues, pauses and breakers are each one's own."""

import asyncio

import pytest
from outbox_kit import REFUSED, UNAUTHORIZED, Answer, Machine, Play, Sink, at

from kwatch.model.notifications import NotificationKind
from kwatch.model.rules import Severity
from kwatch.outbox.pool import Pool
from kwatch.testing.samples import notification

HEALTHY = tuple(f"healthy{n}" for n in range(9))


class Hung(Sink):
    """It takes what it is given, and never says so."""

    async def send(self, *_: object) -> Answer:  # type: ignore[override]  # it never returns
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await asyncio.Future()
        finally:
            self.in_flight -= 1


async def told_at(machine: Machine, bad: Sink) -> list[list[float]]:
    """Return when each healthy destination was told of 300 alerts, one each second, beside a bad one."""
    sinks = {name: machine.sink(seconds=0.1) for name in HEALTHY}
    outbox = machine.outbox({**sinks, "bad": bad})
    async with asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        for second in range(300):
            made = [at(second, notification(1, incident=f"i{second}", destination=name)) for name in (*sinks, "bad")]
            await machine.commit(*made, outbox=outbox)
            await machine.clock.sleep(1)
        outbox.stop(0)
    return [sink.times for sink in sinks.values()]


@pytest.mark.parametrize("bad", ["hangs", "refuses the connection", "refuses every message", "answers"])
def test_a_dead_destination_changes_no_instant_of_the_others(play: Play, bad: str) -> None:
    async def scene(machine: Machine) -> None:
        sinks = {
            "hangs": Hung(machine.clock, concurrency=4),
            "refuses the connection": machine.sink([REFUSED] * 10_000),
            "refuses every message": machine.sink([UNAUTHORIZED] * 10_000),
            "answers": machine.sink(),
        }
        assert await told_at(machine, sinks[bad]) == [[float(second) for second in range(300)]] * 9

    play(scene)


def test_what_is_in_flight_is_bounded_and_the_first_of_each_destination_has_its_place(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        hung = {f"hung{n}": Hung(machine.clock, concurrency=4) for n in range(80)}
        healthy = machine.sink()
        made = [notification(1, incident=f"i{n}", destination=name) for name in (*hung, "mail") for n in range(10)]
        await machine.commit(*made)
        await machine.run(29, **hung, mail=healthy)
        assert sum(sink.most_in_flight for sink in hung.values()) == 80 + 64
        assert healthy.times == [0.0] * 10

    play(scene)


def test_places_are_given_back_to_those_who_wait(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sinks = {f"slow{n}": machine.sink(concurrency=4, seconds=1) for n in range(40)}
        await machine.commit(
            *(notification(1, incident=f"i{n}", destination=name) for name in sinks for n in range(10))
        )
        await machine.run(60, **sinks)
        assert sorted(set((await machine.states()).values())) == ["sent"]
        assert max(sink.times[-1] for sink in sinks.values()) < 5

    play(scene)


def test_who_waits_longest_for_a_place_is_called_first() -> None:
    pool, called = Pool(1), list[str]()
    calls = {name: (lambda name=name: called.append(name)) for name in "ab"}
    assert pool.take(calls["a"])
    assert not pool.take(calls["a"])
    assert not pool.take(calls["b"])
    pool.give_back()
    assert called == ["a"]
    assert pool.take(calls["a"])
    pool.give_back()
    assert called == ["a", "b"]


def test_the_order_of_the_queue_is_critical_then_ends_then_news_then_digests(play: Play) -> None:
    async def scene(machine: Machine) -> None:
        sink = machine.sink(seconds=1)
        await machine.commit(
            notification(1, NotificationKind.DIGEST, incident="digest"),
            notification(1, NotificationKind.UPDATE, incident="update"),
            notification(1, NotificationKind.RESOLVED, incident="resolved"),
            notification(1, incident="critical", severity=Severity.CRITICAL),
        )
        await machine.run(10, hook=sink)
        assert [request.id.split("/")[0] for request in sink.requests] == ["critical", "resolved", "update", "digest"]

    play(scene)
