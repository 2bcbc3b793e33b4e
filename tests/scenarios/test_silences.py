"""Silences (spec 2.6, S-77 to S-83; T02, T13, T52), through the shipped composition and its HTTP interface."""

from pathlib import Path
from typing import Any

import httpx

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, NOTED, Silences, play

SHOP = {"namespace": "shop"}
WAITING = HOOK.replace("group_wait: 0s", "group_wait: 15s")
SLACK = """
route: {receiver: team, group_by: [namespace], group_wait: 0s}
receivers:
  team: [{type: slack, name: chat, token: {file: FOLDER/slack-token}, channel: "#alerts", mention: {warning: "@here"}}]
"""


def outcome(stage: Stage, name: str) -> int:
    return stage.counted("decisions", outcome=name)


def test_S77_what_is_due_inside_is_muted_and_counted(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + WAITING)
    silences = Silences(stage)
    silences.add(50, SHOP, starts_at=stage.time(100), until=200)
    pods.phase(85, "a")
    pods.phase(190, "a", "Running")
    stage.run(until=600)
    assert stage.lines == []
    assert [outcome(stage, name) for name in ("opened", "muted_silenced", "came_and_went")] == [1, 1, 0]


def test_S77_what_is_due_at_the_end_is_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + WAITING)
    Silences(stage).add(50, SHOP, starts_at=stage.time(100), until=200)
    pods.phase(185, "a")
    stage.run(until=600)
    assert stage.lines == ["200 hook firing broken shop/Pod/a"]


def test_S78_what_still_fires_is_told_at_the_end(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + WAITING)
    Silences(stage).add(100, SHOP, until=200)
    pods.phase(120, "a")
    stage.run(until=600)
    assert stage.lines == ["200 hook firing broken shop/Pod/a"]
    (alert,) = stage.told[0].document["alerts"]
    assert alert["held_back_by"] == "the silence of alice"


def test_S78_an_early_end_counts_too(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + WAITING)
    silences = Silences(stage)
    silences.add(100, SHOP, **{"for": "1h"})
    pods.phase(120, "a")
    silences.expire(150)
    stage.run(until=600)
    assert stage.lines == ["150 hook firing broken shop/Pod/a"]


def test_S79_the_end_of_what_was_told_is_told_quietly(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=200)
    pods.phase(50, "a")
    pods.phase(150, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["50 hook firing broken shop/Pod/a", "150 hook resolved broken shop/Pod/a"]
    assert [told.document["is_quiet"] for told in stage.told] == [False, True]


def test_S79_chat_is_edited_and_nobody_is_called(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + SLACK)
    Silences(stage).add(100, SHOP, until=200)
    pods.phase(50, "a")
    pods.phase(150, "a", "Running")
    stage.run(until=600)
    (root,) = stage.slack.messages
    assert root.text == "✅ RESOLVED after 1 m · broken · shop/Pod/a"
    assert (root.edits[0].pings, root.pings) == (("!here",), ())


def test_S80_the_next_episode_is_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=200)
    pods.phase(50, "a")
    pods.phase(150, "a", "Running")
    pods.phase(250, "a")
    stage.run(until=600)
    assert stage.lines == [
        "50 hook firing broken shop/Pod/a",
        "150 hook resolved broken shop/Pod/a",
        "250 hook firing broken shop/Pod/a",
    ]
    assert stage.told[2].document["alerts"][0]["episode"] == 2


def test_S81_a_silence_on_a_firing_alert_edits_and_posts_nothing(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + SLACK)
    texts: list[str] = []
    Silences(stage).add(100, SHOP, until=7300, comment="new database")
    pods.phase(50, "a")
    for at in (90, 101, 7301):
        stage.at(at, lambda: texts.append(str(stage.slack.messages[0].blocks)))
    stage.run(until=7400)
    assert len(stage.slack.messages) == 1
    said = "silenced until 2026-01-01 14:01 UTC by alice: new database"
    assert [said in text for text in texts] == [False, True, False]


def test_S81_who_cannot_edit_is_not_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=200)
    pods.phase(50, "a")
    stage.run(until=600)
    assert stage.lines == ["50 hook firing broken shop/Pod/a"]


def test_S81_an_edit_waits_for_what_is_under_way(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + SLACK)
    stage.answers_after = 20.0
    Silences(stage).add(60, SHOP, until=7300)
    pods.phase(50, "a")
    stage.run(until=600)
    (root,) = stage.slack.messages
    assert (root.pings, "silenced until" in str(root.blocks)) == ((), True)


def test_S81_an_edit_is_made_where_news_came_to_nothing(tmp_path: Path) -> None:
    """At 60 the silence begins while `b` waits for the interval; at 170 `b` is held, and the edit is left."""
    stage, pods = play(tmp_path, BROKEN + SLACK)
    Silences(stage).add(60, SHOP, until=7300)
    pods.phase(50, "a")
    pods.phase(55, "b")
    seen: list[bool] = []
    for at in (165, 175):
        stage.at(at, lambda: seen.append("silenced until" in str(stage.slack.messages[0].blocks)))
    stage.run(until=600)
    assert seen == [False, True]
    assert len(stage.slack.messages) == 1


def test_a_silenced_alert_is_not_repeated(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK.replace("group_wait: 0s", "group_wait: 0s, repeat_interval: 100s"))
    Silences(stage).add(60, SHOP, until=310)
    pods.phase(50, "a")
    stage.run(until=420)
    assert stage.lines == ["50 hook firing broken shop/Pod/a", "350 hook repeat broken shop/Pod/a"]


def test_others_are_told_meanwhile(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(0, {"name": "a"}, until=200)
    pods.phase(50, "a")
    pods.phase(60, "b")
    pods.phase(70, "a", "Running")
    stage.run(until=600)
    assert stage.lines == ["60 hook firing broken shop/Pod/b"]


def test_a_notice_inside_is_muted(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + HOOK)
    Silences(stage).add(0, {"reason": "BackOff"}, until=100)
    pods.event(50, "a")
    pods.event(100, "b")
    stage.run(until=600)
    assert stage.lines == ["100 hook notice noted shop/Pod/b"]
    assert outcome(stage, "muted_silenced") == 1


def test_S82_T02_T52_what_is_wrong_is_refused_and_silences_nothing(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    silences = Silences(stage)
    for match in ({}, {"namespace": ""}, {"namespace": {"regex": "("}}, {"namespcae": "shop"}, {"cluster": "stage"}):
        silences.add(10, match, until=1000)
    pods.phase(50, "a")
    stage.run(until=600)
    assert silences.statuses == [400] * 5
    assert stage.lines == ["50 hook firing broken shop/Pod/a"]


def test_a_silence_that_matches_nothing_now_is_made_and_says_so(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    silences = Silences(stage)
    silences.add(10, {"name": "a"}, until=200)
    silences.add(60, {"name": "b"}, until=200)
    pods.phase(20, "b")
    stage.run(until=100)
    assert [answer.json()["matching"] for answer in silences.answers] == [0, 1]


def test_S83_until_resolved_it_ends_with_the_episode(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until_resolved=True)
    pods.phase(50, "a")
    pods.phase(200, "b")
    pods.phase(300, "a", "Running")
    pods.phase(400, "b", "Running")
    pods.phase(500, "b")
    stage.run(until=1000)
    assert stage.lines == [
        "50 hook firing broken shop/Pod/a",
        "300 hook resolved broken shop/Pod/a",
        "500 hook firing broken shop/Pod/b",
    ]
    assert outcome(stage, "muted_silenced") == 1


def test_S83_with_a_limit_it_ends_there_at_the_latest(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=200, until_resolved=True)
    pods.phase(120, "a")
    stage.run(until=600)
    assert stage.lines == ["200 hook firing broken shop/Pod/a"]


def test_T13_a_silence_outlives_a_restart_with_another_configuration(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=300)
    pods.phase(120, "a")
    stage.absent(150, 160, BROKEN + HOOK.replace("group_by: [namespace]", "group_by: [namespace, rule]"))
    listed: list[Any] = []

    async def look() -> None:
        listed.append((await stage.get("/api/v1/silences")).json()["silences"])

    stage.at(200, look)
    stage.run(until=600)
    assert stage.lines == ["300 hook firing broken shop/Pod/a"]
    assert [(row["match"], row["owner"], row["ends_at"]) for row in listed[0]] == [
        ("namespace: shop", "alice", "2026-01-01T12:05:00+00:00")
    ]


def test_a_silence_that_ends_while_kwatch_is_away_lets_go_at_the_start(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=180)
    pods.phase(120, "a")
    stage.absent(150, 200)
    stage.run(until=600)
    assert stage.lines == ["201 hook firing broken shop/Pod/a"]


def test_what_a_silence_held_and_is_over_by_the_start_is_not_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(100, SHOP, until=180)
    pods.phase(120, "a")
    pods.phase(170, "a", "Running")
    stage.absent(150, 200)
    stage.run(until=600)
    assert stage.lines == []


def test_every_change_stands_in_the_audit_log(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, BROKEN + HOOK)
    silences = Silences(stage)
    silences.add(10, {"name": "a"}, until=20, owner="team-shop", comment="tests")
    silences.add(30, SHOP, until_resolved=True)
    silences.expire(40, index=1)
    log: list[httpx.Response] = []

    async def look() -> None:
        log.append(await stage.get("/api/v1/audit"))

    stage.at(50, look)
    stage.run(until=60)
    first, second = (answer.json()["silence"]["id"] for answer in silences.answers[:2])
    assert [(row["at"][14:19], row["actor"], row["action"], row["subject"]) for row in log[0].json()["changes"]] == [
        ("00:40", "alice", "silence expired", second),
        ("00:30", "alice", "silence added", second),
        ("00:20", "kwatch", "silence ended", first),
        ("00:10", "alice", "silence added", first),
    ]
    assert log[0].json()["changes"][3]["detail"] == (
        "name: a · silenced until 2026-01-01 12:00 UTC by team-shop: tests"
    )


def test_the_status_page_shows_silences_and_what_they_hold(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    Silences(stage).add(10, SHOP, until=7210, comment="<new> database")
    pods.phase(50, "a")
    pages: list[str] = []

    async def look() -> None:
        pages.append((await stage.get("/")).text)
        alerts = (await stage.get("/api/v1/alerts")).json()["alerts"]
        pages.append(alerts[0]["muted_by"])

    stage.at(60, look)
    stage.run(until=70)
    assert "<strong>namespace: shop</strong>" in pages[0]
    assert "&lt;new&gt; database" in pages[0]
    said = "silenced until 2026-01-01 14:00 UTC by alice: <new> database"
    assert said.replace("<", "&lt;").replace(">", "&gt;") in pages[0]
    assert pages[1] == said
