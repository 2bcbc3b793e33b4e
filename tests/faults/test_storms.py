"""Faults that last: kwatch that dies again and again, watches that break, every destination down for a while."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from kwatch.model.decisions import Decision
from kwatch.store.state import State
from kwatch.testing import manifests
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from kwatch.testing.told import Told
from tests.scenarios.plays import BROKEN, NOTED, Pods

ALONE = "group_by: [namespace, name], group_wait: 0s, group_interval: 0s, repeat_interval: 0s"
ONE = f"""
route: {{receiver: team, {ALONE}}}
receivers: {{team: [{{type: webhook, name: hook, url: "http://receiver.example/hook"}}]}}
"""


def names(told: list[Told]) -> list[str]:
    return [alert["labels"]["name"] for each in told for alert in each.document["alerts"]]


class Abandoning(State):
    """A control: what a killed process was sending is left where it is."""

    async def recover(self, now: datetime) -> int:
        return 0


class Replaying(State):
    """A control: a crash forgets how far the watches were decided, and every decision is told anew."""

    async def commit(self, decision: Decision) -> None:
        told = tuple(
            msgspec.structs.replace(each, id=f"{each.id}/{each.created_at}", incident=f"{each.incident}/again")
            for each in decision.notifications
        )
        await super().commit(msgspec.structs.replace(decision, notifications=(*decision.notifications, *told)))


def killed_in_a_storm(folder: Path, *, alerts: int, kills: int, state_type: type[State] = State) -> None:
    """Kill kwatch again and again while alerts come; then look at what was told, and at what is left."""
    stage = Stage(folder, BROKEN + ONE)
    stage.state_type = state_type
    stage.answers_after = 0.1  # so that an attempt is under way at each kill
    pods = Pods(stage)
    for number in range(alerts):
        pods.phase(10 + number * 0.4, f"p{number:03}")
    for number in range(kills):
        stage.at(12.05 + number * 2, lambda: stage.kill(back_after=0.5))
    left: list[int] = []

    async def look() -> None:
        waiting = "state=queued&state=retry_wait&state=leased"
        left.append(len((await stage.get(f"/api/v1/deliveries?{waiting}")).json()["deliveries"]))

    stage.at(890, look)
    told = stage.run(until=900)
    counted = Counter(names(told))
    assert sorted(counted) == [f"p{number:03}" for number in range(alerts)]
    assert alerts <= counted.total() <= alerts + kills
    assert len({each.document["id"] for each in told}) == alerts
    assert left == [0]


def test_F06_a_hundred_kills_in_a_storm_of_500_alerts_lose_nothing(tmp_path: Path) -> None:
    """Every alert is told, in at most as many messages more as there were crashes; nothing waits at the end."""
    killed_in_a_storm(tmp_path, alerts=500, kills=100)


@pytest.mark.parametrize("control", [Abandoning, Replaying])
def test_F06_a_saboteur_is_noticed(tmp_path: Path, control: type[State]) -> None:
    with pytest.raises(AssertionError):
        killed_in_a_storm(tmp_path, alerts=60, kills=12, state_type=control)


def test_F39_a_relist_of_5000_events_counts_what_is_new_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NOTED + ONE)

    def write(name: str, count: int, last: float) -> None:
        times = {"first": stage.second(-900), "last": stage.second(last)}
        event = manifests.core_event(
            f"{name}.1", f"Pod/shop/{name}", reason="BackOff", message="", count=count, **times
        )
        stage.cluster.apply(event)

    def fill() -> None:
        for number in range(5000):
            write(f"p{number:04}", 3, -600)

    def miss() -> None:
        stage.cluster.faults.add(Fault(effect=Effect.HTML_500, path="*/events", times=3))
        stage.cluster.faults.add(Fault(effect=Effect.GONE, path="*/events", watch=True))
        for name in ("p0001", "p2500", "p4999"):
            write(name, 4, 100)

    stage.at(-31, fill)
    stage.at(100, miss)
    told = stage.run(until=400)
    assert sorted(names(told)) == ["p0001", "p2500", "p4999"]
    lists = {
        dict(labels)["source"]: value
        for (name, labels), value in stage.counters.read().items()
        if name == "watch_lists"
    }
    assert max(lists.values()) >= 2


def test_F40_a_watch_that_falls_silent_is_noticed_and_freezes_absence(tmp_path: Path) -> None:
    rule = "packs: []\nrules: [{name: no-news, on: event, match: {reason: Ping}, absent_for: 100s}]\n"
    stage = Stage(tmp_path, rule + ONE)
    seen: dict[float, int] = {}

    async def look() -> None:
        seen[stage.now()] = (await stage.get("/readyz")).status_code

    stage.event(0, reason="Ping", about="Pod/shop/a")
    stage.at(50, lambda: stage.cluster.faults.add(Fault(effect=Effect.HALF_OPEN, path="*/events", times=30)))
    for at in (40, 145, 600):
        stage.at(at, look)
    stage.run(until=600)
    assert (seen[40], seen[145]) == (200, 503)
    assert [told for told in stage.told if told.at < 145] == []


def test_F45_an_event_of_a_megabyte_of_control_characters_is_told_short_and_marked(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NOTED + ONE)
    stage.event(10, message="\x1b[31mbad\u202e\x07" * 100_000)
    (told,) = stage.run(until=60)
    assert len(told.body) < 20_480
    assert told.document["alerts"][0]["message"].endswith("characters more)")
    assert not set("\x1b\u202e\x07") & set(json.dumps(told.document, ensure_ascii=False))


@pytest.mark.parametrize(
    "body", [b'{"ok": false, "error": "internal_error"}', b"<html>proxy</html>", b""], ids=["error", "html", "nothing"]
)
def test_F25_F26_slack_that_says_nothing_sensible_may_have_taken_it(tmp_path: Path, body: bytes) -> None:
    """It is sent again, the same, and counts as in doubt."""
    receivers = 'receivers: {team: [{type: slack, channel: "#alerts", token: {file: FOLDER/slack-token}}]}\n'
    stage = Stage(tmp_path, BROKEN + f"route: {{receiver: team, {ALONE}}}\n" + receivers)
    stage.slack.next_answers.append(httpx.Response(200, content=body, headers={"Content-Type": "application/json"}))
    Pods(stage).phase(10, "a")
    story: list[Any] = []

    async def look() -> None:
        (row,) = (await stage.get("/api/v1/deliveries")).json()["deliveries"]
        story.append((await stage.get(f"/api/v1/deliveries/{row['id']}")).json())

    stage.at(100, look)
    stage.run(until=101)
    assert [attempt["outcome"] for attempt in story[0]["tries"]] == ["ambiguous", "sent"]
    assert story[0]["ambiguous"]
    assert len(stage.slack.messages) == 1


@pytest.mark.parametrize(
    ("may_look", "channel", "posts"), [(True, "C042", 1), (True, "#alerts", 2), (False, "C042", 2)]
)
def test_F26_slack_is_asked_whether_it_has_the_message_where_the_bot_may_read(
    tmp_path: Path, may_look: bool, channel: str, posts: int
) -> None:
    """It took the message, and the answer was lost; by its name alone a channel cannot be asked."""
    receivers = f'receivers: {{team: [{{type: slack, channel: "{channel}", token: {{file: FOLDER/slack-token}}}}]}}\n'
    stage = Stage(tmp_path, BROKEN + f"route: {{receiver: team, {ALONE}}}\n" + receivers)
    stage.slack.has_history = may_look
    taken = stage.slack.answer
    lost: list[httpx.Response] = []

    async def lose_first(request: httpx.Request) -> httpx.Response:
        answer = await taken(request)
        if request.method == "POST" and not lost:
            lost.append(answer)
            return httpx.Response(502)
        return answer

    stage.slack.answer = lose_first  # type: ignore[method-assign]  # the way back breaks, not Slack
    Pods(stage).phase(10, "a")
    Pods(stage).phase(300, "a", "Running")
    stage.run(until=600)
    assert len(stage.slack.roots()) == posts
    assert "RESOLVED" in stage.slack.roots()[-1].all_text


OUTAGE = f"""
route: {{receiver: team, {ALONE}}}
receivers:
  team:
    - {{type: webhook, name: plain, url: "http://receiver.example/plain"}}
    - {{type: webhook, name: paced, url: "http://receiver.example/paced", pace: {{per_minute: 6, burst: 5}}}}
    - {{type: slack, channel: "#alerts", token: {{file: FOLDER/slack-token}}}}
"""


def test_after_20_minutes_without_any_destination_all_arrives_in_order_and_folded_as_the_pace_says(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, BROKEN + OUTAGE)
    stage.answer = lambda _: httpx.Response(503 if 100 <= stage.now() < 1300 else 200)
    stage.at(100, lambda: stage.slack.next_answers.extend([httpx.Response(503) for _ in range(10_000)]))
    stage.at(1300, stage.slack.next_answers.clear)
    pods = Pods(stage)
    for number in range(30):
        pods.phase(50 + 30 * number, f"p{number:02}")
        pods.phase(1000 + 30 * number, f"p{number:02}", "Running")
    ledger: dict[str, dict[str, int]] = {}

    async def look() -> None:
        deliveries = (await stage.get("/api/v1/deliveries?limit=1000")).json()["deliveries"]
        for each in [each for each in deliveries if each["kind"] != "overflow"]:  # how many there are is open
            states = ledger.setdefault(each["destination"], {})
            states[each["state"]] = states.get(each["state"], 0) + 1

    stage.at(3599, look)
    told = stage.run(until=3600)
    assert [each for each in told if 100 <= each.at < 1300] == []
    check_lanes([each for each in told if each.destination == "plain"], ended=30)
    assert ledger == {
        "plain": {"sent": 36, "cancelled": 26},
        "paced": {"sent": 9, "cancelled": 26, "folded": 26},
        "team-slack": {"sent": 18, "cancelled": 26, "folded": 16},
    }  # 17 incidents of 2 messages, 13 that came and went, and what is said of other destinations
    overflows = [each.document for each in told if each.kind == "overflow"]
    assert (sum(each["folded"] for each in overflows), overflows[0]["is_late"]) == (26, True)


def check_lanes(told: list[Told], *, ended: int) -> None:
    """Whatever was told as firing was told as resolved afterwards, once each; and nothing else was."""
    lanes: dict[str, list[str]] = {}
    for each in told:
        if each.kind != "meta":
            lanes.setdefault(each.document["incident"], []).append(each.kind)
    assert {tuple(kinds) for kinds in lanes.values()} == {("firing", "resolved")}
    assert len(lanes) <= ended
