"""The dead-man's switch is pinged only while problems are seen, kept and told (3.5, F-50)."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery
from kwatch.rules.compile import RuleSet
from kwatch.store.state import State
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from kwatch.watch.moves import Moves
from tests.scenarios.plays import BROKEN, HOOK, Pods, Silences

BEAT = 'heartbeat: {url: "http://beat.example/beat", every: 1m}\n'


class Switch:
    """Notes the minutes in which it is pinged; it, and whoever else is told, answers with a status."""

    def __init__(self, stage: Stage) -> None:
        self.minutes: list[int] = []
        self.status: Callable[[float], int] = lambda _: 200
        self.told: Callable[[float], int] = lambda _: 200
        self._stage = stage
        stage.answer = self._answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        now = self._stage.now()
        if request.url.host != "beat.example":
            return httpx.Response(self.told(now))
        assert (request.method, request.content) == ("GET", b"")
        self.minutes.append(round(now / 60))
        return httpx.Response(self.status(now))


def watched(folder: Path, text: str = BROKEN + HOOK + BEAT, *, lead: float = 60) -> tuple[Stage, Pods, Switch]:
    stage = Stage(folder, text, lead=lead)
    return stage, Pods(stage), Switch(stage)


def test_it_is_pinged_once_a_minute_from_the_first_minute_on(tmp_path: Path) -> None:
    stage, _, switch = watched(tmp_path)
    stage.run(until=330)
    assert switch.minutes == [0, 1, 2, 3, 4, 5]
    assert stage.counted("heartbeats", outcome="sent") == 6
    assert stage.told == []


def test_it_stays_away_while_a_watch_is_broken(tmp_path: Path) -> None:
    stage, _, switch = watched(tmp_path)

    def cut() -> None:
        stage.cluster.faults.add(Fault(effect=Effect.DROP, path="*/pods", watch=True))
        stage.cluster.faults.add(Fault(effect=Effect.HTML_500, path="*/pods", times=8))

    stage.at(90, cut)
    stage.run(until=630)
    assert switch.minutes == [0, 1, 2, 3, 6, 7, 8, 9, 10]  # the stream is cut by its next frame, a bookmark
    assert stage.counted("heartbeats", outcome="watch") == 2


@pytest.mark.parametrize(
    ("status", "minutes"),
    [
        (401, [0, 1, *range(32, 41)]),  # refused at once; asked again each 15 min, at 1890 s for the third time
        (503, [0, 1, 2, 3, 4, 5, 6, *range(20, 41)]),  # waits for 5 min at 390 s
    ],
)
def test_F50_it_stays_away_when_nobody_can_be_told(
    tmp_path: Path, status: int, minutes: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kwatch.heartbeat")
    stage, pods, switch = watched(tmp_path)
    switch.told = lambda now: status if now < 1000 else 200
    pods.phase(90, "a")
    stage.run(until=2430)
    assert switch.minutes == minutes
    said = [record.message for record in caplog.records if record.name == "kwatch.heartbeat"]
    assert (said[0], said[-1]) == ("no heartbeat", "heartbeats go on")


class Volatile(State):
    """What is decided to be told is not stored."""

    async def commit(self, decision: Decision) -> None:
        await super().commit(msgspec.structs.replace(decision, notifications=()))


class Stuck(State):
    """What waits for a destination is not found."""

    async def due(self, destination: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
        return ()


@pytest.mark.parametrize("flaw", [Volatile, Stuck])
def test_it_stays_away_where_what_is_decided_does_not_come_through(tmp_path: Path, flaw: type[State]) -> None:
    stage, _, switch = watched(tmp_path)
    stage.state_type = flaw
    stage.run(until=330)
    assert switch.minutes == []
    assert stage.counted("heartbeats", outcome="pipeline") == 5


def test_it_stays_away_while_no_rule_is_evaluated(tmp_path: Path) -> None:
    """The watches, the disk and the queues work; what comes is held against no rule, until a configuration is used."""
    stage, _, switch = watched(tmp_path)

    def stop_evaluating() -> None:
        assert stage.app is not None
        nothing = RuleSet((), cluster="stage", label_names=())
        app, moves = stage.app, Moves(stopped={}, started={}, wanted={})
        app.pipeline.submit(lambda now: app.decider.use(nothing, nothing, app.parts.namespaces, moves=moves, now=now))

    stage.at(90, stop_evaluating)
    stage.reload(310, BROKEN + HOOK + BEAT + "log: {level: debug}\n")
    stage.run(until=500)
    assert switch.minutes == [0, 1, 6, 6, 8]  # from then on at 330, 390 and 450 s, as each try took 10 s
    assert stage.counted("heartbeats", outcome="pipeline") == 3


def test_beats_are_told_nobody_and_are_in_no_list(tmp_path: Path) -> None:
    stage, _, _ = watched(tmp_path)
    seen: list[object] = []

    async def look() -> None:
        seen.append((await stage.get("/api/v1/deliveries")).json())
        seen.append([each["name"] for each in (await stage.get("/readyz")).json()["destinations"]])
        seen.append((await stage.get("/api/v1/alerts")).json())

    stage.at(300, look)
    stage.run(until=330)
    assert seen == [{"deliveries": []}, ["hook"], {"alerts": []}]
    assert stage.told == []


def test_a_silence_that_matches_beats_is_no_alarm(tmp_path: Path) -> None:
    stage, pods, switch = watched(tmp_path)
    Silences(stage).add(100, {"severity": ["info", "warning"]}, until=3600)
    pods.phase(150, "a")
    stage.run(until=330)
    assert switch.minutes == [0, 1, 2, 3, 4, 5]
    assert stage.told == []


def test_it_stays_away_when_one_of_two_takes_nothing_for_five_minutes(tmp_path: Path) -> None:
    second = '{type: webhook, name: other, url: "http://other.example/other"}'
    text = BROKEN + HOOK.replace('hook"}', f'hook"}}, {second}') + BEAT
    stage, pods, switch = watched(tmp_path, text)
    stage_answer = stage.answer

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.url.host == "other.example" else stage_answer(request)

    stage.answer = answer
    pods.phase(90, "a")
    stage.run(until=1000)
    assert switch.minutes == [0, 1, 2, 3, 4, 5, 6]
    assert stage.counted("heartbeats", outcome="unsent") == 10


def test_a_switch_that_fails_is_counted_by_its_reason_and_asked_again(tmp_path: Path) -> None:
    stage, _, switch = watched(tmp_path)
    switch.status = lambda now: 500 if now < 90 else 200
    stage.run(until=200)
    assert switch.minutes == [0, 1, 2, 3]
    assert stage.counted("heartbeats", outcome="failed_server") == 2
    assert stage.counted("heartbeats", outcome="sent") == 2


def test_another_configuration_begins_it_and_ends_it(tmp_path: Path) -> None:
    stage, _, switch = watched(tmp_path, BROKEN + HOOK)
    stage.reload(100, BROKEN + HOOK + BEAT)
    stage.reload(390, BROKEN + HOOK)
    stage.run(until=700)
    assert switch.minutes == [3, 4, 5, 6]


def test_without_the_word_nobody_is_pinged(tmp_path: Path) -> None:
    stage, _, switch = watched(tmp_path, BROKEN + HOOK)
    stage.run(until=700)
    assert switch.minutes == []
