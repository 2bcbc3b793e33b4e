"""S-115 and S-116: one incident is held open over an alert that begins and ends again and again."""

from pathlib import Path

from kwatch.testing.stage import Stage
from tests.scenarios.writing import HOOK, NOT_READY, text

AT_ONCE = text(NOT_READY % "resolve_hold: 0s", route="group_wait: 0s, group_interval: 0s, repeat_interval: 0s")
BEFORE = [
    "0 hook firing not-ready shop/Pod/web-1",
    "100 hook resolved not-ready shop/Pod/web-1",
    "200 hook firing not-ready shop/Pod/web-1",
]


def flaps(stage: Stage, *instants: float) -> None:
    """Let the Pod be wrong at the first instant, right at the second, and so on."""
    for index, at in enumerate(instants):
        stage.pod(at, ready=bool(index % 2))


def words(stage: Stage) -> list[str]:
    """Return what the messages say beside the severity."""
    return [told.document["title"].partition(" · not-ready")[0] for told in stage.told]


def test_S115_four_transitions_are_one_update_and_no_more_pairs(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, *range(0, 1200, 100))
    stage.run(until=1999)
    assert stage.lines == [*BEFORE, "300 hook update not-ready shop/Pod/web-1"]
    assert words(stage)[3] == "🟠 WARNING · flapping"
    assert [told.document["incident"] for told in stage.told][2:] == [stage.told[2].document["incident"]] * 2


def test_S116_stable_and_over_is_one_resolve(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, *range(0, 1200, 100))
    stage.run(until=7200)
    assert stage.lines == [
        *BEFORE,
        "300 hook update not-ready shop/Pod/web-1",
        "2000 hook resolved not-ready shop/Pod/web-1",
    ]
    assert stage.told[4].document["ends_at"] == "2026-01-01T12:18:20+00:00"


def test_S116_stable_and_firing_is_one_update(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, *range(0, 1100, 100))
    stage.pod(3000, ready=True)
    stage.run(until=7200)
    assert stage.lines == [
        *BEFORE,
        "300 hook update not-ready shop/Pod/web-1",
        "1900 hook update not-ready shop/Pod/web-1",
        "3000 hook resolved not-ready shop/Pod/web-1",
    ]
    assert words(stage)[3:5] == ["🟠 WARNING · flapping", "🟠 WARNING · stable, still firing"]


def test_S115_the_oldest_of_four_must_lie_inside_the_window(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, 0, 100, 200, 1800)
    stage.run(until=7200)
    assert stage.lines == [*BEFORE, "1800 hook resolved not-ready shop/Pod/web-1"]


def test_S115_a_rule_sets_its_own_limits(tmp_path: Path) -> None:
    limits = "resolve_hold: 0s, flapping: {transitions: 2, within: 5m, stable: 10m}"
    stage = Stage(tmp_path, text(NOT_READY % limits))
    flaps(stage, 0, 200)
    stage.run(until=7200)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "200 hook update not-ready shop/Pod/web-1",
        "800 hook resolved not-ready shop/Pod/web-1",
    ]


def test_S115_or_has_none(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "resolve_hold: 0s, flapping: {transitions: 0}"))
    flaps(stage, 0, 1000, 1100, 1200, 1300, 1400)
    stage.run(until=7200)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "1000 hook resolved not-ready shop/Pod/web-1",
        "1100 hook firing not-ready shop/Pod/web-1",
        "1200 hook resolved not-ready shop/Pod/web-1",
        "1300 hook firing not-ready shop/Pod/web-1",
        "1400 hook resolved not-ready shop/Pod/web-1",
    ]


def test_S115_begins_with_a_begin_as_well(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, 0, 1000, 1500, 1700, 1900)
    stage.run(until=7200)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "1000 hook resolved not-ready shop/Pod/web-1",
        "1500 hook firing not-ready shop/Pod/web-1",
        "1700 hook update not-ready shop/Pod/web-1",
        "2800 hook update not-ready shop/Pod/web-1",
    ]


def test_S116_a_restart_forgets_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, 0, 100, 200, 300)
    stage.absent(150, 160)
    stage.absent(600, 660)
    stage.run(until=7200)
    assert stage.lines == [
        *BEFORE,
        "300 hook update not-ready shop/Pod/web-1",
        "1200 hook resolved not-ready shop/Pod/web-1",
    ]


def test_S116_what_nobody_can_see_is_told_when_it_is_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    flaps(stage, 0, 100, 200, 300)
    stage.absent(600, 1500)
    stage.run(until=7200)
    assert stage.lines == [
        *BEFORE,
        "300 hook update not-ready shop/Pod/web-1",
        "1500 hook resolved not-ready shop/Pod/web-1",
    ]


def test_S115_slack_says_it_in_the_thread(tmp_path: Path) -> None:
    slack = '{type: slack, channel: "#alerts", token: {file: FOLDER/slack-token}}'
    stage = Stage(tmp_path, AT_ONCE.replace(HOOK, slack))
    flaps(stage, 0, 1000, 1100, 1200)
    stage.run(until=1300)
    (root,) = stage.slack.roots()
    titles = [answer.text.partition(" · not-ready")[0] for answer in stage.slack.thread(root)]
    assert titles == ["✅ RESOLVED after 16 m", "🟠 WARNING", "🟠 WARNING · flapping"]
