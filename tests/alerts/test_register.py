"""What is kept of alerts and of their members, and for how long."""

from world import World, at, event, level, rate, seconds

from kwatch.alerts.idle import KEPT, Idle
from kwatch.model.rules import Mode


def test_T51_what_is_no_longer_needed_is_let_go():
    world = World(event(rate=rate(3, 60)), event("moment", mode=Mode.NOTICE, dedup_window=seconds(60)))
    for number in range(2000):
        world.occur(number / 100, f"p{number}")
        world.occur(number / 100, f"p{number}", rule="moment")
    world.advance(3700)
    assert [key for _, key in world.rows] == ["watched", "episodes"]
    assert world.engine.wake_at() is None


def test_T51_of_a_million_keys_the_newest_are_remembered():
    idle = Idle()
    dropped = [idle.add(str(number)) for number in range(1_000_000)]
    assert dropped[: KEPT + 1] == [None] * KEPT + ["0"]
    assert idle.add("0") == str(1_000_000 - KEPT)


def test_T51_what_is_below_a_threshold_is_bounded_and_what_is_open_is_not_touched():
    world = World(event(rate=rate(2, 36_000)))
    world.occur(0, "open")
    world.occur(0, "open")
    for number in range(KEPT + 10):
        world.occur(number / 1000, f"p{number}")
    assert len(world.engine.insight.alerts(at(0))) == 1
    assert (
        len(world.rows) == KEPT + 5
    )  # the open one, its group, the number of its incident, the rules, that a limit was told
    assert world.counters["idle_dropped"] == 10
    world.occur(100, "p0")  # begins anew
    world.occur(101, f"p{KEPT}")
    world.advance(101)
    assert [(told.kind, told.alerts) for told in world.told] == [
        ("firing", ("+open",)),
        ("meta", ()),  # the limit
        ("firing", (f"+p{KEPT}",)),
    ]


def test_members_are_bounded():
    world = World(event())
    for number in range(1200):
        world.occur(0, f"p{number}", workload="Deployment/web")
    view = world.engine.insight.alerts(world.now)[0]
    assert (view.member_count, view.count) == (1200, 1200)
    assert sum(len(row.body or b"") for row in world.rows.values()) < 400_000


def test_an_alert_that_is_over_is_forgotten():
    world = World(level())
    world.true(0)
    world.false(10)
    world.advance(20_000)
    assert [key for _, key in world.rows] == ["watched", "episodes"]
