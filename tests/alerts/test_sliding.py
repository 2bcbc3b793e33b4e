"""The sliding logs against what they stand for: everything that ever came, looked at anew each time."""

from datetime import datetime
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from world import World, at, event, seconds

from kwatch.alerts.thresholds import KEPT, add, distinct_in, note, window_sum
from kwatch.model.observations import Contribution
from kwatch.model.rules import Rate

ORDERED = ("namespace", "workload")


class Write(NamedTuple):
    """One write of an Event: received `wait` seconds after the last one, telling of some time before."""

    wait: int
    late: int
    gap: int
    n: int
    value: int


WRITES = st.lists(
    st.builds(
        Write,
        wait=st.integers(0, 20),
        late=st.sampled_from((0, 0, 0, 5, 70)),
        gap=st.sampled_from((0, 0, 10, 300)),
        n=st.sampled_from((1, 1, 1, 2, 40)),
        value=st.integers(0, 80),
    ),
    max_size=200,
)
COUNTS = st.sampled_from((1, 2, 3, 5, 30, KEPT - 1, KEPT, KEPT + 1, KEPT + 10))
WITHIN = st.sampled_from((1, 30, 60, 600))


def truly_in(ever: list[tuple[int, int, int]], lo: int) -> int:
    """Count occurrences after `lo`, seconds and whole numbers only."""
    total = 0
    for n, t0, t1 in ever:
        if t1 > lo:
            total += n if t0 >= lo or n == 1 else max(1, n * (t1 - lo) // (t1 - t0))
    return total


@given(writes=WRITES, count=COUNTS, within=WITHIN)
def test_occurrences_reach_the_threshold_exactly_when_all_that_ever_came_would(
    writes: list[Write], count: int, within: int
) -> None:
    window: list[Contribution] = []
    rate = Rate(count, seconds(within), ORDERED)
    ever: list[tuple[int, int, int]] = []
    now = 0
    for write in writes:
        now += write.wait
        t1 = now - write.late
        ever.append((write.n, t1 - write.gap, t1))
        add(window, Contribution(write.n, at(t1 - write.gap), at(t1)), rate, at(now))
        assert (window_sum(window, rate, at(now)) >= count) is (truly_in(ever, now - within) >= count)
        assert len(window) <= max(count + 1, KEPT)


@given(writes=WRITES, count=COUNTS, within=WITHIN)
def test_values_reach_the_threshold_exactly_when_all_that_ever_came_would(
    writes: list[Write], count: int, within: int
) -> None:
    values: dict[str, datetime] = {}
    rate = Rate(count, seconds(within), ORDERED, "name")
    ever: list[tuple[int, int]] = []
    now = 0
    for write in writes:
        now += write.wait
        ever.append((write.value, now - write.late))
        note(values, str(write.value), at(now - write.late), rate)
        truth = len({value for value, seen in ever if seen > now - within})
        assert (distinct_in(values, rate, at(now)) >= count) is (truth >= count)
        assert len(values) <= max(count, KEPT)


def test_what_came_out_of_order_is_let_go_of_in_the_order_of_its_times() -> None:
    window: list[Contribution] = []
    rate = Rate(KEPT, seconds(600), ORDERED)
    add(window, Contribution(1, at(590), at(590)), rate, at(600))
    add(window, Contribution(1000, at(0), at(100)), rate, at(600))
    for second in range(10, 10 + KEPT):
        add(window, Contribution(1, at(second), at(second)), rate, at(600))
    assert window_sum(window, rate, at(1100)) == 1


def test_S26_only_different_pods_count() -> None:
    world = World(event(rate=Rate(3, seconds(600), ORDERED, "name")))
    for second, name in ((0, "p1"), (1, "p1"), (2, "p2"), (3, "p3")):
        world.occur(second, name, workload="Deployment/web")
    world.advance(10_000)
    assert world.brief == ["firing@3"]


def test_S26_an_occurrence_without_the_label_is_no_value() -> None:
    world = World(event(rate=Rate(2, seconds(600), ORDERED, "team")))
    for second, team in ((0, ""), (1, "red"), (2, ""), (3, "blue")):
        world.occur(second, "a", labels={"team": team} if team else {})
    world.advance(10_000)
    assert world.brief == ["firing@3"]
