"""S-01 to S-25, S-27 and D2: rates and counts, from the writes of Events to what is told.

A rule `often-N` tells the sum: it fires at N, says so, and the rule beside it with N + 1 does not.
"""

from pathlib import Path

from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.manifests import core_event
from kwatch.testing.stage import Stage
from tests.scenarios.writing import BACK_OFF, often, often_rule, text

#: Seven in ten minutes, and not eight.
SEVEN = (often_rule(7, "10m"), often_rule(8, "10m"))
EVENTS_API = {"spec": {"group": "events.k8s.io", "names": {"plural": "events"}}}


def alert_of(stage: Stage, message: int = 0) -> dict[str, object]:
    """Return the first alert of a message."""
    alert: dict[str, object] = stage.told[message].document["alerts"][0]
    return alert


def test_S01_a_point_at_the_edge_is_outside(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(3))
    for at, name in ((0, "a"), (30, "b"), (60, "c")):
        stage.new_event(at, name=name)
    stage.run(until=3600)
    assert stage.lines == []


def test_S02_a_moment_earlier_it_is_inside(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(3))
    for at, name in ((0, "a"), (30, "b"), (59.999, "c")):
        stage.new_event(at, name=name)
    stage.run(until=3600)
    assert stage.lines == ["59.999 hook firing often-3 shop/Pod/web-1 ×3"]


def test_S03_three_at_one_instant_fire_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(3))
    for name in ("a", "b", "c"):
        stage.new_event(0, name=name)
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing often-3 shop/Pod/web-1 ×3"]


def test_S04_a_difference_over_a_long_gap_is_spread(tmp_path: Path) -> None:
    """Five over (0, 300] are one in the last minute: with the one of another Event two, and not three or more."""
    stage = Stage(tmp_path, often(2, 3, 5))
    stage.event(0)
    stage.event(299, name="web-1.b")
    stage.event(300, 6)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing often-2 shop/Pod/web-1 ×2"]


def test_S05_of_thirty_in_five_minutes_six_are_in_the_last_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(5, 7))
    stage.event(0)
    stage.event(300, 31)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing often-5 shop/Pod/web-1 ×6"]


def test_S06_all_of_them_are_in_a_window_of_the_gap(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(30, 31, within="300s"))
    stage.event(0)
    stage.event(300, 31)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing often-30 shop/Pod/web-1 ×30"]


def test_S07_a_difference_of_one_is_certain_to_be_at_its_last_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.event(0)
    stage.event(1000, 2)
    stage.event(1059, 3)
    stage.run(until=3600)
    assert stage.lines == ["1059 hook firing often-2 shop/Pod/web-1 ×2"]


def test_S08_what_was_counted_before_the_coverage_is_a_baseline(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1, 2))
    stage.event(-31, 57, first=-2430, last=-40)
    stage.event(100, 58)
    stage.run(until=3600)
    assert stage.lines == ["100 hook firing often-1 shop/Pod/web-1"]


def test_S09_its_last_occurrence_counts_when_it_is_after_the_start(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1, 2))
    stage.cluster.faults.add(Fault(effect=Effect.DELAY, path="/apis", seconds=10))
    stage.event(-25, 57, first=-2430)
    stage.run(until=3600)
    assert stage.lines == ["-20 hook firing often-1 shop/Pod/web-1"]


def test_S10_a_restart_counts_on_from_what_is_kept(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(*SEVEN, often_rule(2, "200s"), often_rule(3, "200s")))
    stage.event(-31, 50, first=-2430, last=-40)
    stage.absent(100, 300)
    stage.event(200, 57)  # of the 240 s since its last time, 99.11 are in the window
    stage.at(250, stage.cluster.compact)  # so that it is listed
    stage.run(until=3600)
    both = "often-7 shop/Pod/web-1 ×7, often-2 shop/Pod/web-1 ×2"
    assert stage.lines == [f"300.89 hook firing {both}"]  # after a pause with jitter
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 2


def test_S11_a_recreation_after_its_time_to_live_is_the_difference(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(*SEVEN, often_rule(2, "60s"), often_rule(3, "60s")))
    stage.event(-31, 50, first=-2430, last=-40)
    stage.delete(100, "web-1.a", kind="Event")
    stage.event(110, 57)  # of the 150 s since its last time, 60 are in the window
    stage.run(until=3600)
    assert stage.lines == ["110 hook firing often-7 shop/Pod/web-1 ×7, often-2 shop/Pod/web-1 ×2"]


def test_S12_a_new_event_of_the_name_is_one_and_adds_to_the_old(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.event(-31, 40, first=-2430, last=-40)
    stage.event(100, 41)
    stage.delete(105, "web-1.a", kind="Event")
    stage.event(110, 1, first=110)
    stage.run(until=3600)
    assert stage.lines == ["110 hook firing often-2 shop/Pod/web-1 ×2"]


def test_S13_a_relist_that_repeats_a_version_counts_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3, within="1h"))
    stage.event(0)
    stage.at(10, lambda: stage.cluster.strike(Fault(effect=Effect.GONE, path="*/events")))
    stage.event(100, 2)
    stage.run(until=3600)
    assert stage.lines == ["100 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 2


def test_S14_managed_fields_count_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.event(0)
    metadata = {"name": "web-1.a", "namespace": "shop", "managedFields": [{"manager": "kubelet"}]}
    stage.apply(10, {"apiVersion": "v1", "kind": "Event", "metadata": metadata})
    stage.event(20, 2)
    stage.run(until=3600)
    assert stage.lines == ["20 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions", case="C5") == 1


def test_S15_a_count_that_fell_is_a_reset_and_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3, within="10m"))
    stage.event(-31, 40, first=-2430, last=-40)
    stage.event(100, 2)
    stage.run(until=3600)
    assert stage.lines == ["100 hook firing often-2 shop/Pod/web-1 ×2"]
    assert stage.counted("contributions", case="C6") == 1


def test_S16_a_series_of_an_old_emitter_begins_at_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.new_event(0)
    stage.new_event(10, 1)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-2 shop/Pod/web-1 ×2"]


def test_S17_a_series_of_a_newer_one_at_two(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2, 3))
    stage.new_event(0)
    stage.new_event(10, 2)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-2 shop/Pod/web-1 ×2"]


def test_S18_a_series_is_spread_up_to_what_was_observed_last(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(19, 20, within="300s"))
    stage.new_event(0, 2)
    stage.new_event(1800, 512, last=1560)
    stage.run(until=3600)
    assert stage.lines == ["1800 hook firing often-19 shop/Pod/web-1 ×19"]


def test_S19_the_core_view_without_a_count_is_one_at_its_event_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1, 2))
    stage.cluster.catalog.remove(EVENTS_API)
    times = {"count": 1, "first": stage.second(9), "last": stage.second(9)}
    event = core_event("web-1.a", "Pod/shop/web-1", reason="BackOff", message="Back-off", **times)
    untimed = {"count": None, "firstTimestamp": None, "lastTimestamp": None, "eventTime": stage.time(9.25)}
    stage.apply(10, {**event, **untimed})
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-1 shop/Pod/web-1"]
    assert alert_of(stage)["starts_at"] == "2026-01-01T12:00:09.250000+00:00"


def test_S20_similar_events_combined_are_the_same_alert_with_varied_messages(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF, route="group_wait: 0s, repeat_interval: 10m"))
    stage.event(0, message="Back-off of main")
    stage.event(10, 11, message="(combined from similar events): Back-off of side")
    stage.run(until=700)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "600 hook repeat back-off shop/Pod/web-1 ×11"]
    assert [alert_of(stage, n)["message"] for n in (0, 1)] == ["Back-off of main", "Back-off of side"]
    assert [alert_of(stage, n)["is_varied"] for n in (0, 1)] == [False, True]
    assert ["varied messages" in told.document["text"] for told in stage.told] == [False, True]


def test_D2_what_the_source_combines_is_matched_and_known_as_what_it_was(tmp_path: Path) -> None:
    rule = (
        "{name: back-off, on: event, match: {reason: BackOff, message: 'Back-off of *'}, "
        "key: [namespace, reason, message], quiet: 2h}"
    )
    stage = Stage(tmp_path, text(rule, route="group_wait: 0s, repeat_interval: 1h"))
    stage.event(0, message="Back-off of main, try 1")
    stage.event(10, 11, message="(combined from similar events): Back-off of main, try 11")
    stage.event(20, name="web-1.b", message="(combined from similar events): Back-off of main, try 12")
    stage.run(until=3700)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "3600 hook repeat back-off shop/Pod/web-1 ×12"]
    assert {alert_of(stage, n)["fingerprint"] for n in (0, 1)} == {alert_of(stage)["fingerprint"]}


def test_S21_a_time_ten_minutes_ahead_is_now_and_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(1))
    stage.event(10, last=610)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-1 shop/Pod/web-1"]
    assert alert_of(stage)["starts_at"] == "2026-01-01T12:00:10+00:00"
    assert stage.counted("contributions_clamped") == 1


def test_S22_an_event_that_is_deleted_ends_nothing(tmp_path: Path) -> None:
    rule = "{name: back-off, on: event, match: {reason: BackOff}, quiet: 2h}"
    stage = Stage(tmp_path, text(rule, route="group_wait: 0s, repeat_interval: 1h"))
    stage.event(0)
    stage.delete(10, "web-1.a", kind="Event")
    stage.run(until=7000)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "3600 hook repeat back-off shop/Pod/web-1"]


def test_S23_an_older_version_after_a_newer_one_counts_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(3, 4))
    stage.event(-31, 40, first=-2430, last=-40)
    stage.cluster.faults.add(Fault(effect=Effect.REORDER, path="*/events", after=2, watch=True))
    stage.event(0, 42)
    stage.event(10, 43)
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing often-3 shop/Pod/web-1 ×3"]


TEAM = '{name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, key: %s}'


def test_S24_a_label_that_is_missing_and_an_empty_one_are_the_same(tmp_path: Path) -> None:
    rule = "{name: back-off, on: event, match: {reason: BackOff}, key: [namespace, team], quiet: 2h}"
    stage = Stage(tmp_path, text(rule, route="group_wait: 0s, repeat_interval: 1h", more="watch: {labels: [team]}"))
    stage.pod(-31, "web-1")
    stage.pod(-31, "web-2", labels={"team": ""})
    stage.event(0, name="a", about="Pod/shop/web-1")
    stage.event(10, name="b", about="Pod/shop/web-2")
    stage.run(until=7000)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "3600 hook repeat back-off shop/Pod/web-1 ×2"]
    assert alert_of(stage, 1)["members"] == ["web-1", "web-2"]


def test_S25_labels_that_would_read_the_same_together_are_different(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(TEAM % "[one, two]", route="group_by: [rule]", more="watch: {labels: [one, two]}"))
    stage.pod(0, "web-1", ready=False, labels={"one": "a", "two": "bc"})
    stage.pod(0, "web-2", ready=False, labels={"one": "ab", "two": "c"})
    stage.run(until=3600)
    assert stage.lines == ["15 hook firing not-ready shop/Pod/web-1, not-ready shop/Pod/web-2"]
    assert len({alert["fingerprint"] for alert in stage.told[0].document["alerts"]}) == 2


def test_S27_a_standby_that_takes_over_counts_nothing_twice(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(7, 8, within="10m"))
    stage.event(0)
    stage.event(50, 4)
    stage.pod(55)
    stage.at(60, stage.cluster.compact)  # so that the next one lists the same Events
    stage.absent(100, 100)
    stage.event(150, 7)
    stage.run(until=3600)
    assert stage.lines == ["150 hook firing often-7 shop/Pod/web-1 ×7"]
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 2
