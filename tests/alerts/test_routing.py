"""Which destinations an alert goes to (S-106 to S-110)."""

from world import World, labelled, level, route

from kwatch.alerts.routing import Router
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Severity

DESTINATIONS = tuple(
    Destination(name=f"{receiver}-slack", receiver=receiver, type="slack")
    for receiver in ("team", "oncall", "team-payments", "all")
)


def receivers(root: Route, **labels: str) -> list[str]:
    return [match.receiver for match in Router(root, DESTINATIONS).route(labels).matches]


def test_S106_after_a_match_the_siblings_are_not_tried():
    children = (route(receiver="oncall", match=labelled(severity="critical")), route(receiver="all"))
    root = route(children=children)
    assert receivers(root, severity="critical") == ["oncall"]
    assert receivers(root, severity="info") == ["all"]


def test_S107_with_continue_they_are():
    children = (
        route(receiver="oncall", match=labelled(severity="critical"), continue_=True),
        route(receiver="all", continue_=True),
    )
    assert receivers(route(children=children), severity="critical") == ["oncall", "all"]


def test_S107_one_message_each():
    children = (route(receiver="oncall", continue_=True), route(receiver="all"))
    world = World(level(), root=route(children=children), destinations=DESTINATIONS)
    world.true(0)
    world.advance(100)
    assert world.told == [(0, "all-slack", "firing", ("+a",)), (0, "oncall-slack", "firing", ("+a",))]


def test_S108_two_routes_to_one_receiver_make_one_message():
    children = (route(receiver="all", continue_=True, group_by=("rule",)), route(receiver="all"))
    world = World(level(), root=route(children=children), destinations=DESTINATIONS)
    world.true(0)
    world.advance(100)
    assert [told.destination for told in world.told] == ["all-slack"]
    assert world.notifications[0].content.group_labels == {"rule": "broken"}


def test_S109_without_a_matching_child_the_parent_takes_it():
    deep = route(receiver="all", match=labelled(rule="other"))
    children = (route(receiver="oncall", match=labelled(severity="critical"), children=(deep,)),)
    assert receivers(route(children=children), severity="critical", rule="broken") == ["oncall"]
    assert receivers(route(children=children), severity="info") == ["team"]


def test_S110_none_drops_and_counts():
    world = World(level(), root=route(children=(route(receiver="none"),)), destinations=DESTINATIONS)
    world.true(0)
    world.false(10)
    world.advance(100)
    assert world.told == []
    assert world.counters["dropped_by_route"] == 1
    assert "came_and_went" not in world.counters


def test_a_receiver_named_by_labels():
    root = route(children=(route(receiver="team-{{ team }}", parent_receiver="team"),))
    assert receivers(root, team="payments") == ["team-payments"]
    assert receivers(root, team="unknown") == ["team"]
    assert receivers(root) == ["team"]
    assert Router(root, DESTINATIONS).route({"team": "unknown"}).fallbacks == 1


def test_what_nobody_is_to_hear_is_counted():
    pager = Destination(name="pager", receiver="team", type="webhook", severity=Severity.CRITICAL)
    world = World(level(), destinations=[pager])
    world.true(0)
    world.false(10)
    world.advance(200)
    assert world.told == []
    assert world.counters["muted_severity"] == 1


def test_a_receiver_that_does_not_exist_is_counted():
    world = World(level(), root=route(receiver="nobody", parent_receiver="nobody"))
    world.true(0)
    world.false(10)
    world.advance(200)
    assert world.counters["no_destination"] == 1
