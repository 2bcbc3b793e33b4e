"""Paces over a reload: what is in a bucket stays there while its own pace is as it was (T13)."""

from pathlib import Path

import httpx
import pytest

from tests.scenarios.plays import BROKEN, play
from tests.scenarios.storms import PACED, storm
from tests.scenarios.test_pacing import RULE_PACED

FIVE = RULE_PACED.replace("per_minute: 1, burst: 2", "per_minute: 1, burst: 5")
OTHER_RULE = """\
  - {name: full, on: resource, match: {kind: Node, condition: {DiskPressure: "True"}}, pace: {per_minute: 1, burst: 1}}
"""


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_a_full_bucket_of_a_rule_stays_full_when_another_rule_gets_a_pace(tmp_path: Path, is_reloaded: bool) -> None:
    stage, pods = play(tmp_path, FIVE)
    storm(pods, 5, at=900, seconds=1)
    if is_reloaded:
        stage.reload(890, FIVE.replace("rules:\n", f"rules:\n{OTHER_RULE}", 1))
    stage.run(until=1200)
    assert stage.lines == [
        "900 hook firing noisy shop/Pod/p000",
        "900.2 hook firing noisy shop/Pod/p001",
        "900.4 hook firing noisy shop/Pod/p002",
        "900.6 hook firing noisy shop/Pod/p003",
        "900.8 hook firing noisy shop/Pod/p004",
    ]


def test_a_rule_whose_own_pace_is_another_begins_with_one_token(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, FIVE)
    stage.reload(890, FIVE.replace("burst: 5", "burst: 4"))
    storm(pods, 2, at=900, seconds=1)
    stage.run(until=1200)
    assert stage.lines == ["900 hook firing noisy shop/Pod/p000", "960.5 hook overflow noisy shop/Pod/p001"]


@pytest.mark.parametrize("set_by", [0, 3600, -3600])
@pytest.mark.parametrize(
    "other",
    [
        BROKEN.replace("resolve_hold: 0s}", "resolve_hold: 1s}", 1) + PACED,
        BROKEN + PACED.replace("pace:", "send_resolved: false, pace:"),
    ],
    ids=["rule", "destination"],
)
def test_an_empty_bucket_of_a_destination_stays_empty(tmp_path: Path, other: str, set_by: float) -> None:
    """One of five tokens comes back every 12 s, whatever the clock on the wall shows."""
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 5, at=60, seconds=1)
    stage.set_clock(61.5, set_by)
    stage.reload(62, other)
    storm(pods, 1, at=63, first=5, seconds=1)
    stage.run(until=600)
    assert stage.lines == [
        "60 hook firing broken shop/Pod/p000",
        "60.2 hook firing broken shop/Pod/p001",
        "60.4 hook firing broken shop/Pod/p002",
        "60.6 hook firing broken shop/Pod/p003",
        "60.8 hook firing broken shop/Pod/p004",
        "123 hook overflow broken shop/Pod/p005",
    ]


@pytest.mark.parametrize("set_by", [0, 3600])
def test_a_destination_that_asked_to_wait_is_waited_for(tmp_path: Path, set_by: float) -> None:
    """Also where it is reached in another way since."""
    stage, pods = play(tmp_path, BROKEN + PACED)
    asked: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(stage.now())
        return httpx.Response(429, headers={"Retry-After": "300"}) if len(asked) == 1 else httpx.Response(200)

    stage.answer = answer
    storm(pods, 1, at=60)
    stage.set_clock(61, set_by)
    stage.reload(62, BROKEN + PACED.replace("pace:", "send_resolved: false, pace:"))
    stage.run(until=600)
    assert stage.lines == ["360 hook firing broken shop/Pod/p000"]
    assert asked == [60, 360]
