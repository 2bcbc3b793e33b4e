"""Which watches there are, when they start, and those that come later; on the fake cluster, in virtual time."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.cluster.wire import NOTHING, Wire
from kwatch.model.objects import Batch, WatchEventType
from kwatch.telemetry import Counters
from kwatch.testing import manifests, virtual
from kwatch.testing.fake import Effect, FakeCluster, FakeWire, Fault
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from kwatch.watch.fleet import Fleet, Plan
from kwatch.watch.moves import Want
from kwatch.watch.status import SourceState, SourceStatus
from tests.watch.wires import Answer, ScriptedWire, body_of

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENT_AT = "2026-11-21T12:00:00"
PODS, SETS = "v1/pods", "apps/v1/replicasets"
EVENTS = "events.k8s.io/v1/events"
WANTS = (Want(token="Pod"), Want(token="ReplicaSet", metadata_only=True))
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}


class Bench:
    """A fleet that runs; instants are seconds since its start."""

    def __init__(
        self,
        *wants: Want,
        namespaces: tuple[str, ...] = (),
        resume: Mapping[str, str] = NOTHING,
        wire: Wire | None = None,
    ) -> None:
        self.clock = virtual.VirtualClock(START, asyncio.get_running_loop())
        self.cluster = FakeCluster(self.clock)
        self.cache = ObjectCache()
        self.counters = Counters()
        self.put: list[tuple[float, Batch]] = []
        self.started: list[float] = []
        client = KubeClient(wire or FakeWire(self.cluster))
        self.fleet = Fleet(
            client,
            Discovery(client),
            self.cache,
            Plan(wants=wants, namespaces=namespaces, resume=resume),
            clock=self.clock,
            rng=random.Random(1),
            counters=self.counters,
            put=self._put,
        )

    async def _put(self, batch: Batch) -> None:
        self.put.append((self.now(), batch))

    def now(self) -> float:
        return round(self.clock.monotonic(), 3)

    async def run(self, seconds: float) -> None:
        running = asyncio.create_task(self.fleet.run(lambda: self.started.append(self.now())))
        await asyncio.wait({running}, timeout=seconds)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(seconds, act)

    @property
    def synced(self) -> list[tuple[float, str]]:
        """When each source was first in sync, in order."""
        first: dict[str, float] = {}
        for at, batch in self.put:
            if any(event.type is WatchEventType.SYNCED for event in batch.events):
                first.setdefault(batch.source.id, at)
        return [(at, source) for source, at in first.items()]

    def status(self, source_id: str) -> SourceStatus:
        return next(status for status in self.fleet.statuses() if status.source_id == source_id)


def test_owners_come_before_objects_and_those_before_Events() -> None:
    async def main() -> None:
        bench = Bench(*WANTS)
        await bench.run(60)
        assert [source for _, source in bench.synced] == [SETS, PODS, EVENTS]
        assert bench.started == [0.0]

    virtual.run(main())


def test_what_begins_planned_changes_comes_between_owners_and_what_these_explain() -> None:
    async def main() -> None:
        kinds = ("Pod", "PersistentVolumeClaim", "Node", "Job", "DaemonSet", "StatefulSet", "Deployment")
        bench = Bench(*(Want(token=kind) for kind in kinds), Want(token="ReplicaSet", metadata_only=True))
        bench.cluster.faults.add(Fault(effect=Effect.DELAY, path="*/replicasets", seconds=1))
        for plural in ("nodes", "jobs", "daemonsets", "statefulsets", "deployments"):
            bench.cluster.faults.add(Fault(effect=Effect.DELAY, path=f"*/{plural}", seconds=2))
        bench.cluster.faults.add(Fault(effect=Effect.DELAY, path="*/persistentvolumeclaims", seconds=4))
        await bench.run(60)
        assert sorted(bench.synced) == [
            (1.0, SETS),
            (3.0, "apps/v1/daemonsets"),
            (3.0, "apps/v1/deployments"),
            (3.0, "apps/v1/statefulsets"),
            (3.0, "batch/v1/jobs"),
            (3.0, "v1/nodes"),
            (3.0, PODS),
            (7.0, EVENTS),
            (7.0, "v1/persistentvolumeclaims"),
        ]

    virtual.run(main())


def test_a_wave_waits_for_its_slowest_watch() -> None:
    async def main() -> None:
        bench = Bench(*WANTS)
        bench.cluster.faults.add(Fault(effect=Effect.DELAY, path="*/replicasets", seconds=7))
        await bench.run(60)
        assert bench.synced == [(7.0, SETS), (7.0, PODS), (7.0, EVENTS)]

    virtual.run(main())


def test_a_wave_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bench = Bench(*WANTS)
        bench.cluster.faults.add(Fault(effect=Effect.HALF_OPEN, path="*/replicasets"))
        await bench.run(60)
        assert bench.synced == [(30.0, PODS), (30.0, EVENTS)]
        assert bench.started == [30.0]

    virtual.run(main())
    assert "some watches are not in sync yet" in caplog.text


def test_a_forbidden_kind_does_not_hold_the_start() -> None:
    async def main() -> None:
        bench = Bench(*WANTS)
        bench.cluster.access.forbid("list", "pods")
        bench.cluster.access.forbid("watch", "pods")
        await bench.run(10)
        assert bench.started == [0.0]
        assert bench.status(PODS).state is SourceState.FORBIDDEN
        assert bench.status(SETS).state is SourceState.WATCHING

    virtual.run(main())


def test_a_kind_is_watched_once_its_CRD_is_installed() -> None:
    async def main() -> None:
        bench = Bench(Want(token="Pod"), Want(token="Widget.example.com"))
        bench.later(100, lambda: bench.cluster.apply(WIDGETS))
        bench.later(90, lambda: seen.append(bench.status("discovery").error))
        seen: list[str] = []
        await bench.run(150)
        assert seen == ["not served (yet): Widget.example.com"]
        assert bench.status("discovery").error == ""
        assert bench.synced[-1] == (120.0, "example.com/v1/widgets")

    virtual.run(main())


def test_a_kind_that_is_served_again_is_looked_for_no_more() -> None:
    async def main() -> None:
        bench = Bench(Want(token="Widget.example.com"))
        bench.cluster.apply(WIDGETS)
        bench.later(95, lambda: bench.cluster.delete(WIDGETS))
        bench.later(105, lambda: bench.cluster.apply(WIDGETS))
        bench.later(100, lambda: seen.append(bench.status("example.com/v1/widgets").state))
        seen: list[SourceState] = []
        unasked = Fault(effect=Effect.HTML_500, path="/api", times=100)
        bench.later(200, lambda: bench.cluster.faults.add(unasked))
        await bench.run(300)
        assert seen == [SourceState.WAITING]
        assert bench.status("example.com/v1/widgets").state is SourceState.WATCHING
        assert bench.status("discovery").error == ""

    virtual.run(main())


def test_plain_namespaces_are_watched_one_by_one() -> None:
    async def main() -> None:
        bench = Bench(Want(token="Pod"), Want(token="Node"), namespaces=("shop", "pay"))
        await bench.run(10)
        assert {source for _, source in bench.synced} == {
            "v1/pods@shop",
            "v1/pods@pay",
            "v1/nodes",
            f"{EVENTS}@shop",
            f"{EVENTS}@pay",
        }

    virtual.run(main())


def test_two_names_of_one_kind_are_one_watch_that_keeps_what_both_need() -> None:
    async def main() -> None:
        bench = Bench(
            Want(token="Deployment", metadata_only=True),
            Want(token="Deployment.apps", projection=Projection(frozenset({("spec", "replicas")}), annotations=True)),
        )
        metadata = {"name": "web", "namespace": "shop", "annotations": {"a": "b"}}
        bench.cluster.apply(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 3}}
        )
        await bench.run(10)
        assert [source for _, source in bench.synced] == ["apps/v1/deployments", EVENTS]
        (listed,) = [event for _, batch in bench.put for event in batch.events if event.type is WatchEventType.LISTED]
        (change,) = bench.cache.apply(bench.put[0][1].source, listed)
        assert change.state.values == {("spec", "replicas"): (3,)}
        assert change.state.annotations == {"a": "b"}

    virtual.run(main())


def test_an_API_server_that_is_down_is_asked_again_at_least_each_30_seconds() -> None:
    async def main() -> None:
        bench = Bench(*WANTS)
        bench.cluster.faults.add(Fault(effect=Effect.DROP, times=10_000))
        errors: list[SourceStatus] = []
        bench.later(599, lambda: errors.append(bench.status("discovery")))
        bench.later(600, bench.cluster.faults.clear)
        await bench.run(700)
        assert [(error.state, error.error) for error in errors] == [(SourceState.WAITING, "connection reset by peer")]
        assert (errors[0].since, errors[0].last_frame_at) == (START, None)
        assert 600 < bench.started[0] <= 630
        discovery = bench.status("discovery")
        assert discovery.state is SourceState.WATCHING
        assert discovery.last_frame_at == discovery.since  # its first answer

    virtual.run(main())


def discovered(*kinds: str) -> tuple[Answer, ...]:
    """The answers to one discovery of a server that serves these kinds of the core API."""
    verbs = ["list", "watch"]
    resources = [{"kind": kind, "name": f"{kind.lower()}s", "namespaced": True, "verbs": verbs} for kind in kinds]
    return (body_of({"kind": "APIVersions"}), body_of({"resources": resources}), body_of({"groups": []}))


def test_a_server_without_Events_is_asked_again() -> None:
    """A discovery that is cut short, as aggregated APIs have it, does not end kwatch."""

    async def main() -> None:
        wire = ScriptedWire(*discovered("Pod"), *discovered("Pod"), *discovered("Pod", "Event"))
        bench = Bench(wire=wire)
        seen: list[str] = []
        bench.later(0.1, lambda: seen.append(bench.status("discovery").error))
        await bench.run(60)
        assert seen == ["the API server serves no Events"]
        assert wire.asked[-1].path == "/api/v1/events"
        assert 30 < bench.started[0] <= 34

    virtual.run(main())


def test_only_Events_resume_where_they_were() -> None:
    async def main() -> None:
        bench = Bench(Want(token="Pod"), resume={EVENTS: "1", PODS: "1"})
        bench.cluster.apply(manifests.pod("web-1"))
        about = "Pod/shop/web-1"
        bench.cluster.apply(
            manifests.new_event("e", about, reason="r", message="m", at=f"{EVENT_AT}.000001Z", created=f"{EVENT_AT}Z")
        )
        await bench.run(10)
        types = [(batch.source.id, event.type.value) for _, batch in bench.put for event in batch.events]
        assert types == [(PODS, "LISTED"), (PODS, "SYNCED"), (EVENTS, "SYNCED"), (EVENTS, "ADDED")]

    virtual.run(main())


def test_a_doubted_fleet_opens_every_watch_anew_and_is_in_sync_again() -> None:
    async def main() -> None:
        bench = Bench(*WANTS)
        ended: list[float] = []

        async def doubt() -> None:
            await bench.fleet.resync()
            ended.append(bench.now())

        bench.later(10, lambda: asyncio.ensure_future(doubt()))
        await bench.run(60)
        kinds = [(at, event.type.name) for at, batch in bench.put if at >= 10 for event in batch.events]
        assert kinds == [(10.0, "LOST")] * 3 + [(11.0, "SYNCED")] * 3
        assert ended == [11.0]
        assert bench.counters.read().get(("watch_breaks", (("source", PODS),)), 0) == 0

    virtual.run(main())
