"""Batches in order, commits together, and what happens while the store fails; store and decider are plain ones."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from kwatch.errors import StateError
from kwatch.model.decisions import Decision, Row, Table
from kwatch.model.objects import Batch, Resource, Source, WatchEvent, WatchEventType
from kwatch.pipeline import INBOX_SIZE, MAX_AHEAD, Pipeline
from kwatch.telemetry import Counters
from kwatch.testing import virtual

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
PODS = Source(Resource("", "v1", "Pod", "pods", namespaced=True))


def batch(name: str, size: int = 1) -> Batch:
    event = WatchEvent(WatchEventType.ADDED, {}, name, START)
    return Batch(PODS, (event,) * size, name, START)


class Decisions:
    """Decides that each batch is a row; times are seconds since the start."""

    def __init__(self, clock: virtual.VirtualClock) -> None:
        self.decided: list[str] = []
        self.ticks: list[float] = []
        self.wakes: list[float] = []  # when it wants to be woken
        self.malformed = ""
        self.bad_tick = False
        self.bad_take = False
        self._clock = clock
        self._rows: list[Row] = []

    def decide(self, batch: Batch, now: datetime) -> None:
        if batch.resource_version == self.malformed:
            raise KeyError("metadata")
        self.decided.append(batch.resource_version)
        self._rows.append(Row(Table.SEEN, batch.resource_version, b""))

    def tick(self, now: datetime) -> None:
        at = (now - START).total_seconds()
        self.ticks.append(at)
        if self.bad_tick:
            raise ZeroDivisionError
        self.wakes = [wake for wake in self.wakes if wake > at]

    def wake_at(self) -> datetime | None:
        return START + timedelta(seconds=self.wakes[0]) if self.wakes else None

    def take(self) -> Decision | None:
        if self.bad_take:
            raise OverflowError("no such row")
        rows, self._rows = tuple(self._rows), []
        return Decision(rows=rows, counters={"opened": len(rows)}) if rows else None


class Disk:
    """Takes `seconds` for a commit, fails while `failure` is there, and keeps what it was given, in order."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.attempts: list[list[str]] = []
        self.seconds = 0.0
        self.failure: Exception | None = None

    async def commit(self, decision: Decision) -> None:
        keys = [row.key for row in decision.rows]
        self.attempts.append(keys)
        await asyncio.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure
        self.commits.append(keys)


class Bench:
    """A running pipeline."""

    def __init__(self) -> None:
        self.clock = virtual.VirtualClock(START, asyncio.get_running_loop())
        self.decider = Decisions(self.clock)
        self.disk = Disk()
        self.counters = Counters()
        self.woken: list[set[str]] = []
        self.pipeline = Pipeline(
            self.decider,
            self.disk,
            clock=self.clock,
            counters=self.counters,
            wake=self._wake,
            heed_clock=lambda: None,
        )
        self.running = asyncio.create_task(self.pipeline.run())

    def _wake(self, destinations: Iterable[str]) -> None:
        self.woken.append(set(destinations))

    def counted(self, name: str) -> int:
        return sum(number for (counter, _), number in self.counters.read().items() if counter == name)

    async def put(self, *names: str) -> None:
        for name in names:
            await self.pipeline.put(batch(name))

    async def end(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


def bench(play: Callable[[Bench], Coroutine[None, None, None]]) -> Bench:
    """Run a play with a pipeline in virtual time, for an hour at most."""

    async def main() -> Bench:
        made = Bench()
        async with asyncio.timeout(3600):
            await play(made)
        await made.end()
        return made

    return virtual.run(main())


def test_batches_are_decided_in_their_order_and_committed() -> None:
    async def play(on: Bench) -> None:
        await on.put("1", "2", "3")
        await asyncio.sleep(1)

    made = bench(play)
    assert made.decider.decided == ["1", "2", "3"]
    assert [key for keys in made.disk.commits for key in keys] == ["1", "2", "3"]
    assert made.counted("decisions") == 3
    assert made.woken


def test_a_step_has_its_turn_after_the_batches_that_came_before() -> None:
    async def play(on: Bench) -> None:
        await on.put("1")
        on.pipeline.submit(lambda now: on.decider.decided.append("step"))
        await on.put("2")
        await asyncio.sleep(1)

    assert bench(play).decider.decided == ["1", "step", "2"]


def test_what_is_decided_during_a_commit_is_committed_together() -> None:
    async def play(on: Bench) -> None:
        on.disk.seconds = 1.0
        await on.put("1")
        await asyncio.sleep(0.5)
        await on.put("2", "3", "4")
        await asyncio.sleep(5)

    assert bench(play).disk.commits == [["1"], ["2", "3", "4"]]


def test_a_full_inbox_makes_the_watches_wait() -> None:
    async def play(on: Bench) -> None:
        names = [str(number) for number in range(INBOX_SIZE + 1)]
        putting = asyncio.create_task(on.put(*names))
        on.running.cancel()  # nobody decides
        await asyncio.sleep(1)
        assert not putting.done()
        on.running = asyncio.create_task(on.pipeline.run())
        await putting
        await asyncio.sleep(1)
        assert on.decider.decided == names

    bench(play)


def test_no_more_than_a_bound_is_decided_ahead_of_a_slow_commit() -> None:
    async def play(on: Bench) -> None:
        on.disk.seconds = 10.0
        await on.put("1")
        await asyncio.sleep(1)
        for name in ("2", "3", "4"):
            await on.pipeline.put(batch(name, MAX_AHEAD // 2))
        await asyncio.sleep(1)
        assert on.decider.decided == ["1", "2", "3"]
        await asyncio.sleep(60)

    made = bench(play)
    assert made.decider.decided == ["1", "2", "3", "4"]
    assert made.disk.commits == [["1"], ["2", "3"], ["4"]]


def test_a_failing_store_stops_intake_and_nothing_is_lost() -> None:
    names = [str(number) for number in range(100)]

    async def play(on: Bench) -> None:
        on.disk.failure = StateError("the disk is full")
        putting = asyncio.create_task(on.put(*names))
        await asyncio.sleep(60)
        assert not putting.done()
        assert on.pipeline.store_error == "the disk is full"
        decided = len(on.decider.decided)
        assert decided < 4
        await asyncio.sleep(600)
        assert len(on.decider.decided) == decided
        assert {tuple(attempt) for attempt in on.disk.attempts} == {("0",)}  # the same decision, again and again
        on.disk.failure = None
        await putting
        await asyncio.sleep(10)
        assert on.pipeline.store_error == ""

    made = bench(play)
    assert [key for keys in made.disk.commits for key in keys] == names
    assert made.counted("commit_failures") > 100


def test_a_store_that_fails_while_there_is_nothing_to_do_stops_the_next_step() -> None:
    """The commit fails when deciding already waits for work: what arrives then must wait too."""

    async def play(on: Bench) -> None:
        on.disk.seconds = 1.0
        on.disk.failure = StateError("the disk is full")
        await on.put("1")
        await asyncio.sleep(2)
        await on.put("2")
        await asyncio.sleep(60)
        assert on.decider.decided == ["1"]

    bench(play)


def test_a_bug_in_a_commit_is_held_like_a_failing_store(caplog: pytest.LogCaptureFixture) -> None:
    async def play(on: Bench) -> None:
        on.disk.failure = TypeError("a bug")
        await on.put("1")
        await asyncio.sleep(60)
        assert on.pipeline.store_error == "a bug"
        on.disk.failure = None
        await asyncio.sleep(10)

    assert bench(play).disk.commits == [["1"]]
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]


def test_a_bug_in_taking_a_decision_is_held_too() -> None:
    async def play(on: Bench) -> None:
        on.decider.bad_take = True
        await on.put("1")
        await asyncio.sleep(60)
        assert on.pipeline.store_error == "no such row"
        on.decider.bad_take = False
        await asyncio.sleep(10)

    assert bench(play).disk.commits == [["1"]]


def test_a_step_that_raises_costs_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def play(on: Bench) -> None:
        on.decider.malformed = "2"
        await on.put("1", "2", "3")
        await asyncio.sleep(10)

    made = bench(play)
    assert made.decider.decided == ["1", "3"]
    assert made.counted("decide_errors") == 1
    assert "deciding failed by a bug" in caplog.text
    assert "KeyError" in caplog.text


def test_a_timer_that_raises_again_and_again_does_not_spin() -> None:
    async def play(on: Bench) -> None:
        on.decider.bad_tick = True
        on.decider.wakes = [5.0]
        await on.put("1")
        await asyncio.sleep(60)

    made = bench(play)
    assert made.disk.commits == [["1"]]
    assert len(made.decider.ticks) < 70


def test_timers_run_when_they_are_due() -> None:
    async def play(on: Bench) -> None:
        on.decider.wakes = [7.5, 90.0]
        await asyncio.sleep(100)

    assert bench(play).decider.ticks == [7.5, 90.0]


def test_timers_wait_for_what_arrived_before_they_were_due() -> None:
    async def play(on: Bench) -> None:
        await on.put("1", "2", "3")
        await asyncio.sleep(0.5)

    assert bench(play).decider.ticks == [0.0, 0.0]  # the first as none has run yet, then when the inbox is empty


class BusyClock(virtual.VirtualClock):
    """Each look at it takes 10 ms, as if deciding did."""

    looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return START + timedelta(milliseconds=10 * self.looks)


def test_timers_run_each_second_also_under_a_flood() -> None:
    async def flood() -> list[float]:
        clock = BusyClock(START, asyncio.get_running_loop())
        decider = Decisions(clock)
        pipeline = Pipeline(
            decider, Disk(), clock=clock, counters=Counters(), wake=lambda _: None, heed_clock=lambda: None
        )

        def again(_: datetime) -> None:
            if clock.looks < 500:
                pipeline.submit(again)

        pipeline.submit(again)
        pipeline.submit(again)  # so that the inbox is never empty
        running = asyncio.create_task(pipeline.run())
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return decider.ticks

    assert virtual.run(flood())[:5] == [0.03, 1.03, 2.03, 3.03, 4.03]


def test_finishing_commits_what_was_under_way_and_what_has_arrived() -> None:
    async def play(on: Bench) -> None:
        on.disk.seconds = 1.0
        await on.put("1")
        await asyncio.sleep(0.5)
        await on.put("2")
        await asyncio.sleep(0.1)
        await on.end()  # in the middle of the commit of 1
        await on.put("3")
        await on.pipeline.finish(5.0)

    assert bench(play).disk.commits == [["1"], ["2", "3"]]


def test_finishing_gives_up_a_failing_store_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    async def play(on: Bench) -> None:
        on.disk.failure = StateError("the disk is full")
        await on.put("1")
        await asyncio.sleep(10)
        await on.end()
        before = on.clock.monotonic()
        await on.pipeline.finish(5.0)
        assert on.clock.monotonic() - before == 5.0

    assert bench(play).disk.commits == []
    assert "the next start decides again" in caplog.text


def test_a_step_is_answered_once_its_commit_is_durable() -> None:
    async def play(made: Bench) -> None:
        made.disk.seconds = 2.0
        answer = await made.pipeline.perform(lambda now: made.decider.decide(batch("by-hand"), now))
        assert answer is None
        assert made.clock.now() == START + timedelta(seconds=2)
        assert made.disk.commits == [["by-hand"]]

    bench(play)


def test_a_step_that_decides_nothing_is_answered_too() -> None:
    async def play(made: Bench) -> None:
        assert await made.pipeline.perform(lambda _: 7) == 7

    assert bench(play).disk.commits == []


def test_a_step_is_not_answered_while_the_store_fails() -> None:
    async def play(made: Bench) -> None:
        made.disk.failure = StateError("disk full")
        asking = asyncio.create_task(made.pipeline.perform(lambda now: made.decider.decide(batch("by-hand"), now)))
        await asyncio.sleep(60)
        assert not asking.done()
        made.disk.failure = None
        await asking
        assert made.disk.commits == [["by-hand"]]

    bench(play)


def test_what_a_step_raises_is_raised_to_who_asked() -> None:
    def refuse(_: datetime) -> None:
        raise ValueError("no")

    async def play(made: Bench) -> None:
        with pytest.raises(ValueError, match="no"):
            await made.pipeline.perform(refuse)
        await made.put("next")

    assert bench(play).counted("decide_errors") == 0


def test_who_asked_and_cannot_be_answered_before_the_end_hears_so() -> None:
    async def play(made: Bench) -> None:
        made.disk.failure = StateError("disk full")
        asking = asyncio.create_task(made.pipeline.perform(lambda now: made.decider.decide(batch("by-hand"), now)))
        await asyncio.sleep(1)
        await made.end()
        await made.pipeline.finish(5.0)
        with pytest.raises(StateError, match="kwatch is stopping: look before you ask again"):
            await asking
        with pytest.raises(StateError, match="kwatch is stopping: ask again when it runs"):
            await made.pipeline.perform(lambda _: 7)

    bench(play)


def test_who_asked_just_before_the_end_is_answered_once_it_is_durable() -> None:
    async def play(made: Bench) -> None:
        made.disk.seconds = 2.0
        await made.put("1")
        await asyncio.sleep(1)
        asking = asyncio.create_task(made.pipeline.perform(lambda now: made.decider.decide(batch("by-hand"), now)))
        await asyncio.sleep(0.5)
        await made.end()
        await made.pipeline.finish(5.0)
        await asking
        assert made.disk.commits[-1] == ["by-hand"]

    bench(play)
