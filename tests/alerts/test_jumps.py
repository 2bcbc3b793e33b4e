"""A clock that is set moves what durations count from, and nothing that was told (S-117)."""

from datetime import timedelta

from world import World, at, event, level, route, seconds

from kwatch.model.routes import Destination, Escalation
from kwatch.model.rules import Flapping, Mode

HOUR = timedelta(hours=1)


def set_forward(world: World, second: float) -> None:
    world.advance(second)
    world.engine.jump(HOUR)
    world.now += HOUR


def test_waits_and_intervals_go_on() -> None:
    world = World(level(), root=route(group_wait=seconds(30), group_interval=seconds(120), group_by=("namespace",)))
    world.true(0, "a")
    set_forward(world, 10)
    world.true(3600 + 50, "b")
    world.advance(9000)
    assert world.brief == ["firing@3630", "update@3750"]


def test_for_and_holds_go_on() -> None:
    world = World(level(for_=seconds(60), resolve_hold=seconds(60)))
    world.true(0)
    set_forward(world, 40)
    world.false(3700)
    world.advance(3720)
    world.engine.jump(-HOUR)
    world.now -= HOUR
    world.advance(9000)
    assert world.brief == ["firing@3660", "resolved@160"]


def test_steps_and_flapping_go_on() -> None:
    soon = Flapping(transitions=2, within=seconds(60), stable=seconds(1000))
    world = World(
        level(flapping=soon),
        root=route(escalate=(Escalation(seconds(600), "oncall"),), group_interval=seconds(0)),
        destinations=(
            Destination(name="chat", receiver="team", type="slack"),
            Destination(name="phone", receiver="oncall", type="webhook"),
        ),
    )
    world.true(0)
    world.false(10)
    world.true(20)
    set_forward(world, 100)
    world.advance(4205)
    world.false(4205)
    world.advance(9000)
    assert [f"{told.destination} {told.kind}@{told.second:g}" for told in world.told] == [
        "chat firing@0",
        "chat update@10",
        "phone firing@4200",
        "chat resolved@5205",
        "phone resolved@5205",
    ]


def test_notices_that_wait_go_on() -> None:
    world = World(event(mode=Mode.NOTICE, dedup_window=seconds(300)), root=route(group_wait=seconds(30)))
    world.occur(0)
    set_forward(world, 10)
    world.occur(3600 + 299)
    world.occur(3600 + 300)
    world.advance(9000)
    assert world.brief == ["notice@3630", "notice@3930"]


def test_it_is_kept() -> None:
    world = World(level(), root=route(repeat_interval=timedelta(hours=2)))
    world.true(0)
    set_forward(world, 10)
    world.engine.tick(at(3610))
    world._take()
    world.restart(3700)
    world.start_complete(3700)
    world.advance(12000)
    assert world.brief == ["firing@0", "repeat@10800"]
