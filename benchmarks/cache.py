"""What the object cache costs: memory of tracked Pods, time of a Pod update from its bytes to what rules compare.

    python benchmarks/cache.py [--pods 50000] [--json]

The Pod is a real one (`pod.json`, 5.3 KB with its managedFields); names, namespaces and uids differ. The projection
holds paths such as the default rules ask for.
"""

import argparse
import gc
import json
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from kwatch.model.objects import Resource, Source, WatchEvent, WatchEventType
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from kwatch.watch.frames import OBJECTS

PODS = Source(Resource("", "v1", "Pod", "pods", namespaced=True))
NOW = datetime(2026, 11, 21, tzinfo=UTC)
STATUSES = ("status", "containerStatuses", None)
PATHS = frozenset(
    {
        ("status", "phase"),
        ("status", "reason"),
        (*STATUSES, "ready"),
        (*STATUSES, "restartCount"),
        (*STATUSES, "state", "waiting", "reason"),
        (*STATUSES, "state", "terminated", "exitCode"),
        (*STATUSES, "lastState", "terminated", "reason"),
        (*STATUSES, "lastState", "terminated", "exitCode"),
        ("spec", "containers", None, "image"),
    }
)


def pod_lines(numbers: range, version: int) -> list[bytes]:
    """Return one frame per Pod; `version` tells updates from what was there."""
    template = (Path(__file__).parent / "pod.json").read_text()
    return [
        template.replace("9msmn", f"{number:05x}")
        .replace("ec6e093289bd", f"{number:012x}")
        .replace('"602"', f'"{version + number}"')
        .replace('"payments"', f'"team-{number % 200}"')
        .encode()
        for number in numbers
    ]


def rss() -> float:
    """Return the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def feed(cache: ObjectCache, lines: list[bytes], kind: WatchEventType) -> list[float]:
    """Apply frames and return the microseconds of each."""
    times = []
    for line in lines:
        begin = time.perf_counter_ns()
        frame = OBJECTS.frame(line)
        event = WatchEvent(kind, frame.object, OBJECTS.version(frame.object), NOW)
        (change,) = cache.apply(PODS, event)
        assert change.state.values
        times.append((time.perf_counter_ns() - begin) / 1e3)
    return times


def measure(pods: int) -> dict[str, float]:
    """Return the figures by name."""
    gc.collect()
    cache = ObjectCache()
    cache.keep(PODS.resource, Projection(PATHS))
    before = rss()
    for start in range(0, pods, 1000):
        feed(cache, pod_lines(range(start, start + 1000), 1000), WatchEventType.LISTED)
    gc.collect()
    held = rss() - before
    times = feed(cache, pod_lines(range(5000), 1_000_000), WatchEventType.MODIFIED)
    begin = time.perf_counter()
    uids = cache.uids("Pod", "", "")
    assert len(uids) == pods
    return {
        "pods": pods,
        "memory_mb": round(held, 1),
        "bytes_per_pod": round(held * 1e6 / pods),
        "update_p50_us": round(statistics.median(times), 1),
        "update_p99_us": round(statistics.quantiles(times, n=100)[98], 1),
        "uids_ms": round((time.perf_counter() - begin) * 1e3, 1),
    }


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.pods)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:16} {value:>12,}")


if __name__ == "__main__":
    main()
