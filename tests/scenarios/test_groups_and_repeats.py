"""When a group speaks and when it repeats (spec 2.6, S-55 to S-68), through the shipped composition."""

from pathlib import Path

import httpx

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, GROUPED, HOOK, brief, names, play, workloads

HOURLY = """
route: {receiver: team, group_by: [namespace], group_wait: 15s, repeat_interval: 1h}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""


def spoken(stage: Stage, until: float) -> list[tuple[str, list[str]]]:
    """Play, and return each message as its kind, its instant and the Pods that it tells of."""
    told = stage.run(until=until)
    return list(zip(brief(told), map(workloads, told), strict=True))


def test_S55_a_change_waits_for_the_interval(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED)
    pods.phase(0, "a")
    pods.phase(10, "b")
    pods.phase(20, "c")
    assert spoken(stage, 1000) == [("firing@15", ["a", "b"]), ("update@135", ["a", "b", "c"])]


def test_S56_a_change_after_a_long_quiet_waits_for_group_wait(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED)
    pods.phase(0, "a")
    pods.phase(500, "b")
    assert spoken(stage, 1000) == [("firing@15", ["a"]), ("update@515", ["a", "b"])]


def test_S57_a_group_that_is_all_over_does_not_wait_for_the_interval(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED)
    pods.phase(0, "a")
    pods.phase(20, "b")
    pods.phase(200, "a", "Running")
    pods.phase(200, "b", "Running")
    assert spoken(stage, 1000) == [
        ("firing@15", ["a"]),
        ("update@135", ["a", "b"]),
        ("resolved@200", ["-a", "-b"]),
    ]


def test_S57_but_for_group_wait_after_the_last_message(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED)
    pods.phase(0, "a")
    pods.phase(20, "a", "Running")
    assert spoken(stage, 1000) == [("firing@15", ["a"]), ("resolved@30", ["-a"])]


def test_S58_a_critical_alert_does_not_wait(tmp_path: Path) -> None:
    text = GROUPED.replace("group_wait: 15s, ", "")
    stage, pods = play(tmp_path, BROKEN + text)
    pods.phase(0, "a")
    pods.phase(20, "b", "Unknown")
    assert spoken(stage, 1000) == [("firing@15", ["a"]), ("update@20", ["b", "a"])]


def test_S59_what_came_and_went_between_messages_is_one_line_in_the_next(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED)
    pods.phase(0, "a")
    pods.phase(20, "b")
    pods.phase(30, "b", "Running")
    pods.phase(400, "c")
    assert spoken(stage, 1000) == [("firing@15", ["a"]), ("update@415", ["a", "c"])]
    assert stage.told[1].document["came_and_went"] == ["broken (shop, Pod/b)"]


def test_S59_an_end_that_a_newer_message_replaced_is_in_that_one(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED)
    stage.answer = lambda _: httpx.Response(503 if 100 <= stage.now() < 1000 else 200)
    for name in ("a", "b", "c"):
        pods.phase(0, name)
    pods.phase(300, "x")  # its message is tried, and tried again
    pods.phase(500, "b", "Running")
    pods.phase(600, "came")
    pods.phase(610, "came", "Running")
    pods.phase(700, "c", "Running")
    pods.phase(800, "new")
    told = stage.run(until=3000)
    assert [(kind, sorted(names(one))) for kind, one in zip(brief(told), told, strict=True)] == [
        ("firing@15", ["a", "b", "c"]),
        ("update@1075.05", ["a", "b", "c", "x"]),  # at the first attempt after 1000
        ("update@1075.05", ["-b", "-c", "a", "new", "x"]),
    ]
    assert told[2].document["came_and_went"] == ["broken (shop, Pod/came)"]
    assert {alert["labels"]["name"] for alert in told[2].document["alerts"] if alert["is_new"]} == {"new"}


def test_S60_a_matcher_put_otherwise_is_the_same_group(tmp_path: Path) -> None:
    route = """
route:
  receiver: other
  routes: [{receiver: team, group_by: [namespace], group_wait: 0s, match: MATCH}]
receivers:
  team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]
  other: [{type: webhook, name: other, url: "http://receiver.example/other"}]
"""
    stage, pods = play(tmp_path, BROKEN + route.replace("MATCH", "{rule: broken}"))
    pods.phase(0, "a")
    stage.absent(60, 70, BROKEN + route.replace("MATCH", '{any: [{rule: "broke?"}]}'))
    pods.phase(500, "a", "Running")
    assert spoken(stage, 1000) == [("firing@0", ["a"]), ("resolved@500", ["-a"])]
    assert stage.told[0].document["incident"] == stage.told[1].document["incident"]


def test_S62_a_thousand_alerts_in_one_group_make_one_message_within_every_limit(tmp_path: Path) -> None:
    chat = '{type: slack, name: chat, token: {file: FOLDER/slack-token}, channel: "#alerts"}'
    stage, pods = play(tmp_path, BROKEN + GROUPED.replace("[{type", f"[{chat}, {{type"))
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(request.content))
        return httpx.Response(200)

    stage.answer = answer
    for number in range(1000):
        pods.phase(0, f"p{number:03}")
    told = stage.run(until=1000)
    assert brief(told) == ["firing@15"]
    document = told[0].document
    listed = [line for line in document["text"].splitlines() if line.startswith("+ broken")]
    assert (document["alert_count"], len(listed)) == (1000, 10)
    assert "and 990 more" in document["text"].splitlines()
    assert sizes[0] <= 20 * 1024
    (root,) = stage.slack.messages
    assert (root.text, stage.slack.errors) == ("🟠 WARNING · broken (1000) · shop · since 12:00 UTC", [])


def test_S63_a_notice_is_told_once_per_window(tmp_path: Path) -> None:
    rule = """
packs: []
rules: [{name: noted, on: event, match: {reason: BackOff}, mode: notice, dedup_window: 5m}]
"""
    stage, pods = play(tmp_path, rule + HOOK)
    pods.event(0, "a", 1)
    pods.event(299.9, "a", 2)
    pods.event(300, "a", 3)
    told = stage.run(until=1000)
    assert brief(told) == ["notice@0", "notice@300"]
    assert [one.document["notices_dropped"] for one in told] == [0, 1]
    assert [one.document["alerts"][0]["count"] for one in told] == [1, 2]
    assert "the same was noticed once more in the meantime" in told[1].document["text"]


def test_S64_repeats_count_from_the_last_success_and_are_not_rounded(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOURLY)
    pods.phase(0, "a")
    assert spoken(stage, 7300) == [("firing@15", ["a"]), ("repeat@3615", ["a"]), ("repeat@7215", ["a"])]


def test_S65_a_restart_neither_delays_nor_adds_a_repeat(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOURLY)
    pods.phase(0, "a")
    stage.absent(1000, 1010)
    assert spoken(stage, 7200) == [("firing@15", ["a"]), ("repeat@3615", ["a"])]


def test_S66_one_repeat_after_a_long_failure(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOURLY)
    pods.phase(0, "a")
    stage.answer = lambda _: httpx.Response(503 if 3600 <= stage.now() < 10_800 else 200)
    # The breaker asks every five minutes.
    assert spoken(stage, 14_000) == [("firing@15", ["a"]), ("repeat@10968", ["a"])]


def test_S68_with_repeat_0_a_month_is_one_message(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + GROUPED.replace("group_interval: 2m", "repeat_interval: 0s"))
    pods.phase(0, "a")
    assert spoken(stage, 30 * 86_400) == [("firing@15", ["a"])]
