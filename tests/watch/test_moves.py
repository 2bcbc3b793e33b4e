"""What another plan means for the watches that run."""

from kwatch.model.objects import Resource, Source
from kwatch.watch.extract import Projection
from kwatch.watch.moves import Want, moves

PODS = Resource("", "v1", "Pod", "pods", namespaced=True)
NODES = Resource("", "v1", "Node", "nodes", namespaced=False)
BARE = Want(token="Pod", metadata_only=True)
FULL = Want(token="Pod")
PHASE = Want(token="Pod", projection=Projection(frozenset({("status", "phase")})))
NODE = Want(token="Node")


def test_what_is_wanted_as_before_goes_on() -> None:
    before = {Source(PODS): PHASE, Source(NODES): NODE}
    found = moves(before, before)
    assert (found.stopped, found.started, found.wanted) == ({}, {}, before)


def test_less_of_a_kind_leaves_its_watch_alone() -> None:
    found = moves({Source(PODS): PHASE}, {Source(PODS): FULL})
    assert (found.stopped, found.started, found.wanted) == ({}, {}, {Source(PODS): PHASE})


def test_more_of_a_kind_lets_its_watch_begin_anew() -> None:
    before, after = Source(PODS, "", metadata_only=True), Source(PODS)
    found = moves({before: BARE}, {after: PHASE})
    assert (found.stopped, found.started) == ({before: BARE}, {after: PHASE})
    assert found.goes_on(before)
    assert found.kinds == {PODS: PHASE.projection}


def test_a_kind_that_nobody_wants_ends_and_another_begins() -> None:
    found = moves({Source(PODS): FULL}, {Source(NODES): NODE})
    assert (found.stopped, found.started) == ({Source(PODS): FULL}, {Source(NODES): NODE})
    assert not found.goes_on(Source(PODS))


def test_a_further_namespace_keeps_of_the_kind_what_the_others_keep() -> None:
    one, other = Source(PODS, "shop"), Source(PODS, "bank")
    found = moves({one: PHASE}, {one: FULL, other: FULL})
    assert (found.stopped, found.started) == ({}, {other: PHASE})


def test_a_namespace_that_is_left_does_not_touch_the_others() -> None:
    one, other = Source(PODS, "shop"), Source(PODS, "bank")
    found = moves({one: FULL, other: FULL}, {one: FULL})
    assert (found.stopped, found.started) == ({other: FULL}, {})
    assert not found.goes_on(other)
