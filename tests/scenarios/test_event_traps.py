"""What others lose, double or misread of Kubernetes Events (T22, T23, T42, T49, D4 to D6)."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kwatch.errors import StateError
from kwatch.model.decisions import Decision
from kwatch.store.state import State
from kwatch.testing.fake.access import Access
from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, NOTED, event, play
from tests.scenarios.scrapes import scrapes

BY_NAMESPACE = """
route: {receiver: team, group_by: [namespace], group_wait: 15s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""


class CountingAccess(Access):
    """Allows all, and keeps count of what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[tuple[str, str]] = Counter()

    def authorize(self, verb: str, resource: str, group: str, *, namespace: str, name: str) -> None:
        self.asked[verb, resource] += 1


def test_T22_every_update_of_a_count_is_seen(tmp_path: Path) -> None:
    rules = """
packs: []
rules: [{name: often, on: event, match: {reason: BackOff}, rate: {count: 5, within: 1h}, quiet: 12h}]
"""
    stage, pods = play(tmp_path, rules + HOOK)
    for at, count in ((0, 1), (100, 5), (600, 500)):
        pods.event(at, "a", count, firstTimestamp=stage.time(0))
    shown: list[Any] = []

    async def ask() -> None:
        shown.extend((await stage.get("/api/v1/alerts")).json()["alerts"])

    stage.at(700, ask)
    stage.run(until=3600)
    assert stage.lines == ["100 hook firing often shop/Pod/a ×5"]
    assert [alert["count"] for alert in shown] == [500]


def test_T23_no_event_of_a_burst_is_lost_and_requests_do_not_grow_with_objects(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - {name: seen, on: event, match: {reason: BackOff, kind: Pod, not: {labels: {quiet: "yes"}}}, key: [namespace, name]}
"""
    stage, pods = play(tmp_path, rules + BY_NAMESPACE)
    stage.cluster.access = access = CountingAccess()
    for number in range(2000):
        pods.phase(-20, f"p{number:04}", "Running", ns=f"ns-{number % 20:02}")
    for number in range(5000):
        about = number % 2000
        pods.event(number // 500, f"p{about:04}", number // 2000 + 1, ns=f"ns-{about % 20:02}")
    counts: list[int] = []

    async def ask() -> None:
        counts.extend(alert["count"] for alert in (await stage.get("/api/v1/alerts")).json()["alerts"])

    stage.at(50, ask)
    told = stage.run(until=60)
    assert [(one.at, one.kind, one.document["alert_count"]) for one in told] == [(15, "firing", 100)] * 20
    assert (len(counts), sum(counts)) == (2000, 5000)
    workloads = ("deployments", "statefulsets", "daemonsets", "replicasets", "jobs")
    assert access.asked == {("watch", kind): 1 for kind in ("pods", "nodes", *workloads, "events")}


def test_T23_how_far_deciding_is_behind_is_measured(tmp_path: Path) -> None:
    """While the store fails, what comes has to wait: the Event at 15, for 17 s."""
    stage, pods = play(tmp_path, NOTED + HOOK)

    class Failing(State):
        async def commit(self, decision: Decision) -> None:
            if 10 <= stage.now() < 30:
                raise StateError("database is locked")
            await super().commit(decision)

    stage.state_type = Failing
    pods.event(10, "a")
    pods.event(15, "b")
    seen = scrapes(stage, 9, 40)
    told = stage.run(until=600)
    assert [str(one).partition(" ")[2] for one in told] == [f"hook notice noted shop/Pod/{name}" for name in "ab"]
    assert all(30 <= one.at <= 35.1 for one in told), "the commit is tried again each 5 s, with jitter"
    soon, late = ([each[f'decide_lag_seconds_bucket{{le="{bound}"}}'] for each in seen] for bound in ("5.0", "30.0"))
    assert (soon, late) == ([1, 2], [1, 3])


def test_T49_what_is_known_of_an_object_is_not_asked_for_again(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - name: wanted
    on: event
    match:
      reason: BackOff
      kind: Pod
      annotations: {example.com/alerts: "on"}
      message: {regex: "(?s)(it|that) happened.*"}
    mode: notice
    dedup_window: 1s
"""
    stage, pods = play(tmp_path, rules + HOOK)
    stage.cluster.access = access = CountingAccess()
    stage.at(-20, lambda: stage.cluster.apply(annotated("a", "on")))
    stage.at(-20, lambda: stage.cluster.apply(annotated("b", "off")))
    for number in range(100):
        pods.event(2 * number, "ab"[number % 2], number // 2 + 1)
    pods.event(200, "a", 51, message="it happened" + "\x00\ud7ff\U0001f600" + "x" * 100_000)
    told = stage.run(until=600)
    assert [one.at for one in told] == [*range(0, 200, 4), 200]
    assert ("get", "pods") not in access.asked


def annotated(name: str, word: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "annotations": {"example.com/alerts": word}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running"}}


def test_T42_a_restart_tells_nothing_of_old_events(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + HOOK)
    stage.cluster.watch_list = False
    for number in range(50_000):
        old = event(stage, -3000, f"old{number:05}")
        old["metadata"]["creationTimestamp"] = stage.time(-3000)
        stage.cluster.apply(old)
    stage.absent(50, 60)
    stage.absent(100, 110)
    pods.event(200, "new")
    stage.at(105, stage.cluster.compact)
    stage.run(until=600)
    assert stage.lines == ["200 hook notice noted shop/Pod/new"]


def test_T42_metrics_do_not_grow_with_a_hundred_thousand_pods(tmp_path: Path) -> None:
    """They are told in one notice, as most of the time would go into writing 100,000."""
    stage, pods = play(tmp_path, NOTED.replace("[namespace, name]", "[namespace]") + BY_NAMESPACE)
    for number in range(100_000):
        pods.event(number // 1000, f"p{number:05}")
    seen = scrapes(stage, 50, 150)
    stage.run(until=600)
    assert stage.lines == ["15 hook notice noted shop/Pod/p00000"]
    assert stage.counted("observations", outcome="finding") == 100_000
    assert seen[0].keys() == seen[1].keys()


def test_T42_nor_with_pods_that_are_told_by_name(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + BY_NAMESPACE)
    for number in range(2000):
        pods.event(number // 1000 * 300, f"p{number:05}")
    seen = scrapes(stage, 250, 400)
    told = stage.run(until=600)
    assert [(one.at, one.kind, one.document["alert_count"]) for one in told] == [
        (15, "notice", 1000),
        (315, "notice", 1000),
    ]
    assert seen[0].keys() == seen[1].keys()


NULLS: dict[str, Any] = {"firstTimestamp": None, "lastTimestamp": None, "count": None, "eventTime": None}


@pytest.mark.parametrize(
    ("given", "began"),
    [
        ({"lastTimestamp": 10, "firstTimestamp": 5, "count": 1}, 10),
        ({"lastTimestamp": 10, "count": 1}, 10),
        ({"firstTimestamp": 10, "count": 1}, 10),
        ({"eventTime": 10}, 10),
        ({"eventTime": 10, "count": 1}, 10),
        ({"eventTime": 10, "firstTimestamp": 5}, 10),
        ({"eventTime": 5, "lastTimestamp": 10, "count": 1}, 10),
        ({"eventTime": 5, "series": 10}, 10),
        ({"eventTime": 5, "series": 10, "lastTimestamp": 8, "firstTimestamp": 6, "count": 1}, 10),
        ({"eventTime": 10, "series": 5, "lastTimestamp": 8}, 10),
        ({"series": 5, "lastTimestamp": 10, "firstTimestamp": 4, "count": 1}, 10),
        ({"series": 5, "firstTimestamp": 10}, 10),
        ({"series": 10}, 10),
        ({}, 1),
    ],
    ids=str,
)
def test_D4_any_of_the_times_may_be_null(tmp_path: Path, given: dict[str, float], began: float) -> None:
    stage, _ = play(tmp_path, NOTED + HOOK)
    times: dict[str, Any] = {
        key: 1 if key == "count" else stage.time(value) for key, value in given.items() if key != "series"
    }
    if "series" in given:
        times["series"] = {"count": 2, "lastObservedTime": stage.time(given["series"])}
    manifest = event(stage, 0, "a") | NULLS | times
    manifest["metadata"]["creationTimestamp"] = stage.time(1)
    stage.apply(20, manifest)
    stage.run(until=60)
    assert stage.lines == [f"20 hook notice noted shop/Pod/a{' ×2' if 'series' in given else ''}"]
    assert stage.told[0].document["alerts"][0]["starts_at"] == f"2026-01-01T12:00:{began:02}+00:00"


OPEN = """
packs: []
rules: [{name: seen, on: event, match: {reason: BackOff}, key: [namespace, name], quiet: 12h}]
"""


def test_D5_an_event_that_is_deleted_ends_nothing(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, OPEN + HOOK)
    pods.phase(-20, "a", "Running")
    pods.event(0, "a")
    stage.at(100, lambda: stage.cluster.delete(event(stage, 0, "a")))
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing seen shop/Pod/a"]


def test_D5_a_smaller_count_under_a_new_uid_is_a_new_base(tmp_path: Path) -> None:
    rules = """
packs: []
rules: [{name: seen, on: event, match: {reason: BackOff}, mode: notice, dedup_window: 1s, key: [namespace, name]}]
"""
    stage, pods = play(tmp_path, rules + HOOK)
    for count in range(1, 41):
        pods.event(count / 100, "a", count)
    stage.at(100, lambda: stage.cluster.delete(event(stage, 0, "a")))
    pods.event(200, "a", 1)
    pods.event(300, "a", 3, firstTimestamp=stage.time(200))
    stage.run(until=600)
    assert stage.lines == [
        "0.01 hook notice seen shop/Pod/a",
        "200 hook notice seen shop/Pod/a ×40",
        "300 hook notice seen shop/Pod/a ×2",
    ]


def test_D6_one_event_seen_through_two_apis_is_told_once(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + HOOK)
    stage.cluster.access = access = CountingAccess()
    pods.event(0, "a")
    stage.run(until=60)
    assert stage.lines == ["0 hook notice noted shop/Pod/a"]
    assert {resource for _, resource in access.asked if resource == "events"} == {"events"}
    assert access.asked["watch", "events"] == 1


def sources(stage: Stage) -> list[str]:
    read = stage.counters.read()
    return sorted(dict(labels)["source"] for name, labels in read if name == "watch_lists")


def test_D6_the_newer_api_is_the_one_that_is_watched(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, NOTED + HOOK)
    stage.run(until=1)
    assert [source for source in sources(stage) if re.search("events", source)] == ["events.k8s.io/v1/events"]
