"""Two thresholds over begins and ends: what counts as one, and what waits (S-115, S-116)."""

from world import World, level, route, seconds

from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Flapping

SOON = Flapping(transitions=2, within=seconds(60), stable=seconds(100))


def test_what_is_unknown_is_no_transition() -> None:
    world = World(level(flapping=SOON))
    world.true(0)
    world.false(50)
    world.freeze(60)
    world.thaw(80)
    world.advance(149)
    assert world.brief == ["firing@0", "update@120"]
    world.advance(1000)
    assert world.brief == ["firing@0", "update@120", "resolved@150"]


def test_stability_that_is_up_while_nobody_can_see_is_told_when_it_is_seen() -> None:
    world = World(level(flapping=SOON), root=route(group_interval=seconds(0)))
    world.true(0)
    world.false(50)
    world.true(60)
    world.freeze(70)
    world.advance(500)
    assert world.brief == ["firing@0", "update@50"]
    world.thaw(600)
    world.advance(1000)
    assert world.brief == ["firing@0", "update@50", "update@600"]
    assert [view.is_stable for view in world.notifications[2].content.alerts] == [True]


def test_one_that_was_never_told_is_told_as_flapping() -> None:
    world = World(level(flapping=SOON), root=route(group_wait=seconds(20)))
    world.true(0)
    world.false(10)
    world.true(30)
    world.false(40)
    world.advance(1000)
    assert world.brief == ["firing@30", "resolved@140"]
    assert [view.is_flapping for view in world.notifications[0].content.alerts] == [True]


def test_one_that_was_never_told_and_stays_well_is_not_told() -> None:
    world = World(level(flapping=SOON), root=route(group_wait=seconds(20)))
    world.true(0)
    world.false(10)
    world.advance(1000)
    assert world.brief == []


def test_an_alert_whose_rule_ceases_to_hold_it_ends() -> None:
    world = World(level(flapping=SOON))
    world.true(0)
    world.false(50)
    world.restart(60, rules=[level(flapping=Flapping(transitions=0))])
    world.thaw(65)
    world.start_complete(65)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@65"]


def test_it_is_remembered_between_episodes_as_long_as_the_window() -> None:
    rule = level(flapping=Flapping(transitions=3, within=seconds(9000), stable=seconds(100)))
    world = World(rule)
    world.true(0)
    world.false(10)
    world.restart(20)
    world.true(7000)
    world.advance(8000)
    assert world.brief == ["firing@0", "resolved@10", "firing@7000", "update@7120"]
    assert [view.is_flapping for told in world.notifications for view in told.content.alerts] == [
        False,
        False,
        True,
        False,
    ]


def test_holding_an_object_ends_with_the_incident() -> None:
    world = World(level(flapping=SOON))
    world.true(0)
    world.false(10)
    world.advance(1000)
    assert world.engine.open_alerts(ObjectRef(kind="Pod", name="a", namespace="shop", uid="uid-a")) == {}
