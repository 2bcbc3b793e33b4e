"""What a digest says beside its sections: what was kept from being told, and the oldest first."""

from datetime import UTC

from world import World, at, level, route

from kwatch.model.notifications import Part, Suppressed
from kwatch.model.routes import Destination, DigestPlan
from kwatch.model.rules import Severity
from kwatch.model.schedules import CronSchedule
from kwatch.model.windows import Schedule, Window

PAPER = Destination(
    name="paper", receiver="team", type="smtp", digest=DigestPlan(CronSchedule("0 * * * *", "UTC"), send_empty=True)
)
NIGHT = Window(name="night", zone=UTC, start=12 * 60 + 30, end=14 * 60 + 30)


def suppressed(world: World) -> list[tuple[Suppressed, ...]]:
    """Return what each digest after the one of the start counts."""
    return [each.content.suppressed for each in world.notifications if each.destination == "paper"][1:]


def muted_night() -> World:
    return World(level(), windows=(NIGHT,), root=route(schedule=Schedule(mute_in=("night",))), destinations=(PAPER,))


def test_what_a_window_mutes_is_counted_by_its_name_also_when_it_has_ended() -> None:
    world = muted_night()
    world.true(10)
    world.true(1900, "b")
    world.false(1950, "b")
    world.true(2000, "c")
    world.advance(3600)
    assert suppressed(world) == [(Suppressed("the window night", 3),)]


def test_each_digest_counts_its_own_period_also_over_a_restart() -> None:
    world = muted_night()
    world.true(10)
    world.true(1900, "b")
    world.false(1950, "b")
    world.advance(2500)
    world.restart(2600)
    world.thaw(2601, "a")
    world.start_complete(2602)
    world.advance(3600)
    world.false(3700)
    world.true(3800, "d")
    world.false(3900, "d")
    world.advance(7200)
    assert suppressed(world) == [(Suppressed("the window night", 2),), (Suppressed("the window night", 1),)]
    assert [section.part for section in world.notifications[-1].content.sections] == [Part.CAME_AND_WENT]


def test_what_is_still_open_is_told_the_oldest_first_whatever_its_severity() -> None:
    mild, bad = level("mild"), level("bad", severity=Severity.CRITICAL)
    world = World(mild, bad, destinations=(PAPER,))
    world.true(10, rule="mild")
    world.true(20, rule="bad")
    world.advance(7200)
    _, first, second = world.notifications
    assert [view.rule for view in first.content.alerts] == ["bad", "mild"]
    assert [section.part for section in second.content.sections] == [Part.STILL_OPEN]
    assert [(view.rule, view.starts_at) for view in second.content.alerts] == [("mild", at(10)), ("bad", at(20))]
