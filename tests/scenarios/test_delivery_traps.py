"""Traps of other tools about sending (T03 to T50), through the shipped composition in virtual time."""

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.errors import StateError
from kwatch.model.decisions import Decision
from kwatch.store.state import State
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, play

ALONE = "group_by: [namespace, name], group_wait: 0s, repeat_interval: 0s"
ONE = f"""
route: {{receiver: team, {ALONE}}}
receivers: {{team: [{{type: webhook, name: hook, url: "http://receiver.example/hook"}}]}}
"""
TWO = f"""
route: {{receiver: team, {ALONE}}}
receivers:
  team:
    - {{type: webhook, name: hook, url: "http://receiver.example/hook"}}
    - {{type: webhook, name: other, url: "http://other.example/other"}}
"""


def deliveries(stage: Stage, at: float) -> list[tuple[str, str, str, list[str]]]:
    """Let what has become of each delivery be read at an instant: destination, kind, state, outcomes of its tries."""
    found: list[tuple[str, str, str, list[str]]] = []

    async def look() -> None:
        for row in reversed((await stage.get("/api/v1/deliveries?limit=1000")).json()["deliveries"]):
            story = (await stage.get(f"/api/v1/deliveries/{row['id']}")).json()
            outcomes = [each["outcome"] for each in story["tries"]]
            found.append((row["destination"], row["kind"], row["state"], outcomes))

    stage.at(at, look)
    return found


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_T03_T47_any_2xx_is_a_success(tmp_path: Path, status: int) -> None:
    stage, pods = play(tmp_path, BROKEN + ONE)
    stage.answer = lambda _: httpx.Response(status)
    pods.phase(10, "a")
    pods.phase(300, "a", "Running")
    found = deliveries(stage, 900)
    stage.run(until=901)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "300 hook resolved broken shop/Pod/a"]
    assert found == [("hook", "firing", "sent", ["sent"]), ("hook", "resolved", "sent", ["sent"])]


@pytest.mark.parametrize(
    ("status", "outcomes"),
    [
        (400, ["message", "message"]),  # once rich, once plain
        (429, []),  # a pause is no attempt
        (500, ["ambiguous", "ambiguous", "ambiguous", "sent"]),
        (503, ["retry", "retry", "retry", "sent"]),
    ],
)
def test_T03_T33_a_refusal_is_for_good_and_a_failure_is_tried_again(
    tmp_path: Path, status: int, outcomes: list[str]
) -> None:
    stage, pods = play(tmp_path, BROKEN + ONE)
    left = [httpx.Response(status, headers={"Retry-After": "7"} if status == 429 else {}) for _ in range(3)]
    stage.answer = lambda _: left.pop() if left else httpx.Response(200)
    pods.phase(10, "a")
    found = deliveries(stage, 600)
    stage.run(until=601)
    state = "dead" if status == 400 else "sent"
    assert found[0] == ("hook", "firing", state, outcomes or ["sent"])
    assert [told.at for told in stage.told if told.kind == "firing"] == (
        [] if status == 400 else [31] if status == 429 else [pytest.approx(10, abs=7)]
    )


def test_T19_T29_what_was_made_is_what_was_sent_and_what_is_dead_and_a_dead_one_is_told_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage, pods = play(tmp_path, BROKEN + TWO)
    stage.answer = lambda request: httpx.Response(400 if b"shop/Pod/b" in request.content else 200)
    for number, name in enumerate("abc"):
        pods.phase(10 + number, name)
    stage.run(until=120)
    counted = {
        (destination, state): stage.counted("deliveries", destination=destination, state=state)
        for destination in ("hook", "other")
        for state in ("queued", "sent", "dead")
    }
    assert counted == {
        ("hook", "queued"): 4,  # one of them says that a message of the other was not delivered
        ("hook", "sent"): 3,
        ("hook", "dead"): 1,
        ("other", "queued"): 4,
        ("other", "sent"): 3,
        ("other", "dead"): 1,
    }
    said = [vars(record) for record in caplog.records if record.message == "delivery dead"]
    assert [(each["levelno"], each["destination"], each["rules"], each["reason"]) for each in said] == [
        (logging.WARNING, "hook", "broken", "rejected"),
        (logging.WARNING, "other", "broken", "rejected"),
    ]


BODY = {"n": 43, "x": 2.5, "yes": True, "no": False, "none": None, "list": [1, None, "{{ severity }}"], "kind": "x"}


def test_T21_a_document_of_ones_own_keeps_every_type(tmp_path: Path) -> None:
    document = {**BODY, "count": "{{ alerts[0].count }}", "alerts": [], "deep": {"firing": "{{ kind == 'firing' }}"}}
    receiver = {"type": "webhook", "name": "hook", "url": "http://receiver.example/hook", "body": document}
    stage, pods = play(tmp_path, f"{BROKEN}\nreceivers: {json.dumps({'team': [receiver]})}\n")
    pods.phase(10, "a", "Unknown")
    stage.run(until=60)
    assert [told.document for told in stage.told] == [
        {**BODY, "list": [1, None, "critical"], "count": 0, "alerts": [], "deep": {"firing": True}}
    ]


def test_T24_what_a_hung_destination_was_not_told_is_told_in_order_after_a_restart(tmp_path: Path) -> None:
    """Ten minutes of news beside one that never answers, then SIGTERM, a start, and it answers again."""
    stage, pods = play(tmp_path, BROKEN + TWO)

    async def hung(request: httpx.Request) -> httpx.Response:
        if stage.now() < 700:
            await stage.clock.sleep(86_400)
        others.append((stage.now(), json.loads(request.content)))
        return httpx.Response(200)

    others: list[tuple[float, dict[str, Any]]] = []
    stage.hosts["other.example"] = hung
    for number in range(60):
        pods.phase(10 + 5 * number, f"p{number:02}")
    for number in range(40):
        pods.phase(310 + 5 * number, f"p{number:02}", "Running")
    stage.absent(650, 700, is_killed=False)
    stage.run(until=3000)
    told = [(each.at, each.kind) for each in stage.told if each.kind != "meta"]
    assert told == [(10 + 5 * n, "firing") for n in range(60)] + [(310 + 5 * n, "resolved") for n in range(40)]
    lanes: dict[str, list[str]] = {}
    for at, each in others:
        assert 700 <= at < 800
        lanes.setdefault(each["alerts"][0]["labels"]["name"], []).append(each["kind"])
    # Of the first two a try was under way when they ended: whether it arrived is not known. What else came and went
    # is not told any more, and what goes on is.
    ambiguous = {f"p{number:02}": ["firing", "resolved"] for number in range(2)}
    assert lanes == ambiguous | {f"p{number:02}": ["firing"] for number in range(40, 60)}
    assert [name for name in lanes if name >= "p40"] == [f"p{number:02}" for number in range(40, 60)]


def test_T31_what_failed_first_and_what_came_meanwhile_all_arrives(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + ONE)
    stage.answer = lambda _: httpx.Response(503 if stage.now() < 60 else 200)
    names = [f"p{number:03}" for number in range(500)]
    for number, name in enumerate(names):
        pods.phase(10 + number / 10, name)
    told = [alert["labels"]["name"] for each in stage.run(until=1000) for alert in each.document["alerts"]]
    assert sorted(told) == names


def test_T32_three_failures_with_a_kill_between_them_are_one_message(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + ONE)
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        if len(asked) == 2:
            stage.kill(back_after=5)
        return httpx.Response(503 if len(asked) < 4 else 200)

    stage.answer = answer
    pods.phase(10, "a")
    stage.run(until=300)
    assert [str(told).partition(" ")[2] for told in stage.told] == ["hook firing broken shop/Pod/a"]
    assert len(asked) == 4
    assert len({json.loads(body)["id"] for body in asked}) == 1


ROUTED = f"""
route:
  receiver: team
  {ALONE.replace(", ", chr(10) + "  ").replace("[namespace" + chr(10) + "  name]", "[namespace, name]")}
  routes:
    - {{match: {{namespace: "sandbox-*"}}, receiver: none}}
    - {{match: {{severity: critical}}, receiver: oncall}}
receivers:
  team: [{{type: webhook, name: hook, url: "http://receiver.example/hook"}}]
  oncall: [{{type: webhook, name: pager, url: "http://receiver.example/pager"}}]
"""


def test_T47_each_receiver_is_told_what_its_route_says_and_nothing_else(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + ROUTED)
    pods.phase(10, "a")
    pods.phase(20, "b", "Unknown")
    pods.phase(30, "c", ns="sandbox-1")
    stage.run(until=600)
    assert stage.lines == ["10 hook firing broken shop/Pod/a", "20 pager firing worse shop/Pod/b"]


class Full(State):
    """A state whose disk is full for a while."""

    is_full = False

    async def commit(self, decision: Decision) -> None:
        if Full.is_full:
            raise StateError("database or disk is full")
        await super().commit(decision)


def test_T50_what_is_not_durable_is_answered_503_and_who_asks_again_is_heard(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.state_type = Full
    answers: list[tuple[int, str]] = []
    silenced: list[str] = []

    def fill(is_full: bool) -> None:
        Full.is_full = is_full

    async def ask() -> None:
        body = {"match": {"namespace": "shop"}, "for": "1h", "comment": "deploy"}
        answer = await stage.request("POST", "/api/v1/silences", body)
        answers.append((answer.status_code, answer.json().get("error", "")))

    async def look() -> None:
        silenced.extend(each["match"] for each in (await stage.get("/api/v1/silences")).json()["silences"])

    stage.at(10, lambda: fill(True))
    stage.at(20, ask)
    stage.at(40, lambda: fill(False))
    stage.at(60, ask)
    stage.at(70, look)
    pods.phase(80, "a")
    stage.run(until=600)
    refusal = "the change is not durable yet, look before you ask again: database or disk is full"
    assert answers == [(503, refusal), (201, "")]
    assert silenced == ["namespace: shop"] * 2  # the first has become durable when there was room
    assert stage.lines == []


def test_T56_what_is_too_much_for_one_message_is_cut_and_says_so(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK.replace("group_wait: 0s", "group_wait: 30s"))
    for number in range(400):
        pods.phase(10, f"{'p' * 200}{number:03}")
    stage.run(until=60)
    (told,) = stage.told
    assert len(told.body) <= 20 * 1024
    document = told.document
    assert (document["kind"], document["alert_count"], document["truncated"]) == ("firing", 400, True)
    assert document["id"]
    assert document["incident"]
