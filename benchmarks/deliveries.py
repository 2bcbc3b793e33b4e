"""The outbox under load while destinations fail: is everything accounted for, is memory bounded, do the others notice?

    python benchmarks/deliveries.py soak [--seconds N] [--rate N] [--folder PATH] [--json]
    python benchmarks/deliveries.py dead [--seconds N] [--rate N] [--folder PATH] [--json]

`soak`: 10 destinations are offered so many notifications a second in all: incidents that open, change and end, a third
of which go on. One never answers, one refuses the connection, one refuses every message. The conservation balance must
be zero for each destination: what was created is what has ended and what waits. The memory must be flat from the second
minute on. Anything else makes the exit code 1. `dead`: the p99 of nine destinations beside a tenth that answers, and
beside one that hangs. Rounds of both follow one another, each is first in every other pair, so that both see the same
machine; the change is the median over the pairs, given with the interval in which it is with 95 % certainty (that of
the sign test, which asks nothing of the distribution). Offer few: what queues up for the processor measures the
machine. The folder should be on the disk that is meant.
"""

import argparse
import asyncio
import json
import math
import random
import resource
import statistics
import sys
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from kwatch.clock import SystemClock
from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.model.decisions import Decision
from kwatch.model.notifications import (
    Delivery,
    DeliveryState,
    Message,
    Notification,
    NotificationKind,
    Receipt,
    Thread,
)
from kwatch.outbox.outbox import Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import notification

BODY = b"x" * 2000
LIFE = (NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED)
#: Incidents that go on at the same time.
LANES = 300
#: Notifications of one commit, as many as come in 20 ms.
TICK = 0.02
#: Characters of a line, where the terminal does not say.
WIDTH = 160
#: Growth of memory from the second to the last minute, in MiB, that still counts as flat.
FLAT_MIB = 3.0


class Healthy:
    """A destination that takes everything after 2 ms, and notes how long each was under way."""

    concurrency = 4
    max_age = timedelta(hours=24)
    timeout = 30.0

    def __init__(self) -> None:
        self.seconds = array("d")  # a list of them would be what grows

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return Message(BODY)

    async def close(self) -> None:
        pass

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        waited = SystemClock().now() - delivery.notification.created_at
        self.seconds.append(waited.total_seconds())
        await asyncio.sleep(0.002)
        return Receipt()


class Hanging(Healthy):
    """One that takes the connection and never answers."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return await asyncio.Future()


class Refusing(Healthy):
    """One whose port is closed."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        raise RetryableSendError(Failure.RETRY, Reason.REFUSED, "refused")


class Forbidding(Healthy):
    """One that does not know the token any more."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        raise PermanentSendError(Failure.DESTINATION, Reason.UNAUTHORIZED, "401")


def rss_mib() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Load:
    """Offers notifications to destinations in turn, at a rate, and keeps the books."""

    def __init__(self, state: State, channels: Mapping[str, Healthy], counters: Counters) -> None:
        self.offered = 0
        self.rss_mib: list[list[float]] = []  # of each minute
        self._state = state
        self._channels = channels
        self._outbox = Outbox(
            state,
            channels,
            clock=SystemClock(),
            rng=random.Random(),
            counters=counters,
            on_ended=lambda *_: None,
        )

    async def run(self, seconds: float, rate: int) -> None:
        """Offer for so long; then let those who can be told be told, and stop."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._outbox.run())
            began = time.monotonic()
            while (elapsed := time.monotonic() - began) < seconds:
                await self._offer(int(elapsed * rate) - self.offered)
                self._sample(int(elapsed // 60))
                await asyncio.sleep(TICK)
            await self._settle()
            self._outbox.stop(1)

    def _sample(self, minute: int) -> None:
        if minute == len(self.rss_mib):
            self.rss_mib.append([])
        self.rss_mib[minute].append(rss_mib())

    async def _offer(self, count: int) -> None:
        names, now = tuple(self._channels), SystemClock().now()
        made = []
        for number in range(self.offered, self.offered + count):
            lane, step = _place(number // len(names))
            kind = NotificationKind.UPDATE if step == len(LIFE) - 1 and not lane % len(LIFE) else LIFE[step]
            destination = names[number % len(names)]
            made.append(notification(step + 1, kind, incident=f"kw/{lane}", destination=destination, created_at=now))
        self.offered += count
        await self._state.commit(Decision(notifications=tuple(made)))
        self._outbox.wake(names)

    async def _settle(self) -> None:
        """Wait until those who can be told are; nothing else says when."""
        healthy = {name for name, channel in self._channels.items() if type(channel) is Healthy}
        while healthy & (await self._state.queues()).keys():  # noqa: ASYNC110 - the queue is in the file
            await asyncio.sleep(TICK)


def _place(number: int) -> tuple[int, int]:
    """Return incident and step of one destination's n-th notification: the steps of 300 incidents in turn."""
    block, within = divmod(number, LANES * len(LIFE))
    step, lane = divmod(within, LANES)
    return block * LANES + lane, step


async def books(state: State, counters: Counters) -> Mapping[str, Mapping[str, int]]:
    """Return by destination how many were created, how many ended in each way, how many wait, and what is left over."""
    counted: dict[str, Counter[str]] = {}
    for (name, labels), value in counters.read().items():
        if name == "deliveries":
            words = dict(labels)
            counted.setdefault(words["destination"], Counter())[words["state"]] += value
    waiting = await state.queues()
    found = {}
    for destination, states in sorted(counted.items()):
        created = states.pop(DeliveryState.QUEUED.value)
        waits = waiting[destination].queued if destination in waiting else 0
        balance = created - states.total() - waits
        found[destination] = {"created": created, **states, "waiting": waits, "balance": balance}
    return found


def quantiles_ms(seconds: Sequence[float]) -> Mapping[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50_ms": round(cuts[49] * 1000, 1), "p99_ms": round(cuts[98] * 1000, 1)}


def p99_ms(channels: Mapping[str, Healthy]) -> float:
    seconds = [each for channel in channels.values() if type(channel) is Healthy for each in channel.seconds]
    return statistics.quantiles(seconds, n=100)[98] * 1000


async def soak(folder: Path, seconds: float, rate: int) -> Mapping[str, Any]:
    """Return what became of everything, by destination, and the memory by the minute."""
    counters = Counters()
    state = State.open(folder / "state", counters=counters)
    bad = {"hanging": Hanging(), "refusing": Refusing(), "forbidding": Forbidding()}
    channels = {f"healthy{number}": Healthy() for number in range(7)} | bad
    load = Load(state, channels, counters)
    before = rss_mib()
    try:
        await load.run(seconds, rate)
        destinations = await books(state, counters)
    finally:
        state.close()
    waits = {name: quantiles_ms(each.seconds) for name, each in channels.items() if type(each) is Healthy}
    is_whole = load.offered == sum(each["created"] for each in destinations.values())
    minutes = [round(statistics.median(each), 1) for each in load.rss_mib]
    return {
        "offered": load.offered,
        "per_second": round(load.offered / seconds),
        "healthy_p99_ms": round(p99_ms(channels), 1),
        "rss_mib": {"before": round(before, 1), "by_minute": minutes, "peak": round(max(map(max, load.rss_mib)), 1)},
        "rss_is_flat": minutes[-1] - minutes[min(1, len(minutes) - 1)] <= FLAT_MIB,
        "balances": is_whole and not any(each["balance"] for each in destinations.values()),
        "destinations": {name: {**book, **waits.get(name, {})} for name, book in destinations.items()},
    }


async def dead(folder: Path, seconds: float, rate: int) -> Mapping[str, Any]:
    """Return the p99 of nine, beside a tenth that answers and beside one that does not, and what that changes."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for pair in range(max(MIN_PAIRS, round(seconds / TURN / 2))):
        for is_dead in (bool(pair % 2), not pair % 2):
            nine = {f"healthy{number}": Healthy() for number in range(9)}
            state = State.open(folder / f"state{pair}{is_dead}")
            try:
                await Load(state, {**nine, "tenth": Hanging() if is_dead else Healthy()}, Counters()).run(TURN, rate)
            finally:
                state.close()
            found[is_dead].append(p99_ms(nine))
    changes = [100 * (beside - alone) / alone for alone, beside in zip(found[False], found[True], strict=True)]
    low, high = interval(changes)
    return {
        "pairs": len(changes),
        "p99_ms": round(statistics.median(found[False]), 2),
        "p99_beside_a_dead_one_ms": round(statistics.median(found[True]), 2),
        "change_percent": round(statistics.median(changes), 2),
        "change_from_percent": round(low, 2),
        "change_to_percent": round(high, 2),
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return between which of the values their median is, with 95 % certainty: by the ranks of the sign test."""
    ranked, outside, rank = sorted(values), 0.0, 0
    while (outside := outside + math.comb(len(ranked), rank) / 2 ** len(ranked)) <= OUTSIDE:
        rank += 1
    return ranked[max(0, rank - 1)], ranked[len(ranked) - max(1, rank)]


#: The chance that it is below the interval, and that it is above.
OUTSIDE = 0.025
#: Seconds of one round: at 200 a second its p99 is the ninth of 900, not the worst of a few.
TURN = 5.0
#: Fewer pairs have no such interval.
MIN_PAIRS = 6


def tables(figures: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the figures of a soak: of all, and of each destination."""
    whole = Table("what", "value")
    for name, value in figures.items():
        if name != "destinations":
            whole.add_row(name, str(value))
    yield whole
    if "destinations" in figures:
        columns = list(dict.fromkeys(name for book in figures["destinations"].values() for name in book))
        each = Table("destination", *columns)
        for destination, book in figures["destinations"].items():
            each.add_row(destination, *(str(book.get(column, "")) for column in columns))
        yield each


def main() -> None:
    parser = argparse.ArgumentParser(description="Load the outbox while destinations fail.")
    parser.add_argument("what", choices=["soak", "dead"])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    measure = soak if words.what == "soak" else dead
    with tempfile.TemporaryDirectory(dir=words.folder, prefix=".benchmark-") as folder:
        figures = asyncio.run(measure(Path(folder), words.seconds, words.rate))
    if words.json:
        print(json.dumps(figures, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else WIDTH).print(*tables(figures))
    sys.exit(0 if figures.get("rss_is_flat", True) and figures.get("balances", True) else 1)


if __name__ == "__main__":
    main()
