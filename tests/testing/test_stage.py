"""The stage itself: what its helpers write, how what was told reads."""

from datetime import datetime
from pathlib import Path

import pytest

from kwatch.testing.stage import Stage

RULES = """
packs: []
rules:
  - {name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}}
  - {name: back-off, on: event, match: {reason: BackOff}, rate: {count: 3, within: 60s, per: [namespace, workload]}}
route: {receiver: team, group_by: [rule], group_wait: 0s}
receivers:
  team:
    - {type: webhook, url: "https://example.com/hook"}
    - {type: slack, channel: "#alerts", token: {file: FOLDER/slack-token}}
"""
ONLY_BACK_OFF = RULES.replace("match: {kind: Pod, ", "enabled: false, match: {kind: Pod, ")


def test_a_play_and_what_was_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.pod(0, ready=False)
    stage.event(30)
    stage.event(59.9, 4)
    stage.new_event(70.25, name="web-1.b")
    stage.new_event(80.25, 3, name="web-1.b", last=79.5)
    stage.pod(100, ready=True)
    stage.run(until=3600)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "59.9 hook firing back-off shop/Pod/web-1 ×4",
        "220 hook resolved not-ready shop/Pod/web-1",
        "2240.25 hook resolved back-off shop/Pod/web-1 ×7",
    ]
    assert len(stage.slack.roots()) == 2
    assert stage.counted("contributions", case="C4") == 2


def test_a_restart_may_bring_another_configuration(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.pod(0, ready=False)
    stage.absent(10, 20, ONLY_BACK_OFF)
    stage.run(until=60)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "20 hook expired not-ready shop/Pod/web-1",
    ]


def test_a_file_that_nobody_looks_at_is_not_changed_in_vain(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.at(10, lambda: stage.write(ONLY_BACK_OFF))
    with pytest.raises(ExceptionGroup) as raised:
        stage.run(until=60)
    assert raised.group_contains(LookupError, match="set follows_files before it starts")


def test_a_play_that_begins_elsewhere_is_written_in_utc(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES, start=datetime.fromisoformat("2026-03-31T05:50:00+02:00"))
    stage.pod(0, ready=False)
    (told,) = stage.run(until=60)
    assert (stage.second(0), stage.time(0.25)) == ("2026-03-31T03:50:00Z", "2026-03-31T03:50:00.250000Z")
    assert told.document["starts_at"] == "2026-03-31T03:50:00+00:00"
