"""Notices that wait for a destination which has another name when their wait is over are told to that one."""

from pathlib import Path

from tests.scenarios.plays import BROKEN, HOOK, NOTED, play
from tests.scenarios.test_digests import digests, paper, periods, sections
from tests.scenarios.test_renamed_destinations import BOTH, OTHER, Change

WINDOW = 'windows: {lunch: {start: "12:01", end: "12:05"}}\n'


def waiting(text: str) -> str:
    return text.replace("group_wait: 0s", "group_wait: 30s")


@BOTH
def test_what_waits_for_company(tmp_path: Path, change: Change) -> None:
    stage, pods = play(tmp_path, NOTED + waiting(HOOK))
    pods.event(0, "a")
    change(stage, 5, NOTED + waiting(OTHER))
    pods.event(400, "a", 2)
    stage.run(until=600)
    assert stage.lines == ["30 other notice noted shop/Pod/a", "430 other notice noted shop/Pod/a"]
    assert stage.counted("decisions", outcome="opened") == 2
    assert stage.counted("decisions", outcome="led_to_notification") == 2


@BOTH
def test_what_waits_for_the_end_of_a_window(tmp_path: Path, change: Change) -> None:
    held, other = (WINDOW + text.replace("group_wait: 0s", "hold_in: [lunch]") for text in (HOOK, OTHER))
    stage, pods = play(tmp_path, NOTED + held)
    pods.event(100, "a")
    change(stage, 140, NOTED + other)
    stage.run(until=600)
    assert stage.lines == ["300 other notice noted shop/Pod/a"]


@BOTH
def test_one_that_keeps_its_name_beside_it_is_told_once(tmp_path: Path, change: Change) -> None:
    chat = 'team: [{type: webhook, name: chat, url: "http://receiver.example/chat"}, '
    two, others = (waiting(text).replace("team: [", chat) for text in (HOOK, OTHER))
    stage, pods = play(tmp_path, NOTED + two)
    pods.event(0, "a")
    pods.event(1, "b")
    change(stage, 5, NOTED + others)
    stage.run(until=600)
    assert stage.lines == [
        "30 chat notice noted shop/Pod/a, noted shop/Pod/b",
        "30 other notice noted shop/Pod/a, noted shop/Pod/b",
    ]


def test_what_is_told_in_a_digest_from_now_on(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, NOTED + waiting(HOOK))
    pods.event(0, "a")
    digest = 'name: paper, url: "http://receiver.example/paper", digest: {schedule: "*/10 * * * *"}'
    paper = HOOK.replace('name: hook, url: "http://receiver.example/hook"', digest)
    stage.reload(15, NOTED + paper)
    assert digests(stage.run(until=700)) == [(600, {"notices": ["a"]})]


@BOTH
def test_what_waits_in_a_digest(tmp_path: Path, change: Change) -> None:
    """With what came and went: nobody else will be told of it."""
    rules = BROKEN.rstrip() + NOTED.replace("packs: []\nrules:\n", "")
    stage, pods = play(tmp_path, rules + paper())
    pods.event(10, "a")
    pods.phase(20, "b")
    pods.phase(30, "b", "Running")
    change(stage, 140, rules + paper().replace("name: paper", "name: gazette").replace("/paper", "/gazette"))
    told = stage.run(until=1300)
    assert [(one.at, one.destination, sections(one.document)) for one in told] == [
        (600, "gazette", {"came_and_went": ["b"], "notices": ["a"]})
    ]
    assert periods(told) == [("2026-01-01T12:00:00", "2026-01-01T12:10:00")]
    assert stage.counted("decisions", outcome="destination_removed") == 1


@BOTH
def test_what_waited_in_a_digest_is_not_told_again_by_one_that_was_there(tmp_path: Path, change: Change) -> None:
    gazette = (
        ', {type: webhook, name: gazette, url: "http://receiver.example/gazette", digest: {schedule: "0 * * * *"}}]'
    )
    alone = NOTED + paper().replace("name: paper", "name: gazette").replace("/paper", "/gazette").replace("*/10", "0")
    stage, pods = play(tmp_path, NOTED + paper().replace("}]", "}" + gazette))
    pods.event(10, "a")
    change(stage, 140, alone)
    told = stage.run(until=3700)
    assert [(one.at, one.destination, sections(one.document)) for one in told] == [
        (3600, "gazette", {"notices": ["a"]})
    ]


@BOTH
def test_what_waits_in_a_digest_that_nobody_takes_over_is_counted(tmp_path: Path, change: Change) -> None:
    stage, pods = play(tmp_path, NOTED + paper())
    pods.event(10, "a")
    pods.event(11, "b")
    change(stage, 140, NOTED + HOOK)
    stage.run(until=1300)
    assert stage.lines == []
    assert stage.counted("decisions", outcome="destination_removed") == 1 + 2


def soon_and(name: str) -> str:
    """Return a text by which two receivers are told, one after 15 s and one after 60 s."""
    route = "{{match: {{kind: Pod}}, receiver: {0}, group_wait: {1}, continue: true}}"
    receiver = '{0}: [{{type: webhook, name: {0}, url: "http://receiver.example/{0}"}}]'
    routes = f"{route.format('soon', '15s')}, {route.format(name, '60s')}"
    receivers = f"{receiver.format('soon')}, {receiver.format(name)}"
    return f"{NOTED}route: {{receiver: none, routes: [{routes}]}}\nreceivers: {{{receivers}}}\n"


@BOTH
def test_who_was_told_already_is_not_told_again_as_another_receiver_is_gone(tmp_path: Path, change: Change) -> None:
    """The one that takes its place is."""
    stage, pods = play(tmp_path, soon_and("later"))
    pods.event(0, "a")
    change(stage, 20, soon_and("latest"))
    stage.run(until=400)
    assert stage.lines == ["15 soon notice noted shop/Pod/a", "60 latest notice noted shop/Pod/a"]
