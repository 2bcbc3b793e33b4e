"""Counters and the overview as Prometheus metrics (`docs/metrics.md` describes each).

No label is ever taken from an object of the cluster: label values are closed sets or names from the configuration.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kwatch.model.alerts import AlertState
from kwatch.model.rules import Severity
from kwatch.telemetry import BOUND, BUCKETS, SUM, Series
from kwatch.web.views import Overview, Readiness, SourceState, readiness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(overview: Overview, counters: Mapping[Series, int]) -> bytes:
    """Return these, and the figures of this process, in the text format 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(overview, counters))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Snapshot(Collector):
    """The metrics of one scrape."""

    def __init__(self, overview: Overview, counters: Mapping[Series, int]) -> None:
        self._overview = overview
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        counted = _by_name(self._counters)
        for name in [name for name in counted if f"{name}{SUM}" in counted]:
            yield _histogram(name, counted.pop(name), counted.pop(f"{name}{SUM}"))
        for name, values in counted.items():
            yield _family(CounterMetricFamily, name, "A counter; docs/metrics.md says of what.", values)
        for name, help_text, values in _gauges(self._overview):
            yield _family(GaugeMetricFamily, name, help_text, values)


#: The values of one metric: label pairs and number.
_Values = list[tuple[Mapping[str, str], float]]


def _by_name(series: Mapping[Series, float]) -> dict[str, _Values]:
    grouped: defaultdict[str, _Values] = defaultdict(list)
    for (name, labels), value in sorted(series.items()):
        grouped[name].append((dict(labels), value))
    return grouped


def _family(
    kind: type[CounterMetricFamily | GaugeMetricFamily], name: str, help_text: str, values: _Values
) -> CounterMetricFamily | GaugeMetricFamily:
    """Build a metric; a label that only some of its series have is empty on the others, which means absent."""
    label_names = sorted({label for labels, _ in values for label in labels})
    family = kind(f"kwatch_{name}", help_text, labels=label_names)
    for labels, value in values:
        family.add_metric([labels.get(label, "") for label in label_names], value)
    return family


def _histogram(name: str, buckets: _Values, sums: _Values) -> HistogramMetricFamily:
    """Build a histogram; its buckets are counted one by one, and shown each with all below it."""
    label_names = sorted(sums[0][0])
    family = HistogramMetricFamily(f"kwatch_{name}", "A histogram; docs/metrics.md says of what.", labels=label_names)
    for labels, milliseconds in sums:
        counted = {each[BOUND]: count for each, count in buckets if labels.items() <= each.items()}
        shown = zip(BUCKETS, accumulate(counted.get(f"{bound:g}", 0) for bound in BUCKETS), strict=True)
        rows = [("+Inf" if bound == math.inf else str(bound), count) for bound, count in shown]
        family.add_metric([labels[label] for label in label_names], rows, milliseconds / 1000)
    return family


def _gauges(overview: Overview) -> Iterable[tuple[str, str, _Values]]:
    firing = [alert.severity for alert in overview.alerts if alert.state is AlertState.FIRING]
    yield "build_info", "1, with the version as a label.", [({"version": overview.version}, 1)]
    yield "start_time_seconds", "When this process started.", [({}, overview.started_at.timestamp())]
    yield (
        "config_loaded_at_seconds",
        "When the configuration in use was loaded.",
        [({}, overview.configuration.loaded_at.timestamp())],
    )
    yield "ready", "1 when /readyz answers 200.", [({}, readiness(overview) is not Readiness.NOT_READY)]
    yield "store_writable", "1 while the state can be written.", [({}, not overview.store.error)]
    yield "alerts_firing", "Alerts that fire now.", [({"severity": each.word}, firing.count(each)) for each in Severity]
    sources, destinations = overview.sources, overview.destinations
    yield (
        "source_in_sync",
        "1 while a watch is open and complete.",
        [({"source": each.id}, each.state is SourceState.WATCHING) for each in sources],
    )
    yield (
        "watch_age_seconds",
        "Seconds since a watch was heard last.",
        [
            ({"source": each.id}, (overview.now - each.last_frame_at).total_seconds())
            for each in sources
            if each.last_frame_at is not None
        ],
    )
    yield (
        "destination_queued",
        "Notifications that wait for a destination.",
        [({"destination": each.name}, each.queued) for each in destinations],
    )
    yield (
        "destination_oldest_seconds",
        "Age of the oldest notification that waits; 0 when none does.",
        [
            ({"destination": each.name}, (overview.now - each.oldest_at).total_seconds() if each.oldest_at else 0)
            for each in destinations
        ],
    )
    yield (
        "destination_suspended",
        "1 while nothing is sent because the destination refuses every message.",
        [({"destination": each.name}, bool(each.suspended)) for each in destinations],
    )
    yield (
        "destination_failing",
        "1 while others are told that the destination cannot be told.",
        [({"destination": each.name}, bool(each.failing)) for each in destinations],
    )
    yield (
        "destination_storm",
        "1 while more comes than the destination's pace allows, which is told in overflows.",
        [({"destination": each.name}, each.storm_since is not None) for each in destinations],
    )
