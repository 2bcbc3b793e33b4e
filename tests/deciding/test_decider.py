"""From batches to decisions: what waits for an object, what is kept, what is left out, and what goes wrong."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kwatch.alerts.engine import Engine
from kwatch.config.load import load
from kwatch.deciding.coverage import Coverage
from kwatch.deciding.decider import Decider
from kwatch.deciding.parked import MAX_PARKED
from kwatch.model.decisions import Decision, Row, Table
from kwatch.model.objects import Batch, ObjectRef, Resource, Source, WatchEvent, WatchEventType
from kwatch.namespaces import NamespaceFilter
from kwatch.rules.compile import RuleSet
from kwatch.telemetry import Counters
from kwatch.testing import manifests
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from kwatch.watch.normalise import EVENT_DECODER

RULES = """
packs: []
rules:
  - {name: noted, on: event, match: {reason: Noted}, mode: notice, key: [namespace, name]}
  - {name: labelled, on: event, match: {kind: Pod, reason: Labelled, labels: {app: web}}, mode: notice, key: [name]}
  - name: other
    on: event
    match: {kind: Pod, reason: Labelled, not: {labels: {app: web}}}
    mode: notice
    key: [namespace, name]
  - {name: moved, on: resource, match: {kind: Pod, changed: spec.nodeName}, mode: notice, key: [namespace, name]}
route: {receiver: team, group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PODS = Source(Resource("", "v1", "Pod", "pods", namespaced=True))
SETS = Resource("apps", "v1", "ReplicaSet", "replicasets", namespaced=True)
EVENTS = Source(Resource("events.k8s.io", "v1", "Event", "events", namespaced=True))
WEB = ObjectRef("Pod", "web-1", "shop")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Bench:
    """A decider with real rules, a real engine and a real cache; `asked` are the objects that it looked up."""

    def __init__(self, folder: Path, rows: Iterable[Row] = (), *, namespaces: Iterable[str] = ()) -> None:
        path = folder / "kwatch.yaml"
        path.write_text(RULES)
        config = load(path, environ={})
        rules = RuleSet(config.rules, cluster="c", label_names=())
        engine = Engine(config.engine, cluster="c")
        engine.load((), (), started_at=START, covered_until=START - timedelta(hours=1))
        self.cache = ObjectCache()
        self.cache.keep(PODS.resource, Projection(frozenset({("spec", "nodeName")})))
        self.counters = Counters()
        self.asked: list[ObjectRef] = []
        left_out = NamespaceFilter(include=("*",), exclude=tuple(namespaces), selector=None, labels_of=lambda _: None)
        self.decider = Decider(
            rules=rules,
            cache=self.cache,
            engine=engine,
            counters=self.counters,
            namespaces=left_out,
            look_up=self.asked.append,
            coverage=Coverage({}, started_at=START - timedelta(hours=1)),
        )
        self.decider.load(rows)
        self.decider.start_complete(START)
        self._version = 100

    def events(self, seconds: float, *bodies: Mapping[str, Any], kind: WatchEventType = WatchEventType.ADDED) -> None:
        self._feed(EVENTS, seconds, kind, [EVENT_DECODER.decode(msgspec.json.encode(body)) for body in bodies])

    def pods(self, seconds: float, *bodies: Mapping[str, Any], kind: WatchEventType = WatchEventType.ADDED) -> None:
        self._feed(PODS, seconds, kind, bodies)

    def _feed(self, source: Source, seconds: float, kind: WatchEventType, bodies: Iterable[Any]) -> None:
        self._version += 1
        version = str(self._version)
        frames = tuple(WatchEvent(kind, body, version, at(seconds)) for body in bodies)
        self.decider.decide(Batch(source, frames, version, at(seconds)), at(seconds))

    def find(self, ref: ObjectRef, seconds: float, body: Mapping[str, Any] | None) -> None:
        """Answer what was looked up."""
        self.cache.put_fetched(ref, PODS.resource, None if body is None else msgspec.json.encode(body))
        self.decider.found(ref, at(seconds))

    def take(self, seconds: float) -> Decision:
        """Return what was decided until an instant, all timers included."""
        self.decider.tick(at(seconds))
        return self.decider.take() or Decision()

    def outcomes(self) -> dict[str, int]:
        read = self.counters.read()
        return {dict(labels)["outcome"]: number for (name, labels), number in read.items() if name == "observations"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def event(reason: str = "Noted", *, name: str = "e", about: str = "Pod/shop/web-1", count: int = 1) -> dict[str, Any]:
    stamp = START.strftime("%Y-%m-%dT%H:%M:%SZ")
    body = manifests.core_event(name, about, reason=reason, message="", count=count, first=stamp, last=stamp)
    return {**body, "metadata": {**body["metadata"], "uid": f"uid-{name}", "resourceVersion": str(1000 + count)}}


def pod(name: str = "web-1", *, app: str = "web", node: str = "node-1", version: int = 5) -> dict[str, Any]:
    body = manifests.pod(name, labels={"app": app}, node=node)
    return {**body, "metadata": {**body["metadata"], "uid": f"uid-{name}", "resourceVersion": str(version)}}


def told(decision: Decision) -> list[str]:
    return [alert.rule for notification in decision.notifications for alert in notification.content.alerts]


def checkpoints(decision: Decision) -> dict[str, str]:
    return {point.source: point.resource_version for point in decision.checkpoints}


# Waiting for an object


def test_an_Event_whose_rule_needs_nothing_of_the_object_does_not_wait(bench: Bench) -> None:
    bench.events(0, event())
    assert bench.asked == []
    assert told(bench.take(0)) == ["noted"]


def test_an_Event_about_a_known_object_does_not_wait(bench: Bench) -> None:
    bench.pods(0, pod())
    bench.events(0, event("Labelled"))
    assert bench.asked == []
    assert told(bench.take(0)) == ["labelled"]


def test_an_Event_waits_for_its_object_and_the_checkpoint_with_it(bench: Bench) -> None:
    bench.events(0, event("Labelled"))
    bench.pods(0, pod("other"))
    first = bench.take(0)
    assert bench.asked == [WEB]
    assert (told(first), checkpoints(first)) == ([], {"v1/pods": "102"})
    bench.find(WEB, 1, pod())
    second = bench.take(1)
    assert (told(second), checkpoints(second)) == (["labelled"], {"events.k8s.io/v1/events": "101"})


def test_what_is_about_one_object_waits_in_order_for_one_look_up(bench: Bench) -> None:
    for count in range(1, 6):
        bench.events(0, event("Labelled", count=count))
    assert bench.asked == [WEB]
    bench.find(WEB, 1, pod())
    cases = {dict(labels)["case"]: n for (name, labels), n in bench.counters.read().items() if name == "contributions"}
    assert cases == {"C1": 1, "C4": 4}


def test_what_is_about_another_object_does_not_wait(bench: Bench) -> None:
    bench.pods(0, pod("web-2"))
    bench.events(0, event("Labelled"), event("Labelled", name="f", about="Pod/shop/web-2"))
    assert told(bench.take(0)) == ["labelled"]


@pytest.mark.parametrize("is_known_to_be_gone", [True, False], ids=["404", "no answer"])
def test_what_cannot_be_had_is_unknown_and_counted(bench: Bench, is_known_to_be_gone: bool) -> None:
    """Neither the rule that asks for the label nor the one that asks for its absence is true."""
    bench.events(0, event("Labelled"))
    if is_known_to_be_gone:
        bench.find(WEB, 2, None)
    else:
        bench.decider.found(WEB, at(2))
    decision = bench.take(2)
    assert (told(decision), checkpoints(decision)) == ([], {"events.k8s.io/v1/events": "101"})
    assert bench.counters.read().get(("lookups_failed", ()), 0) == (0 if is_known_to_be_gone else 1)


def test_no_more_objects_are_waited_for_than_a_bound(bench: Bench) -> None:
    names = [f"web-{number}" for number in range(MAX_PARKED + 1)]
    bench.events(0, *(event("Labelled", name=name, about=f"Pod/shop/{name}") for name in names))
    assert len(bench.asked) == MAX_PARKED
    assert bench.counters.read()["lookups_failed", ()] == 1


# What is kept


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.events(0, event(count=3))
    rows = first.take(0).rows
    second = Bench(tmp_path, rows)
    second.events(60, event(count=3), kind=WatchEventType.LISTED)
    assert told(second.take(60)) == []
    assert second.outcomes() == {"nothing_new": 1}


def test_counts_of_Events_that_are_gone_are_dropped_after_a_while(bench: Bench) -> None:
    bench.events(0, event())
    bench.take(0)
    bench.events(10, event(), kind=WatchEventType.DELETED)
    bench.take(10)
    counts = [row for row in bench.take(90000).rows if row.table is Table.COUNTS]
    assert counts == [Row(Table.COUNTS, "shop/e", None)]


def test_a_change_is_remembered_when_it_is_decided_and_not_before(bench: Bench) -> None:
    """A crash while it waits must find it as a change again."""
    bench.cache.keep(SETS, Projection())
    owned = pod()
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
    ]
    bench.pods(0, owned)
    assert bench.asked == [ObjectRef("Pod", "web-1", "shop", "", "uid-web-1")]
    assert [row for row in bench.take(0).rows if row.table is Table.SEEN] == []
    bench.decider.found(bench.asked[0], at(1))
    assert [row.key for row in bench.take(1).rows if row.table is Table.SEEN] == ["/Pod/shop/web-1"]


# What is left out


def test_a_namespace_that_is_not_watched_is_left_out_and_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, namespaces=["shop"])
    bench.events(0, event())
    bench.pods(0, pod())
    bench.pods(1, pod(node="node-2", version=6), kind=WatchEventType.MODIFIED)
    decision = bench.take(1)
    assert told(decision) == []
    assert bench.outcomes() == {"namespace_not_watched": 3}
    assert checkpoints(decision) == {"events.k8s.io/v1/events": "101", "v1/pods": "103"}


def test_what_is_about_a_cluster_scoped_object_is_not_left_out(tmp_path: Path) -> None:
    """Such Events are stored in `default`."""
    bench = Bench(tmp_path, namespaces=["default"])
    bench.events(0, event(about="Node//node-1"))
    assert told(bench.take(0)) == ["noted"]


def test_what_no_rule_asks_about_is_counted_at_once(bench: Bench) -> None:
    bench.events(0, *(event("Scheduled", name=str(number)) for number in range(500)))
    assert bench.outcomes() == {"no_rule": 500}
    assert checkpoints(bench.take(0)) == {"events.k8s.io/v1/events": "101"}


def test_nothing_decided_is_no_decision(bench: Bench) -> None:
    bench.take(0)  # by which rules it decides
    assert bench.decider.take() is None


# What goes wrong


def test_a_malformed_object_is_counted_and_the_next_one_decided(bench: Bench) -> None:
    bench.events(0, {"metadata": {"resourceVersion": "1"}, "reason": "Noted"}, event())
    bench.pods(0, {"metadata": None}, {"kind": "Pod"}, pod())
    assert told(bench.take(0)) == ["noted"]
    assert bench.outcomes() == {"malformed": 3, "finding": 1, "no_rule": 1}


def test_a_bug_with_one_object_costs_this_object_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Something that no decoder gives."""
    bodies = (7, EVENT_DECODER.decode(msgspec.json.encode(event())))
    frames = tuple(WatchEvent(WatchEventType.ADDED, body, "7", START) for body in bodies)
    bench.decider.decide(Batch(EVENTS, frames, "7", START), START)
    assert bench.outcomes() == {"failed": 1, "finding": 1}
    decision = bench.take(0)
    assert (told(decision), checkpoints(decision)) == (["noted"], {"events.k8s.io/v1/events": "7"})
    assert "an observation could not be decided" in caplog.text
