"""T13: silences, open incidents, buckets and queues are the same before and after a reload of something else.

Each play is played twice, with a reload and without one, and tells the same.
"""

import json
from pathlib import Path

import httpx
import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import Pods, Silences, play

RULES = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s}
  - {name: few, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, resolve_hold: 0s,
     pace: {per_minute: 1, burst: 2}}
OTHER
route: {receiver: team, group_by: [namespace, workload], group_wait: 0s, repeat_interval: 10m}
receivers:
  team:
    - {type: webhook, name: hook, url: "http://receiver.example/hook"PACE}
"""
PACE = ", pace: {per_minute: 6, burst: 3}"
OTHER = '  - {name: full, on: resource, match: {kind: Node, condition: {DiskPressure: "True"}}}'

RELOADED = pytest.mark.parametrize("is_reloaded", [False, True])


def stage_of(folder: Path, pace: str, *, is_reloaded: bool) -> tuple[Stage, Pods]:
    """Return a stage on which, perhaps, a rule that finds nothing is added at 100."""
    text = RULES.replace("PACE", pace)
    stage, pods = play(folder, text.replace("OTHER", ""))
    if is_reloaded:
        stage.reload(100, text.replace("OTHER", OTHER))
    return stage, pods


@RELOADED
def test_T13_a_bucket_that_is_full_stays_full(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = stage_of(tmp_path, PACE, is_reloaded=is_reloaded)
    for number in range(1, 5):
        pods.phase(101, f"p{number}")
    stage.run(until=300)
    assert stage.lines == [
        "101 hook firing broken shop/Pod/p1",
        "101 hook firing broken shop/Pod/p2",
        "101 hook firing broken shop/Pod/p3",
        "161 hook overflow broken shop/Pod/p4",
    ]


@RELOADED
def test_T13_a_bucket_that_is_empty_stays_empty(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = stage_of(tmp_path, PACE, is_reloaded=is_reloaded)
    for number in range(1, 4):
        pods.phase(99.5, f"p{number}")
    pods.phase(101, "p4")
    stage.run(until=300)
    assert stage.lines == [
        "99.5 hook firing broken shop/Pod/p1",
        "99.5 hook firing broken shop/Pod/p2",
        "99.5 hook firing broken shop/Pod/p3",
        "161 hook overflow broken shop/Pod/p4",
    ]


@RELOADED
def test_T13_the_bucket_of_a_rule_stays_as_full_as_it_is(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = stage_of(tmp_path, "", is_reloaded=is_reloaded)
    for number in range(1, 4):
        pods.phase(101, f"p{number}", "Unknown")
    stage.run(until=300)
    assert stage.lines == [
        "101 hook firing few shop/Pod/p1",
        "101 hook firing few shop/Pod/p2",
        "161 hook overflow few shop/Pod/p3",
    ]


@RELOADED
def test_T13_a_silence_holds_on_and_an_acknowledgement_counts_on(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = stage_of(tmp_path, "", is_reloaded=is_reloaded)
    silences = Silences(stage)
    silences.add(5, {"name": ["before", "after"]}, **{"for": "10m"})
    silences.add(6, {"name": "later"}, starts_at=stage.time(200), until=650)
    pods.phase(20, "before")
    pods.phase(30, "told")
    stage.ack(40, "broken")
    pods.phase(110, "after")
    pods.phase(300, "later")
    listed: list[list[str]] = []

    async def look() -> None:
        kept = (await stage.get("/api/v1/silences")).json()["silences"]
        listed.append([silence["match"] for silence in kept])

    stage.at(150, look)
    stage.run(until=700)
    assert stage.lines == [
        "30 hook firing broken shop/Pod/told",
        "40 hook update broken shop/Pod/told",
        "605 hook firing broken shop/Pod/after",
        "605 hook firing broken shop/Pod/before",
        "650 hook firing broken shop/Pod/later",
    ]
    assert listed == [["name: [before, after]", "name: later"]]


@RELOADED
def test_T13_an_incident_that_is_open_is_closed_by_its_key(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = stage_of(tmp_path, "", is_reloaded=is_reloaded)
    pods.phase(10, "a")
    pods.phase(200, "a", "Running")
    opened, closed = stage.run(until=300)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert (opened.document["incident"], opened.document["sequence"]) == (closed.document["incident"], 1)
    assert closed.document["sequence"] == 2


@RELOADED
def test_T13_what_is_queued_is_tried_again_in_its_time(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = stage_of(tmp_path, "", is_reloaded=is_reloaded)
    tried: list[tuple[float, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        name = json.loads(request.content)["alerts"][0]["labels"]["name"]
        tried.append((stage.now(), name))
        return httpx.Response(429, headers={"Retry-After": "50"}) if stage.now() < 120 else httpx.Response(200)

    stage.answer = answer
    pods.phase(60, "a")
    pods.phase(70, "b")
    stage.run(until=300)
    assert stage.lines == ["160 hook firing broken shop/Pod/b", "160 hook firing broken shop/Pod/a"]
    assert tried == [(60, "a"), (110, "a"), (160, "b"), (160, "a")]
