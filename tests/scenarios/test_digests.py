"""Digests on a schedule (spec 2.6, S-54, S-98 to S-105), through the shipped composition."""

from contextlib import AsyncExitStack
from datetime import datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx

from kwatch.testing.receivers import MailServer
from kwatch.testing.stage import Stage
from kwatch.testing.told import Told
from tests.scenarios.plays import BROKEN, brief, play

#: One destination gets digests every ten minutes, the other one is told at once; the play begins at 12:00 UTC.
BOTH = """
route: {receiver: team, group_by: [namespace, workload], group_wait: 15s, repeat_interval: 0s}
receivers:
  team:
    - {type: webhook, name: hook, url: "http://receiver.example/hook"}
    - {type: webhook, name: paper, url: "http://receiver.example/paper", digest: {schedule: "*/10 * * * *"}}
"""
#: Digests alone.
PAPER = """
route: {receiver: team, group_wait: 15s}
receivers:
  team:
    - {type: webhook, name: paper, url: "http://receiver.example/paper", digest: {schedule: "SCHEDULE"MORE}}
"""


def paper(schedule: str = "*/10 * * * *", more: str = "") -> str:
    return PAPER.replace("SCHEDULE", schedule).replace("MORE", more)


def digests(told: list[Told]) -> list[tuple[float, dict[str, list[str]]]]:
    """Return each digest: when, and the Pods of each section."""
    return [(one.at, sections(one.document)) for one in told if one.destination == "paper"]


def sections(document: Any) -> dict[str, list[str]]:
    return {each["name"]: [alert["labels"]["name"] for alert in each["alerts"]] for each in document["sections"]}


def periods(told: list[Told]) -> list[tuple[str, str]]:
    """Return what each digest covers, without the zone, which is UTC."""
    return [(one.document["starts_at"][:19], one.document["ends_at"][:19]) for one in told]


def test_a_digest_has_what_is_new_open_ended_and_came_and_went(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + BOTH)
    pods.phase(1, "a")
    pods.phase(60, "b")
    pods.phase(120, "b", "Running")
    pods.phase(700, "c")
    pods.phase(800, "a", "Running")
    told = stage.run(until=1900)
    assert digests(told) == [
        (600, {"new": ["a"], "came_and_went": ["b"]}),
        (1200, {"new": ["c"], "ended": ["a"]}),
        (1800, {"still_open": ["c"]}),
    ]
    assert [brief([one])[0] for one in told if one.destination == "hook"] == [
        "firing@16",
        "firing@75",
        "resolved@120",
        "firing@715",
        "resolved@800",
    ]


def test_a_digest_destination_is_told_nothing_else(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + paper())
    pods.phase(1, "worse", "Unknown")
    told = stage.run(until=599)
    assert told == []


def test_S54_what_came_and_went_before_anybody_was_told_is_in_the_digest(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + BOTH)
    pods.phase(10, "a")
    pods.phase(20, "a", "Running")
    told = stage.run(until=1900)
    assert [one.destination for one in told] == ["paper"]
    assert digests(told) == [(600, {"came_and_went": ["a"]})]
    assert stage.counted("decisions", outcome="came_and_went") == 1
    assert stage.counted("decisions", outcome="held_for_digest") == 1


def test_notices_are_in_the_digest(tmp_path: Path) -> None:
    rule = """
packs: []
rules: [{name: noted, on: event, match: {reason: BackOff, kind: Pod}, mode: notice, key: [namespace, name]}]
"""
    stage, pods = play(tmp_path, rule + paper())
    pods.event(10, "a")
    pods.event(20, "b")
    assert digests(stage.run(until=1900)) == [(600, {"notices": ["a", "b"]})]


def test_a_long_list_is_counted_beyond_a_thousand(tmp_path: Path) -> None:
    rule = """
packs: []
rules: [{name: noted, on: event, match: {reason: BackOff, kind: Pod}, mode: notice, key: [namespace, name]}]
"""
    stage, pods = play(tmp_path, rule + paper())
    for n in range(1010):
        pods.event(10 + n / 10, f"p{n:04}")
    told = stage.run(until=700)
    assert told[0].document["alert_count"] == 1010
    assert (told[0].document["sections"][0]["count"], told[0].document["title"]) == (
        1010,
        "🗞️ DIGEST · 1010 noticed · stage",
    )


def spring(day: str, schedule: str, zone: str, tmp_path: Path, *, hours: float) -> list[str]:
    """Return what was told, and when, from midnight UTC of a day on; each digest has something to say or not."""
    text = BROKEN + paper(schedule, f", timezone: {zone}, send_empty: true")
    stage = Stage(tmp_path, text, start=datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    told = stage.run(until=hours * 3600)
    assert [one.document["ends_at"][:19] for one in told] == [stage.second(one.at)[:19] for one in told]
    return [f"{one.kind} {stage.time(one.at)}" for one in told]


def test_S98_a_slot_in_a_gap_comes_at_the_first_instant_after_it(tmp_path: Path) -> None:
    assert spring("2027-03-28", "30 2 * * *", "Europe/Berlin", tmp_path, hours=24) == [
        "digest 2027-03-28T01:00:00.000000Z"
    ]


def test_S99_a_slot_in_a_repeated_hour_comes_once(tmp_path: Path) -> None:
    assert spring("2026-10-25", "30 2 * * *", "Europe/Berlin", tmp_path, hours=26) == [
        "digest 2026-10-25T00:30:00.000000Z",
        "digest 2026-10-26T01:30:00.000000Z",
    ]


def test_S100_every_half_hour_is_every_real_half_hour(tmp_path: Path) -> None:
    halves = [f"{day}T{hour:02}:{half}" for day in (24, 25) for hour in range(24) for half in ("00", "30")]
    assert len([half for half in halves if "24T22:00" <= half < "25T23:00"]) == 50, "of the day in Berlin"
    assert spring("2026-10-24", "*/30 * * * *", "Europe/Berlin", tmp_path, hours=48) == [
        f"digest 2026-10-{half}:00.000000Z" for half in halves
    ]


def test_S101_a_midnight_that_is_skipped(tmp_path: Path) -> None:
    assert spring("2027-04-29", "0 0 * * *", "Africa/Cairo", tmp_path, hours=24) == [
        "digest 2027-04-29T22:00:00.000000Z"
    ]


def test_S102_three_slots_that_were_missed_are_one_digest_which_says_so(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + paper())
    pods.phase(1, "a")
    stage.absent(700, 2500)
    pods.phase(900, "b")
    told = stage.run(until=3100)
    assert digests(told)[0] == (600, {"new": ["a"]})
    assert periods(told) == [
        ("2026-01-01T12:00:00", "2026-01-01T12:10:00"),
        ("2026-01-01T12:10:00", "2026-01-01T12:40:00"),
        ("2026-01-01T12:40:00", "2026-01-01T12:50:00"),
    ]
    assert [one.at for one in told] == [600, 2501, 3000]
    assert sections(told[1].document) == {"still_open": ["a"], "new": ["b"]}
    assert "stands for 3 digests: kwatch was not running when the others were due" in told[1].document["notes"]


def test_S103_nothing_happened_no_digest(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + paper())
    pods.phase(1300, "a")
    told = stage.run(until=1900)
    assert [(one.at, *period) for one, period in zip(told, periods(told), strict=True)] == [
        (1800, "2026-01-01T12:20:00", "2026-01-01T12:30:00")
    ]


def test_S103_unless_it_is_asked_for(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, BROKEN + paper(more=", send_empty: true"))
    told = stage.run(until=1300)
    assert brief(told) == ["digest@0", "digest@600", "digest@1200"]
    assert told[1].document["title"] == "🗞️ DIGEST · nothing happened · stage"


def test_S104_a_digest_that_is_tried_again_after_a_doubt_is_the_same_message(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + paper())
    pods.phase(1, "a")
    requests: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append((request.headers["webhook-id"], request.content))
        return httpx.Response(500 if len(requests) == 1 else 200)

    stage.answer = answer
    stage.run(until=900)
    assert [(int(one.at), one.kind) for one in stage.told] == [(600, "digest")]
    assert len(requests) == 2
    assert requests[0] == requests[1]


MAIL = """
route: {receiver: team, group_wait: 15s}
receivers:
  team:
    - {type: smtp, host: localhost, port: PORT, tls: none, from: kwatch@example.com, to: team@example.com,
       digest: {schedule: "*/10 * * * *"}}
"""


class LosesTheFirstAnswer(MailServer):
    """Takes the first mail, and hangs up before it says so."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a mail."""
        reply = await super().handle_DATA(server, session, envelope)
        if len(self.mails) == 1:
            server.transport.abort()
        return reply


def test_S104_a_digest_by_mail_that_is_sent_again_after_a_doubt_has_the_same_message_id(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + MAIL.replace("PORT", "25"))
    stage.follows_files = True  # by which it learns the server's port
    server, serving = LosesTheFirstAnswer(), AsyncExitStack()

    async def serve() -> None:
        port = await serving.enter_async_context(server.serve())
        stage.write(BROKEN + MAIL.replace("PORT", str(port)))

    stage.at(-20, serve)
    pods.phase(1, "a")
    stage.at(890, serving.aclose)
    stage.run(until=900)
    first, second = server.mails
    assert first == second
    message_id = message_from_bytes(first.content)["Message-ID"]
    assert message_id.startswith("<digest.1767269400.1@team-smtp."), "of its slot, at 12:10 UTC"
    states = ("queued", "sent", "dead")
    assert [stage.counted("deliveries", destination="team-smtp", state=state) for state in states] == [1, 1, 0]


def test_S105_another_zone_between_two_slots_leaves_no_gap_and_no_overlap(tmp_path: Path) -> None:
    daily = ", timezone: ZONE, send_empty: true"
    stage, _ = play(tmp_path, BROKEN + paper("0 14 * * *", daily.replace("ZONE", "Europe/Berlin")))
    stage.absent(10_000, 10_010, BROKEN + paper("0 14 * * *", daily.replace("ZONE", "America/New_York")))
    told = stage.run(until=120_000)
    assert brief(told) == ["digest@3600", "digest@25200", "digest@111600"]
    assert periods(told) == [
        ("2026-01-01T11:59:30", "2026-01-01T13:00:00"),
        ("2026-01-01T13:00:00", "2026-01-01T19:00:00"),
        ("2026-01-01T19:00:00", "2026-01-02T19:00:00"),
    ]


def test_what_waits_for_a_digest_survives_a_restart(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + paper())
    pods.phase(10, "a")
    pods.phase(20, "a", "Running")
    pods.phase(30, "b")
    stage.absent(100, 110)
    stage.absent(700, 710)
    pods.phase(800, "b", "Running")
    assert digests(stage.run(until=1900)) == [
        (600, {"new": ["b"], "came_and_went": ["a"]}),
        (1200, {"ended": ["b"]}),
    ]


def test_what_something_else_explains_is_not_in_the_digest(tmp_path: Path) -> None:
    inhibit = "inhibit: [{when: {rule: worse}, mute: {rule: broken}, equal: [namespace]}]\n"
    stage, pods = play(tmp_path, BROKEN + inhibit + paper())
    pods.phase(10, "cause", "Unknown")
    pods.phase(20, "a")
    pods.phase(30, "b")
    pods.phase(40, "b", "Running")
    pods.phase(700, "cause", "Running")
    assert digests(stage.run(until=1900)) == [
        (600, {"new": ["cause"]}),
        (1200, {"new": ["a"], "ended": ["cause"]}),
        (1800, {"still_open": ["a"]}),
    ]


def test_why_an_alert_is_not_told_yet_is_its_digest(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + paper())
    answers: list[Any] = []

    async def ask() -> None:
        answers.append((await stage.get("/api/v1/why/Pod/shop/a")).json())

    pods.phase(1, "a")
    stage.at(300, ask)
    stage.at(700, ask)
    stage.run(until=800)
    told = [telling for answer in answers for alert in answer["alerts"] for telling in alert["told"]]
    assert [(each["destination"], each["is_told"], each["last_at"], each["next_at"]) for each in told] == [
        ("paper", False, None, "2026-01-01T12:10:00Z"),
        ("paper", True, "2026-01-01T12:10:00Z", "2026-01-01T12:20:00Z"),
    ]


def test_what_kwatch_tells_of_itself_goes_where_it_is_told_at_once(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, BROKEN + BOTH)
    stage.reload(100, "nonsense: 1")
    assert [(one.at, one.destination, one.document["kind"]) for one in stage.run(until=599)] == [(100, "hook", "meta")]


def test_where_there_are_digests_alone_it_does_not_wait_for_one(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, BROKEN + paper())
    stage.reload(100, "nonsense: 1")
    assert [(one.at, one.destination, one.document["kind"]) for one in stage.run(until=599)] == [(100, "paper", "meta")]


#: Muted from 12:05 to 12:15, between the first slot and the second.
AT_LUNCH = 'windows: {lunch: {start: "12:05", end: "12:15"}}\n'


def test_what_was_over_in_a_mute_window_but_began_before_it_came_and_went(tmp_path: Path) -> None:
    route = paper().replace("group_wait: 15s", "group_wait: 15s, mute_in: [lunch]")
    stage, pods = play(tmp_path, BROKEN + AT_LUNCH + route)
    pods.phase(20, "before")
    pods.phase(700, "before", "Running")
    pods.phase(310, "inside")
    pods.phase(710, "inside", "Running")
    pods.phase(30, "through")
    stage.run(until=1900)
    assert digests(stage.told) == [
        (1200, {"new": ["through"], "came_and_went": ["before"]}),
        (1800, {"still_open": ["through"]}),
    ]
    outcomes = ("opened", "led_to_notification", "came_and_went", "muted_window")
    assert {each: stage.counted("decisions", outcome=each) for each in outcomes} == {
        "opened": 3,
        "led_to_notification": 1,
        "came_and_went": 1,
        "muted_window": 1,
    }


def test_what_fires_in_a_mute_window_is_muted_whenever_it_became_true(tmp_path: Path) -> None:
    route = paper().replace("group_wait: 15s", "group_wait: 15s, mute_in: [lunch]")
    rule = "{name: slow, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, for: 5m, resolve_hold: 0s}"
    stage, pods = play(tmp_path, f"packs: []\nrules:\n  - {rule}\n" + AT_LUNCH + route)
    pods.phase(20, "a", "Unknown")
    pods.phase(700, "a", "Running")
    stage.run(until=1900)
    assert stage.lines == []
    assert stage.counted("decisions", outcome="muted_window") == 1
