"""Digests as the engine decides them, where a clock does what no play can let it do (S-117, S-118)."""

from datetime import timedelta

from world import World, at, level, seconds

from kwatch.model.notifications import Part
from kwatch.model.routes import Destination, DigestPlan
from kwatch.model.schedules import CronSchedule

#: Due at each full hour; the world begins at 12:00 UTC.
PAPER = Destination(
    name="paper", receiver="team", type="smtp", digest=DigestPlan(CronSchedule("0 * * * *", "UTC"), send_empty=True)
)


def covered(world: World) -> list[tuple[float, float]]:
    """Return the periods of the digests, in hours from the start."""
    periods = [(each.content.starts_at, each.content.ends_at) for each in world.notifications]
    hour = timedelta(hours=1)
    return [((begin - at(0)) / hour, (end - at(0)) / hour) for begin, end in periods if end is not None]


def test_s_118_a_slot_that_is_done_does_not_come_again() -> None:
    world = World(level(), destinations=(PAPER,))
    world.advance(3600)
    world.engine.tick(at(3600) - seconds(3600))
    world.engine.tick(at(3600))
    world.advance(7200)
    assert covered(world)[1:] == [(0.0, 1.0), (1.0, 2.0)]


def test_s_117_slots_follow_the_wall_clock_when_it_jumps() -> None:
    world = World(level(), destinations=(PAPER,))
    world.advance(10)
    world.engine.tick(at(10 + 2 * 3600))
    decision = world.engine.take()
    assert decision is not None
    (digest,) = decision.notifications
    assert (digest.content.starts_at, digest.content.ends_at, digest.content.slots) == (at(0), at(7200), 2)


def test_more_than_a_thousand_entries_are_counted_and_not_kept() -> None:
    world = World(level(), destinations=(PAPER,))
    for n in range(1005):
        world.true(n + 1, f"p{n}")
        world.false(n + 1.5, f"p{n}")
    assert sum("/digest/" in key for _, key in world.rows) == 1000
    world.advance(3600)
    content = world.notifications[-1].content
    assert [(section.part, section.count, section.listed) for section in content.sections] == [
        (Part.CAME_AND_WENT, 1005, 1000)
    ]
    assert not any("/digest/" in key for _, key in world.rows)


def test_the_id_of_a_digest_is_that_of_its_slot() -> None:
    first, second = (World(level(), destinations=(PAPER,)) for _ in range(2))
    for world in (first, second):
        world.advance(3600)
    assert first.notifications[-1].id == second.notifications[-1].id
    assert first.notifications[-1].incident == f"kw/digest/{int(at(3600).timestamp())}"


def test_a_digest_that_nobody_asks_for_any_more_is_forgotten() -> None:
    world = World(level(), destinations=(PAPER,))
    world.true(1)
    world.false(2)
    world.destinations = (Destination(name="other", receiver="team", type="slack"),)
    world.restart(10)
    assert [key for _, key in world.rows if "digest" in key] == []
    assert world.counters["destination_removed"] == 1
