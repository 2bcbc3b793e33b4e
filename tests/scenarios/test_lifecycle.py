"""S-31 to S-40, S-43, S-44 and S-49 to S-51: `for`, ends, episodes, and what changes while an alert fires."""

from pathlib import Path

from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.writing import BACK_OFF, HOOK, NOT_READY, text

FOR_A_MINUTE = text(NOT_READY % "for: 1m")
HELD = text(NOT_READY % "resolve_hold: 2m")
AT_ONCE = text(NOT_READY % "resolve_hold: 0s, reopen_window: 10m")
FIRING = "60 hook firing not-ready shop/Pod/web-1"


def came_and_went(stage: Stage) -> int:
    return stage.counted("decisions", outcome="came_and_went")


def started(stage: Stage, message: int = 0) -> str:
    """Return when the first alert of a message began."""
    at: str = stage.told[message].document["alerts"][0]["starts_at"]
    return at


def test_S31_shorter_than_for_tells_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR_A_MINUTE)
    stage.pod(0, ready=False)
    stage.pod(59.9, ready=True)
    stage.run(until=3600)
    assert stage.lines == []
    assert came_and_went(stage) == 1


def test_S32_for_is_up_exactly_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR_A_MINUTE)
    stage.pod(0, ready=False)
    stage.run(until=3600)
    assert stage.lines == [FIRING]


def test_S33_a_break_begins_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR_A_MINUTE)
    stage.pod(0, ready=False)
    stage.pod(40, ready=True)
    stage.pod(41, ready=False)
    stage.run(until=3600)
    assert stage.lines == ["101 hook firing not-ready shop/Pod/web-1"]


def test_S34_a_restart_does_not_stop_the_clock_of_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR_A_MINUTE)
    stage.pod(0, ready=False)
    stage.absent(20, 50)
    stage.run(until=3600)
    assert stage.lines == [FIRING]


def list_of_pods_comes_late(stage: Stage) -> None:
    """Let the list that follows a start at 50 come at 75; it is heard before anything else is."""
    stage.at(30, lambda: stage.cluster.faults.add(Fault(effect=Effect.DELAY, path="*/pods", seconds=25)))


def test_S35_what_is_still_so_after_a_late_resync_is_told_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR_A_MINUTE)
    stage.pod(0, ready=False)
    stage.absent(20, 50)
    list_of_pods_comes_late(stage)
    stage.run(until=3600)
    assert stage.lines == ["75 hook firing not-ready shop/Pod/web-1"]
    assert started(stage) == "2026-01-01T12:00:00+00:00"


def test_S36_what_is_over_by_then_is_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FOR_A_MINUTE)
    stage.pod(0, ready=False)
    stage.absent(20, 50)
    list_of_pods_comes_late(stage)
    stage.pod(70, ready=True)
    stage.run(until=3600)
    assert stage.lines == []
    assert came_and_went(stage) == 1


def test_S37_wrong_again_within_the_hold_is_the_same_episode(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "resolve_hold: 2m", route="group_wait: 0s, repeat_interval: 10m"))
    stage.pod(0, ready=False)
    stage.pod(100, ready=True)
    stage.pod(219, ready=False)
    stage.run(until=700)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "600 hook repeat not-ready shop/Pod/web-1",
    ]
    assert [told.document["alerts"][0]["episode"] for told in stage.told] == [1, 1]


def test_S38_right_for_the_hold_is_the_end_as_of_when_it_became_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, HELD)
    stage.pod(0, ready=False)
    stage.pod(100, ready=True)
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing not-ready shop/Pod/web-1", "220 hook resolved not-ready shop/Pod/web-1"]
    assert stage.told[1].document["ends_at"] == "2026-01-01T12:01:40+00:00"


SLACK = '{type: slack, channel: "#alerts", token: {file: FOLDER/slack-token}}'
BOTH = AT_ONCE.replace(HOOK, f"{HOOK}, {SLACK}")


def test_S39_again_within_the_reopen_window_goes_on_in_the_thread_as_a_new_incident(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BOTH)
    stage.pod(0, ready=False)
    stage.pod(100, ready=True)
    stage.pod(400, ready=False)
    stage.run(until=3600)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "100 hook resolved not-ready shop/Pod/web-1",
        "400 hook firing not-ready shop/Pod/web-1",
    ]
    first, ended, second = (told.document for told in stage.told)
    assert second["alerts"][0]["continuity"] == "episode 2, continues episode 1"
    assert (first["incident"] == ended["incident"], first["incident"] == second["incident"]) == (True, False)
    (root,) = stage.slack.roots()
    assert [_title(answer.text) for answer in stage.slack.thread(root)] == ["✅ RESOLVED", "🟠 WARNING"]


def test_S40_later_it_is_a_new_thread(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BOTH)
    stage.pod(0, ready=False)
    stage.pod(100, ready=True)
    stage.pod(800, ready=False)
    stage.run(until=3600)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "100 hook resolved not-ready shop/Pod/web-1",
        "800 hook firing not-ready shop/Pod/web-1",
    ]
    assert stage.told[2].document["alerts"][0]["continuity"] == "episode 2"
    assert [_title(root.text) for root in stage.slack.roots()] == ["✅ RESOLVED", "🟠 WARNING"]


def test_S43_the_end_of_one_of_two_pods_changes_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AT_ONCE)
    stage.pod(0, "web-0", ready=False, owner="StatefulSet/web")
    stage.pod(0, "web-1", ready=False, owner="StatefulSet/web")
    stage.delete(100, "web-0")
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing not-ready shop/StatefulSet/web"]


def test_S44_the_end_of_the_last_one_is_the_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "resolve_hold: 2m, on_delete: resolve"))
    stage.pod(0, "web-0", ready=False, owner="StatefulSet/web")
    stage.pod(0, "web-1", ready=False, owner="StatefulSet/web")
    stage.delete(100, "web-0")
    stage.delete(200, "web-1")
    stage.run(until=3600)
    assert stage.lines == [
        "0 hook firing not-ready shop/StatefulSet/web",
        "200 hook resolved not-ready shop/StatefulSet/web",
    ]
    assert stage.told[1].document["alerts"][0]["end"] == "the object is gone"


def test_S44_kept_after_a_deletion_it_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "on_delete: keep"))
    stage.pod(0, ready=False)
    stage.delete(100, "web-1")
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing not-ready shop/Pod/web-1"]


def graded(severity: str) -> str:
    """Return a configuration with a Slack that mentions people, and a pager that hears of critical alerts alone."""
    return f"""
packs: []
rules:
  - {{name: not-ready, on: resource, severity: {severity}, match: {{kind: Pod, condition: {{Ready: "False"}}}}}}
route:
  receiver: team
  group_wait: 0s
  routes: [{{match: {{severity: critical}}, receiver: oncall, continue: true}}, {{receiver: team}}]
receivers:
  team:
    - {{type: webhook, url: "https://example.com/hook"}}
    - {{type: slack, channel: "#alerts", token: {{file: FOLDER/slack-token}}, mention: {{critical: "@here"}}}}
  oncall: [{{type: webhook, url: "https://example.com/pager"}}]
"""


def test_S49_a_severity_that_rises_to_critical_is_told_now_and_pages(tmp_path: Path) -> None:
    stage = Stage(tmp_path, graded("warning"))
    stage.pod(0, ready=False)
    stage.absent(30, 40, graded("critical"))
    stage.pod(1000, ready=True)
    stage.run(until=7000)
    assert stage.lines == [
        "0 hook firing not-ready shop/Pod/web-1",
        "41 pager firing not-ready shop/Pod/web-1",  # as soon as the watch of Events is known to go on
        "41 hook update not-ready shop/Pod/web-1",
        "1120 pager resolved not-ready shop/Pod/web-1",
        "1120 hook resolved not-ready shop/Pod/web-1",
    ]
    assert [told.document["severity"] for told in stage.told] == ["warning", *["critical"] * 4]
    (root,) = stage.slack.roots()
    pings = [(_title(answer.text), answer.pings) for answer in stage.slack.thread(root)]
    assert pings == [("🔴 CRITICAL", ("!here",)), ("✅ RESOLVED", ())]


def test_S50_a_severity_that_falls_is_told_at_the_next_flush_and_does_not_page(tmp_path: Path) -> None:
    stage = Stage(tmp_path, graded("critical"))
    stage.pod(0, ready=False)
    stage.absent(30, 40, graded("warning"))
    stage.pod(1000, ready=True)
    stage.run(until=7000)
    assert stage.lines == [
        "0 pager firing not-ready shop/Pod/web-1",
        "0 hook firing not-ready shop/Pod/web-1",
        "120 pager update not-ready shop/Pod/web-1",
        "120 hook update not-ready shop/Pod/web-1",
        "1120 pager resolved not-ready shop/Pod/web-1",
        "1120 hook resolved not-ready shop/Pod/web-1",
    ]
    severities = ["critical", "critical", "warning", "warning", "warning", "warning"]
    assert [told.document["severity"] for told in stage.told] == severities
    (root,) = stage.slack.roots()
    assert [(_title(answer.text), answer.pings) for answer in stage.slack.thread(root)] == [("✅ RESOLVED", ())]


def test_S51_another_text_alone_tells_nothing_and_shows_in_the_next_message(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF, route="group_wait: 0s, repeat_interval: 10m"))
    stage.event(0, message="Back-off of main")
    stage.event(10, message="Back-off of side")
    stage.run(until=700)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "600 hook repeat back-off shop/Pod/web-1"]
    assert [told.document["alerts"][0]["message"] for told in stage.told] == ["Back-off of main", "Back-off of side"]


def test_S51_nor_do_other_annotations(tmp_path: Path) -> None:
    route = "group_wait: 0s, repeat_interval: 10m"
    stage = Stage(tmp_path, text(NOT_READY % "annotations: {summary: old}", route=route))
    stage.pod(0, ready=False)
    stage.absent(100, 101, text(NOT_READY % "annotations: {summary: new}", route=route))
    stage.run(until=700)
    assert stage.lines == ["0 hook firing not-ready shop/Pod/web-1", "600 hook repeat not-ready shop/Pod/web-1"]
    assert [told.document["alerts"][0]["cause"] for told in stage.told] == ["old", "new"]


def _title(text: str) -> str:
    return " ".join(text.split()[:2])
