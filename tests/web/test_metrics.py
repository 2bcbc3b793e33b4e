"""The text of `/metrics`."""

from collections.abc import Mapping

from kwatch.telemetry import Counters, Series
from kwatch.web.metrics import exposition
from kwatch.web.views import Overview
from tests.web.boards import OVERVIEW, TROUBLED


def lines(overview: Overview = OVERVIEW, counters: Mapping[Series, int] | None = None) -> list[str]:
    text = exposition(overview, counters or {}).decode()
    return [line for line in text.splitlines() if line.startswith("kwatch_")]


def test_counters_end_in_total() -> None:
    shown = lines(counters={("observations", (("source", "v1/pods"),)): 3, ("frames_bad", ()): 1})
    assert 'kwatch_observations_total{source="v1/pods"} 3.0' in shown
    assert "kwatch_frames_bad_total 1.0" in shown


def test_series_of_one_name_share_their_labels() -> None:
    shown = lines(counters={("sent", (("a", "1"),)): 1, ("sent", (("b", "2"),)): 2})
    assert 'kwatch_sent_total{a="1",b=""} 1.0' in shown
    assert 'kwatch_sent_total{a="",b="2"} 2.0' in shown


def test_durations_become_a_histogram_by_destination() -> None:
    counters = Counters()
    for seconds in (0.004, 0.05, 3.0, 9000.0):
        counters.measure("delivery_seconds", seconds, destination="hook")
    counters.measure("delivery_seconds", 0.5, destination="chat")
    shown = [line.removeprefix("kwatch_delivery_seconds") for line in lines(counters=counters.read())]
    assert [line for line in shown if "chat" in line and "le" not in line] == [
        '_count{destination="chat"} 1.0',
        '_sum{destination="chat"} 0.5',
    ]
    assert [line for line in shown if "hook" in line and "le" in line] == [
        '_bucket{destination="hook",le="0.01"} 1.0',
        '_bucket{destination="hook",le="0.05"} 2.0',
        '_bucket{destination="hook",le="0.25"} 2.0',
        '_bucket{destination="hook",le="1.0"} 2.0',
        '_bucket{destination="hook",le="5.0"} 3.0',
        '_bucket{destination="hook",le="30.0"} 3.0',
        '_bucket{destination="hook",le="120.0"} 3.0',
        '_bucket{destination="hook",le="600.0"} 3.0',
        '_bucket{destination="hook",le="3600.0"} 3.0',
        '_bucket{destination="hook",le="+Inf"} 4.0',
    ]


def test_gauges_follow_the_overview() -> None:
    shown = lines()
    assert 'kwatch_alerts_firing{severity="critical"} 1.0' in shown
    assert 'kwatch_alerts_firing{severity="info"} 0.0' in shown
    assert 'kwatch_source_in_sync{source="v1/pods"} 1.0' in shown
    assert 'kwatch_destination_oldest_seconds{destination="oncall-webhook"} 90.0' in shown
    assert "kwatch_ready 1.0" in shown


def test_a_watch_that_was_never_heard_has_no_age() -> None:
    ages = [line for line in lines(TROUBLED) if line.startswith("kwatch_watch_age_seconds")]
    assert ages == ['kwatch_watch_age_seconds{source="v1/pods"} 4.0', 'kwatch_watch_age_seconds{source="v1/nodes"} 0.0']
