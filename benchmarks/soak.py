"""Whether kwatch stays as it is: a steady load for minutes, with alerts that open and resolve, to two destinations.

    python benchmarks/soak.py [--minutes N] [--json] [--folder PATH]

Each second it reads kwatch's memory and every queue's length. At the end all is made well, and both ledgers must
balance: what was sent by the API server is what was observed, what was opened is what was told or said to be over
before, and what was created as a delivery is what the receiver got. Anything else makes the exit code 1.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rig import Rig, configuration, rig, total

from kwatch.model.notifications import DeliveryState
from kwatch.store.state import State

EVENTS_PER_SECOND = 500
#: Event objects, whose counts rise. What is remembered of one is kept until an API server has let it die (an hour and a
#: quarter), so distinct ones would fill the memory for longer than a soak takes.
EVENT_OBJECTS = 5000
#: Each breaks every two minutes, so that the first quarter has met them all: what is remembered of a Pod whose alert is
#: over stays for an hour, and new ones would fill the memory for as long.
PODS = 360
#: Pods that break each second, and seconds until each is well again.
BREAKING, BROKEN_FOR = 3, 15
#: Seconds after which everything that was ordered has long been told.
SETTLING = 40
#: Growth of memory from the first to the last quarter, in MB, that still counts as flat.
FLAT_MB = 3.0
#: A queue grows when the median of its last quarter is larger than that of its first by more than this.
GROWTH = 20
GAUGE = "kwatch_destination_queued"


class Sample(NamedTuple):
    """One second."""

    rss_mb: float
    queues: Mapping[str, int]


def soak_configuration(url: str) -> dict[str, Any]:
    """Return the benchmark's rules, one that opens and resolves, and two destinations."""
    config = configuration(url)
    config["rules"][-1] = {
        "name": "benchmark-broken",
        "on": "resource",
        "match": {"kind": "Pod", "labels": {"state": "broken"}},
        "resolve_hold": "2s",
        "flapping": {"transitions": 0},  # each Pod breaks every two minutes, and each time is to be told
        "key": ["namespace", "name"],
    }
    config["route"] |= {"group_wait": "1s", "group_interval": "2s"}
    config["receivers"] = {
        "hook": [{"type": "webhook", "name": name, "url": f"{url}/{name}"} for name in ("first", "second")]
    }
    return config


async def soak(folder: Path, seconds: int, progress: Progress) -> dict[str, Any]:
    """Run the load, and return the samples, the ledgers and what is wrong with them."""
    async with rig(folder / "run", pods=PODS, configured=soak_configuration) as running:
        await running.log_line('"watching"')
        before = await running.metrics()
        samples = await _load(running, seconds, progress)
        await asyncio.sleep(SETTLING)
        after = await running.metrics()
        arrived = len(running.arrivals)
        await running.stop()
    kept = await _deliveries(folder / "run" / "state")
    ordered = Counter({"events": EVENTS_PER_SECOND * seconds, "pod updates": 2 * BREAKING * seconds})
    return {**_growth(samples), **_ledgers(after - before, after, ordered, kept, arrived)}


async def _load(running: Rig, seconds: int, progress: Progress) -> list[Sample]:
    task = progress.add_task("soaking", total=seconds)
    running.order(what="events", count=EVENTS_PER_SECOND * seconds, rate=EVENTS_PER_SECOND, names=EVENT_OBJECTS)
    samples = []
    began = time.monotonic()
    for second in range(seconds):
        running.order(what="pods", first=second * BREAKING % PODS, count=BREAKING, state="broken")
        if second >= BROKEN_FOR:
            running.order(what="pods", first=(second - BROKEN_FOR) * BREAKING % PODS, count=BREAKING, state="well")
        await asyncio.sleep(max(0.0, began + second + 1 - time.monotonic()))
        metrics = await running.metrics()
        queues = {name: value for name, value in metrics.items() if name.startswith(GAUGE)}
        samples.append(Sample(running.memory(), queues))
        progress.advance(task)
    for second in range(max(0, seconds - BROKEN_FOR), seconds):
        running.order(what="pods", first=second * BREAKING % PODS, count=BREAKING, state="well")
    return samples


async def _deliveries(folder: Path) -> Mapping[DeliveryState, int]:
    """Return how many deliveries the state has, by their state."""
    state = State.open(folder)
    try:
        counts = await state.counts()
    finally:
        state.close()
    summed: Counter[DeliveryState] = Counter()
    for by_state in counts.values():
        summed.update(by_state)
    return summed


def _growth(samples: list[Sample]) -> dict[str, Any]:
    quarter = max(1, len(samples) // 4)
    first, last = samples[:quarter], samples[-quarter:]
    rss = [statistics.median(sample.rss_mb for sample in part) for part in (first, last)]
    queues = {}
    for name in samples[-1].queues:
        early, late = (statistics.median(s.queues.get(name, 0) for s in part) for part in (first, last))
        queues[name] = {"first": early, "last": late, "most": max(s.queues.get(name, 0) for s in samples)}
    minutes = (samples[start : start + 60] for start in range(0, len(samples), 60))
    return {
        "rss_mb_by_minute": [round(statistics.median(each.rss_mb for each in minute), 1) for minute in minutes],
        "rss_first_mb": round(rss[0], 1),
        "rss_last_mb": round(rss[1], 1),
        "rss_is_flat": rss[1] - rss[0] <= FLAT_MB,
        "queues": queues,
        "queues_are_steady": all(queue["last"] - queue["first"] <= GROWTH for queue in queues.values()),
    }


def _ledgers(
    change: Counter[str],
    after: Counter[str],
    ordered: Counter[str],
    kept: Mapping[DeliveryState, int],
    arrived: int,
) -> dict[str, Any]:
    observed = total(change, "observations")
    opened = total(change, "decisions", 'outcome="opened"')
    ends = ("led_to_notification", "came_and_went", "muted_inhibited", "muted_severity")
    told = sum(total(change, "decisions", f'outcome="{end}"') for end in ends)
    firing = sum(value for name, value in after.items() if name.startswith("kwatch_alerts_firing"))
    return {
        "ordered": dict(ordered),
        "observed": observed,
        "opened": opened,
        "told": told,
        "still_firing": firing,
        "deliveries": {state.value: count for state, count in kept.items() if count},
        "received": arrived,
        "observations_balance": observed == sum(ordered.values()) and opened == told,
        "deliveries_balance": sum(kept.values()) == kept.get(DeliveryState.SENT, 0) == arrived,
    }


VERDICTS = ("rss_is_flat", "queues_are_steady", "observations_balance", "deliveries_balance")


def table_of(result: Mapping[str, Any]) -> Table:
    table = Table("what", "value")
    for name, value in result.items():
        shown = ("[green]yes" if value else "[red]no") if name in VERDICTS else str(value)
        table.add_row(name, shown)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Load kwatch steadily for minutes.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(), help="where state is kept meanwhile")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    with (
        tempfile.TemporaryDirectory(dir=arguments.folder.resolve(), prefix=".benchmark-") as name,
        Progress(console=console, transient=True) as progress,
    ):
        result = asyncio.run(soak(Path(name), int(arguments.minutes * 60), progress))
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        console.print(table_of(result))
    sys.exit(0 if all(result[name] for name in VERDICTS) else 1)


if __name__ == "__main__":
    main()
