"""The text of `/metrics`."""

from dataclasses import replace

from kwatch.web.metrics import Exposition
from tests.web.boards import OVERVIEW, FixedBoard


def lines(board: FixedBoard) -> list[str]:
    return [line for line in Exposition(board).text().decode().splitlines() if line.startswith("kwatch_")]


def test_counters_end_in_total() -> None:
    board = FixedBoard(counted={("observations", (("source", "v1/pods"),)): 3, ("frames_bad", ()): 1})
    shown = lines(board)
    assert 'kwatch_observations_total{source="v1/pods"} 3.0' in shown
    assert "kwatch_frames_bad_total 1.0" in shown


def test_series_of_one_name_share_their_labels() -> None:
    board = FixedBoard(counted={("sent", (("a", "1"),)): 1, ("sent", (("b", "2"),)): 2})
    shown = lines(board)
    assert 'kwatch_sent_total{a="1",b=""} 1.0' in shown
    assert 'kwatch_sent_total{a="",b="2"} 2.0' in shown


def test_gauges_follow_the_overview() -> None:
    shown = lines(FixedBoard())
    assert 'kwatch_alerts_firing{severity="critical"} 1.0' in shown
    assert 'kwatch_alerts_firing{severity="info"} 0.0' in shown
    assert 'kwatch_source_in_sync{source="v1/pods"} 1.0' in shown
    assert 'kwatch_destination_oldest_seconds{destination="oncall-webhook"} 90.0' in shown
    assert "kwatch_ready 1.0" in shown


def test_further_gauges_are_shown_by_their_names() -> None:
    board = FixedBoard(replace(OVERVIEW, gauges={("queue_length", (("source", "v1/pods"),)): 7.0}))
    assert 'kwatch_queue_length{source="v1/pods"} 7.0' in lines(board)
