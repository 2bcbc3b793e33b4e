"""What an overflow has told of goes on from there: repeats, news, ends, and where they stand in Slack."""

from pathlib import Path

from tests.scenarios.plays import BROKEN, play, workloads
from tests.scenarios.storms import PACED, storm


def test_a_folded_trigger_counts_as_told_by_the_overflow(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED.replace("burst: 5", "burst: 1"))
    storm(pods, 2, seconds=1)
    stage.absent(200, 210)
    told = stage.run(until=3800)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        (60, "firing", ["p000"]),
        (120.5, "overflow", ["p001"]),
        (3660, "repeat", ["p000"]),
        (3720.5, "repeat", ["p001"]),
    ]


UPDATED = PACED.replace("[namespace, workload]", "[namespace]").replace("burst: 5", "burst: 1")


def test_news_of_a_folded_incident_opens_it_before_the_overflow_has_left(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + UPDATED.replace("group_wait: 0s", "group_wait: 0s, group_interval: 30s"))
    pods.phase(60, "a", ns="one")
    pods.phase(60, "b", ns="two")
    pods.phase(61, "c", "Unknown", ns="two")
    pods.phase(400, "d", ns="two")
    told = stage.run(until=1000)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        (60, "firing", ["a"]),
        (61, "firing", ["c", "b"]),
        (120, "overflow", ["b"]),
        (400, "update", ["c", "b", "d"]),
    ]


def test_news_of_a_folded_incident_goes_on_with_it_once_the_overflow_has_left(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + UPDATED)
    pods.phase(60, "a", ns="one")
    pods.phase(60, "b", ns="two")
    pods.phase(400, "c", ns="two")
    pods.phase(500, "b", "Running", ns="two")
    pods.phase(500, "c", "Running", ns="two")
    told = stage.run(until=1000)
    assert [(one.at, one.kind, workloads(one)) for one in told] == [
        (60, "firing", ["a"]),
        (120, "overflow", ["b"]),
        (400, "update", ["b", "c"]),
        (500, "resolved", ["-b", "-c"]),
    ]


SLACK = """
route: {receiver: team, group_by: [namespace], group_wait: 0s, repeat_interval: 0s}
receivers:
  team:
    - {type: slack, name: hook, channel: "#alerts", token: {file: FOLDER/slack-token}, PACE}
"""


def test_in_slack_a_folded_incident_goes_on_below_the_overflow(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + SLACK.replace("PACE", "pace: {per_minute: 5, burst: 1}"))
    pods.phase(60, "a", ns="one")
    pods.phase(60, "b", ns="two")
    pods.phase(400, "c", ns="two")
    pods.phase(600, "b", "Running", ns="two")
    pods.phase(600, "c", "Running", ns="two")
    stage.run(until=1000)
    first, overflow_ = stage.slack.roots()
    assert [first.text, overflow_.text] == [
        "🟠 WARNING · broken · one/Pod/a · since 12:01 UTC",
        "⚠️ OVERFLOW · 1 more · stage",
    ]
    assert [answer.text for answer in stage.slack.thread(overflow_)] == [
        "🟠 WARNING · broken (2) · two · since 12:01 UTC",
        "✅ RESOLVED after 9 m · broken (2) · two",
    ]
    assert stage.slack.errors == []


def test_slack_has_a_pace_of_its_own(tmp_path: Path) -> None:
    by_workload = SLACK.replace(", PACE", "").replace("[namespace]", "[namespace, workload]")
    stage, pods = play(tmp_path, BROKEN + by_workload)
    storm(pods, 60, seconds=1)
    stage.run(until=300)
    assert [root.text for root in stage.slack.roots()[10:]] == ["⚠️ OVERFLOW · 50 more · stage"]
    assert stage.slack.errors == []


def test_a_digest_in_slack_is_within_its_limits(tmp_path: Path) -> None:
    paper = SLACK.replace("PACE", 'digest: {schedule: "*/10 * * * *"}')
    stage, pods = play(tmp_path, BROKEN + paper)
    storm(pods, 300, seconds=10)
    stage.run(until=700)
    assert [root.text for root in stage.slack.roots()] == ["🗞️ DIGEST · 300 new · stage"]
    assert stage.slack.errors == []
