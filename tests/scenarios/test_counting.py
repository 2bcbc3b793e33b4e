"""C1 to C14: how many occurrences each write of an Event stands for.

A rule `often-N` tells the sum: it fires at N, says so, and the rule beside it with N + 1 does not.
"""

from pathlib import Path

import pytest

from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.manifests import core_event
from kwatch.testing.stage import Stage
from tests.scenarios.writing import BACK_OFF, often, text


def test_C1_unseen_once_is_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1, 2))
    stage.event(10)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-1 shop/Pod/web-1"]


def test_C2_unseen_with_a_count_inside_the_coverage_is_spread_since_its_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(6, 7))
    stage.event(300, 31, first=0)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing often-6 shop/Pod/web-1 ×6"]


def test_C3_unseen_and_older_than_the_coverage_is_one_now_and_a_baseline(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 4, 5))
    stage.event(100, 57, first=-2400)
    stage.event(110, 60)
    stage.run(until=3600)
    assert stage.lines == ["110 hook firing often-4 shop/Pod/web-1 ×4, often-2 shop/Pod/web-1 ×4"]
    assert stage.counted("contributions", case="C3") == 1


def test_C3_unseen_and_last_before_the_coverage_is_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1))
    stage.event(-31, 57, first=-2400, last=-40)
    stage.run(until=3600)
    assert stage.lines == []


def test_C4_a_count_that_rose_is_the_difference(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(4, 5))
    stage.event(0)
    stage.event(10, 4)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-4 shop/Pod/web-1 ×4"]


def test_C5_an_unchanged_count_is_nothing_but_its_text_is_the_newest(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF, route="group_wait: 0s, repeat_interval: 10m"))
    stage.event(0, message="old")
    stage.event(10, message="new")
    stage.run(until=700)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "600 hook repeat back-off shop/Pod/web-1"]
    assert [told.document["alerts"][0]["message"] for told in stage.told] == ["old", "new"]


def test_C6_a_count_that_fell_is_a_reset_and_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3, within="10m"))
    stage.event(-31, 40, first=-2400, last=-40)
    stage.event(100, 2)
    stage.run(until=3600)
    assert stage.lines == ["100 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions", case="C6") == 1


def test_C7_an_older_version_is_nothing_and_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.cluster.faults.add(Fault(effect=Effect.REORDER, path="*/events", after=1, watch=True))
    stage.event(0)
    stage.event(10, 2)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions", case="C7") == 2  # again when the watch, silent for long, goes on from there


def test_C7_an_older_last_time_is_nothing_and_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.event(0, 2, first=-10)
    stage.event(10, 3, last=-5)
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions", case="C7") == 1


def test_C8_a_recreation_with_the_accumulated_count_is_the_difference(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(3, 4, within="10m"))
    stage.event(-31, 50, first=-2400, last=-40)
    stage.delete(100, "web-1.a", kind="Event")
    stage.event(110, 53)
    stage.run(until=3600)
    assert stage.lines == ["110 hook firing often-3 shop/Pod/web-1 ×3"]
    assert stage.counted("contributions", case="C8") == 1


def test_C9_another_event_of_the_same_name_counts_as_unseen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(5, 6, within="10m"))
    stage.event(-31, 50, first=-2400, last=-40)
    stage.delete(100, "web-1.a", kind="Event")
    stage.event(110, 5, first=60)
    stage.run(until=3600)
    assert stage.lines == ["110 hook firing often-5 shop/Pod/web-1 ×5"]
    assert stage.counted("contributions", case="C9") == 1


def test_C10_a_series_that_starts_at_one_means_two(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.new_event(0)
    stage.new_event(10, 1)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions", case="C10") == 1


def test_C11_without_a_count_the_event_time_is_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1, 2))
    stage.new_event(10, last=9.25)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-1 shop/Pod/web-1"]
    assert stage.told[0].document["alerts"][0]["starts_at"] == "2026-01-01T12:00:09.250000+00:00"


@pytest.mark.parametrize("count", [None, 0])
def test_C11_and_so_it_is_in_the_core_api_whose_count_is_absent_or_zero(tmp_path: Path, count: int | None) -> None:
    stage = Stage(tmp_path, often(1, 2))
    stage.cluster.catalog.remove({"spec": {"group": "events.k8s.io", "names": {"plural": "events"}}})
    times = {"first": stage.second(9), "last": stage.second(9)}
    event = core_event("web-1.a", "Pod/shop/web-1", reason="BackOff", message="Back-off", count=1, **times)
    untimed = {"count": count, "firstTimestamp": None, "lastTimestamp": None, "eventTime": stage.time(9.25)}
    stage.apply(10, {**event, **untimed})
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-1 shop/Pod/web-1"]
    assert stage.told[0].document["alerts"][0]["starts_at"] == "2026-01-01T12:00:09.250000+00:00"


def test_C12_a_deletion_ends_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1))
    stage.event(0)
    stage.delete(10, "web-1.a", kind="Event")
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing often-1 shop/Pod/web-1"]


def test_C12_the_count_of_what_was_deleted_is_kept_for_a_day(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(4, 5, within="24h"))
    stage.event(0)
    stage.delete(10, "web-1.a", kind="Event")
    stage.event(80000, 4)
    stage.run(until=81000)
    assert stage.lines == ["80000 hook firing often-4 shop/Pod/web-1 ×4"]
    assert stage.counted("contributions", case="C8") == 1


def test_C13_a_time_in_the_future_is_now_and_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1))
    stage.event(10, last=41)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-1 shop/Pod/web-1"]
    assert stage.told[0].document["alerts"][0]["starts_at"] == "2026-01-01T12:00:10+00:00"
    assert stage.counted("contributions_clamped") == 1


def test_C13_a_clock_may_be_thirty_seconds_ahead(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2))
    stage.event(10, last=40)
    stage.event(15, 2, last=45)
    stage.run(until=3600)
    assert stage.lines == ["15 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions_clamped") == 0


def test_C14_older_than_the_window_counts_in_total_only(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1, 2).replace("group_wait: 0s", "group_wait: 0s, repeat_interval: 30m"))
    stage.event(0)
    stage.event(1000, 3, last=100)
    stage.run(until=3000)
    assert stage.lines == ["0 hook firing often-1 shop/Pod/web-1", "1800 hook repeat often-1 shop/Pod/web-1 ×3"]
    assert stage.counted("decisions", outcome="late") == 2
