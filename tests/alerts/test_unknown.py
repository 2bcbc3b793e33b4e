"""What is unknown moves nothing: sources out of sync, and truths that nobody can say (S-35, S-36)."""

from world import World, at, level, seconds

from kwatch.model.findings import Truth


def test_S35_a_timer_that_came_due_while_unknown_runs_at_the_thaw():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.restart(20, down_for=30)
    world.true(75, since=0, is_initial=True)
    world.thaw(75)
    world.advance(1000)
    assert world.brief == ["firing@75"]
    assert world.last.starts_at == at(0)


def test_S36_what_is_false_after_the_resync_says_nothing():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.restart(20, down_for=30)
    world.false(75, is_initial=True)
    world.thaw(75)
    world.advance(1000)
    assert world.brief == []


def test_an_unknown_occurrence_moves_nothing():
    world = World(level())
    world.state(0, truth=Truth.UNKNOWN)
    world.advance(1000)
    assert world.brief == []
    assert [key for _, key in world.rows] == ["watched"]


def test_unknown_freezes_a_resolve():
    world = World(level(resolve_hold=seconds(120)))
    world.true(-10)
    world.false(0)
    world.freeze(60)
    world.advance(500)
    assert world.brief == ["firing@-10"]
    world.thaw(500)
    world.advance(1000)
    assert world.brief == ["firing@-10", "resolved@500"]
    assert world.last.ends_at == at(0)


def test_an_unknown_truth_freezes_for():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.state(30, truth=Truth.UNKNOWN)
    world.advance(100)
    assert world.brief == []
    world.true(120, since=0)
    world.advance(120)
    assert world.brief == ["firing@120"]


def test_members_that_a_list_does_not_show_are_gone():
    world = World(level(resolve_hold=seconds(120)))
    world.true(0, "a")
    world.true(0, "b")
    world.freeze(10)
    world.thaw(50, "b", is_listed=True)
    world.advance(1000)
    assert [told.alerts for told in world.told] == [("+a",), ("+b",), ("-a",)]
    assert world.brief[2] == "resolved@50"


def test_a_freeze_of_another_kind_changes_nothing():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.freeze(10, kind="Node")
    world.advance(100)
    assert world.brief == ["firing@60"]
