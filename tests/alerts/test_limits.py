"""Memory stays bounded whatever the cluster sends: what is let go is counted, and told at most once an hour (T51)."""

from datetime import timedelta

import msgspec

from kwatch.model.decisions import Row, Table
from kwatch.model.rules import Mode
from tests.alerts.world import World, at, event, level, rate, route, seconds

META = "the cluster sends more than memory is for"
HOUR = timedelta(hours=1)


def metas(world: World) -> list[tuple[float, str]]:
    sent = [each for each in world.notifications if each.content.text]
    return [((each.created_at - at(0)).total_seconds(), each.content.text) for each in sent]


def test_T51_alerts_beyond_fifty_thousand_are_not_opened_and_that_is_told_once_an_hour():
    world = World(level(for_=3 * HOUR))
    for number in range(50_002):
        world.true(1, f"p{number}")
    assert len(world.engine.insight.alerts(at(1))) == 50_000
    assert world.counters == {"opened": 50_000, "beyond_limit": 2}
    assert metas(world) == [(1, f"{META}\nnew alerts are not opened while 50,000 are open")]
    world.true(2, "p0")  # what is open goes on
    world.false(3, "p0")
    world.true(4, "p50000")  # there is room again
    assert world.counters == {"opened": 50_001, "beyond_limit": 2, "counted_into_open": 1, "came_and_went": 1}
    world.true(5, "q")
    world.restart(10)
    world.true(3600, "r")
    assert [second for second, _ in metas(world)] == [1]
    world.true(3601, "s")
    world.true(3602, "t")
    assert [second for second, _ in metas(world)] == [1, 3601]


def test_T51_any_number_of_keys_leaves_so_many_rows():
    """Of a million keys see `test_T51_of_a_million_keys_the_newest_are_remembered`; each costs the engine 50 µs."""
    world = World(event(rate=rate(2, 360_000)))
    for number in range(25_000):
        world.occur(number / 1_000_000, f"p{number}")
    assert len(world.rows) == 20_003  # the idle ones, the rules, the number of an incident, when the limit was told
    assert world.counters == {"below_threshold": 25_000, "idle_dropped": 5_000}
    told = "of more than 20,000 alerts that are not open the oldest are forgotten"
    assert metas(world) == [(0.02, f"{META}\n{told}")]


def test_of_too_many_groups_that_are_over_the_oldest_are_forgotten():
    world = World(level())
    world.true(1)
    world.false(2)
    world.advance(2)
    (key, row), *_ = [
        each for each in world.rows.items() if each[0][0] is Table.GROUPS and b'"forget_at"' in each[1].body
    ]
    group = msgspec.json.decode(row.body)
    for number in range(20_000):
        body = msgspec.json.encode({**group, "id": f"g{number}"})
        name = f"{group['destination']}/g{number}"
        world.rows[key[0], name] = Row(key[0], name, body)
    world.restart(10)
    world.advance(11)
    world.true(12)
    assert world.counters["thread_dropped"] == 1
    told = "of more than 20,000 groups that are over the oldest are forgotten"
    assert metas(world) == [(12, f"{META}\n{told}")]


def test_of_too_many_notices_that_wait_the_oldest_go_out_at_once():
    world = World(event(mode=Mode.NOTICE), root=route(group_by=("shard",), group_wait=seconds(30)))
    for number in range(20_001):
        world.occur(1, f"p{number}", labels={"shard": str(number // 900)})
    world.advance(2)
    notices = [told for told in world.told if told.kind == "notice"]
    assert [(told.second, len(told.alerts)) for told in notices] == [(1, 900)]
    assert world.counters["notice_hurried"] == 1
    world.advance(40)
    notices = [told for told in world.told if told.kind == "notice"]
    assert [told.second for told in notices] == [1, *[31] * 22]
    assert sum(len(told.alerts) for told in notices) == 20_001
