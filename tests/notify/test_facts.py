"""The sentences that all channels share."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.notifications import NotificationKind
from kwatch.notify import facts
from kwatch.notify.context import context_of
from kwatch.notify.render import TemplateEngine
from kwatch.notify.words import WORDS
from tests.notify.samples import NOW, StillClock, alert, content, notification

EN = WORDS["en"]
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 m"),
        (840, "14 m"),
        (3600, "1 h 00 m"),
        (3900, "1 h 05 m"),
        (86399, "23 h 59 m"),
        (86400, "1 d"),
        (183600, "2 d 3 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert facts.duration(EN, timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        (NOW, UTC, "14:14 UTC"),
        (NOW, BERLIN, "15:14 CET"),
        (NOW - timedelta(days=1), BERLIN, "2026-02-28 15:14 CET"),
        (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), BERLIN, "2026-03-02 00:30 CET"),
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), BERLIN, "2026-07-01 14:00 CEST"),
    ],
)
def test_instants_name_their_zone(at: datetime, zone: ZoneInfo, words: str) -> None:
    assert facts.instant(at, zone, NOW) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("silenced until 2026-03-01 23:30 UTC by ann", "silenced until 2026-03-02 00:30 CET by ann"),
        ("silenced until it is resolved by ann", "silenced until it is resolved by ann"),
        ("of 2026-99-01 18:00 UTC", "of 2026-99-01 18:00 UTC"),
    ],
)
def test_what_holds_an_alert_is_told_in_the_zone_of_the_reader(text: str, words: str) -> None:
    assert facts.in_zone(text, BERLIN) == words


def test_an_instant_without_a_local_one_stays() -> None:
    west = ZoneInfo("America/New_York")
    assert facts.in_zone("of 0001-01-01 00:00 UTC", west) == "of 0001-01-01 00:00 UTC"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"namespace": "payments", "workload": "Deployment/api"}, "payments/Deployment/api"),
        ({"namespace": "", "workload": "Node/n1"}, "Node/n1"),
        ({"namespace": "a", "kind": "Pod", "name": "p"}, "a/Pod/p"),
        ({}, ""),
    ],
)
def test_places(labels: dict[str, str], words: str) -> None:
    assert facts.where(labels) == words


@pytest.mark.parametrize(
    ("count", "window", "words"),
    [
        (0, 0, ""),
        (1, 0, "once"),
        (1, 1, "once"),
        (43, 0, "43 times"),
        (43, 43, "43 times"),
        (43, 30, "about 30 in the window of the rule, 43 in all"),
    ],
)
def test_numbers_are_honest(count: int, window: int, words: str) -> None:
    assert facts.how_often(EN, alert(count=count, window_count=window)) == words


@pytest.mark.parametrize(
    ("names", "count", "words"),
    [
        ((), 0, ""),
        (("worker-1",), 1, "worker-1"),
        (("Deployment/worker",), 1, ""),
        (("a", "b"), 2, "a, b"),
        (("a", "b"), 29, "a, b and 27 more"),
    ],
)
def test_members(names: tuple[str, ...], count: int, words: str) -> None:
    assert facts.members(EN, alert(members=names, member_count=count)) == words


def test_a_partly_ended_group_says_how_many_go_on() -> None:
    facts_of = content(alert(), alert(state=AlertState.RESOLVED), kind=NotificationKind.UPDATE)
    assert facts.status(EN, facts_of, UTC, NOW) == "FIRING since 14:02 UTC (12 m, 1 of 2)"


def test_an_episode_that_continues_says_so() -> None:
    assert facts.episode(EN, alert()) == ""
    assert facts.episode(EN, alert(episode=2)) == "episode 2"
    assert facts.episode(EN, alert(episode=2, continues=1)) == "episode 2, continues episode 1"


def test_what_came_and_went_and_what_was_left_out_is_noted() -> None:
    said = content(came_and_went=tuple(f"rule-{n}" for n in range(12)), notices_dropped=3, is_late=True)
    assert facts.notes(EN, said, BERLIN, NOW) == (
        "late: began at 15:02 CET while kwatch was not watching",
        "came and went: rule-0, rule-1, rule-2, rule-3, rule-4, rule-5, rule-6, rule-7, rule-8, rule-9 and 2 more",
        "the same was noticed 3 times more in the meantime",
    )


def test_without_a_summary_the_message_is_the_cause() -> None:
    said = content(alert(annotations={}))
    context = context_of(notification(said), "UTC", TemplateEngine(StillClock()).for_message()).context
    assert context["rows"][0] == ["Cause", "Back-off restarting failed container worker in pod worker-7d9c-x2x1"]


def test_a_detail_with_the_name_of_another_fact_has_that_of_its_variable() -> None:
    """So it is neither taken for the other nor left out where each label stands once, and is never a link."""
    details = {"exit_code": "1", "Exit code": "2", "runbook": "@everyone", "status": "Failed", "rule": "r", "empty": ""}
    context = context_of(
        notification(content(alert(details=details, annotations={}))), "UTC", TemplateEngine(StillClock()).for_message()
    ).context
    assert context["rows"][-6:] == [
        ["Exit code", "1"],
        ["details.Exit code", "2"],
        ["details.runbook", "@everyone"],
        ["details.status", "Failed"],
        ["details.rule", "r"],
        ["Rule", "crash-loop"],
    ]


def test_an_alert_about_a_node_names_it_once() -> None:
    said = content(alert(labels={"kind": "Node", "name": "n-17", "workload": "Node/n-17", "node": "n-17"}))
    context = context_of(notification(said), "UTC", TemplateEngine(StillClock()).for_message()).context
    assert [text for _, text in context["rows"] if "n-17" in text] == ["Node/n-17 keeps crashing", "Node/n-17"]


@pytest.mark.parametrize(
    "link",
    [
        "http://a.example.com",
        "javascript:alert(1)",
        'https://a"b',
        "https://a b",
        "//a",
        "https://",
        "https://ann@a.example.com",
        "https://a)[b](https://b.example.com",
    ],
)
def test_a_runbook_that_is_no_safe_link_is_left_out(link: str) -> None:
    said = content(alert(annotations={"runbook": link}))
    context = context_of(notification(said), "UTC", TemplateEngine(StillClock()).for_message()).context
    assert context["alerts"][0]["runbook"] == ""


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("https://a.example.com", "https://a.example.com"),
        ("https://a.example.com:8443/x_y?z=1#top", "https://a.example.com:8443/x_y?z=1#top"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://a.example.com/@all", "https://a.example.com/%40all"),
        ("https://a.example.com/b)[c](https://d", "https://a.example.com/b%29%5Bc%5D%28https://d"),
    ],
)
def test_a_runbook_is_a_link_and_no_more(link: str, told: str) -> None:
    said = content(alert(annotations={"runbook": link}))
    context = context_of(notification(said), "UTC", TemplateEngine(StillClock()).for_message()).context
    assert context["alerts"][0]["runbook"] == told


def test_a_throttled_source_is_said_beside_the_numbers() -> None:
    words = "14 times, varied messages, source throttled, end not observable"
    assert facts.how_often(EN, alert(count=14, window_count=0, is_varied=True, is_throttled=True)) == words


def test_an_end_by_quiet_says_since_when() -> None:
    ended = alert(state=AlertState.RESOLVED, ends_at=NOW, end_reason=EndReason.QUIET)
    assert facts.end(EN, ended, UTC, NOW) == "quiet since 14:14 UTC, and its source would have told of more"
    assert facts.end(EN, alert(), UTC, NOW) == ""
