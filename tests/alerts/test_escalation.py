"""Steps of an escalation and acknowledgements, beside the rows S-67 and S-111 to S-114."""

from datetime import timedelta

from world import World, at, labelled, level, route, seconds

from kwatch.model.routes import Destination, Escalation
from kwatch.model.rules import Severity

TEAM = Destination(name="chat", receiver="team", type="slack")
ONCALL = Destination(name="phone", receiver="oncall", type="webhook")
BOSS = Destination(name="mail", receiver="boss", type="smtp")
SOON = (Escalation(seconds(600), "oncall"),)


def world_of(*destinations: Destination, **words: object) -> World:
    return World(level(), root=route(escalate=SOON, **words), destinations=destinations or (TEAM, ONCALL))


def told(world: World) -> list[str]:
    return [f"{each.destination} {each.kind}@{each.second:g}" for each in world.told]


def test_the_time_counts_from_when_it_was_told() -> None:
    world = world_of(group_wait=seconds(30))
    world.true(0)
    world.advance(1000)
    assert told(world) == ["chat firing@30", "phone firing@630"]


def test_alerts_that_were_told_together_are_escalated_together() -> None:
    world = world_of(group_wait=seconds(30), group_by=("namespace",))
    world.true(0, "a")
    world.true(10, "b")
    world.advance(1000)
    assert world.told == [(30, "chat", "firing", ("+a", "+b")), (630, "phone", "firing", ("+a", "+b"))]


def test_an_alert_that_nobody_is_told_of_is_not_escalated() -> None:
    world = world_of(Destination(name="chat", receiver="team", type="slack", severity=Severity.CRITICAL), ONCALL)
    world.true(0)
    world.advance(1000)
    assert told(world) == []


def test_a_step_asks_what_its_destinations_want() -> None:
    deaf = Destination(name="phone", receiver="oncall", type="webhook", severity=Severity.CRITICAL)
    world = world_of(TEAM, deaf)
    world.true(0)
    world.advance(1000)
    assert told(world) == ["chat firing@0"]
    assert world.engine.insight.alerts(at(0))[0].escalated_to == ()


def test_of_two_routes_the_earlier_step_counts() -> None:
    late = route(
        receiver="boss",
        match=labelled(namespace="shop"),
        escalate=(Escalation(seconds(900), "oncall"),),
        continue_=True,
    )
    soon = route(receiver="team", match=labelled(namespace="shop"), escalate=SOON)
    root = route(children=(late, soon))
    world = World(level(), root=root, destinations=(TEAM, ONCALL, BOSS))
    world.true(0)
    world.advance(2000)
    assert told(world) == ["chat firing@0", "mail firing@0", "phone firing@600"]


def test_a_receiver_that_was_told_anyway_is_not_said_to_be_escalated_to() -> None:
    direct = route(receiver="oncall", match=labelled(namespace="shop"), continue_=True)
    same = route(receiver="team", match=labelled(namespace="shop"), escalate=SOON)
    world = World(level(), root=route(children=(direct, same)), destinations=(TEAM, ONCALL))
    world.true(0)
    world.advance(2000)
    assert told(world) == ["chat firing@0", "phone firing@0"]
    assert world.engine.insight.alerts(at(0))[0].escalated_to == ()


def test_a_step_that_another_configuration_does_not_have_is_left_out() -> None:
    world = world_of()
    world.true(0)
    world.advance(0)
    world.root = route()
    world.restart(100)
    world.thaw(100)
    world.advance(1000)
    assert told(world) == ["chat firing@0"]


def test_an_incident_is_acknowledged_as_a_whole() -> None:
    world = world_of(group_by=("namespace",), group_wait=seconds(5))
    world.true(0, "a")
    world.true(0, "b")
    world.advance(10)
    views = world.engine.ack(world.notifications[0].incident, "ann", at(20))
    world.advance(1000)
    assert [(view.labels["name"], view.acked_by, view.acked_at) for view in views] == [
        ("a", "ann", at(20)),
        ("b", "ann", at(20)),
    ]
    assert told(world) == ["chat firing@5", "chat update@20"]


def test_what_is_already_there_at_a_first_start_is_acknowledged_by_its_summary() -> None:
    world = World(level(), root=route(escalate=SOON), destinations=(TEAM, ONCALL), is_first_start=True)
    world.true(0, is_initial=True)
    world.start_complete(10)
    assert len(world.engine.ack(world.notifications[0].incident, "ann", at(20))) == 1
    world.advance(1000)
    assert told(world) == ["chat summary@10", "chat update@20"]


def test_there_is_nothing_to_acknowledge_where_nothing_fires() -> None:
    world = world_of()
    world.true(0)
    world.false(10)
    fingerprint = world.notifications[0].content.alerts[0].fingerprint
    assert world.engine.ack(fingerprint, "ann", at(20)) == ()
    assert world.engine.ack("unheard-of", "ann", at(20)) == ()
    assert world.engine.unack(fingerprint, "ann", at(20)) == ()


def test_an_acknowledgement_before_the_first_message_is_in_it() -> None:
    world = world_of(group_wait=seconds(30))
    world.true(0)
    world.engine.ack(world.engine.insight.alerts(at(0))[0].fingerprint, "ann", at(10))
    world.advance(1000)
    assert told(world) == ["chat firing@30"]
    assert world.notifications[0].content.alerts[0].acked_by == "ann"


def test_one_of_two_that_nobody_has_acknowledged_is_repeated_with_the_other() -> None:
    world = world_of(group_by=("namespace",), group_wait=seconds(5), repeat_interval=timedelta(hours=1))
    world.true(0, "a")
    world.true(0, "b")
    world.advance(10)
    first = next(view for view in world.engine.insight.alerts(at(0)) if view.labels["name"] == "a")
    world.engine.ack(first.fingerprint, "ann", at(20))
    world.advance(4000)
    assert world.told == [
        (5, "chat", "firing", ("+a", "+b")),
        (20, "chat", "update", ("a", "b")),
        (605, "phone", "firing", ("+b",)),
        (3620, "chat", "repeat", ("a", "b")),
    ]
