"""What is told of kwatch's own life where somebody wants it, and what is said of a queue that a stop leaves."""

import logging
from pathlib import Path

import apsw
import httpx
import pytest

from kwatch import __version__
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, Pods

STARTED = f"meta kwatch {__version__} started, and watches stage."


def configured(lifecycle: str) -> str:
    return BROKEN + (
        "route: {receiver: team, group_by: [namespace], group_wait: 0s}\n"
        f'receivers: {{team: [{{type: webhook, name: hook, url: "http://receiver.example/hook", {lifecycle}}},'
        ' {type: webhook, name: other, url: "http://receiver.example/other"}]}\n'
    )


def test_a_start_and_a_stop_are_told_where_it_is_wanted_and_nowhere_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path, configured("lifecycle: [started, stopped]"), lead=0)
    stage.absent(100, 200, is_killed=False)
    stage.run(until=300)
    assert [line.partition(" ")[2] for line in stage.lines] == [
        f"hook {STARTED}",
        f"hook meta kwatch {__version__} stopped at 12:01 UTC: nobody watches stage until it is started again.",
        f"hook {STARTED}",
    ]
    assert stage.told[0].document["severity"] == "info"


def test_who_does_not_want_it_is_told_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, configured("lifecycle: []"), lead=0)
    stage.absent(100, 200, is_killed=False)
    stage.run(until=300)
    assert stage.told == []


def test_a_start_with_another_version_is_an_upgrade(tmp_path: Path) -> None:
    stage = Stage(tmp_path, configured("lifecycle: [upgraded]"), lead=0)

    def age() -> None:
        connection = apsw.Connection(str(tmp_path / "state" / "state.db"))
        connection.execute("UPDATE meta SET value = '0.0.9' WHERE key = 'version'")
        connection.close()

    stage.absent(100, 200)
    stage.at(150, age)
    stage.absent(300, 400)
    stage.run(until=500)
    assert [told.document["message"] for told in stage.told] == [
        f"kwatch was upgraded from 0.0.9 to {__version__}, and watches stage."
    ]


def test_what_is_queued_at_a_stop_is_named_then_and_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kwatch.reporter")
    stage = Stage(tmp_path, configured("lifecycle: [started]"), lead=0)
    stage.answer = lambda request: httpx.Response(503 if request.url.path == "/other" and stage.now() < 250 else 200)
    Pods(stage).phase(50, "a")
    stage.absent(100, 200, is_killed=False)
    stage.run(until=600)
    left = "1 for other (the oldest of 2026-01-01 12:00 UTC)"
    said = [(record.message, vars(record)["left"]) for record in caplog.records if "left" in vars(record)]
    assert said == [("stopped", left), ("deliveries are left from before", left)]
    messages = [told.document["message"] for told in stage.told if told.kind == "meta" and told.at > 200]
    assert messages[0] == f"kwatch {__version__} started, and watches stage.\nLeft from before: {left}."


def test_a_stop_that_cannot_be_told_waits_no_longer_than_a_moment(tmp_path: Path) -> None:
    stage = Stage(tmp_path, configured("lifecycle: [stopped]"), lead=0)
    stage.answer = lambda request: httpx.Response(503 if request.url.path == "/hook" else 200)
    ended: list[float] = []
    stage.absent(100, 110, is_killed=False)
    stage.at(109, lambda: ended.append(stage.now() if stage.app is None else -1))
    stage.run(until=120)
    assert ended == [109]
