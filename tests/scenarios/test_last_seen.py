"""What happens several times says when it did last, and what is simply there does not."""

from pathlib import Path

from tests.scenarios.plays import BROKEN, HOOK, play

RATED = """
packs: []
rules:
  - {name: back-off, on: event, match: {reason: BackOff, kind: Pod}, rate: {count: 2, within: 10m, per: [namespace]}}
"""


def test_what_is_counted_says_when_it_came_last(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, RATED + HOOK.replace("group_wait: 0s", "group_wait: 30s"))
    for count, at in enumerate((100, 160, 185), 1):
        stage.event(at, count)
    stage.run(until=200)
    [told] = stage.told
    [alert] = told.document["alerts"]
    assert (alert["count"], alert["since"], alert["last_seen"]) == (3, "12:02 UTC", "12:03 UTC")
    assert "Last seen    12:03 UTC" in told.document["text"]


def test_a_state_was_seen_at_no_instant(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(100, "x")
    stage.run(until=200)
    assert [alert["last_seen"] for told in stage.told for alert in told.document["alerts"]] == [""]
