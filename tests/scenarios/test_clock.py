"""S-117 to S-120: a clock that is set, a machine that slept, a kwatch that was away for long."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import Silences
from tests.scenarios.writing import LASTING, NOT_READY, text

HOURLY = text(NOT_READY % "for: 5m, resolve_hold: 2m", route="group_wait: 0s, repeat_interval: 1h")
POD = "not-ready shop/Pod/web-1"
HOUR = 3600


def jumps(stage: Stage) -> dict[str, int]:
    return {cause: stage.counted("clock_jumps", cause=cause) for cause in ("set", "slept")}


def test_S117_a_clock_that_is_set_forward_brings_nothing_forward(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.set_clock(100, HOUR)
    stage.run(until=2 * HOUR)
    assert stage.lines == [f"300 hook firing {POD}", f"3900 hook repeat {POD}"]
    assert jumps(stage) == {"set": 1, "slept": 0}


def test_S117_nor_does_it_after_the_first_message(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.set_clock(1000, HOUR)
    stage.run(until=2 * HOUR)
    assert stage.lines == [f"300 hook firing {POD}", f"3900 hook repeat {POD}"]


def test_S117_what_is_told_from_then_on_has_the_new_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(LASTING))
    stage.set_clock(100, -HOUR)
    stage.event(200)
    stage.run(until=HOUR)
    assert stage.lines == ["200 hook firing back-off shop/Pod/web-1"]
    assert stage.told[0].document["starts_at"] == "2026-01-01T11:03:20+00:00"
    assert stage.counted("contributions_clamped") == 1


def test_S118_a_clock_that_is_set_back_repeats_nothing_and_delays_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.set_clock(1000, -HOUR)
    stage.pod(5000, ready=True)
    stage.run(until=3 * HOUR)
    assert stage.lines == [f"300 hook firing {POD}", f"3900 hook repeat {POD}", f"5120 hook resolved {POD}"]
    assert jumps(stage) == {"set": 1, "slept": 0}


def test_S118_a_clock_that_is_set_back_out_of_a_window_lets_go_of_what_that_held(tmp_path: Path) -> None:
    """At 12:33 a window from 12:30 to 13:00 holds the alert; the clock is set to 12:23, which is seen within 10 s."""
    windows = 'windows:\n  lunch: {start: "12:30", end: "13:00"}\n'
    stage = Stage(tmp_path, windows + text(LASTING, route="group_wait: 0s, mute_in: [lunch]"))
    stage.event(1900)
    stage.set_clock(2000, -600)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["2010 hook firing back-off shop/Pod/web-1"]


def test_S118_a_clock_that_is_set_back_before_a_start_delays_nothing_but_what_nobody_saw_pass(tmp_path: Path) -> None:
    """Nobody measured the time from the last row to the start: durations count as if it had not been."""
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.set_clock(10, -HOUR)
    stage.at(20, lambda: stage.kill(back_after=60))
    stage.run(until=2 * HOUR)
    assert stage.lines == [f"380 hook firing {POD}", f"3980 hook repeat {POD}"]
    assert jumps(stage) == {"set": 1, "slept": 0}


def test_S118_what_waits_to_be_sent_does_not_wait_for_the_old_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(LASTING))
    stage.answer = lambda _: httpx.Response(503, headers={"Retry-After": "120"})

    def back_again() -> None:
        stage.answer = lambda _: httpx.Response(200)

    stage.event(50)
    stage.at(60, back_again)
    stage.set_clock(70, -HOUR)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["170 hook firing back-off shop/Pod/web-1"]


PAPER = text(LASTING).replace('hook"}', 'hook", digest: {schedule: "0 * * * *", send_empty: true}}')


def covered(stage: Stage) -> list[tuple[float, str, str, list[str]]]:
    """Return of each digest when it came, what it covers, and its sections."""
    documents = [(told.at, told.document) for told in stage.told]
    return [
        (at, each["starts_at"][11:19], each["ends_at"][11:19], [section["name"] for section in each["sections"]])
        for at, each in documents
    ]


def test_S117_digests_follow_the_new_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, PAPER)
    stage.event(50)
    stage.set_clock(1000, HOUR / 2)
    stage.run(until=2 * HOUR)
    assert covered(stage) == [
        (0, "11:59:30", "12:00:00", []),
        (1800, "12:00:00", "13:00:00", ["new"]),
        (5400, "13:00:00", "14:00:00", ["still_open"]),
    ]
    assert jumps(stage) == {"set": 1, "slept": 0}


def test_S118_the_digest_of_a_slot_that_is_done_does_not_come_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, PAPER)
    stage.event(50)
    stage.set_clock(3700, -HOUR)
    stage.run(until=4 * HOUR)
    assert covered(stage) == [
        (0, "11:59:30", "12:00:00", []),
        (3600, "12:00:00", "13:00:00", ["new"]),
        (10800, "13:00:00", "14:00:00", ["still_open"]),
    ]
    assert jumps(stage) == {"set": 1, "slept": 0}


def test_S117_a_clock_that_comes_back_by_itself_was_never_set(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.set_clock(100, HOUR)
    stage.set_clock(105, -HOUR)
    stage.run(until=HOUR)
    assert stage.lines == [f"300 hook firing {POD}"]
    assert jumps(stage) == {"set": 0, "slept": 0}


def test_S119_a_machine_that_slept_looks_again_before_it_speaks(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.sleep(1000, 1000 + 2 * HOUR)
    stage.pod(5000, ready=True)
    stage.run(until=4 * HOUR)
    assert stage.lines == [
        f"300 hook firing {POD}",
        f"8201 hook resolved {POD}",
        "8201 hook meta blind from 2026-01-01 12:16 to 2026-01-01 14:16 UTC",
    ]
    assert stage.told[1].document["ends_at"] == "2026-01-01T13:23:20+00:00"
    assert jumps(stage) == {"set": 0, "slept": 1}


def test_S119_what_came_due_meanwhile_is_told_once_and_then_in_its_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.sleep(1000, 1000 + 2 * HOUR)
    stage.run(until=4 * HOUR)
    assert stage.lines == [
        f"300 hook firing {POD}",
        "8221 hook meta blind from 2026-01-01 12:16 to 2026-01-01 14:17 UTC",
        f"8221 hook repeat {POD}",
        f"11821 hook repeat {POD}",
    ]


def _asleep(stage: Stage) -> None:
    stage.sleep(100, 1300)


def _away(stage: Stage) -> None:
    stage.absent(100, 1300)


@pytest.mark.parametrize("leave", [_asleep, _away])
@pytest.mark.parametrize(
    ("windows", "route"),
    [
        ("", "group_wait: 2m"),
        ('windows: {lunch: {start: "12:01", end: "12:10"}}\n', "group_wait: 0s, mute_in: [lunch]"),
    ],
)
def test_S119_what_was_about_to_be_told_is_not_where_it_is_over(
    tmp_path: Path, windows: str, route: str, leave: Callable[[Stage], None]
) -> None:
    stage = Stage(tmp_path, windows + text(NOT_READY % "resolve_hold: 0s", route=route))
    stage.pod(70, ready=False)
    stage.pod(300, ready=True)
    leave(stage)
    stage.run(until=3 * HOUR)
    assert stage.lines == []


@pytest.mark.parametrize("leave", [_asleep, _away])
def test_S119_nor_is_what_a_silence_held_that_ended_meanwhile(tmp_path: Path, leave: Callable[[Stage], None]) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "resolve_hold: 0s", route="group_wait: 0s, group_by: [namespace]"))
    stage.pod(20, "told", ready=False)
    Silences(stage).add(40, {"namespace": "shop"}, until=600)
    stage.pod(70, ready=False)
    stage.pod(300, ready=True)
    leave(stage)
    stage.run(until=3 * HOUR)
    assert stage.lines == ["20 hook firing not-ready shop/Pod/told"]


@pytest.mark.parametrize(("leave", "told_at"), [(_asleep, 1321), (_away, 1301)])
def test_S119_and_is_told_once_it_is_known_that_it_goes_on(
    tmp_path: Path, leave: Callable[[Stage], None], told_at: int
) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "resolve_hold: 0s", route="group_wait: 2m"))
    stage.pod(70, ready=False)
    leave(stage)
    stage.run(until=3 * HOUR)
    assert stage.lines == [f"{told_at} hook firing {POD}"]


def test_S119_a_nap_is_not_worth_a_word(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HOURLY)
    stage.pod(0, ready=False)
    stage.sleep(1000, 1600)
    stage.run(until=HOUR)
    assert stage.lines == [f"300 hook firing {POD}"]
    assert jumps(stage) == {"set": 0, "slept": 1}


def test_S120_away_for_longer_than_events_are_kept_is_said_and_nothing_is_invented(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(LASTING))
    stage.event(50, 3)
    stage.absent(100, 100 + 2 * HOUR)
    stage.delete(50 + HOUR, "web-1.a", kind="Event")  # its time to live is up
    stage.run(until=3 * HOUR)
    assert stage.lines == [
        "50 hook firing back-off shop/Pod/web-1 ×3",
        "7300 hook meta blind from 2026-01-01 12:01 to 2026-01-01 14:01 UTC",
    ]


def test_S120_away_for_less_is_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(LASTING))
    stage.event(50, 3)
    stage.absent(100, 3000)
    stage.run(until=2 * HOUR)
    assert stage.lines == ["50 hook firing back-off shop/Pod/web-1 ×3"]
