"""An occurrence about an object that is gone is told, and ends by itself: nobody else will end it."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

RULE = "{name: back-off, on: event, match: {reason: BackOff, kind: Pod}, %s}"
PLAIN = "severity: warning"
LINES = ["60 hook firing back-off shop/Pod/web-1", "180 hook resolved back-off shop/Pod/web-1"]


def ends(stage: Stage) -> list[str]:
    return [told.document["alerts"][0]["end"] for told in stage.told if told.kind == "resolved"]


def stage_with(folder: Path, words: str = PLAIN) -> Stage:
    return Stage(folder, text(RULE % words))


@pytest.mark.parametrize(
    "words",
    [
        PLAIN,
        "key: [namespace, name]",
        'resolve: {condition: {Ready: "True"}}',
        "rate: {count: 1, within: 1m, per: [name]}",
    ],
)
def test_of_a_pod_that_was_deleted_a_moment_ago(tmp_path: Path, words: str) -> None:
    stage = stage_with(tmp_path, words)
    stage.pod(0)
    stage.delete(50, "web-1")
    stage.event(60)
    stage.run(until=90_000)
    assert [line.replace("Pod/web-1", "web-1").replace("shop/web-1", "web-1") for line in stage.lines] == [
        "60 hook firing back-off web-1",
        "180 hook resolved back-off web-1",
    ]
    assert ends(stage) == ["the object is gone"]


def test_of_a_pod_that_nobody_has_seen(tmp_path: Path) -> None:
    """The look-up says that there is none."""
    stage = stage_with(tmp_path)
    stage.event(60)
    stage.run(until=90_000)
    assert stage.lines == LINES


def test_what_comes_again_is_held_from_then_on(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    for count, second in enumerate((60, 100, 170), start=1):
        stage.event(second, count)
    stage.run(until=90_000)
    assert stage.lines == [LINES[0], "290 hook resolved back-off shop/Pod/web-1 ×3"]


def test_over_a_restart(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    stage.event(60)
    stage.absent(100, 150)
    stage.run(until=90_000)
    assert stage.lines == LINES


def test_what_came_and_went_while_kwatch_was_down_is_told_late_and_ends(tmp_path: Path) -> None:
    stage = stage_with(tmp_path)
    stage.pod(0)
    stage.absent(50, 100)
    stage.event(60)
    stage.delete(70, "web-1")
    stage.run(until=90_000)
    assert [(str(told), told.document["is_late"]) for told in stage.told] == [
        ("100 hook firing back-off shop/Pod/web-1", True),
        ("220 hook resolved back-off shop/Pod/web-1", False),
    ]


def test_kept_it_goes_on_until_it_is_quiet(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % "on_delete: keep", route="group_wait: 0s, repeat_interval: 0s"))
    stage.event(60)
    stage.run(until=90_000)
    assert stage.lines == [LINES[0], "1020 hook resolved back-off shop/Pod/web-1"]


def test_a_pod_of_the_same_workload_that_is_there_keeps_it_open(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % 'resolve: {condition: {Ready: "True"}}'))
    stage.pod(0, "web-1", owner="StatefulSet/web", ready=False)
    stage.pod(0, "web-2", owner="StatefulSet/web", ready=False)
    stage.delete(50, "web-2")
    stage.event(60, name="a", about="Pod/shop/web-1")
    stage.event(70, name="b", about="Pod/shop/web-2")
    stage.pod(400, "web-1", ready=True)
    stage.run(until=86400)
    assert stage.lines == [
        "60 hook firing back-off shop/StatefulSet/web",
        "520 hook resolved back-off shop/StatefulSet/web ×2",
    ]


def test_below_its_rate_it_is_not_told(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, "rate: {count: 3, within: 10m, per: [namespace, workload]}")
    stage.event(60)
    stage.event(70, 2)
    stage.run(until=3600)
    assert stage.lines == []


def test_a_notice_is_told_once(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, "mode: notice")
    stage.event(60)
    stage.run(until=3600)
    assert stage.lines == ["60 hook notice back-off shop/Pod/web-1"]
