"""Alerts of Events that end, and begin again, by what the object itself shows."""

from datetime import timedelta

from world import World, at, event, labelled, level, rate, seconds

from kwatch.model.conditions import FieldChanged
from kwatch.model.findings import Truth


def test_evidence_held_ends_an_event_alert():
    world = World(event(resolve=labelled(), resolve_hold=seconds(120)))
    world.occur(0)
    world.evidence(100)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@220"]
    assert world.last.ends_at == at(100)


def test_an_occurrence_takes_the_end_back():
    world = World(event(resolve_hold=seconds(120)))
    world.occur(0)
    world.evidence(100)
    world.occur(150)
    world.advance(1000)
    assert world.brief == ["firing@0"]
    assert world.engine.insight.alerts(world.now)[0].count == 2


def test_evidence_against_takes_the_end_back():
    world = World(event(resolve_hold=seconds(120)))
    world.occur(0)
    world.evidence(100)
    world.evidence(150, truth=Truth.FALSE)
    world.advance(1000)
    assert world.brief == ["firing@0"]


def test_evidence_is_no_older_than_the_last_occurrence():
    world = World(event(resolve_hold=seconds(120)))
    world.occur(50)
    world.evidence(51, since=0)
    world.advance(1000)
    assert world.brief == ["firing@50", "resolved@170"]


def test_an_occurrence_older_than_the_evidence_is_counted_only():
    world = World(event(resolve_hold=seconds(120)))
    world.occur(0)
    world.evidence(100)
    world.occur(90, received=110)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@220"]


def test_evidence_needs_no_key_of_the_event():
    world = World(event())
    world.occur(0, "a", workload="Deployment/web")
    world.evidence(100, "a", workload="unknown to the object")
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@100"]


def test_without_evidence_it_expires_after_the_last_occurrence():
    world = World(event(expire_after=timedelta(hours=24)))
    world.occur(0, "a")
    world.occur(0, "b")
    world.occur(600, "b")
    world.advance(200_000)
    assert world.brief == ["firing@0", "firing@0", "expired@86400", "expired@87000"]
    assert world.last.ends_at == at(600)


def test_a_moment_of_an_object_is_never_false_by_itself():
    world = World(level(match=FieldChanged(("spec", "replicas")), expire_after=seconds(3600)))
    world.true(0)
    world.restart(100)
    world.thaw(101, "a", is_listed=True)
    world.start_complete(101)
    world.advance(10_000)
    assert world.brief == ["firing@0", "expired@3600"]


def test_a_moment_of_an_object_ends_by_evidence():
    world = World(level(match=FieldChanged(("spec", "replicas")), resolve=labelled(), resolve_hold=seconds(60)))
    world.true(0)
    world.evidence(100)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@160"]


def test_a_rate_that_is_reached_opens_though_each_occurrence_was_followed_by_health():
    world = World(event(rate=rate(3, 60), resolve_hold=seconds(120)))
    for _ in range(3):
        world.occur(5)
        world.evidence(5)
    world.advance(1000)
    assert world.brief == ["firing@5", "resolved@125"]
