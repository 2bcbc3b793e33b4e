"""The text of `/metrics`."""

from collections.abc import Mapping
from dataclasses import replace

from kwatch.telemetry import Series
from kwatch.web.metrics import exposition
from kwatch.web.views import Overview
from tests.web.boards import OVERVIEW


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


def test_gauges_follow_the_overview() -> None:
    shown = lines()
    assert 'kwatch_alerts_firing{severity="critical"} 1.0' in shown
    assert 'kwatch_alerts_firing{severity="info"} 0.0' in shown
    assert 'kwatch_source_in_sync{source="v1/pods"} 1.0' in shown
    assert 'kwatch_destination_oldest_seconds{destination="oncall-webhook"} 90.0' in shown
    assert "kwatch_ready 1.0" in shown


def test_further_gauges_are_shown_by_their_names() -> None:
    queue = replace(OVERVIEW, gauges={("queue_length", (("source", "v1/pods"),)): 7.0})
    assert 'kwatch_queue_length{source="v1/pods"} 7.0' in lines(queue)
