"""The process ends at a named point and is started again on the same folder (spec 3.6, F-01 to F-05; T48).

The points are those of spec 3.2: T1 commits a decision, T2 leases a delivery, T3 stores what became of it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, Message
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, NOTED, play

SLACK = """
route: {receiver: team, group_by: [namespace], group_wait: 0s}
receivers: {team: [{type: slack, name: chat, token: {file: FOLDER/slack-token}, channel: "#alerts"}]}
"""


class Cut:
    """Kills a stage's kwatch at a point, once; nothing that comes after it in that process happens."""

    def __init__(self, stage: Stage, *, back_after: float = 1.0) -> None:
        self._stage = stage
        self._back_after = back_after
        self._is_done = False
        self._never: asyncio.Future[None] | None = None

    async def here(self, *, when: bool = True) -> None:
        """End the process, unless it was ended before or this is not the moment."""
        if when and not self._is_done and self._stage.now() >= 0:
            self._is_done = True
            self._stage.kill(back_after=self._back_after)
            self._never = asyncio.get_running_loop().create_future()
            await self._never


def before_t1(cut: Cut) -> type[State]:
    class Wrapped(State):
        async def commit(self, decision: Decision) -> None:
            await cut.here(when=bool(decision.notifications))
            await super().commit(decision)

    return Wrapped


def after_t1(cut: Cut) -> type[State]:
    class Wrapped(State):
        async def commit(self, decision: Decision) -> None:
            await super().commit(decision)
            await cut.here(when=bool(decision.notifications))

    return Wrapped


def after_t2(cut: Cut) -> type[State]:
    class Wrapped(State):
        async def lease(self, delivery: Delivery, message: Message) -> bool:
            is_ours = await super().lease(delivery, message)
            await cut.here()
            return is_ours

    return Wrapped


def before_t3(cut: Cut) -> type[State]:
    class Wrapped(State):
        async def settle(self, settlement: Settlement) -> None:
            await cut.here()
            await super().settle(settlement)

    return Wrapped


def after_t3(cut: Cut) -> type[State]:
    class Wrapped(State):
        async def settle(self, settlement: Settlement) -> None:
            await super().settle(settlement)
            await cut.here()

    return Wrapped


Point = Callable[[Cut], type[State]]


def cut_at(point: Point, folder: Path, text: str) -> Stage:
    """Play a Pod that breaks at 0 and is well again at 100; the first message is cut short at the point."""
    stage, pods = play(folder, text)
    stage.state_type = point(Cut(stage))
    pods.phase(0, "a")
    pods.phase(100, "a", "Running")
    stage.run(until=3600)
    return stage


def incidents(stage: Stage) -> int:
    """Return how many incidents were told."""
    return len({one.document["incident"] for one in stage.told})


def test_F01_before_t1_it_is_decided_again_from_the_checkpoint(tmp_path: Path) -> None:
    stage = cut_at(before_t1, tmp_path, BROKEN + HOOK)
    assert stage.lines == ["1 hook firing broken shop/Pod/a", "100 hook resolved broken shop/Pod/a"]
    assert incidents(stage) == 1


def test_F02_after_t1_it_is_sent_once_after_the_start(tmp_path: Path) -> None:
    stage = cut_at(after_t1, tmp_path, BROKEN + HOOK)
    assert stage.lines == ["1 hook firing broken shop/Pod/a", "100 hook resolved broken shop/Pod/a"]
    assert incidents(stage) == 1


def test_F03_after_t2_it_is_sent_once_as_attempt_2(tmp_path: Path) -> None:
    stage = cut_at(after_t2, tmp_path, BROKEN + HOOK)
    assert stage.lines == ["1 hook firing broken shop/Pod/a", "100 hook resolved broken shop/Pod/a"]
    assert incidents(stage) == 1


def test_F04_after_the_reply_there_is_one_duplicate(tmp_path: Path) -> None:
    stage = cut_at(before_t3, tmp_path, BROKEN + HOOK)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "1 hook firing broken shop/Pod/a",
        "100 hook resolved broken shop/Pod/a",
    ]
    assert incidents(stage) == 1


def test_F05_during_t3_when_it_was_durable_already_there_is_none(tmp_path: Path) -> None:
    stage = cut_at(after_t3, tmp_path, BROKEN + HOOK)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "100 hook resolved broken shop/Pod/a"]
    assert incidents(stage) == 1


def test_F01_an_event_is_replayed_from_the_checkpoint(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + HOOK)
    stage.state_type = before_t1(Cut(stage, back_after=30))
    pods.event(0, "a")
    stage.run(until=600)
    assert stage.lines == ["30 hook notice noted shop/Pod/a"]
    assert stage.told[0].document["alerts"][0]["starts_at"] == "2026-01-01T12:00:00+00:00"


def test_F04_a_duplicate_is_the_same_to_the_byte(tmp_path: Path) -> None:
    requests: list[tuple[str, bytes]] = []
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.state_type = before_t3(Cut(stage))

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append((request.headers["webhook-id"], request.content))
        return httpx.Response(200)

    stage.answer = answer
    pods.phase(0, "a")
    stage.run(until=60)
    assert len(requests) == 2
    assert requests[0] == requests[1]


def test_F03_the_second_attempt_is_told_as_such(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.state_type = after_t2(Cut(stage))
    pods.phase(0, "a")
    answers: list[Any] = []

    async def ask() -> None:
        answers.append((await stage.get("/api/v1/deliveries")).json())

    stage.at(50, ask)
    stage.run(until=60)
    (delivery,) = answers[0]["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("sent", 2)


@pytest.mark.parametrize("point", [before_t1, after_t1, after_t2, before_t3, after_t3])
def test_the_end_goes_to_the_thread_of_the_beginning(tmp_path: Path, point: Point) -> None:
    stage = cut_at(point, tmp_path, BROKEN + SLACK)
    *_, root = stage.slack.roots()
    assert [answer.text.partition(" after")[0] for answer in stage.slack.thread(root)] == ["✅ RESOLVED"]
    assert len(stage.slack.roots()) == (2 if point is before_t3 else 1)


def test_T48_a_restart_in_the_middle_of_a_burst_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    rules = """
packs: []
rules: [{name: noted, on: event, match: {reason: BackOff}, mode: notice, key: [name]}]
"""
    stage, pods = play(tmp_path, rules + HOOK)
    for number in range(200):
        pods.event(number / 10, f"p{number:03}")
    for at in (3.05, 9.05, 15.05):
        stage.at(at, lambda: stage.kill(back_after=1.5))
    told = stage.run(until=3600)
    found = sorted((alert["labels"]["name"], one.at) for one in told for alert in one.document["alerts"])
    assert found == [(f"p{number:03}", told_at(number / 10)) for number in range(200)]


def told_at(at: float) -> float:
    """Return when an Event of that instant is told: at once, or after the start."""
    return next((back for dead, back in ((3.05, 4.55), (9.05, 10.55), (15.05, 16.55)) if dead < at < back), at)


def test_T48_counts_go_on_where_they_were(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - {name: often, on: event, match: {reason: BackOff}, rate: {count: 100, within: 1h}}
"""
    stage, pods = play(tmp_path, rules + HOOK)
    for number in range(1, 100):
        pods.event(number, "p", number)
    pods.event(200, "p", 100)
    for at in (30.5, 60.5, 90.5):
        stage.at(at, lambda: stage.kill(back_after=5))
    assert [(one.at, one.document["alerts"][0]["count"]) for one in stage.run(until=600)] == [(200, 100)]
