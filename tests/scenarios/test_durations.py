"""S-117 and S-118: durations take as long as they do while the clock is set, and instants follow the new time."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import Silences
from tests.scenarios.writing import BACK_OFF, LASTING, text

HOUR = 3600
OFTEN = (
    "{name: often, on: event, match: {reason: BackOff}, quiet: 12h, "
    "rate: {count: 3, within: 60s, per: [namespace, workload]%s}}"
)
FORTH_AND_BACK = pytest.mark.parametrize("by", [HOUR, -HOUR])


@pytest.mark.parametrize("both", [False, True])
def test_S118_what_happened_before_the_clock_was_set_back_leaves_its_window_in_time(tmp_path: Path, both: bool) -> None:
    """Also where the cluster's clock was set with it."""
    stage = Stage(tmp_path, text(OFTEN % ""))
    shift = -HOUR if both else 0
    stage.new_event(0, name="a")
    stage.new_event(10, name="b")
    stage.set_clock(15, -HOUR)
    stage.new_event(69.9, name="c", last=69 + shift)
    stage.new_event(100, name="d", last=100 + shift)
    stage.new_event(300, name="e", last=300 + shift)
    stage.run(until=900)
    assert stage.lines == []


@FORTH_AND_BACK
def test_S117_what_happened_just_before_the_clock_was_set_counts_on(tmp_path: Path, by: float) -> None:
    stage = Stage(tmp_path, text(OFTEN % ""))
    stage.new_event(0, name="a")
    stage.new_event(10, name="b")
    stage.set_clock(15, by)
    stage.new_event(50, name="c", last=50 + by)
    stage.run(until=900)
    assert stage.lines == ["50 hook firing often shop/Pod/web-1 ×3"]


@FORTH_AND_BACK
def test_S117_a_value_that_was_seen_before_the_clock_was_set_is_one_of_the_different_ones(
    tmp_path: Path, by: float
) -> None:
    stage = Stage(
        tmp_path, text((OFTEN % ", distinct: name").replace("count: 3", "count: 2").replace(", workload", ""))
    )
    stage.new_event(0, name="a", about="Pod/shop/a")
    stage.set_clock(15, by)
    stage.new_event(50, name="b", about="Pod/shop/b", last=50 + by)
    stage.new_event(400, name="c", about="Pod/shop/c", last=400 + by)
    stage.run(until=900)
    assert stage.lines == ["50 hook firing often shop/Pod/b ×2"]


@FORTH_AND_BACK
def test_S117_a_sequence_goes_on_over_a_clock_that_is_set(tmp_path: Path, by: float) -> None:
    rule = "{name: seq, on: event, match: {reason: A}, then: {match: {reason: B}, within: 2m}, quiet: 12h}"
    stage = Stage(tmp_path, text(rule))
    stage.new_event(0, name="a", reason="A")
    stage.set_clock(15, by)
    stage.new_event(100, name="b", reason="B", last=100 + by)
    stage.run(until=900)
    assert stage.lines == ["100 hook firing seq shop/Pod/web-1"]


@FORTH_AND_BACK
def test_S117_quiet_takes_as_long_as_it_does(tmp_path: Path, by: float) -> None:
    """The emitter has a token again 360 s after its write, and is quiet for two minutes then."""
    stage = Stage(tmp_path, text(BACK_OFF.replace("}}", "}, quiet: 2m}")))
    stage.event(100)
    stage.set_clock(200, by)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["100 hook firing back-off shop/Pod/web-1", "580 hook resolved back-off shop/Pod/web-1"]


@FORTH_AND_BACK
def test_S117_tokens_come_back_as_fast_as_they_do(tmp_path: Path, by: float) -> None:
    """A write after it spends the token that came meanwhile."""
    stage = Stage(tmp_path, text(BACK_OFF))
    stage.event(0)
    stage.set_clock(100, by)
    stage.event(200, name="other", reason="Pulled", last=200 + by)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "1160 hook resolved back-off shop/Pod/web-1"]


@FORTH_AND_BACK
def test_S117_an_absence_takes_as_long_as_it_does(tmp_path: Path, by: float) -> None:
    stage = Stage(tmp_path, text("{name: absent, on: event, match: {reason: Done}, absent_for: 30m}"))
    stage.event(0, reason="Done")
    stage.set_clock(100, by)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["1800 hook firing absent "]


@FORTH_AND_BACK
def test_S117_a_silence_for_a_time_lasts_so_long(tmp_path: Path, by: float) -> None:
    stage = Stage(tmp_path, text(LASTING))
    silences = Silences(stage)
    silences.add(10, {"namespace": "shop"}, **{"for": "10m"})
    stage.set_clock(100, by)
    stage.new_event(200, last=200 + by)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["610 hook firing back-off shop/Pod/web-1"]


@pytest.mark.parametrize(("by", "told_at"), [(HOUR, 200), (-HOUR, 4200)])
def test_S117_a_silence_until_an_instant_ends_by_the_new_time(tmp_path: Path, by: float, told_at: int) -> None:
    stage = Stage(tmp_path, text(LASTING))
    Silences(stage).add(10, {"namespace": "shop"}, until=600)
    stage.set_clock(100, by)
    stage.new_event(200, last=200 + by)
    stage.run(until=2 * HOUR)
    assert stage.lines == [f"{told_at} hook firing back-off shop/Pod/web-1"]


def test_S118_a_silence_that_has_not_begun_begins_by_the_new_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(LASTING))
    Silences(stage).add(10, {"namespace": "shop"}, starts_at=stage.time(300), **{"for": "10m"})
    stage.set_clock(100, -HOUR)
    stage.new_event(3950, last=350)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["4500 hook firing back-off shop/Pod/web-1"]
