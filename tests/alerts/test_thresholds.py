"""Rates: how often within a sliding window (S-01 to S-07, S-18)."""

import pytest
from world import World, at, event, rate, seconds

from kwatch.alerts.thresholds import KEPT, add, distinct_in, note, share, value_of, window_sum
from kwatch.model.observations import Contribution
from kwatch.model.rules import Rate


def test_S01_a_point_on_the_edge_of_the_window_is_outside():
    world = World(event(rate=rate(3, 60)))
    for second in (0, 30, 60):
        world.occur(second)
    world.advance(1000)
    assert world.brief == []
    assert world.counters["below_threshold"] == 3


def test_S02_three_points_just_inside_the_window_fire():
    world = World(event(rate=rate(3, 60)))
    for second in (0, 30, 59.999):
        world.occur(second)
    world.advance(1000)
    assert world.brief == ["firing@59.999"]


def test_S03_three_points_at_one_instant_fire_once():
    world = World(event(rate=rate(3, 60)))
    for _ in range(3):
        world.occur(5)
    world.advance(1000)
    assert world.brief == ["firing@5"]


def test_C14_what_is_older_than_the_window_opens_nothing_though_the_window_is_full():
    world = World(event(rate=rate(3, 60)))
    for second in (100, 101, 102):
        world.occur(second)
    world.evidence(110)
    world.occur(50, received=130)
    world.advance(1000)
    assert world.brief == ["firing@102", "resolved@110"]
    assert (world.counters["opened"], world.counters["late"], world.counters["below_threshold"]) == (1, 1, 3)


@pytest.mark.parametrize(
    ("row", "count", "within", "n", "expected"),
    [
        ("S-04", 5, 60, 5, []),
        ("S-05", 5, 60, 30, ["firing@300"]),
        ("S-06", 30, 300, 30, ["firing@300"]),
        ("S-07", 2, 60, 1, []),
    ],
)
def test_S04_to_S07_a_delta_is_spread_over_its_gap(row, count, within, n, expected):
    world = World(event(rate=rate(count, within)))
    world.occur(300, n=n, t0=0)
    world.advance(1000)
    assert world.brief == expected


@pytest.mark.parametrize(
    ("row", "n", "t0", "t1", "lo", "expected"),
    [
        ("S-04", 5, 0, 300, 240, 1),
        ("S-05", 30, 0, 300, 240, 6),
        ("S-06", 30, 0, 300, 0, 30),
        ("S-07", 1, 0, 300, 299, 1),
        ("S-18", 510, 0, 1560, 1500, 19),
        ("the last one is certain", 2, 0, 300, 299, 1),
        ("all before", 9, 0, 300, 300, 0),
    ],
)
def test_the_share_of_a_contribution(row, n, t0, t1, lo, expected):
    assert share(Contribution(n, at(t0), at(t1)), at(lo)) == expected


def test_S18_a_late_series_is_counted_where_it_was():
    world = World(event(rate=rate(20, 300)))
    world.occur(1560, n=510, t0=0, received=1800)
    assert world.brief == []
    world.occur(1801)
    world.advance(1801)
    assert world.brief == ["firing@1801"]
    assert world.notifications[0].content.alerts[0].window_count == 20


def test_S12_the_sum_adds_both_objects():
    world = World(event(rate=rate(41, 300)))
    world.occur(10, "a", n=40, t0=0, workload="Deployment/web")
    world.occur(20, "b", workload="Deployment/web")
    world.advance(100)
    assert world.brief == ["firing@20"]
    assert world.notifications[0].content.alerts[0].count == 41


def test_S27_what_is_loaded_is_not_counted_again():
    world = World(event(rate=rate(3, 60)))
    world.occur(0)
    world.occur(10)
    world.restart(20)
    world.occur(10, n=0, received=21)
    world.advance(1000)
    assert world.brief == []


def test_the_window_survives_a_restart():
    world = World(event(rate=rate(3, 60)))
    world.occur(0)
    world.occur(10)
    world.restart(20)
    world.occur(30)
    world.advance(30)
    assert world.brief == ["firing@30"]


def test_the_window_is_bounded_and_still_decides():
    window: list[Contribution] = []
    limit = Rate(10, seconds(600))
    for second in range(500):
        add(window, Contribution(1, at(second), at(second)), limit, at(second))
    assert len(window) == KEPT
    assert window_sum(window, limit, at(500)) == 500


def test_an_idle_window_leaves_nothing_behind():
    world = World(event(rate=rate(3, 60)))
    world.occur(0)
    assert len(world.rows) == 2
    world.advance(61)
    assert [key for _, key in world.rows] == ["watched"]


def test_S28_a_throttled_source_makes_one_episode():
    world = World(event(rate=rate(5, 60)))
    world.occur(0)
    for second in range(300, 3601, 300):
        world.occur(second, n=30, t0=second - 300)
    world.advance(3700)
    assert world.brief == ["firing@300"]


def test_C14_what_is_older_than_the_window_is_counted_as_late():
    world = World(event(rate=rate(2, 60)))
    world.occur(0, received=60)
    world.occur(61)
    assert world.counters["late"] == 1
    assert world.counters["below_threshold"] == 2
    assert world.brief == []


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("name", "shop/web-1"),
        ("workload", "shop/Deployment/web"),
        ("node", "node-1"),
        ("namespace", "shop"),
        ("team", ""),
    ],
)
def test_what_is_told_apart_is_named_with_its_namespace_where_it_has_one(label, value):
    labels = {"namespace": "shop", "name": "web-1", "workload": "Deployment/web", "node": "node-1"}
    assert value_of(label, labels) == value


def test_what_has_no_namespace_is_told_apart_by_its_name():
    assert value_of("name", {"name": "node-1"}) == "/node-1"
    assert value_of("name", {"namespace": "shop"}) == ""


def test_a_value_is_kept_with_its_newest_time_and_the_oldest_value_goes():
    limit = Rate(2, seconds(60), distinct="node")
    values = {}
    for second in range(KEPT):
        note(values, f"node-{second}", at(second), limit)
    note(values, "node-0", at(100), limit)
    note(values, "node-0", at(50), limit)
    note(values, "", at(101), limit)
    assert len(values) == KEPT
    assert values["node-0"] == at(100)
    note(values, "new", at(101), limit)
    assert len(values) == KEPT
    assert "node-1" not in values
    assert distinct_in(values, limit, at(160)) == 1
