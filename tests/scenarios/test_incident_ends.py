"""D3: what was told first names the incident in which the end comes, whatever message told it."""

from pathlib import Path

import httpx

from kwatch.testing.stage import Stage
from kwatch.testing.told import Told
from tests.scenarios.plays import BROKEN, HOOK, play

WINDOW = 'windows: {lunch: {start: "12:01", end: "12:05"}}\n'


def incidents(told: Told) -> dict[str, str]:
    """Return the incident of each alert that a message tells of."""
    return {alert["labels"]["name"]: alert["incident"] for alert in told.document["alerts"]}


def opened_and_closed(stage: Stage, until: float) -> tuple[dict[str, str], dict[str, str]]:
    """Return the incidents that the first message names, and those that the ends close."""
    first, *ends = stage.run(until=until)
    closed = {name: end.document["incident"] for end in ends for name in incidents(end)}
    assert [incidents(end) for end in ends] == [{name: at} for name, at in closed.items()]
    assert [end.kind for end in ends] == ["resolved"] * len(ends)
    return incidents(first), closed


def test_what_was_there_at_the_first_start(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    for name, ns in (("a", "shop"), ("b", "bank")):
        pods.phase(-31, name, ns=ns)
    pods.phase(100, "a", "Running")
    pods.phase(200, "b", "Running", ns="bank")
    opened, closed = opened_and_closed(stage, 600)
    assert stage.lines[0] == "-30 hook summary broken bank/Pod/b, broken shop/Pod/a"
    assert opened == closed
    assert len(set(opened.values())) == 2


def test_what_a_window_collected(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + WINDOW + HOOK.replace("group_wait: 0s", "group_wait: 0s, hold_in: [lunch]"))
    for name, ns in (("a", "shop"), ("b", "bank")):
        pods.phase(100, name, ns=ns)
    pods.phase(400, "a", "Running")
    pods.phase(500, "b", "Running", ns="bank")
    opened, closed = opened_and_closed(stage, 900)
    assert stage.lines[0] == "300 hook summary broken bank/Pod/b, broken shop/Pod/a"
    assert opened == closed


def test_what_is_told_by_itself(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(0, "a")
    pods.phase(100, "a", "Running")
    opened, closed = opened_and_closed(stage, 600)
    assert opened == closed == {"a": stage.told[0].document["incident"]}


def test_an_end_waits_for_the_summary_that_told_that_it_began(tmp_path: Path) -> None:
    """Nothing is taken until 700 s; what was there at the first start is over at 300 s."""
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.answer = lambda _: httpx.Response(401 if stage.now() < 700 else 200)
    pods.phase(-60, "a")
    pods.phase(300, "a", "Running")
    stage.run(until=2000)
    assert [(told.kind, told.rules) for told in stage.told] == [("summary", ("broken",)), ("resolved", ("broken",))]
