"""What a fallback is told in the place of another destination: each once, whatever becomes of either (T08, I1)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.testing.stage import Stage
from kwatch.testing.vendors.pagerduty import PagerDuty
from tests.scenarios.plays import BROKEN, NOTED, Pods

ALONE = "group_by: [namespace, name], group_wait: 0s, group_interval: 0s, repeat_interval: 0s"
#: Namespaces by which receivers are also told by the routes.
ROUTED = "routes: [{match: {namespace: to-b}, receiver: bb}, {match: {namespace: to-c}, receiver: cc}]"
A = '{type: webhook, name: a, url: "http://receiver.example/a", fallback: bb}'
B = '{type: webhook, name: b, url: "http://receiver.example/b"}'
C = '{type: webhook, name: c, url: "http://receiver.example/c"}'
X, Y = "broken shop/Pod/x", "broken shop/Pod/y"


def configured(a: str = A, b: str = B, c: str = C, *, rules: str = BROKEN, more: str = ROUTED) -> str:
    receivers = f"{{team: [{a}], bb: [{b}], cc: [{c}]}}"
    return f"{rules}route: {{receiver: team, {ALONE}, {more}}}\nreceivers: {receivers}\n"


def staged(folder: Path, text: str, status: Callable[[str, float], int]) -> tuple[Stage, Pods]:
    """Return a stage where a destination answers with a status at an instant."""
    stage = Stage(folder, text)
    stage.answer = lambda request: httpx.Response(status(request.url.path[1:], stage.now()))
    return stage, Pods(stage)


def refusing(*names: str, since: float = 0, until: float = 1e9, status: int = 401) -> Callable[[str, float], int]:
    return lambda path, now: status if path in names and since <= now < until else 200


def alerts(stage: Stage) -> list[str]:
    """Return what was told of alerts."""
    return [str(told) for told in stage.told if told.kind != "meta"]


def documents(stage: Stage, name: str, kind: str) -> list[Any]:
    return [told.document for told in stage.told if (told.destination, told.kind) == (name, kind)]


PACED = A.replace("fallback", "pace: {per_minute: 2, burst: 2}, fallback")


def storm(folder: Path, ends: float) -> Stage:
    """Let four Pods fail, of which two find no room in the pace; from 110 to 5000 s nothing is taken."""
    stage, pods = staged(folder, configured(PACED), refusing("a", since=110, until=5000))
    for number in range(4):
        pods.phase(100 + number, f"x{number}")
        pods.phase(ends + number, f"x{number}", "Running")
    stage.run(until=7000)
    return stage


def test_what_was_folded_is_told_as_the_list_that_it_was_to_be_and_ends_by_itself(tmp_path: Path) -> None:
    stage = storm(tmp_path, 3000)
    assert [line for line in alerts(stage) if " b " in line] == [
        "162 b summary broken shop/Pod/x2, broken shop/Pod/x3",
        "3002 b resolved broken shop/Pod/x2",
        "3003 b resolved broken shop/Pod/x3",
    ]
    (listed,) = documents(stage, "b", "summary")
    assert listed["notes"] == ["meant for a, which cannot be told"]
    assert listed["title"] == "📋 SUMMARY · 2 problems that a could not be told · stage"


def test_a_list_of_what_is_over_names_it(tmp_path: Path) -> None:
    """Both ended before anybody could be told of them."""
    stage = storm(tmp_path, 120)
    assert [(told.at, told.kind) for told in stage.told if told.destination == "b"] == [
        (120, "meta"),
        (168, "summary"),
        (5520, "meta"),
    ]
    (listed,) = documents(stage, "b", "summary")
    assert listed["notes"] == [
        "meant for a, which cannot be told",
        "came and went: broken (shop, Pod/x2), broken (shop, Pod/x3)",
    ]


def test_what_is_told_late_is_not_told_who_was_told_in_time(tmp_path: Path) -> None:
    """After a day without an answer it is folded into an overflow: the fallback has heard all of that."""
    stage, pods = staged(tmp_path, configured(), refusing("a", until=90_000, status=503))
    pods.phase(100, "x")
    pods.phase(95_000, "x", "Running")
    stage.run(until=96_000)
    assert [line.split(maxsplit=1)[1] for line in alerts(stage)] == [
        f"b firing {X}",
        f"a overflow {X}",
        f"b resolved {X}",
        f"a overflow {X} resolved",
    ]


def test_notices_that_were_folded_are_told_in_one_message(tmp_path: Path) -> None:
    stage, _ = staged(tmp_path, configured(PACED, rules=NOTED), refusing("a", since=110, until=5000))
    for number in range(4):
        stage.event(100 + number, name=f"p{number}.a", about=f"Pod/shop/p{number}")
    stage.run(until=400)
    assert alerts(stage) == [
        "100 a notice noted shop/Pod/p0",
        "101 a notice noted shop/Pod/p1",
        "162 b notice noted shop/Pod/p2, noted shop/Pod/p3",
    ]
    assert [document["alert_count"] for document in documents(stage, "b", "notice")] == [2]


def test_the_summary_of_a_first_start_is_told_as_one(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refusing("a", since=-60))
    pods.phase(-60, "x")
    pods.phase(-60, "y")
    pods.phase(700, "x", "Running")
    pods.phase(800, "y", "Running")
    stage.run(until=1000)
    assert [line.split(maxsplit=1)[1] for line in alerts(stage)] == [
        f"b summary {Y}, {X}",
        f"b resolved {X}",
        f"b resolved {Y}",
    ]


def test_what_becomes_of_it_is_told_as_an_update(tmp_path: Path) -> None:
    grouped = configured().replace("group_by: [namespace, name]", "group_by: [namespace]")
    stage, pods = staged(tmp_path, grouped, refusing("a"))
    pods.phase(100, "x")
    pods.phase(200, "y")
    stage.ack(300, "broken")
    pods.phase(400, "x", "Running")
    pods.phase(500, "y", "Running")
    stage.run(until=600)
    assert [(told.at, told.kind) for told in stage.told if told.destination == "b" and told.kind != "meta"] == [
        (100, "firing"),
        (200, "update"),
        (300, "update"),
        (400, "update"),
        (500, "resolved"),
    ]
    assert len({told.document["incident"] for told in stage.told if told.kind != "meta"}) == 1


def test_the_fallback_of_a_fallback_is_told_once_and_who_stood_in_when_it_can(tmp_path: Path) -> None:
    chained = configured(b=B.replace("}", ", fallback: cc}"), c=C.replace("}", ", fallback: team}"))
    stage, pods = staged(
        tmp_path, chained, lambda path, now: 401 if path == "a" or (path == "b" and now < 1500) else 200
    )
    pods.phase(100, "x")
    pods.phase(2500, "x", "Running")
    stage.run(until=3000)
    assert alerts(stage) == [
        f"100 c firing {X}",
        f"1900 b firing {X}",
        f"2500 b resolved {X}",
        f"2500 c resolved {X}",
    ]
    assert [document["notes"] for document in documents(stage, "c", "firing")] == [
        ["meant for a, which cannot be told"]
    ]


def test_three_in_a_circle_tell_nothing_twice(tmp_path: Path) -> None:
    rules = BROKEN + NOTED.partition("rules:\n")[2]
    circle = configured(b=B.replace("}", ", fallback: cc}"), c=C.replace("}", ", fallback: team}"), rules=rules)
    stage, pods = staged(tmp_path, circle, refusing("a", "b", "c", until=1500))
    pods.phase(100, "x")
    stage.event(110, about="Pod/shop/x", name="x.a")
    stage.run(until=4000)
    assert sorted(line.partition(" ")[2] for line in alerts(stage)) == [
        f"a firing {X}",
        "a notice noted shop/Pod/x",
        f"b firing {X}",
        "b notice noted shop/Pod/x",
        f"c firing {X}",
        "c notice noted shop/Pod/x",
    ]


def test_who_is_escalated_to_as_well_hears_it_once(tmp_path: Path) -> None:
    text = configured(more="escalate: [{after: 5m, receiver: bb}]")
    stage, pods = staged(tmp_path, text.replace(f", cc: [{C}]", ""), refusing("a"))
    pods.phase(100, "x")
    pods.phase(2000, "x", "Running")
    stage.run(until=3000)
    assert alerts(stage) == [f"100 b firing {X}", f"2000 b resolved {X}"]


def test_who_is_told_by_the_routes_as_well_hears_it_once(tmp_path: Path) -> None:
    both = "routes: [{match: {namespace: shop}, receiver: bb, continue: true}, {receiver: team}]"
    stage, pods = staged(tmp_path, configured(more=both).replace(f", cc: [{C}]", ""), refusing("a"))
    pods.phase(100, "x")
    pods.phase(2000, "x", "Running")
    stage.run(until=3000)
    assert alerts(stage) == [f"100 b firing {X}", f"2000 b resolved {X}"]


#: What is loaded at 600 s, and the rest of what is told of a problem of a from 100 to 2500 s; a is well from 1500 s on.
CHANGES = {
    "none": (configured(), ["1900 a firing", "2500 a resolved", "2500 b resolved"]),
    "fallback removed": (
        configured(A.replace(", fallback: bb", "")),
        ["1500 a firing", "2500 a resolved", "2500 b resolved"],
    ),
    "another fallback": (
        configured(A.replace("bb", "cc")),
        ["600 c firing", "1500 a firing", "2500 a resolved", "2500 b resolved", "2500 c resolved"],
    ),
    "it is renamed": (
        configured(b=B.replace("name: b", "name: b2").replace("/b", "/b2")),
        ["600 b expired", "600 b2 firing", "1500 a firing", "2500 a resolved", "2500 b2 resolved"],
    ),
    "it is gone": (
        configured(A.replace(", fallback: bb", ""), b=B.replace("name: b", "name: b2").replace("/b", "/b2")),
        ["600 b expired", "1500 a firing", "2500 a resolved"],
    ),
    "the other is renamed": (
        configured(A.replace("name: a", "name: a2").replace("/a", "/a2")),
        ["600 a2 summary", "2500 a2 resolved", "2500 b resolved"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_F32_each_is_told_the_end_of_what_it_was_told_whatever_is_loaded(tmp_path: Path, change: str) -> None:
    text, told = CHANGES[change]
    stage, pods = staged(tmp_path, configured(), refusing("a", until=1500))
    pods.phase(100, "x")
    if change != "none":
        stage.reload(600, text)
    pods.phase(2500, "x", "Running")
    stage.run(until=6000)
    assert alerts(stage) == [f"{line} {X}" for line in ["100 b firing", *told]]


def test_a_change_while_kwatch_is_away_leaves_nothing_open_either(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(), refusing("a", until=1500))
    pods.phase(100, "x")
    stage.absent(600, 700, configured(A.replace(", fallback: bb", "")))
    pods.phase(2500, "x", "Running")
    stage.run(until=6000)
    assert alerts(stage) == [
        f"100 b firing {X}",
        f"1600 a firing {X}",
        f"2500 a resolved {X}",
        f"2500 b resolved {X}",
    ]


def test_the_fallback_of_one_that_wants_no_ends_is_told_them(tmp_path: Path) -> None:
    stage, pods = staged(tmp_path, configured(A.replace("}", ", send_resolved: false}")), refusing("a"))
    pods.phase(100, "x")
    pods.phase(200, "x", "Running")
    stage.run(until=300)
    assert alerts(stage) == [f"100 b firing {X}", f"200 b resolved {X}"]


def test_who_is_called_hears_no_digest_and_no_news_of_kwatch(tmp_path: Path) -> None:
    """A PagerDuty is told that the other refuses everything, and what is wrong; not how the day was."""
    (tmp_path / "key").write_text(PagerDuty.secrets["routing-key"])
    pager = f"{{type: pagerduty, name: b, routing_key: {{file: {tmp_path}/key}}}}"
    a = (
        A.replace("}", ", lifecycle: [started]}")
        + ", "
        + A.replace("}", ", digest: {schedule: '0 * * * *'}}").replace("name: a", "name: daily")
    )
    stage, pods = staged(tmp_path, configured(a, pager), refusing("a", since=-60))
    vendor = PagerDuty(stage.clock)
    stage.hosts = {"events.pagerduty.com": vendor.answer}
    pods.phase(100, "x")
    stage.run(until=6000)
    assert [incident.event["payload"]["summary"] for incident in vendor.incidents] == [
        "[stage] kwatch: The destination a refuses every message (unauthorized); 1 is waiting.",
        "[stage] warning: broken shop/Pod/x, since 2026-01-01 12:01 UTC",
        "[stage] kwatch: The destination daily refuses every message (unauthorized); 1 is waiting.",
    ]
