"""Pace, folding and storms (spec 2.6, S-91 to S-96; T04, T19), through the shipped composition."""

from pathlib import Path
from typing import Any

import httpx

from kwatch.testing.stage import Stage
from kwatch.testing.told import Told
from tests.scenarios.plays import BROKEN, brief, play, workloads
from tests.scenarios.storms import CALM, PACED, storm

#: What is told of 42 alerts within 10 s, at five a minute, before the overflow.
FIRST_FIVE = ["firing@60", "firing@60.238", "firing@60.476", "firing@60.714", "firing@60.952"]


def overflow(told: Told) -> tuple[int, list[str]]:
    """Return what an overflow says: how many more, and by rule and namespace."""
    return told.document["folded"], told.document["counts"]


def get(stage: Stage, at: float, path: str) -> list[Any]:
    """Ask the web at an instant; what it answers is in the list then."""
    answers: list[Any] = []

    async def ask() -> None:
        answers.append((await stage.get(path)).json())

    stage.at(at, ask)
    return answers


def test_S91_what_the_bucket_has_no_token_for_is_told_in_one_overflow(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 30)
    storm(pods, 12, ns="web", at=CALM + 0.1)
    deliveries = get(stage, 200, "/api/v1/deliveries?limit=1000")
    told = stage.run(until=600)
    assert brief(told) == [
        "firing@60",
        "firing@60.1",
        "firing@60.333",
        "firing@60.667",
        "firing@60.933",
        "overflow@121",
    ]
    assert overflow(told[-1]) == (37, ["27 × broken (shop)", "10 × broken (web)"])
    assert told[-1].document["alert_count"] == 37
    assert told[-1].document["text"].count("+ broken · ") == 37
    folded = [row for row in deliveries[0]["deliveries"] if row["state"] == "folded"]
    assert [row["reason"] for row in folded] == [f"into {told[-1].document['id']}"] * 37


def test_S91_the_overflow_names_every_message_that_it_stands_for(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED.replace("burst: 5", "burst: 1"))
    storm(pods, 3)
    deliveries = get(stage, 100, "/api/v1/deliveries")
    stories: list[Any] = []

    async def ask() -> None:
        overflow_id = stage.told[-1].document["id"]
        stories.append((await stage.get(f"/api/v1/deliveries/{overflow_id}")).json())

    stage.at(200, ask)
    told = stage.run(until=300)
    assert brief(told) == ["firing@60", "overflow@123.333"]
    assert f"each of them: kwatch deliveries show {told[1].document['id']}" in told[1].document["notes"]
    folded = [row["id"] for row in deliveries[0]["deliveries"] if row["state"] == "folded"]
    assert sorted(each["id"] for each in stories[0]["folded"]) == sorted(folded)
    assert len(folded) == 2


def test_S92_what_comes_before_the_overflow_leaves_joins_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 42)
    storm(pods, 10, at=100, first=42)
    told = stage.run(until=600)
    assert brief(told) == [*FIRST_FIVE, "overflow@121.19"]
    assert overflow(told[-1]) == (47, ["47 × broken (shop)"])


def test_S93_the_end_of_what_was_only_folded_is_in_the_next_overflow(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED.replace("burst: 5", "burst: 1"))
    storm(pods, 3, seconds=3)
    pods.phase(90, "p001", "Running")
    pods.phase(300, "p002", "Running")
    told = stage.run(until=1000)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        (60, "firing", ["p000"]),
        (121, "overflow", ["p002", "-p001"]),
        (360, "overflow", ["-p002"]),
    ]
    assert "1 of them already ended" in told[1].document["notes"]


def test_S94_the_critical_and_ends_take_the_reserve(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED.replace("per_minute: 5, burst: 5", "per_minute: 10, burst: 10"))
    storm(pods, 20, seconds=1)
    pods.phase(61, "worse", "Unknown")
    pods.phase(62, "p000", "Running")
    told = stage.run(until=300)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        *((round(60 + n / 20, 3), "firing", [f"p{n:03}"]) for n in range(10)),
        (61, "firing", ["worse"]),
        (62, "resolved", ["-p000"]),
        (120.5, "overflow", [f"p{n:03}" for n in range(10, 20)]),
    ]


def test_S94_an_end_waits_where_the_reserve_is_used_up_too(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED.replace("burst: 5", "burst: 1"))
    storm(pods, 2, seconds=1)
    pods.phase(61, "worse", "Unknown")
    pods.phase(62, "p000", "Running")
    told = stage.run(until=300)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        (60, "firing", ["p000"]),
        (61, "firing", ["worse"]),
        (72, "resolved", ["-p000"]),
        (120.5, "overflow", ["p001"]),
    ]


def test_S95_an_overflow_that_fails_is_tried_again(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 42)
    stage.answer = lambda _: httpx.Response(503 if 100 < stage.now() < 200 else 200)
    told = stage.run(until=900)
    assert brief(told) == [*FIRST_FIVE, "overflow@218.764"]  # at the first attempt after 200
    assert overflow(told[-1]) == (37, ["37 × broken (shop)"])


def test_S96_a_restart_in_a_storm_keeps_what_is_folded_and_begins_with_one_token(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 42)
    stage.absent(80, 90)
    storm(pods, 3, at=92, first=42, seconds=3)
    told = stage.run(until=900)
    assert brief(told) == [*FIRST_FIVE, "firing@92", "overflow@121.19"]
    assert workloads(told[5]) == ["p042"]
    assert overflow(told[6]) == (39, ["39 × broken (shop)"])


def test_S96_a_restart_while_all_is_calm_tells_all_that_began_meanwhile(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    stage.absent(80, 90)
    storm(pods, 3, at=82, seconds=3)
    told = stage.run(until=900)
    assert sorted((one.at, one.kind, *workloads(one)) for one in told) == [
        (90, "firing", "p000"),
        (90, "firing", "p001"),
        (90, "firing", "p002"),
    ]


def test_S96_what_was_told_just_before_a_crash_is_spent(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 4, seconds=1)
    stage.at(62, lambda: stage.kill(back_after=2))
    storm(pods, 3, at=82, first=4, seconds=1)
    told = stage.run(until=900)
    assert brief(told) == [
        "firing@60",
        "firing@60.25",
        "firing@60.5",
        "firing@60.75",
        "firing@82",
        "firing@82.333",
        "overflow@142.667",
    ]
    assert overflow(told[6]) == (1, ["1 × broken (shop)"])


def test_S96_an_overflow_that_was_being_sent_at_a_crash_says_the_same_again(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 42)
    stage.answers_after = 2.0
    stage.at(122, lambda: stage.kill(back_after=30))
    storm(pods, 1, at=200, first=42)
    told = stage.run(until=900)
    assert brief(told) == [
        "firing@62",
        "firing@62.238",
        "firing@62.476",
        "firing@62.714",
        "firing@64",
        "overflow@154",
        "firing@202",
    ]
    assert overflow(told[5]) == (37, ["37 × broken (shop)"])


def test_T04_a_trickle_after_a_burst_leaves_the_storm_and_is_told_one_by_one(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED.replace("repeat_interval: 1h", "repeat_interval: 0s"))
    storm(pods, 10, seconds=1)
    trickle = [CALM + 240 * n for n in range(1, 361)]
    for n, at in enumerate(trickle):
        pods.phase(at, f"t{n:03}")
    in_storm, after = get(stage, 100, "/readyz"), get(stage, 181, "/readyz")
    told = stage.run(until=CALM + 86_500)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        *((round(60 + n / 10, 3), "firing", [f"p{n:03}"]) for n in range(5)),
        (120.5, "overflow", ["p005", "p006", "p007", "p008", "p009"]),
        *((at, "firing", [f"t{n:03}"]) for n, at in enumerate(trickle)),
    ]
    assert [answer[0]["destinations"][0]["storm_since"] for answer in (in_storm, after)] == [
        "2026-01-01T12:01:00.500000+00:00",
        None,
    ]
    assert stage.counted("storms", destination="hook") == 1


def test_T19_a_receiver_that_was_blocked_gets_each_incident_by_itself_or_in_a_list(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    stage.answer = lambda _: httpx.Response(503 if stage.now() < 900 else 200)
    storm(pods, 1000, seconds=300)
    for n in range(500):
        pods.phase(500 + n / 10, f"p{n:03}", "Running")
    told = stage.run(until=3000)
    single = {one.document["incident"] for one in told if one.kind == "firing"}
    assert [one.kind for one in told].count("firing") == len(single) == 6
    assert [one.document["incident"] in single for one in told if one.kind == "resolved"] == [True] * 4
    assert [one.document["folded"] for one in told if one.kind == "overflow"] == [498]
    states = ("queued", "sent", "folded", "cancelled")
    counted = [stage.counted("deliveries", destination="hook", state=state) for state in states]
    # 1000 began, 500 ended; 496 of these had come and gone before anybody could be told, by two messages each.
    assert counted == [1501, 11, 498, 992]


RULE_PACED = """
packs: []
rules:
  - {name: noisy, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s,
     pace: {per_minute: 1, burst: 2}}
  - {name: worse, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, resolve_hold: 0s}
route: {receiver: team, group_by: [namespace, workload], group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""


def test_a_rules_pace_folds_what_it_opens_beyond_and_leaves_others_alone(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, RULE_PACED)
    storm(pods, 4, at=100, seconds=4)
    pods.phase(103.5, "other", "Unknown")
    pods.phase(110, "p000", "Running")
    told = stage.run(until=400)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        (100, "firing", ["p000"]),
        (101, "firing", ["p001"]),
        (103.5, "firing", ["other"]),
        (110, "resolved", ["-p000"]),
        (162, "overflow", ["p002", "p003"]),
    ]


def test_a_clock_that_is_set_forward_brings_no_tokens(tmp_path: Path) -> None:
    """I7: found by the machine of `worlds`."""
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 5)
    stage.set_clock(CALM + 15, 3600)
    storm(pods, 5, first=5, at=CALM + 20)
    told = stage.run(until=600)
    assert [one.kind for one in told] == ["firing"] * 5 + ["firing", "overflow"]
