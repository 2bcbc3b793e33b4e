"""Does the cost stay flat? CPU µs of the deciding thread per watch event, with little and with much of everything.

    python benchmarks/flat.py [--runs 3] [--json]

In one process, without sockets and disk: `Decider` and `Engine` as they are shipped, fed with decoded frames in batches
of 100, timers and `take` (the rows that a commit would write) after each. Little is 50 rules, no silence and no open
alert but the 200 that are counted into; much is 500 rules, 10,000 open alerts of as many groups, 1,000 silences.
"""

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml
from cache import PODS, pod_lines
from rig import _bystander, configuration

from kwatch.alerts.engine import Engine
from kwatch.config.load import load
from kwatch.deciding.coverage import Coverage
from kwatch.deciding.decider import Decider
from kwatch.model.conditions import AllOf, LabelIs, Regex, Text
from kwatch.model.objects import Batch, Resource, Source, WatchEvent, WatchEventType
from kwatch.model.silences import Silence
from kwatch.namespaces import NamespaceFilter
from kwatch.rules.compile import RuleSet
from kwatch.telemetry import Counters
from kwatch.testing import manifests
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from kwatch.watch.frames import OBJECTS
from kwatch.watch.normalise import EVENT_DECODER

EVENTS = Source(Resource("events.k8s.io", "v1", "Event", "events", namespaced=True))
START = datetime(2026, 11, 21, tzinfo=UTC)
BATCH, BATCHES = 100, 40
PODS_KNOWN, HOT = 10_000, 200
LITTLE = (50, HOT, 0)
CASES = {
    "little": LITTLE,
    "500 rules": (500, HOT, 0),
    "10,000 alerts": (50, 10_000, 0),
    "1,000 silences": (50, HOT, 1000),
    "all together": (500, 10_000, 1000),
}
OWN: list[dict[str, Any]] = [
    {"name": "flat", "on": "event", "match": {"kind": "Pod", "reason": "Flat"}, "key": ["namespace", "name"]},
    {
        "name": "down",
        "on": "event",
        "match": {"kind": "Node", "reason": "Down"},
        "key": ["name"],
        "on_delete": "resolve",
    },
    {
        "name": "broken",
        "on": "resource",
        "match": {"kind": "Pod", "fields": {"status.phase": "Failed"}},
        "resolve_hold": "0s",
        "key": ["namespace", "name"],
    },
]


class Bench:
    """kwatch's deciding part with so much of everything."""

    def __init__(self, folder: Path, rules: int, alerts: int, silences: int) -> None:
        path = folder / "kwatch.yaml"
        path.write_text(yaml.safe_dump(_configuration(rules)))
        config = load(path, environ={})
        assert len(config.rules) == rules
        compiled = RuleSet(config.rules, cluster="c", label_names=())
        self._engine = Engine(config.engine, cluster="c")
        self._engine.load((), (), started_at=START, covered_until=START - timedelta(hours=1))
        cache = ObjectCache()
        cache.keep(PODS.resource, Projection(compiled.needs()["Pod"].paths))
        self._now, self._version, self._alerts = START, 1000, alerts
        self._decider = Decider(
            rules=compiled,
            cache=cache,
            engine=self._engine,
            counters=Counters(),
            namespaces=NamespaceFilter(include=("*",), exclude=(), selector=None, labels_of=lambda _: None),
            look_up=lambda _: None,
            coverage=Coverage({}, started_at=START - timedelta(hours=1)),
        )
        self._feed(PODS, WatchEventType.LISTED, _pods(pod_lines(range(PODS_KNOWN), 1000)))
        self._decider.start_complete(START)
        for first in range(0, alerts, BATCH):
            self.feed_events(_event("Flat", number, 1) for number in range(first, first + BATCH))
        self._now += timedelta(minutes=1)
        self._settle()
        opened = [view for view in self._engine.insight.alerts(self._now) if view.rule == "flat"]
        assert len(opened) == alerts
        for number in range(silences):
            self._engine.add_silence(_silence(number, self._now), "bench", self._now)

    def feed_events(self, bodies: Iterable[dict[str, Any]]) -> float:
        """Decide a batch of Events and return the CPU seconds that took."""
        return self._feed(EVENTS, WatchEventType.ADDED, [_decoded(body) for body in bodies])

    def feed_pods(self, lines: list[bytes]) -> float:
        """Decide a batch of updates of Pods."""
        return self._feed(PODS, WatchEventType.MODIFIED, _pods(lines))

    def delete_pods(self, lines: list[bytes]) -> float:
        """Decide a batch of deletions of Pods."""
        return self._feed(PODS, WatchEventType.DELETED, _pods(lines))

    def wait(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
        self._settle()

    def _feed(self, source: Source, kind: WatchEventType, bodies: Iterable[Any]) -> float:
        self._version += 1
        frames = tuple(WatchEvent(kind, body, str(self._version), self._now) for body in bodies)
        batch = Batch(source, frames, str(self._version), self._now)
        self._now += timedelta(milliseconds=10)
        begin = time.thread_time()
        self._decider.decide(batch, self._now)
        self._settle()
        return time.thread_time() - begin

    def _settle(self) -> None:
        self._decider.tick(self._now)
        self._decider.take()

    # what is fed

    def uninteresting(self, n: int) -> float:
        """Events of a reason that no rule names."""
        return self.feed_events(_event("Pulled", number, n + 1) for number in _numbers(n))

    def unfamiliar(self, n: int) -> float:
        """Events of reasons and namespaces that were never seen together."""
        return self.feed_events(_event(f"Odd{number % 50}", number, 1, f"ns-{n}-{number}") for number in _numbers(n))

    def counted(self, n: int) -> float:
        """Events that are counted into open alerts."""
        return self.feed_events(_event("Flat", number % HOT, 2 + n) for number in _numbers(n))

    def updated(self, n: int) -> float:
        """Updates of Pods that are as healthy as before."""
        return self.feed_pods(
            pod_lines(range(n * BATCH % PODS_KNOWN, n * BATCH % PODS_KNOWN + BATCH), 100_000 * (n + 1))
        )

    def opened(self, n: int) -> float:
        """Pods that break, and then are well: an alert each, told and over."""
        lines = pod_lines(range(n * BATCH % PODS_KNOWN, n * BATCH % PODS_KNOWN + BATCH // 2), 10_000_000 * (2 * n + 1))
        broken = [line.replace(b'"phase":"Running"', b'"phase":"Failed"') for line in lines]
        assert broken != lines
        well = pod_lines(range(n * BATCH % PODS_KNOWN, n * BATCH % PODS_KNOWN + BATCH // 2), 10_000_000 * (2 * n + 2))
        return self.feed_pods(broken) + self.feed_pods(well)


def _numbers(n: int) -> range:
    return range(n * BATCH, (n + 1) * BATCH)


def _configuration(rules: int) -> dict[str, Any]:
    config = configuration("http://127.0.0.1/hook")
    own = config["rules"]
    config["rules"] = [*OWN, *own[: len(own) - len(OWN)], *map(_bystander, range(1000, 950 + rules))]
    config["inhibit"] = [{"when": {"rule": "down"}, "mute": {"rule": "flat"}, "equal": ["node"]}]
    return config


def _event(reason: str, number: int, count: int, namespace: str = "") -> dict[str, Any]:
    stamp = START.strftime("%Y-%m-%dT%H:%M:%SZ")
    about = f"Pod/{namespace or f'team-{number % 200}'}/cache-56bc48689-{number:05x}"
    name = f"cache-56bc48689-{number:05x}.{reason}"
    body = manifests.core_event(name, about, reason=reason, message="Back-off", count=count, first=stamp, last=stamp)
    return {**body, "metadata": {**body["metadata"], "uid": name, "resourceVersion": str(1000 + count)}}


def _decoded(body: dict[str, Any]) -> Any:
    return EVENT_DECODER.decode(msgspec.json.encode(body))


def _pods(lines: list[bytes]) -> list[Any]:
    return [OBJECTS.frame(line).object for line in lines]


def _silence(number: int, now: datetime) -> Silence:
    """Return a silence of something else; one in ten names no label exactly."""
    values = (Regex(f"gone-{number}-.*"),) if number % 10 == 0 else (Text(f"gone-{number}"),)
    return Silence(
        id=f"silence-{number}",
        match=AllOf((LabelIs("workload", values),)),
        asked="",
        starts_at=now,
        ends_at=now + timedelta(days=1),
        owner="bench",
        comment="",
        created_at=now,
    )


FEEDS: dict[str, Callable[[Bench, int], float]] = {
    "uninteresting": Bench.uninteresting,
    "unfamiliar": Bench.unfamiliar,
    "counted": Bench.counted,
    "Pod update": Bench.updated,
    "opened, ended": Bench.opened,
}


def measure(rules: int, alerts: int, silences: int) -> dict[str, float]:
    """Return the median microseconds per event of each feed."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), rules, alerts, silences)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    for name, feed in FEEDS.items():
        times = [feed(bench, n) for n in range(BATCHES)]
        figures[name] = statistics.mean(times) / BATCH * 1e6
    gc.unfreeze()
    return figures


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    runs = {case: [measure(*much) for _ in range(arguments.runs)] for case, much in CASES.items()}
    medians = {
        case: {name: round(statistics.median(run[name] for run in each), 1) for name in FEEDS}
        for case, each in runs.items()
    }
    if arguments.json:
        print(json.dumps(medians))
        return
    print(f"{'CPU us/event':<16}" + "".join(f"{name:>16}" for name in FEEDS))
    for case, figures in medians.items():
        print(f"{case:<16}" + "".join(f"{value:>16}" for value in figures.values()))
    worst = {name: medians["all together"][name] / medians["little"][name] for name in FEEDS}
    print(f"{'times little':<16}" + "".join(f"{value:>16.2f}" for value in worst.values()))


if __name__ == "__main__":
    main()
