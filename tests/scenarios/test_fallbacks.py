"""A destination that cannot be told is reported through another, and its fallback is told in its place (F-22, F-50)."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, Pods

TEXT = (
    BROKEN
    + """
route: {receiver: team, group_by: [namespace, name], group_wait: 0s, group_interval: 0s, repeat_interval: 0s}
receivers:
  team:
    - {type: webhook, name: chat, url: "http://receiver.example/chat"FALLBACK}
  spare:
    - {type: webhook, name: spare, url: "http://receiver.example/spare"SEVERITY}
"""
)
SECOND = (
    TEXT.replace("FALLBACK", "")
    .replace("SEVERITY", "")
    .replace("repeat_interval: 0s}", "repeat_interval: 0s, routes: [{match: {namespace: other}, receiver: spare}]}")
)
REFUSES = "The destination chat refuses every message (unauthorized); {} waiting."
BROKEN_A, BROKEN_B = "broken shop/Pod/a", "broken shop/Pod/b"


def configured(fallback: str = ", fallback: spare", severity: str = "") -> str:
    return TEXT.replace("FALLBACK", fallback).replace("SEVERITY", severity)


def staged(folder: Path, text: str, status: Callable[[str, float], int]) -> tuple[Stage, Pods]:
    """Return a stage where a destination answers with a status at an instant."""
    stage = Stage(folder, text)
    stage.answer = lambda request: httpx.Response(status(request.url.path[1:], stage.now()))
    return stage, Pods(stage)


def refused_until(end: float, name: str = "chat", status: int = 401) -> Callable[[str, float], int]:
    return lambda path, now: status if path == name and now < end else 200


def test_F22_a_wrong_token_is_told_the_fallback_with_what_waits_and_its_end(tmp_path: Path) -> None:
    """One report, each message once at the fallback, and all of it in order once the token is mended."""
    stage, pods = staged(tmp_path, configured(), refused_until(1000))
    pods.phase(100, "a")
    pods.phase(200, "b")
    pods.phase(1200, "b", "Running")
    pods.phase(2000, "a", "Running")
    stage.run(until=3000)
    assert stage.lines == [
        f"100 spare meta {REFUSES.format('1 is')}",
        f"100 spare firing {BROKEN_A}",
        f"200 spare firing {BROKEN_B}",
        f"1000 chat firing {BROKEN_A}",
        f"1000 chat firing {BROKEN_B}",
        "1000 spare meta The destination chat takes messages again, after 15 min.",
        f"1200 chat resolved {BROKEN_B}",
        f"1200 spare resolved {BROKEN_B}",
        f"2000 chat resolved {BROKEN_A}",
        f"2000 spare resolved {BROKEN_A}",
    ]
    at_spare = [told.document for told in stage.told if told.destination == "spare"]
    assert [document["notes"] for document in at_spare if document["kind"] == "firing"] == [
        ["meant for chat, which cannot be told"],
        ["meant for chat, which cannot be told"],
    ]
    assert at_spare[1]["incident"] == at_spare[-1]["incident"]
    assert stage.counted("destination_failures", destination="chat", reason="unauthorized") == 1


def test_the_probes_of_a_destination_that_refuses_are_every_15_minutes_and_never_more(tmp_path: Path) -> None:
    asked: list[float] = []

    def status(path: str, now: float) -> int:
        if path == "chat":
            asked.append(now)
        return 404 if path == "chat" else 200

    stage, pods = staged(tmp_path, configured(), status)
    pods.phase(100, "a")
    stage.run(until=4000)
    assert asked == [100, 1000, 1900, 2800, 3700]


def test_what_is_dead_is_told_the_fallback_and_that_it_is(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(3000, status=400))
    pods.phase(100, "a")
    pods.phase(200, "b")
    pods.phase(300, "a", "Running")
    stage.run(until=600)
    assert stage.lines == [
        f"100 spare firing {BROKEN_A}",
        "100 spare meta 1 message was not delivered to chat (rejected).",
        f"200 spare firing {BROKEN_B}",
        f"300 spare resolved {BROKEN_A}",
    ]
    assert stage.counted("dead_letters", destination="chat", reason="rejected") == 2


def test_who_does_not_answer_for_five_minutes_is_told_elsewhere(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(1200, status=503))
    pods.phase(100, "a")
    stage.run(until=2400)
    spare = [told for told in stage.told if told.destination == "spare"]
    assert [told.kind for told in spare] == ["meta", "firing", "meta"]
    assert 400 <= spare[0].at <= 500
    assert spare[0].document["message"].startswith("The destination chat does not answer since 12:0")
    assert "takes messages again" in spare[2].document["message"]


def test_a_short_outage_is_told_nobody(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(300, status=503))
    pods.phase(100, "a")
    stage.run(until=2400)
    assert [told.destination for told in stage.told] == ["chat"]


def test_a_fallback_is_told_what_is_severe_enough_for_it(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(severity=", severity: critical"), refused_until(9000))
    pods.phase(100, "a")
    pods.phase(200, "b", "Unknown")
    stage.run(until=800)
    assert stage.lines == [f"100 spare meta {REFUSES.format('1 is')}", "200 spare firing worse shop/Pod/b"]


def test_what_goes_on_opens_the_incident_at_the_fallback(tmp_path: Path) -> None:
    """The trigger was told; what comes after it is not."""
    text = configured().replace("group_by: [namespace, name]", "group_by: [namespace]")
    stage, pods = staged(tmp_path, text, lambda path, now: 401 if path == "chat" and now > 150 else 200)
    pods.phase(100, "a")
    pods.phase(200, "b")
    stage.run(until=800)
    assert stage.lines == [
        f"100 chat firing {BROKEN_A}",
        f"200 spare meta {REFUSES.format('1 is')}",
        f"200 spare firing {BROKEN_A}, {BROKEN_B}",
    ]


def test_two_that_are_each_others_fallback_do_not_send_in_a_circle(tmp_path: Path) -> None:
    text = configured(severity=", fallback: team")
    stage, pods = staged(tmp_path, text, lambda _, now: 401 if now < 1500 else 200)
    pods.phase(100, "a")
    stage.run(until=3000)
    assert [line for line in stage.lines if "meta" not in line] == [
        f"1900 chat firing {BROKEN_A}",
        f"1900 spare firing {BROKEN_A}",
    ]


def test_a_detour_survives_a_crash(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(9000))
    pods.phase(100, "a")
    stage.absent(150, 160)
    pods.phase(300, "a", "Running")
    stage.run(until=800)
    assert [line for line in stage.lines if "meta" not in line] == [
        f"100 spare firing {BROKEN_A}",
        f"300 spare resolved {BROKEN_A}",
    ]


def test_without_a_fallback_another_destination_hears_of_it_and_of_nothing_else(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, SECOND, refused_until(900))
    pods.phase(100, "a")
    stage.run(until=1100)
    assert stage.lines == [
        f"100 spare meta {REFUSES.format('1 is')}",
        f"1000 chat firing {BROKEN_A}",
        "1000 spare meta The destination chat takes messages again, after 15 min.",
    ]


def test_F50_when_nobody_can_be_told_the_log_says_so_and_kwatch_is_not_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: dict[float, tuple[int, str, int, str]] = {}
    stage, pods = staged(tmp_path, configured(), lambda _, now: 401 if now < 1500 else 200)

    async def look() -> None:
        ready, alive = await stage.get("/readyz"), await stage.get("/healthz")
        seen[stage.now()] = (ready.status_code, json.loads(ready.content)["status"], alive.status_code, alive.text)

    pods.phase(100, "a")
    for at in (50, 500):
        stage.at(at, look)
    stage.run(until=600)
    assert seen == {
        50: (200, "ready", 200, "ok\n"),
        500: (503, "not ready", 200, "degraded: no destination can be told\n"),
    }
    assert stage.lines == []
    said = [record for record in caplog.records if record.message == "nobody can be told"]
    assert [vars(record)["text"].partition("\n")[0] for record in said] == [
        "The destination spare refuses every message (unauthorized); 2 are waiting."
    ]
    assert [record.levelno for record in said] == [logging.ERROR]


def test_F50_nobody_answers_either(tmp_path: Path) -> None:
    seen: dict[float, dict[str, object]] = {}
    stage, pods = staged(tmp_path, configured(), lambda _, now: 503)

    async def look() -> None:
        answer = await stage.get("/readyz")
        seen[stage.now()] = {
            "status": answer.json()["status"],
            **{each["name"]: (each["ok"], each["failing"]) for each in answer.json()["destinations"]},
        }

    for number in range(6):
        pods.phase(100 + number, f"p{number}")
    for at in (200, 1500):
        stage.at(at, look)
    stage.run(until=1600)
    assert seen == {
        200: {"status": "degraded", "chat": (False, ""), "spare": (True, "")},
        1500: {"status": "not ready", "chat": (False, "no_answer"), "spare": (False, "no_answer")},
    }


def test_F50_a_sole_destination_that_does_not_answer_is_not_ready_at_once(tmp_path: Path) -> None:
    """Others would be told of it only after minutes; whoever asks hears it as soon as kwatch pauses."""
    seen: list[tuple[int, str, list[bool], str]] = []
    stage, pods = staged(tmp_path, BROKEN + HOOK, lambda _, now: 200)

    def answer(request: httpx.Request) -> httpx.Response:
        if 100 <= stage.now() < 150:
            raise httpx.ConnectError("connection refused", request=request)
        return httpx.Response(200)

    async def look() -> None:
        ready, alive = await stage.get("/readyz"), await stage.get("/healthz")
        document = ready.json()
        oks = [each["ok"] for each in document["destinations"]]
        seen.append((ready.status_code, document["status"], oks, alive.text))

    stage.answer = answer
    for number in range(6):
        pods.phase(100, f"p{number}")
    for at in (99, 110, 600):
        stage.at(at, look)
    stage.run(until=601)
    assert seen == [
        (200, "ready", [True], "ok\n"),
        (503, "not ready", [False], "degraded: no destination can be told\n"),
        (200, "ready", [True], "ok\n"),
    ]


def test_a_clock_that_is_set_back_hides_no_trouble(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(1200, status=503))
    pods.phase(100, "a")
    stage.set_clock(150, -3600)
    stage.run(until=2400)
    first = next(told for told in stage.told if told.destination == "spare")
    assert first.kind == "meta"
    assert 400 <= first.at <= 500


def test_a_reload_in_the_middle_of_a_trouble_changes_nothing_of_it(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(3000))
    pods.phase(100, "a")
    stage.reload(150, configured(severity=", severity: warning"))
    stage.reload(160, configured())
    pods.phase(200, "b")
    stage.run(until=800)
    assert stage.lines == [
        f"100 spare meta {REFUSES.format('1 is')}",
        f"100 spare firing {BROKEN_A}",
        f"200 spare firing {BROKEN_B}",
    ]


WELL = "The destination chat takes messages again, after {} min."
WAITS = "The destination chat asks to wait for long; 1 is waiting."


def metas(stage: Stage) -> list[str]:
    """Return what was told of kwatch."""
    return [str(told) for told in stage.told if told.kind == "meta"]


def test_who_asks_to_wait_again_and_again_is_well_when_it_takes_something(tmp_path: Path) -> None:
    """Twenty minutes each time, until 4000 s: nothing is taken before 4900 s, and nobody is told otherwise."""
    stage, pods = staged(tmp_path, configured(), refused_until(0))
    stage.answer = lambda request: (
        httpx.Response(429, headers={"Retry-After": "1200"})
        if request.url.path == "/chat" and stage.now() < 4000
        else httpx.Response(200)
    )
    pods.phase(100, "a")
    stage.run(until=9000)
    assert stage.lines == [
        f"100 spare meta {WAITS}",
        f"100 spare firing {BROKEN_A}",
        f"4900 chat firing {BROKEN_A}",
        f"4900 spare meta {WELL.format(80)}",
    ]


def test_who_asks_to_wait_shortly_for_five_minutes_is_told_elsewhere(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(0))
    stage.answer = lambda request: (
        httpx.Response(429, headers={"Retry-After": "60"})
        if request.url.path == "/chat" and stage.now() < 1000
        else httpx.Response(200)
    )
    pods.phase(100, "a")
    stage.run(until=1500)
    assert stage.lines == [
        f"340 spare meta {WAITS}",
        f"340 spare firing {BROKEN_A}",
        f"1000 chat firing {BROKEN_A}",
        f"1000 spare meta {WELL.format(15)}",
    ]


def test_who_fails_again_soon_is_told_so_and_well_only_when_it_stays_so(tmp_path: Path) -> None:
    """Refused until 900 s, from 1300 to 2100 s and from 2600 to 3400 s: nobody believes that it is well meanwhile."""
    times = [(100, 900), (1300, 2100), (2600, 3400)]
    stage, pods = staged(
        tmp_path,
        configured(),
        lambda path, now: 401 if path == "chat" and any(begin <= now < end for begin, end in times) else 200,
    )
    for number, at in enumerate((100, 1300, 2600)):
        pods.phase(at, f"p{number}")
    stage.run(until=6000)
    assert metas(stage) == [
        f"100 spare meta {REFUSES.format('1 is')}",
        f"1000 spare meta {WELL.format(15)}",
        f"1300 spare meta {REFUSES.format('1 is')}",
        f"4400 spare meta {WELL.format(37)}",
    ]


def test_another_token_that_is_refused_too_is_no_recovery(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refused_until(2000))
    pods.phase(100, "a")
    stage.reload(500, configured(", fallback: spare, headers: {X-Try: again}"))
    stage.run(until=3000)
    assert metas(stage) == [f"100 spare meta {REFUSES.format('1 is')}", f"2300 spare meta {WELL.format(37)}"]
