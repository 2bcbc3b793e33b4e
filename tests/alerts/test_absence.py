"""What has not happened: due times, what cannot be seen, bounds (S-45 to S-48)."""

from datetime import timedelta

import pytest
from world import World, at, event, level, route, seconds

from kwatch.alerts import absence
from kwatch.alerts.absence import KEPT, Absences
from kwatch.model.conditions import AllOf, FieldChanged, Text, Word, WordIs
from kwatch.model.rules import Rule

HOUR = seconds(3600)


def watched(**words: object) -> World:
    """Return a world with one rule that watches each workload, whose Events are in sync."""
    world = World(event(absent_for=HOUR, **words))
    world.thaw(-90, kind="Event")
    return world


def test_S45_fires_after_the_time_exactly() -> None:
    world = watched()
    world.occur(0)
    world.advance(3599.999)
    assert world.brief == []
    world.advance(20_000)
    assert world.brief == ["firing@3600"]


def test_S46_found_while_out_of_sync() -> None:
    world = watched()
    world.occur(0)
    world.freeze(3000, "Event")
    world.occur(3500, received=4000)
    world.thaw(4000, kind="Event")
    world.advance(20_000)
    assert world.brief == ["firing@7100"]


def test_S47_nothing_found() -> None:
    world = watched()
    world.occur(0)
    world.freeze(3000, "Event")
    world.advance(3999)
    assert world.brief == []
    world.thaw(4000, kind="Event")
    world.advance(20_000)
    assert world.brief == ["firing@4060"]


def test_S47_what_arrives_within_the_grace_counts() -> None:
    world = watched()
    world.occur(0)
    world.freeze(3000, "Event")
    world.thaw(4000, kind="Event")
    world.occur(3500, received=4059)
    world.advance(20_000)
    assert world.brief == ["firing@7100"]


def test_S48_never_seen() -> None:
    world = World(event(absent_for=HOUR, key=()))
    world.thaw(-90, kind="Event")
    world.advance(20_000)
    assert world.brief == ["firing@3500"]


def test_what_was_never_in_sync_is_unknown() -> None:
    world = World(event(absent_for=HOUR, key=()))
    world.thaw(-90, kind="Pod")
    world.advance(20_000)
    assert world.brief == []


def test_one_source_of_several_that_is_lost_is_enough() -> None:
    world = World(event(absent_for=HOUR, key=()))
    for namespace in ("shop", "bank"):
        world.engine.thaw("Event", "", namespace, None, at(-90))
    world.engine.freeze("Event", "", "bank", at(0))
    world.advance(20_000)
    assert world.brief == []
    world.engine.thaw("Event", "", "bank", None, at(20_000))
    world.advance(30_000)
    assert world.brief == ["firing@20060"]


def test_losing_sight_of_what_fires_ends_nothing() -> None:
    world = watched()
    world.occur(0)
    world.freeze(4000, "Event")
    world.thaw(5000, kind="Event")
    world.advance(20_000)
    assert world.brief == ["firing@3600"]


def test_a_moment_of_an_object_rests_on_the_watch_of_its_kind() -> None:
    match = AllOf((WordIs(Word.KIND, (Text("Pod"),)), FieldChanged(("status",))))
    world = World(level(match=match, absent_for=HOUR))
    world.thaw(-90, kind="Pod")
    world.true(0)
    world.freeze(1000, "Event")
    world.advance(20_000)
    assert world.brief == ["firing@3600"]


def test_S41_a_removed_rule_expires_what_is_absent_and_forgets_what_is_not() -> None:
    world = watched()
    world.occur(0, "a")
    world.occur(3000, "b")
    world.restart(4000, rules=(event("other"),))
    world.advance(4000)
    assert world.brief == ["firing@3600", "expired@4000"]
    world.advance(20_000)
    assert [key for _, key in world.rows] == ["watched", "episodes"]


def test_another_key_expires_what_was_absent_by_the_old_one() -> None:
    world = watched()
    world.occur(0)
    world.restart(4000, rules=(event(absent_for=HOUR, key=()),))
    world.thaw(4000, kind="Event")
    world.advance(20_000)
    assert world.brief == ["firing@3600", "expired@4000", "firing@7600"]


def test_an_absence_without_a_key_never_expires() -> None:
    world = World(event(absent_for=HOUR, key=()), root=route())
    world.thaw(-90, kind="Event")
    world.advance(30 * 86400)
    assert world.brief == ["firing@3500"]


def test_what_is_awaited_is_bounded_and_the_rest_is_counted() -> None:
    rule = event(absent_for=HOUR)
    absences = Absences([rule], "prod")
    assert [absences.takes(str(number), rule) for number in range(KEPT + 2)] == [True] * KEPT + [False, False]
    assert absences.takes("0", rule) is True
    absences.drop("0")
    assert absences.takes("new", rule) is True


def test_each_finding_has_one_fate_and_what_fired_is_opened() -> None:
    world = watched()
    world.occur(0)
    world.occur(10, n=0)
    world.occur(20)
    world.advance(5000)
    assert world.counters == {"awaited": 2, "nothing_new": 1, "opened": 1, "led_to_notification": 1}


@pytest.mark.parametrize(("span", "text"), [(60, "1m"), (5400, "1h30m"), (93_600, "1d2h"), (45, "45s"), (86_400, "1d")])
def test_the_message_says_how_long(span: int, text: str) -> None:
    rule = Rule(name="r", id="r", on=event().on, absent_for=timedelta(seconds=span))
    assert absence.message_of(rule) == f"nothing matched for {text}"
