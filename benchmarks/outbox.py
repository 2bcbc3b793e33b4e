"""How fast the outbox is: durable commits, and deliveries to one receiver that answers at once.

    python benchmarks/outbox.py [--notifications N] [--concurrency N] [--folder PATH] [--json]

The folder should be on the disk that is meant: on a RAM disk an fsync costs nothing. Everything is as shipped: WAL,
`synchronous=FULL`, the writer's own thread, and for each delivery a lease and an outcome, on disk before it goes on.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import msgspec

from kwatch.clock import SystemClock
from kwatch.model.decisions import Checkpoint, Decision
from kwatch.model.notifications import Delivery, DeliveryState, Message, Notification, Receipt, Thread
from kwatch.outbox.outbox import Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import notification

BODY = b"x" * 2000


class NoOp:
    """A receiver that takes everything at once."""

    max_age = timedelta(hours=24)
    timeout = 30.0

    def __init__(self, concurrency: int, expected: int) -> None:
        self.concurrency = concurrency
        self.done = asyncio.Event()
        self._left = expected

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return Message(BODY)

    async def close(self) -> None:
        pass

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        self._left -= 1
        if not self._left:
            self.done.set()
        return Receipt()


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure_commits(state: State, count: int) -> Mapping[str, float]:
    """Commit one notification and one checkpoint at a time, each awaited."""
    clock, times = SystemClock(), []
    for number in range(count):
        made = msgspec.structs.replace(notification(1, incident=f"alone{number}"), created_at=clock.now())
        decision = Decision(notifications=(made,), checkpoints=(Checkpoint("v1/events", str(number), clock.now()),))
        began = time.perf_counter()
        await state.commit(decision)
        times.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(times, n=100)
    return {"commit_p50_ms": cuts[49], "commit_p99_ms": cuts[98]}


async def measure_deliveries(state: State, concurrency: int, count: int) -> Mapping[str, float]:
    """Deliver what was committed, `count` in all, each in a lane of its own."""
    channel = NoOp(concurrency, count)
    outbox = Outbox(
        state,
        {"hook": channel},
        clock=SystemClock(),
        rng=random.Random(),
        counters=Counters(),
        on_ended=lambda *_: None,
    )
    began, cpu_began = time.perf_counter(), cpu_seconds()
    async with asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        await channel.done.wait()
        outbox.stop(10)
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu_began
    ledger = await state.counts()
    if ledger != {"hook": {DeliveryState.SENT: count}}:
        raise SystemExit(f"not everything was sent: {ledger}")
    return {"deliveries_per_s": count / seconds, "cpu_us_per_delivery": cpu / count * 1e6}


async def measure(folder: Path, count: int, concurrency: int) -> Mapping[str, float]:
    state = State.open(folder / "state")
    try:
        commits = await measure_commits(state, count)
        return {**commits, **await measure_deliveries(state, concurrency, count)}
    finally:
        state.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure durable commits and deliveries.")
    parser.add_argument("--notifications", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix=".benchmark-") as folder:
        figures = asyncio.run(measure(Path(folder), arguments.notifications, arguments.concurrency))
    settings = {"synchronous": "FULL", "notifications": arguments.notifications, "concurrency": arguments.concurrency}
    if arguments.json:
        print(json.dumps({**settings, **{name: round(value, 3) for name, value in figures.items()}}))
        return
    for name, value in {**settings, **figures}.items():
        print(f"{name:<22}{value:>12.3f}" if isinstance(value, float) else f"{name:<22}{value:>12}")


if __name__ == "__main__":
    main()
