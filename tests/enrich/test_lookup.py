"""One fetch for an object that no watch has shown: what is asked, and when the answer comes."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.enrich.lookup import CONCURRENCY, QUEUE_SIZE, Lookup
from kwatch.model.objects import ObjectRef, Resource
from kwatch.model.observations import About
from kwatch.telemetry import Counters
from kwatch.testing import virtual
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from tests.watch.wires import FOREVER, Answer, ScriptedWire, body_of, failed, pod

WEB = ObjectRef("Pod", "web-1", "shop", "", "uid-web-1")
KINDS = body_of({"resources": [{"kind": "Pod", "name": "pods", "namespaced": True, "verbs": ["list", "watch"]}]})
DISCOVERY = (body_of({"kind": "APIVersions"}), KINDS, body_of({"groups": []}))


class Bench:
    """A lookup on a prepared wire; `found` holds the answers as (seconds, name, what is known then)."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.wire = ScriptedWire(*DISCOVERY, *answers)
        self.cache = ObjectCache()
        self.cache.keep(Resource("", "v1", "Pod", "pods", namespaced=True), Projection())
        self.counters = Counters()
        self.found: list[tuple[float, str, About | None]] = []
        client = KubeClient(self.wire)
        self.lookup = Lookup(client, Discovery(client), self.cache, counters=self.counters, found=self._found)

    def _found(self, ref: ObjectRef) -> None:
        at = round(asyncio.get_running_loop().time(), 3)
        self.found.append((at, ref.name, self.cache.about(ref)))

    @property
    def fetches(self) -> list[str]:
        return [asked.path for asked in self.wire.asked[len(DISCOVERY) :]]


def run(made: Callable[[], Bench], *refs: ObjectRef, seconds: float = 100.0) -> Bench:
    """Ask for objects, and wait."""

    async def main() -> Bench:
        bench = made()
        running = asyncio.create_task(bench.lookup.run())
        for ref in refs:
            bench.lookup.request(ref)
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return bench

    return virtual.run(main())


def name_of(about: About | None) -> Any:
    return about and about.state and about.state.ref.name


def test_what_is_there_is_known_when_the_answer_comes() -> None:
    bench = run(lambda: Bench(body_of(pod("web-1", 5))), WEB)
    assert [(at, name, name_of(about)) for at, name, about in bench.found] == [(0.0, "web-1", "web-1")]
    assert bench.fetches == ["/api/v1/namespaces/shop/pods/web-1"]


def test_what_is_not_there_is_unknown_and_not_asked_for_again() -> None:
    bench = run(lambda: Bench(failed(404)), WEB, WEB)
    assert [(at, name) for at, name, _ in bench.found] == [(0.0, "web-1")] * 2
    assert bench.found[0][2] == About(None, "Pod/web-1", is_gone=True)
    assert len(bench.fetches) == 1


@pytest.mark.parametrize("answer", [failed(403), failed(500), Answer([b"<html>"], 502), Answer([b"no JSON"])])
def test_a_refusal_is_an_answer_at_once(answer: Answer) -> None:
    assert [(at, name) for at, name, _ in run(lambda: Bench(answer), WEB).found] == [(0.0, "web-1")]


def test_an_api_server_that_is_silent_is_not_waited_for_longer_than_two_seconds() -> None:
    bench = run(lambda: Bench(Answer([FOREVER])), WEB)
    assert bench.found == [(2.0, "web-1", None)]


def test_nobody_waits_longer_because_others_wait_too() -> None:
    refs = [ObjectRef("Pod", f"web-{number}", "shop") for number in range(5 * CONCURRENCY)]
    bench = run(Bench, *refs)
    assert [at for at, _, _ in bench.found] == [2.0] * len(refs)


def test_what_is_beyond_the_queue_is_answered_at_once() -> None:
    refs = [ObjectRef("Pod", f"web-{number}", "shop") for number in range(QUEUE_SIZE + 1)]
    bench = run(Bench, *refs)
    assert bench.found[0] == (0.0, f"web-{QUEUE_SIZE}", None)
    assert len(bench.found) == QUEUE_SIZE + 1


def test_a_kind_that_the_server_does_not_know_is_answered_at_once() -> None:
    def made() -> Bench:
        bench = Bench()
        bench.cache.keep(Resource("example.com", "v1", "Widget", "widgets", namespaced=True), Projection())
        return bench

    bench = run(made, ObjectRef("Widget", "w", "shop", "example.com"))
    assert [(at, name) for at, name, _ in bench.found] == [(0.0, "w")]
    assert bench.fetches == []


def test_a_bug_costs_this_object_alone(caplog: pytest.LogCaptureFixture) -> None:
    other = ObjectRef("Pod", "web-2", "shop")
    bench = run(lambda: Bench(ZeroDivisionError(), body_of(pod("web-2", 5))), WEB, other)
    assert sorted((name, name_of(about)) for _, name, about in bench.found) == [("web-1", None), ("web-2", "web-2")]
    assert bench.counters.read()["lookup_errors", ()] == 1
    assert "ZeroDivisionError" in caplog.text
