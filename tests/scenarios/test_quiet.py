"""S-28 to S-30f, T01, D1 and D3: when the silence of the source of Events ends an alert, and when it says nothing.

A kubelet's bucket is taken for empty when the watch comes into sync, and gains a token in 300 s: a stage that begins
6400 s before the play has one of 21 tokens.
"""

from pathlib import Path

import pytest

from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

FULL = 6400.0  # seconds of lead
RULE = "{name: back-off, on: event, match: {reason: BackOff}, %s}"
QUIET = RULE % "quiet: 120s"
EXITED = {"terminated": {"exitCode": 3, "reason": "Error"}}
RUNNING = {"running": {"startedAt": "2026-01-01T12:00:00Z"}}
FIRING = "0 hook firing back-off shop/Pod/web-1"


def ended(stage: Stage) -> list[tuple[float, str, str]]:
    """Return of each message that tells an end: when, that of the last occurrence, and why."""
    return [
        (told.at, alert["ends_at"][11:19], alert["end"])
        for told in stage.told
        if told.kind in ("resolved", "expired")
        for alert in told.document["alerts"]
    ]


def drain(stage: Stage) -> None:
    """Let the same kubelet write of another reason about the same Pod until it has no token left."""
    for number in range(1, 23):
        stage.event(number - 23, number, name="web-1.c", reason="Pulling")


def pulled(stage: Stage, begin: int, end: int) -> None:
    """Let the same kubelet write each 300 s of another reason about the same Pod."""
    for number, at in enumerate(range(begin, end, 300), start=1):
        stage.event(at, number, name="web-1.b", reason="Pulled")


def test_S28_a_throttled_source_is_one_episode(tmp_path: Path) -> None:
    rate = "rate: {count: 5, within: 60s, per: [namespace, workload]}, quiet: 120s"
    stage = Stage(tmp_path, text(RULE % rate), lead=FULL)
    drain(stage)
    for at in range(0, 3601, 300):
        stage.event(at, 1 + at // 10)
    stage.run(until=7200)
    assert stage.lines == [
        "300 hook firing back-off shop/Pod/web-1 ×6",
        "4080 hook resolved back-off shop/Pod/web-1 ×336",
    ]


def test_S29_silence_counts_from_when_the_source_could_tell(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    drain(stage)
    stage.event(0)
    stage.run(until=7200)
    assert stage.lines == [FIRING, "480 hook resolved back-off shop/Pod/web-1"]
    assert ended(stage) == [(480, "12:00:00", "quiet since 12:00 UTC, and its source would have told of more")]
    assert stage.told[0].document["alerts"][0]["how_often"] == "once, source throttled, end not observable"


def test_S30_a_series_is_over_six_and_a_half_minutes_after_its_closing_write(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.new_event(-10)
    stage.new_event(-5, 2)
    stage.new_event(540, 9, last=0)
    stage.run(until=7200)
    assert stage.lines == [
        "-10 hook firing back-off shop/Pod/web-1",
        "930 hook resolved back-off shop/Pod/web-1 ×9",
    ]
    assert ended(stage) == [(930, "12:00:00", "quiet since 12:00 UTC, and its source would have told of more")]


def test_S30_the_longer_of_that_and_quiet_counts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % "quiet: 10m"), lead=FULL)
    stage.new_event(-10)
    stage.new_event(540, 9, last=0)
    stage.run(until=7200)
    assert stage.lines == [
        "-10 hook firing back-off shop/Pod/web-1",
        "1140 hook resolved back-off shop/Pod/web-1 ×9",
    ]
    assert ended(stage) == [(1140, "12:00:00", "quiet since 12:00 UTC, and its source would have told of more")]


def test_S30a_a_series_without_a_closing_write_is_over_after_36_minutes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.new_event(-5)
    stage.new_event(0, 3)
    stage.run(until=7200)
    assert stage.lines == [
        "-5 hook firing back-off shop/Pod/web-1",
        "2160 hook resolved back-off shop/Pod/web-1 ×3",
    ]


def test_S30b_silence_counts_at_once_while_there_are_tokens(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.event(0)
    stage.run(until=7200)
    assert stage.lines == [FIRING, "120 hook resolved back-off shop/Pod/web-1"]
    assert stage.told[0].document["alerts"][0]["how_often"] == "once"


def test_S30c_other_reasons_on_the_object_keep_its_end_unseen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET, route="group_wait: 0s, repeat_interval: 8h"), lead=FULL)
    drain(stage)
    stage.event(0)
    pulled(stage, 300, 90000)
    stage.run(until=90000)
    assert stage.lines == [
        FIRING,
        "28800 hook repeat back-off shop/Pod/web-1",
        "57600 hook repeat back-off shop/Pod/web-1",
        "86400 hook expired back-off shop/Pod/web-1",
    ]
    repeat, *_ = stage.told[1].document["alerts"]
    assert repeat["how_often"] == "once, source throttled, end not observable"


def test_S30d_the_object_ends_it_all_the_same(tmp_path: Path) -> None:
    """A rule that asks the object asks for no quiet: both together are refused."""
    rule = RULE.replace("reason: BackOff", "kind: Pod, reason: BackOff")
    evidence = 'resolve: {condition: {Ready: "True"}}, resolve_hold: 0s'
    stage = Stage(tmp_path, text(rule % evidence), lead=FULL)
    stage.pod(-31, ready=False)
    drain(stage)
    stage.event(0)
    pulled(stage, 300, 7200)
    stage.pod(3000, ready=True)
    stage.run(until=7200)
    assert stage.lines == [FIRING, "3000 hook resolved back-off shop/Pod/web-1"]
    assert ended(stage) == [(3000, "12:50:00", "it is healthy again")]


def test_S30e_after_a_relist_nothing_is_known_of_the_tokens(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.event(0)
    stage.at(100, lambda: stage.cluster.strike(Fault(effect=Effect.GONE, path="*/events")))
    stage.run(until=7200)
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 2
    assert stage.lines == [FIRING, "580.019 hook resolved back-off shop/Pod/web-1"]  # listed at 100.019


def test_S30f_a_starved_reason_is_not_over(tmp_path: Path) -> None:
    rule = "{name: unready, on: event, match: {reason: Unhealthy, message: 'Readiness*'}, quiet: 10m}"
    stage = Stage(tmp_path, text(rule, route="group_wait: 0s, repeat_interval: 0s"), lead=FULL)
    for at in range(0, 240, 20):
        stage.event(at, 1 + at // 10, name="web-1.a", reason="Unhealthy", message="Readiness probe failed")
        stage.event(at + 1, 1 + at // 10, name="web-1.b", reason="Unhealthy", message="Liveness probe failed")
    for at in range(300, 21600, 300):  # its writes take every token that there is
        stage.event(at, at // 10, name="web-1.b", reason="Unhealthy", message="Liveness probe failed")
    stage.run(until=21600)
    assert stage.lines == ["0 hook firing unready shop/Pod/web-1"]


def test_T01_what_stays_broken_and_silent_is_not_resolved(tmp_path: Path) -> None:
    rule = '{name: stuck, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}'
    stage = Stage(tmp_path, text(rule, route="group_wait: 0s, repeat_interval: 0s"))
    stage.pod(0, ready=False)
    stage.pod(86400, ready=True)
    stage.run(until=90000)
    assert stage.lines == ["0 hook firing stuck shop/Pod/web-1", "86400 hook resolved stuck shop/Pod/web-1"]


def test_T01_the_same_exit_code_as_before_is_told_again(tmp_path: Path) -> None:
    exit_code = '"status.containerStatuses[*].state.terminated.exitCode": 3'
    rule = f"{{name: exited, on: resource, match: {{kind: Pod, fields: {{{exit_code}}}}}, resolve_hold: 0s}}"
    stage = Stage(tmp_path, text(rule, route="group_wait: 0s, repeat_interval: 0s"))
    for at, state in ((0, EXITED), (1000, RUNNING), (5000, EXITED), (6000, RUNNING)):
        stage.pod(at, status={"containerStatuses": [{"name": "main", "state": state}]})
    stage.run(until=86400)
    assert stage.lines == [
        "0 hook firing exited shop/Pod/web-1",
        "1000 hook resolved exited shop/Pod/web-1",
        "5000 hook firing exited shop/Pod/web-1",
        "6000 hook resolved exited shop/Pod/web-1",
    ]


def test_T01_broken_again_with_the_same_cause_is_told_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET, route="group_wait: 0s, repeat_interval: 0s"), lead=FULL)
    stage.event(0)
    stage.event(2000, 2)
    stage.run(until=7200)
    assert stage.lines == [
        FIRING,
        "120 hook resolved back-off shop/Pod/web-1",
        "2000 hook firing back-off shop/Pod/web-1",
        "2120 hook resolved back-off shop/Pod/web-1",
    ]


def test_D1_a_write_that_carries_what_was_held_back_counts_all_of_it(tmp_path: Path) -> None:
    rate = "rate: {count: 36, within: 30m, per: [namespace, workload]}"
    stage = Stage(tmp_path, text(RULE % rate), lead=FULL)
    for at in range(25):
        stage.event(at, at + 1)
    stage.event(300, 61)
    stage.run(until=2000)
    assert stage.lines == [
        "300 hook firing back-off shop/Pod/web-1 ×61",
        "1260 hook resolved back-off shop/Pod/web-1 ×61",  # 360 s without tokens, and 10 min of quiet
    ]


def test_D3_a_refresh_says_that_the_series_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET, route="group_wait: 0s, repeat_interval: 0s"), lead=FULL)
    stage.new_event(0)
    stage.new_event(10, 2)
    stage.new_event(1800, 180, last=1790)
    stage.new_event(3600, 360, last=3590)
    stage.new_event(3960, 361, last=3600)
    stage.run(until=7200)
    assert stage.lines == [FIRING, "4350 hook resolved back-off shop/Pod/web-1 ×361"]


def test_a_lone_event_of_a_recorder_without_tokens_is_observable_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.new_event(0)
    stage.run(until=7200)
    assert stage.lines == [FIRING, "120 hook resolved back-off shop/Pod/web-1"]


def test_an_emitter_of_unknown_rules_is_given_ten_minutes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.new_event(0, name="operator-event-x7k2p")
    stage.run(until=7200)
    assert stage.lines == [FIRING, "600 hook resolved back-off shop/Pod/web-1"]


def test_all_objects_of_an_alert_must_be_quiet(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % "quiet: 120s, key: [namespace]"), lead=FULL)
    stage.event(0)
    stage.event(100, name="web-2.a", about="Pod/shop/web-2")
    stage.run(until=7200)
    assert stage.lines == [FIRING, "220 hook resolved back-off shop/Pod/web-1 ×2"]


def test_a_broken_watch_hears_no_silence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.event(0)
    stage.at(100, lambda: stage.cluster.faults.add(Fault(effect=Effect.HTML_500, path="*/events", times=1000)))
    stage.at(100, lambda: stage.cluster.strike(Fault(effect=Effect.DROP, path="*/events")))
    stage.at(5000, stage.cluster.faults.clear)
    stage.run(until=7200)
    assert stage.lines[0] == FIRING
    assert len(stage.lines) == 2
    assert 5480 <= stage.told[1].at <= 5541  # it tries again within a minute, and says so after a second


def test_a_restart_begins_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(QUIET), lead=FULL)
    stage.event(0)
    stage.absent(60, 1000)
    for number, at in enumerate(range(1010, 1500, 30), start=1):  # what is silent for longer is taken for broken
        stage.event(at, number, name="web-9.a", about="Pod/shop/web-9", reason="Pulled")
    stage.run(until=7200)
    assert stage.lines[0] == FIRING
    assert len(stage.lines) == 2
    assert stage.told[1].at == pytest.approx(1480, abs=2)
    assert ended(stage)[0][1:] == ("12:00:00", "quiet since 12:00 UTC, and its source would have told of more")
