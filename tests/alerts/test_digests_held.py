"""What digests do with what is held back, escalated and not watched."""

from datetime import UTC, timedelta

from world import World, at, level, route, seconds

from kwatch.model.notifications import Part
from kwatch.model.routes import Destination, DigestPlan, Escalation
from kwatch.model.schedules import CronSchedule
from kwatch.model.windows import Schedule, Window

HOUR = timedelta(hours=1)
PAPER = Destination(name="paper", receiver="team", type="smtp", digest=DigestPlan(CronSchedule("0 * * * *", "UTC")))
PHONE = Destination(name="phone", receiver="oncall", type="webhook")


NIGHT = Window(name="night", zone=UTC, start=12 * 60 + 30, end=14 * 60 + 30)


def parts(world: World) -> list[list[tuple[Part, int]]]:
    digests = [each.content for each in world.notifications if each.destination == "paper"]
    return [[(section.part, section.count) for section in content.sections] for content in digests]


def test_an_alert_escalates_from_when_a_digest_has_told_of_it() -> None:
    root = route(escalate=(Escalation(seconds(600), "oncall"),))
    world = World(level(), root=root, destinations=(PAPER, PHONE))
    world.true(10)
    world.advance(8000)
    assert [(told.second, told.destination) for told in world.told] == [
        (3600, "paper"),
        (4200, "phone"),
        (7200, "paper"),
    ]


def test_an_alert_escalates_into_a_digest() -> None:
    root = route(receiver="oncall", escalate=(Escalation(seconds(600), "team"),))
    world = World(level(), root=root, destinations=(PAPER, PHONE))
    world.true(10)
    world.advance(3700)
    assert parts(world) == [[(Part.NEW, 1)]]


def test_a_digest_waits_while_nobody_watches() -> None:
    world = World(level(), destinations=(PAPER,))
    world.true(10)
    world.advance(3000)
    world.engine.blind(at(3000))
    world.advance(4000)
    assert parts(world) == []
    world.engine.sighted(at(4100))
    world.advance(4100)
    assert parts(world) == [[(Part.NEW, 1)]]


def test_slots_do_not_move_with_the_clock() -> None:
    world = World(level(), destinations=(PAPER,))
    world.true(10)
    world.advance(3000)
    world.engine.jump(HOUR / 2)
    world.now += HOUR / 2
    world.advance(4900)
    assert [told.second for told in world.told] == [4800]


def test_what_a_window_holds_is_in_the_digest_after_it() -> None:
    world = World(level(), windows=(NIGHT,), root=route(schedule=Schedule(mute_in=("night",))), destinations=(PAPER,))
    world.true(1900)
    world.true(2000, "b")
    world.false(2100, "b")
    world.advance(11000)
    assert parts(world) == [[(Part.NEW, 1)]]
    assert world.told[0].second == 3 * 3600
    assert world.counters["muted_window"] == 1


def test_what_a_window_collects_and_that_went_is_in_a_digest() -> None:
    world = World(level(), windows=(NIGHT,), root=route(schedule=Schedule(hold_in=("night",))), destinations=(PAPER,))
    world.true(1900)
    world.true(2000, "b")
    world.false(2100, "b")
    world.advance(11000)
    assert parts(world) == [[(Part.CAME_AND_WENT, 1)], [(Part.NEW, 1)]]
