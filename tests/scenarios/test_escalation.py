"""S-67 and S-111 to S-114: who else is told of what nobody has acknowledged, and what an acknowledgement stops."""

from pathlib import Path

from kwatch.testing.stage import Stage
from tests.scenarios.plays import Silences

RULES = """
packs: []
rules:
  - {name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}
"""
TEXT = (
    RULES
    + """
route: {receiver: team, group_wait: 0s, group_interval: 0s, repeat_interval: REPEAT, escalate: STEPS}
receivers:
  team: [{type: webhook, name: hook, url: "https://example.com/hook"}]
  oncall: [{type: webhook, name: phone, url: "https://example.com/phone"}]
"""
)
BOSS = '  boss: [{type: webhook, name: mail, url: "https://example.com/mail"}]\n'
POD = "not-ready shop/Pod/web-1"
FIRST = f"0 hook firing {POD}"
ONE = "[{after: 10m, receiver: oncall}]"
TWO = "[{after: 10m, receiver: oncall}, {after: 30m, receiver: boss}]"


def configured(steps: str, repeat: str = "0s", *, text: str = TEXT) -> str:
    return text.replace("STEPS", steps).replace("REPEAT", repeat) + (BOSS if "boss" in steps else "")


def stage_of(folder: Path, steps: str = TWO, *, repeat: str = "0s") -> Stage:
    """Return a stage with a Pod that is not ready from 0 on."""
    stage = Stage(folder, configured(steps, repeat))
    stage.pod(0, ready=False)
    return stage


def test_each_step_is_told_at_its_time_and_so_is_the_end(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.pod(2000, ready=True)
    stage.run(until=7200)
    assert stage.lines == [
        FIRST,
        f"600 phone firing {POD}",
        f"1800 mail firing {POD}",
        f"2000 hook resolved {POD}",
        f"2000 mail resolved {POD}",
        f"2000 phone resolved {POD}",
    ]
    assert stage.told[1].document["alerts"][0]["escalated"] == "to oncall, as nobody acknowledged it in time"
    assert len({told.document["incident"] for told in stage.told}) == 3


def test_S111_an_acknowledgement_at_the_instant_of_the_step_comes_first(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.ack(600, "not-ready", comment="on it")
    stage.run(until=7200)
    assert stage.lines == [FIRST, f"600 hook update {POD}"]
    assert stage.told[1].document["alerts"][0]["acknowledged"] == "ann at 12:10 UTC: on it"


def test_S111_who_acknowledges_again_changes_nothing_but_a_new_comment(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.ack(100, "not-ready", comment="on it")
    stage.ack(200, "not-ready")
    stage.ack(300, "not-ready", comment="on it")
    stage.ack(400, "not-ready", comment="the disk is full")
    stage.run(until=7200)
    assert stage.lines == [FIRST, f"100 hook update {POD}", f"400 hook update {POD}"]
    assert stage.told[2].document["alerts"][0]["acknowledged"] == "ann at 12:06 UTC: the disk is full"


def test_S111_a_moment_later_it_is_too_late_for_this_step(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.ack(600.001, "not-ready")
    stage.run(until=7200)
    assert stage.lines == [
        FIRST,
        f"600 phone firing {POD}",
        f"600.001 hook update {POD}",
        f"600.001 phone update {POD}",
    ]


def test_S112_what_holds_the_alert_back_suspends_the_step(tmp_path: Path) -> None:
    down = '  - {name: node-down, on: resource, match: {kind: Node, condition: {Ready: "False"}}, resolve_hold: 0s}\n'
    inhibit = "inhibit: [{when: {rule: node-down}, mute: {rule: not-ready}, equal: [cluster]}]\n"
    stage = Stage(tmp_path, configured(ONE, text=TEXT.replace(RULES, RULES + down)) + inhibit)
    stage.pod(0, ready=False)
    stage.node(300, ready=False)
    stage.node(1200, ready=True)
    stage.run(until=7200)
    assert stage.lines == [
        FIRST,
        "300 hook firing node-down Node/node-1",
        "900 phone firing node-down Node/node-1",
        "1200 hook resolved node-down Node/node-1",
        "1200 phone resolved node-down Node/node-1",
        f"1500 phone firing {POD}",
    ]


def test_S112_a_silence_suspends_the_step(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE)
    Silences(stage).add(300, {"namespace": "shop"}, until=1200)
    stage.run(until=7200)
    assert stage.lines == [FIRST, f"1500 phone firing {POD}"]


def test_S113_a_restart_does_not_move_the_step(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.absent(540, 560)
    stage.pod(900, ready=True)
    stage.run(until=7200)
    assert stage.lines == [
        FIRST,
        f"600 phone firing {POD}",
        f"900 hook resolved {POD}",
        f"900 phone resolved {POD}",
    ]


def test_S113_a_step_that_came_due_meanwhile_waits_until_it_is_known_what_fires(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.absent(540, 700)
    stage.pod(650, ready=True)
    stage.run(until=7200)
    assert stage.lines == [FIRST, f"700 hook resolved {POD}"]


def test_S113_and_is_told_then_if_it_still_does(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE)
    stage.absent(540, 700)
    stage.run(until=7200)
    assert stage.lines == [FIRST, f"701 phone firing {POD}"]


def test_S114_what_has_ended_is_not_escalated(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.pod(480, ready=True)
    stage.run(until=7200)
    assert stage.lines == [FIRST, f"480 hook resolved {POD}"]


def test_S67_acknowledged_is_not_repeated_and_not_escalated(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, repeat="20m")
    stage.ack(300, "not-ready")
    stage.pod(9000, ready=True)
    stage.run(until=20000)
    assert stage.lines == [FIRST, f"300 hook update {POD}", f"9000 hook resolved {POD}"]


def test_S67_after_a_restart_too(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, repeat="20m")
    stage.ack(300, "not-ready")
    stage.absent(400, 410)
    stage.run(until=9000)
    assert stage.lines == [FIRST, f"300 hook update {POD}"]


def test_S67_another_episode_is_not_acknowledged(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE)
    stage.ack(300, "not-ready")
    stage.pod(400, ready=True)
    stage.pod(1400, ready=False)
    stage.run(until=9000)
    assert stage.lines == [
        FIRST,
        f"300 hook update {POD}",
        f"400 hook resolved {POD}",
        f"1400 hook firing {POD}",
        f"2000 phone firing {POD}",
    ]
    assert stage.told[3].document["alerts"][0]["acknowledged"] == ""


def test_S67_a_worse_severity_takes_the_acknowledgement_back(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE, repeat="20m")
    stage.ack(300, "not-ready")
    worse = TEXT.replace("resolve_hold: 0s", "resolve_hold: 0s, severity: critical")
    stage.absent(400, 500, configured(ONE, "20m", text=worse))
    stage.run(until=2000)
    assert stage.lines == [
        FIRST,
        f"300 hook update {POD}",
        f"501 hook update {POD}",
        f"1101 phone firing {POD}",
        f"1701 hook repeat {POD}",
    ]


def test_taken_back_it_is_repeated_and_escalated_anew(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE, repeat="20m")
    stage.ack(300, "not-ready")
    stage.unack(400, "not-ready")
    stage.run(until=1700)
    assert stage.lines == [
        FIRST,
        f"300 hook update {POD}",
        f"400 hook update {POD}",
        f"1000 phone firing {POD}",
        f"1600 hook repeat {POD}",
    ]


def test_S67_the_status_page_and_the_api_say_it(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    stage.ack(300, "not-ready", by="ann", comment="on it")
    answers = []

    async def ask() -> None:
        answers.append(((await stage.get("/")).text, (await stage.get("/api/v1/alerts")).json()["alerts"][0]))

    stage.at(400, ask)
    stage.run(until=500)
    ((page, alert),) = answers
    assert "acknowledged by ann" in page
    assert (alert["acked_by"], alert["ack_comment"], alert["acked_at"]) == (
        "ann",
        "on it",
        "2026-01-01T12:05:00+00:00",
    )
