"""Crash loops as the kubelet of Kubernetes 1.35 shows them: an end, and back-off for a moment only."""

from pathlib import Path
from typing import Any

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK

PACKS = "packs: [crashes]\n" + HOOK
CRASH = {"reason": "Error", "exitCode": 3}
OOM = {"reason": "OOMKilled", "exitCode": 137}
RUNNING = {"running": {"startedAt": "2026-01-01T12:00:00Z"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}
GAPS = (10, 20, 40, 80, 160, 300)  # seconds of back-off, each after a second of work


def container(state: dict[str, Any], last: dict[str, Any] | None = None, name: str = "main") -> dict[str, Any]:
    """Return the status of a container; an end is the state of one that has ended."""
    whole = {"terminated": state} if "exitCode" in state else state
    return {"name": name, "restartCount": 1, "state": whole, "lastState": {"terminated": last} if last else {}}


def stage_with(folder: Path) -> Stage:
    return Stage(folder, PACKS)


def shows(stage: Stage, at: float, *containers: dict[str, Any], ready: bool = False, **status: Any) -> None:
    stage.pod(at, ready=ready, status={"containerStatuses": list(containers), **status})


def loops(stage: Stage, at: float) -> float:
    """Let a container crash after each second of work, and return when it is started for the last time."""
    shows(stage, at, container(RUNNING))
    shows(stage, at + 1, container(CRASH))
    at += 2
    for gap in GAPS:
        shows(stage, at, container(RUNNING, CRASH), ready=True)
        shows(stage, at + 1, container(CRASH, CRASH))
        shows(stage, at + 1 + gap, container(BACK_OFF, CRASH))
        at += 1.2 + gap
    shows(stage, at, container(RUNNING, CRASH), ready=True)
    return round(at, 3)


def test_a_loop_is_told_once_and_ends_after_ten_minutes_without_an_exit(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    assert loops(stage, 0) == 619.2
    stage.run(until=3600)
    assert stage.lines == ["8 hook firing crash-loop shop/Pod/web-1", "1219.2 hook resolved crash-loop shop/Pod/web-1"]


def test_one_restart_is_not_told(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    shows(stage, -10, container(RUNNING), ready=True)
    shows(stage, 0, container(CRASH))
    shows(stage, 1, container(RUNNING, CRASH), ready=True)
    stage.run(until=3600)
    assert stage.lines == []


def test_one_restart_a_day_is_not_told(tmp_path: Path) -> None:
    """What ran for longer than ten minutes is started again at once."""
    stage = stage_with(tmp_path)
    shows(stage, -10, container(RUNNING, CRASH), ready=True)
    shows(stage, 0, container(CRASH, CRASH))
    shows(stage, 1, container(RUNNING, CRASH), ready=True)
    stage.run(until=3600)
    assert stage.lines == []


def test_an_oom_kill_and_a_crash_loop_in_one_pod_are_both_told(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    shows(stage, 0, container(OOM, name="cache"), container(CRASH, name="app"))
    shows(stage, 2, container(OOM, OOM, "cache"), container(CRASH, CRASH, "app"))
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing oom-killed shop/Pod/web-1",
        "120 hook update oom-killed shop/Pod/web-1, crash-loop shop/Pod/web-1",
    ]
    oom, crash = stage.told[1].document["alerts"]
    assert oom["details"] == {"containers": "cache", "restarts": "1"}
    assert crash["cause"] == "A container of Pod/web-1 keeps crashing with exit code 3."


@pytest.mark.parametrize(
    ("containers", "rules"),
    [
        ((container(CRASH, CRASH),), ("crash-loop",)),
        ((container(OOM, OOM, "cache"), container(CRASH, CRASH, "app")), ("oom-killed", "crash-loop")),
    ],
    ids=["alone", "beside an OOM kill"],
)
def test_a_loop_that_was_already_there_is_in_the_first_summary(
    tmp_path: Path, containers: tuple[dict[str, Any], ...], rules: tuple[str, ...]
) -> None:
    stage = stage_with(tmp_path)
    stage.absent(-30, 0)
    shows(stage, -20, *containers)
    stage.run(until=600)
    assert [(told.at, told.kind, told.rules) for told in stage.told] == [(0, "summary", rules)]


def test_a_loop_that_began_while_kwatch_was_down_is_told_once_as_late(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    shows(stage, 0, container(RUNNING), ready=True)
    stage.absent(100, 300)
    shows(stage, 150, container(CRASH))
    shows(stage, 151, container(RUNNING, CRASH), ready=True)
    shows(stage, 200, container(CRASH, CRASH))
    stage.run(until=600)
    assert [(str(told), told.document["is_late"]) for told in stage.told] == [
        ("300 hook firing crash-loop shop/Pod/web-1", True)
    ]
