"""Silences among many others: found through the labels that they name, the same as if each were asked."""

from hypothesis import given
from hypothesis import strategies as st
from world import START, World, at, labelled, level, route, seconds

from kwatch.alerts.ledger import Ledger
from kwatch.alerts.silences import Silences
from kwatch.alerts.timers import Timers
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.conditions import AllOf, AnyOf, Condition, LabelIs, Not, Text
from kwatch.model.matching import label_predicate
from kwatch.model.rules import Severity
from kwatch.model.silences import Silence


def silence(name: str, match: Condition, begin: float = 0, end: float | None = 100, **words: object) -> Silence:
    return Silence(
        **{
            "id": name,
            "match": match,
            "asked": name,
            "starts_at": at(begin),
            "ends_at": None if end is None else at(end),
            "owner": "alice",
            "comment": "",
            "created_at": at(begin),
            **words,
        }
    )


def view(labels: dict[str, str]) -> AlertView:
    return AlertView(
        fingerprint="f",
        episode=1,
        rule="broken",
        state=AlertState.FIRING,
        severity=Severity.WARNING,
        labels=labels,
        annotations={},
        message="",
        details={},
        count=0,
        window_count=0,
        starts_at=START,
    )


KEYS = st.sampled_from(["namespace", "name", "rule"])
GLOBS = st.sampled_from(["a", "b", "c", "a*", "*"])
LABELS = st.dictionaries(KEYS, st.sampled_from(["a", "b", "c", "ab", ""]))
ASKED = st.builds(LabelIs, KEYS, st.lists(GLOBS.map(Text), min_size=1, max_size=3).map(tuple))
MATCHES = st.recursive(
    ASKED,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=5,
)


@given(st.lists(MATCHES, max_size=12), st.data(), LABELS)
def test_the_silence_that_holds_longest_is_found(matches: list[Condition], data: st.DataObject, labels: dict) -> None:
    silences = Silences(Timers(), Ledger())
    for number, match in enumerate(matches):
        silences.add(silence(f"s{number}", match, end=100 + number), "alice", at(0))
    gone = data.draw(st.sets(st.integers(0, max(0, len(matches) - 1)))) if matches else set()
    for number in gone:
        silences.end(f"s{number}", "alice", at(1))
    holding = [n for n, match in enumerate(matches) if n not in gone and label_predicate(match)(labels)]
    found = silences.hold_of(labels, at(50))
    assert (found.id if found else None) == (f"s{max(holding)}" if holding else None)


def test_one_without_an_end_holds_longest() -> None:
    silences = Silences(Timers(), Ledger())
    silences.add(silence("long", labelled(rule="a"), end=None, is_until_resolved=True), "alice", at(0))
    silences.add(silence("short", labelled(rule="a")), "alice", at(0))
    assert [one.id for one in silences.all()] == ["short", "long"]
    found = silences.hold_of({"rule": "a"}, at(50))
    assert found is not None
    assert found.id == "long"


def test_a_thousand_others_are_not_asked() -> None:
    """Each of them is found by its own namespace; that of the alert names one."""
    silences = Silences(Timers(), Ledger())
    for number in range(1000):
        match = AllOf((LabelIs("rule", (Text("broken"),)), LabelIs("namespace", (Text(f"ns-{number}"),))))
        silences.add(silence(f"s{number}", match), "alice", at(0))
    asked = silences._candidates({"rule": "broken", "namespace": "ns-7"})
    assert len(asked) <= 2


def test_an_edge_while_kwatch_was_away_is_made_up_for() -> None:
    world = World(level(), root=route(group_wait=seconds(15)))
    world.engine.add_silence(silence("s", labelled(rule="broken"), begin=0, end=100), "alice", at(0))
    world.true(10)
    world.restart(50)
    world.thaw(200)
    world.start_complete(200)
    world.advance(1000)
    assert world.told == [(200, "team-slack", "firing", ("+a",))]
    assert world.engine.insight.silences() == ()
