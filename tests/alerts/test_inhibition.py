"""What is held back by something that explains it (S-69 to S-75)."""

from world import Inhibition, World, labelled, level, route, seconds

from kwatch.model.rules import Mode

NODE = Inhibition(when=labelled(rule="node"), mute=labelled(rule="pod"), equal=("node",))
WAIT = route(group_wait=seconds(15))


def world_of(*, root=WAIT, inhibitions=(NODE,), **words) -> World:
    return World(level("node", **words), level("pod"), root=root, inhibitions=inhibitions)


def node(world: World, second: float, name: str = "n1", *, is_over: bool = False) -> None:
    (world.false if is_over else world.true)(second, name, rule="node", labels={"node": "n1"})


def pod(world: World, second: float, *, is_over: bool = False) -> None:
    (world.false if is_over else world.true)(second, "a", rule="pod", labels={"node": "n1"})


def test_S69_a_source_that_fires_within_group_wait_holds_the_target_back():
    world = world_of()
    pod(world, 0)
    node(world, 5)
    world.advance(1000)
    assert world.told == [(20, "team-slack", "firing", ("+n1",))]


def test_S69_without_group_wait_the_same_instant_counts():
    world = world_of(root=route())
    pod(world, 0)
    node(world, 0)
    world.advance(1000)
    assert world.told == [(0, "team-slack", "firing", ("+n1",))]


def test_S70_a_pending_source_holds_nothing_back():
    world = world_of(for_=seconds(60))
    node(world, 0)
    pod(world, 1)
    world.advance(30)
    assert world.told == [(16, "team-slack", "firing", ("+a",))]


def test_S71_of_two_sources_one_is_enough():
    world = world_of()
    node(world, 0, "n1")
    node(world, 0, "n2")
    pod(world, 1)
    node(world, 100, "n1", is_over=True)
    world.advance(1000)
    assert "+a" not in [name for told in world.told for name in told.alerts]


def test_S72_when_the_last_source_is_over_the_target_is_announced():
    world = world_of()
    node(world, 0)
    pod(world, 1)
    node(world, 100, is_over=True)
    world.advance(1000)
    assert world.told == [
        (15, "team-slack", "firing", ("+n1",)),
        (100, "team-slack", "resolved", ("-n1",)),
        (115, "team-slack", "firing", ("+a",)),
    ]
    assert world.notifications[2].content.alerts[0].held_back_by == "node (shop, Pod/n1)"


def test_S72_over_a_restart():
    world = world_of()
    node(world, 0)
    pod(world, 1)
    world.restart(50)
    world.thaw(60)
    world.start_complete(60)
    node(world, 100, is_over=True)
    world.advance(1000)
    assert world.brief == ["firing@15", "resolved@100", "firing@115"]


def test_a_target_that_ends_while_held_back_is_counted():
    world = world_of()
    node(world, 0)
    pod(world, 1)
    pod(world, 50, is_over=True)
    world.advance(1000)
    assert world.brief == ["firing@15"]
    assert world.counters["muted_inhibited"] == 1


def test_S73_the_end_of_what_was_told_is_told():
    world = world_of()
    pod(world, 0)
    node(world, 100)
    pod(world, 200, is_over=True)
    world.advance(1000)
    assert world.told == [
        (15, "team-slack", "firing", ("+a",)),
        (115, "team-slack", "firing", ("+n1",)),
        (200, "team-slack", "resolved", ("-a",)),
    ]


def test_S74_an_alert_never_holds_itself_back():
    world = world_of(inhibitions=[Inhibition(when=labelled(), mute=labelled(), equal=("node",))])
    pod(world, 0)
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+a",))]


def test_S74_of_two_the_earlier_holds_the_later_back():
    world = world_of(inhibitions=[Inhibition(when=labelled(), mute=labelled(), equal=("node",))])
    pod(world, 0)
    node(world, 1)
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+a",))]


def test_S75_what_both_lack_is_not_shared():
    world = world_of()
    world.true(0, "n1", rule="node")
    world.true(1, "a", rule="pod")
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+n1",)), (16, "team-slack", "firing", ("+a",))]


def test_a_held_alert_is_not_repeated():
    world = world_of(root=route(group_wait=seconds(15), repeat_interval=seconds(600)))
    pod(world, 0)
    node(world, 100)
    world.advance(1000)
    assert world.told == [
        (15, "team-slack", "firing", ("+a",)),
        (115, "team-slack", "firing", ("+n1",)),
        (715, "team-slack", "repeat", ("n1",)),
    ]


def test_a_notice_is_held_back_by_what_fires():
    world = World(level("node"), level("pod", mode=Mode.NOTICE), root=route(), inhibitions=[NODE])
    node(world, 0)
    pod(world, 1)
    world.advance(1000)
    assert world.told == [(0, "team-slack", "firing", ("+n1",))]
    assert world.counters["muted_inhibited"] == 1
