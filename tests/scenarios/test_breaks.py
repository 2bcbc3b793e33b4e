"""S-33 and S-37: `for` and `resolve_hold` count without a break, also over one that only the object's word shows."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.writing import NOT_READY, text

FOR = text(NOT_READY % "for: 5m")
HELD = text(NOT_READY % "resolve_hold: 2m")
NODE = (
    '{name: node, on: resource, match: {kind: Node, condition: {Ready: ["False", Unknown]}}, for: 5m, severity: info}'
)
DOWN = '{name: down, on: resource, match: {kind: Node, condition: {Ready: "False"}}, resolve_hold: 2m}'
BACK_OFF = (
    "{name: back-off, on: event, match: {reason: BackOff, kind: Pod}, resolve: {condition: {Ready: "
    '"True"}}, resolve_hold: 2m}'
)


def dates(stage: Stage) -> list[tuple[str, str | None]]:
    """Return when the alert of each message began and ended."""
    alerts = (told.document["alerts"][0] for told in stage.told)
    return [(alert["starts_at"][11:19], (alert["ends_at"] or "")[11:19]) for alert in alerts]


def test_S33_a_break_that_nobody_saw_begins_for_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR)
    stage.pod(0, ready=False)
    stage.pod(250, ready=False, since=240)
    stage.run(until=1000)
    assert stage.lines == ["540 hook firing not-ready shop/Pod/web-1"]
    assert dates(stage) == [("12:04:00", "")]


def test_S33_a_break_while_kwatch_was_away_begins_for_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR)
    stage.pod(0, ready=False)
    stage.absent(50, 250)
    stage.pod(100, ready=True)
    stage.pod(240, ready=False)
    stage.run(until=1000)
    assert stage.lines == ["540 hook firing not-ready shop/Pod/web-1"]
    assert dates(stage) == [("12:04:00", "")]


def test_S37_what_was_wrong_unseen_in_the_hold_begins_it_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HELD)
    stage.pod(0, ready=False)
    stage.pod(100, ready=True)
    stage.pod(200, ready=True, since=190)
    stage.run(until=1000)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "310 hook resolved not-ready shop/Pod/web-1",
    ]
    assert dates(stage) == [("12:00:00", ""), ("12:00:00", "12:03:10")]


def test_S37_so_does_what_was_wrong_while_kwatch_was_away(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF))
    stage.pod(-20, ready=False)
    stage.event(0)
    stage.pod(100, ready=True)
    stage.absent(150, 400)
    stage.pod(200, ready=False)
    stage.pod(390, ready=True)
    stage.run(until=1000)
    assert stage.lines == [
        "0 hook firing back-off shop/Pod/web-1",
        "510 hook resolved back-off shop/Pod/web-1",
    ]
    assert dates(stage) == [("12:00:00", ""), ("12:00:00", "12:06:30")]


@pytest.mark.parametrize("is_away", [False, True])
def test_S33_another_status_that_is_asked_for_too_is_no_break(tmp_path: Path, is_away: bool) -> None:
    stage = Stage(tmp_path, text(NODE))
    stage.node(0, ready=False)
    stage.node(100, ready=None)
    stage.node(200, ready=False)
    if is_away:
        stage.absent(50, 250)
    stage.run(until=1000)
    assert stage.lines == ["300 hook firing node Node/node-1"]


def test_S37_another_status_that_is_not_asked_for_either_is_no_break_when_it_is_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(DOWN))
    stage.node(0, ready=False)
    stage.node(100, ready=True)
    stage.node(150, ready=None)
    stage.run(until=1000)
    assert stage.lines == ["0 hook firing down Node/node-1", "220 hook resolved down Node/node-1"]
