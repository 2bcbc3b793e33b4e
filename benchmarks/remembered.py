"""Is what is remembered bounded? Memory over virtual hours, while alert after alert is told and over for good.

    python benchmarks/remembered.py [--hours 5] [--json]

In one process, without sockets and disk: `Decider` and `Engine` as they are shipped (`flat.Bench`). Each minute 100
Pods that nobody has seen break, are well again and are deleted. An alert that is over is remembered for an hour, the
last 4,096 objects that are gone, and the fingerprints of the last 16,384 subjects at most, which are all forgotten
together: the fifth hour ends with as many of each as the second. Growth between the two makes the exit code 1.
"""

import argparse
import gc
import json
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cache import pod_lines
from flat import LITTLE, Bench

PODS_A_MINUTE = 100
#: Growth from the second hour to the last, in MB, that still counts as flat.
FLAT_MB = 1.0
#: The first Pod that nobody has seen.
FIRST = 100_000


def an_hour(bench: Bench, hour: int) -> None:
    """Let alerts be told and end, each of another Pod that is gone afterwards."""
    for minute in range(hour * 60, hour * 60 + 60):
        first = FIRST + minute * PODS_A_MINUTE
        ids, version = range(first, first + PODS_A_MINUTE), 10_000_000 * (2 * minute + 1)
        broken = [line.replace(b'"phase":"Running"', b'"phase":"Failed"') for line in pod_lines(ids, version)]
        well = pod_lines(ids, version + 10_000_000)
        for feed, lines in ((bench.feed_pods, broken), (bench.feed_pods, well), (bench.delete_pods, well)):
            feed(lines)
            bench.wait(timedelta(seconds=20))


def measure(hours: int) -> Iterator[float]:
    """Yield the MB beyond those at the start, after each hour."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), *LITTLE)
    gc.collect()
    tracemalloc.start()
    for hour in range(hours):
        an_hour(bench, hour)
        gc.collect()
        yield round(tracemalloc.get_traced_memory()[0] / 1e6, 1)


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = list(measure(arguments.hours))
    is_flat = figures[-1] - figures[min(1, len(figures) - 1)] <= FLAT_MB
    if arguments.json:
        print(json.dumps({"mb_by_hour": figures, "is_flat": is_flat}))
    else:
        print(f"{'hour':>4}{'alerts over':>14}{'MB':>8}")
        for hour, megabytes in enumerate(figures, 1):
            print(f"{hour:>4}{hour * 60 * PODS_A_MINUTE:>14,}{megabytes:>8}")
    sys.exit(0 if is_flat else 1)


if __name__ == "__main__":
    main()
