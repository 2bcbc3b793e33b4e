"""F-32: a destination that is removed is told the end of what it holds open, and then no more."""

from pathlib import Path

import httpx
import pytest

from tests.scenarios.plays import BROKEN, play

ALONE = "group_by: [namespace, name], group_wait: 0s, repeat_interval: 0s"
HOOK = '{type: webhook, name: hook, url: "http://receiver.example/hook"}'
OTHER = '{type: webhook, name: other, url: "http://receiver.example/other"}'
POD = "broken shop/Pod/a"


def told_by(*destinations: str) -> str:
    return BROKEN + f"route: {{receiver: team, {ALONE}}}\nreceivers: {{team: [{', '.join(destinations)}]}}\n"


def test_F32_what_it_holds_open_is_ended_and_who_is_left_is_told_the_rest(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    pods.phase(10, "a")
    stage.reload(100, told_by(OTHER))
    pods.phase(200, "b")
    pods.phase(300, "a", "Running")
    stage.run(until=600)
    assert stage.lines == [
        f"10 hook firing {POD}",
        f"10 other firing {POD}",
        f"100 hook expired {POD}",
        "200 other firing broken shop/Pod/b",
        f"300 other resolved {POD}",
    ]
    opened, _, ended, *_ = (told.document for told in stage.told)
    assert opened["incident"] == ended["incident"]
    assert ended["alerts"][0]["end"] == "this destination was removed, so kwatch tells it no more: it may go on"


def test_F32_without_the_farewell_what_it_holds_open_stays_so(tmp_path: Path) -> None:
    """It is killed in the moment of the removal: the next process knows no such destination any more."""
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    pods.phase(10, "a")
    stage.absent(99, 101, told_by(OTHER))
    stage.run(until=600)
    assert [str(told) for told in stage.told if told.destination == "hook"] == [f"10 hook firing {POD}"]


def test_F32_what_is_still_queued_is_told_first(tmp_path: Path) -> None:
    """It may have arrived, so the end is told as well."""
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    stage.answer = lambda request: httpx.Response(500 if request.url.path == "/hook" and stage.now() < 150 else 200)
    pods.phase(10, "a")
    stage.reload(100, told_by(OTHER))
    stage.run(until=600)
    assert [(told.kind, told.document["sequence"]) for told in stage.told if told.destination == "hook"] == [
        ("firing", 1),
        ("expired", 2),
    ]


def test_F32_one_that_refuses_everything_is_not_waited_for(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    asked: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/hook":
            asked.append(stage.now())
        return httpx.Response(401 if request.url.path == "/hook" else 200)

    stage.answer = answer
    pods.phase(10, "a")
    stage.reload(100, told_by(OTHER))
    stage.run(until=7200)
    assert asked == [10]


@pytest.mark.parametrize(
    ("back_at", "told"), [(102, ["firing", "expired", "firing"]), (200, ["firing", "expired", "firing"])]
)
def test_one_that_is_back_is_told_anew(tmp_path: Path, back_at: float, told: list[str]) -> None:
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    pods.phase(10, "a")
    stage.reload(100, told_by(OTHER))
    stage.reload(back_at, told_by(HOOK, OTHER))
    pods.phase(300, "b")
    stage.run(until=600)
    assert [each.kind for each in stage.told if each.destination == "hook"] == told


def test_a_destination_that_wants_no_ends_is_told_none(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, told_by(HOOK.replace("}", ", send_resolved: false}"), OTHER))
    pods.phase(10, "a")
    stage.reload(100, told_by(OTHER))
    stage.run(until=600)
    assert [each.kind for each in stage.told if each.destination == "hook"] == ["firing"]


def test_a_stop_does_not_wait_for_one_that_leaves(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    stage.answer = lambda request: httpx.Response(503 if request.url.path == "/hook" else 200)
    pods.phase(10, "a")
    stage.reload(100, told_by(OTHER))
    stage.absent(103, 104, is_killed=False)
    pods.phase(110, "b")
    stage.run(until=200)
    assert [str(told) for told in stage.told if told.destination == "other"] == [
        f"10 other firing {POD}",
        "110 other firing broken shop/Pod/b",
    ]


def test_one_that_is_gone_after_a_restart_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows how to tell it: what it holds open, and the end of that, is kept for as long as it may come back."""
    stage, pods = play(tmp_path, told_by(HOOK, OTHER))
    pods.phase(10, "a")
    stage.absent(100, 109, told_by(OTHER))
    stage.run(until=300)
    assert stage.lines == [f"10 hook firing {POD}", f"10 other firing {POD}"]
    assert stage.counted("decisions", outcome="destination_removed") == 1
    assert [
        (record.__dict__["destination"], record.__dict__["open"], record.__dict__["queued"])
        for record in caplog.records
        if record.message == "a destination was removed: what it is owed is kept for two days"
    ] == [("hook", 1, 0)]
