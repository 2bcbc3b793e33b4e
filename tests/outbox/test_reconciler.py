"""The loop beside the outbox."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from kwatch.alerts.announcing import Announcer
from kwatch.alerts.ledger import Ledger
from kwatch.model.notifications import Content
from kwatch.outbox.reconciler import Reconciler
from kwatch.telemetry import Counters
from kwatch.testing.samples import START
from kwatch.testing.virtual import VirtualClock, VirtualLoop

NOTHING = Announcer(Ledger(), cluster="prod", public_url="").standing([], START)


class Replica:
    """Notes when it was told all."""

    def __init__(self, clock: VirtualClock, interval: float, *, fails: bool = False) -> None:
        self.interval = interval
        self.times: list[float] = []
        self._clock = clock
        self._fails = fails

    async def reconcile(self, content: Content) -> tuple[str, ...]:
        assert content is NOTHING
        self.times.append((self._clock.now() - START).total_seconds())
        if self._fails:
            raise LookupError("a bug")
        return ("ok", "refused")


class Other:
    """A channel that is told of changes only."""


def play(act: Callable[[VirtualClock, Counters], Coroutine[Any, Any, None]]) -> Counters:
    counters = Counters()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(act(VirtualClock(START, runner.get_loop()), counters))
    return counters


async def run(reconciler: Reconciler, clock: VirtualClock, seconds: float) -> None:
    task = asyncio.create_task(reconciler.run())
    await clock.sleep(seconds)
    task.cancel()
    await asyncio.wait({task})


def test_each_destination_is_told_at_its_interval_from_the_start_on() -> None:
    async def act(clock: VirtualClock, counters: Counters) -> None:
        often, seldom = Replica(clock, 10), Replica(clock, 25)
        channels = {"often": often, "seldom": seldom, "other": Other()}
        reconciler = Reconciler(channels, lambda _: NOTHING, clock=clock, counters=counters)
        await run(reconciler, clock, 45)
        assert (often.times, seldom.times) == ([0, 10, 20, 30, 40], [0, 25])

    counters = play(act)
    assert counters.read() == {
        ("reconciled", (("destination", "often"), ("outcome", "ok"))): 5,
        ("reconciled", (("destination", "often"), ("outcome", "refused"))): 5,
        ("reconciled", (("destination", "seldom"), ("outcome", "ok"))): 2,
        ("reconciled", (("destination", "seldom"), ("outcome", "refused"))): 2,
    }


def test_a_bug_in_one_channel_stops_neither_it_nor_the_others() -> None:
    async def act(clock: VirtualClock, counters: Counters) -> None:
        wrong, right = Replica(clock, 10, fails=True), Replica(clock, 10)
        reconciler = Reconciler({"wrong": wrong, "right": right}, lambda _: NOTHING, clock=clock, counters=counters)
        await run(reconciler, clock, 15)
        assert (wrong.times, right.times) == ([0, 10], [0, 10])

    counters = play(act)
    assert counters.read()["reconciled", (("destination", "wrong"), ("outcome", "other"))] == 2


def test_other_channels_are_told_at_once() -> None:
    async def act(clock: VirtualClock, counters: Counters) -> None:
        before, after = Replica(clock, 60), Replica(clock, 60)
        reconciler = Reconciler({"am": before}, lambda _: NOTHING, clock=clock, counters=counters)
        running = asyncio.create_task(run(reconciler, clock, 100))
        await clock.sleep(30)
        reconciler.use({"am": after})
        await running
        assert (before.times, after.times) == ([0], [30, 90])

    play(act)
