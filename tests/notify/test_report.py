"""What a digest says of its period as a whole."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content, NotificationKind, Part, Section, Suppressed, Undelivered
from kwatch.notify.report import report
from kwatch.notify.words import WORDS
from tests.notify.samples import NOW, alert, content, ended

BERLIN = ZoneInfo("Europe/Berlin")
EN = WORDS["en"]


def at(hours_ago: float, **labels: str) -> AlertView:
    return alert(starts_at=NOW - timedelta(hours=hours_ago), labels={"namespace": "payments", **labels})


def gone(hours_ago: float, minutes: float, name: str) -> AlertView:
    view = at(hours_ago, workload=f"Deployment/{name}")
    return replace(ended(view), ends_at=view.starts_at + timedelta(minutes=minutes))


def of(parts: dict[Part, tuple[AlertView, ...]], *, hours: float = 24, **changes: Any) -> Content:
    """Return a digest of these parts over the last hours."""
    views = tuple(view for part in parts.values() for view in part)
    sections = tuple(Section(part, len(found), len(found)) for part, found in parts.items())
    since = NOW - timedelta(hours=hours)
    return replace(
        content(kind=NotificationKind.DIGEST, starts_at=since), alerts=views, sections=sections, ends_at=NOW, **changes
    )


def test_a_day_is_shown_by_the_hour() -> None:
    parts = {
        Part.NEW: (at(23.5), at(2.5), at(2.2)),
        Part.STILL_OPEN: (at(40),),
        Part.ENDED: (at(50), at(0.5)),
        Part.CAME_AND_WENT: (gone(2.1, 3, "a"), gone(2.9, 3, "b")),
    }
    said = report(EN, of(parts), BERLIN, NOW)
    assert said["sparkline"] == "▃▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▃"
    assert (said["began"], said["slot"], said["busiest"]) == (6, "hour", "12:14 (4)")


@pytest.mark.parametrize(
    ("hours", "slot", "number"),
    [
        (1, "5 minutes", 12),
        (6, "15 minutes", 24),
        (24, "hour", 24),
        (25, "hour", 25),
        (72, "6 hours", 12),
        (168, "day", 7),
        (31 * 24, "week", 5),
        (366 * 24, "week", 25),
    ],
)
def test_the_slots_fit_the_period(hours: float, slot: str, number: int) -> None:
    said = report(EN, of({Part.NEW: (at(0.01),)}, hours=hours), UTC, NOW)
    assert said["slot"] == slot
    assert len(str(said["sparkline"])) == number


def test_nothing_began() -> None:
    said = report(EN, of({Part.STILL_OPEN: (at(40),)}), UTC, NOW)
    assert (said["began"], said["sparkline"], said["busiest"]) == (0, "▁" * 24, "")


def test_slots_are_named_by_the_clock_on_the_wall() -> None:
    """The night in which Berlin's clocks are set forward has no 02:00."""
    until = datetime(2026, 3, 29, 3, 0, tzinfo=UTC)
    night = replace(of({}), starts_at=until - timedelta(hours=6), ends_at=until)
    slots = report(EN, night, BERLIN, until)["slots"]
    assert isinstance(slots, list)
    assert [slot["at"] for slot in slots][::4] == ["22:00", "23:00", "00:00", "01:00", "03:00", "04:00"]


def test_teams_have_a_line_each_the_busiest_first() -> None:
    parts = {
        Part.NEW: (at(1, team="shop"), at(1, team="data"), at(1, team="shop")),
        Part.ENDED: (at(2, team="shop"), at(2)),
    }
    said = report(EN, of(parts), UTC, NOW)
    none = {"still_open": 0, "came_and_went": 0, "notices": 0}
    assert said["group_word"] == "Team"
    assert said["groups"] == [
        {"name": "shop", "new": 2, "ended": 1, **none},
        {"name": "data", "new": 1, "ended": 0, **none},
        {"name": "no team", "new": 0, "ended": 1, **none},
    ]


def test_without_teams_it_is_by_namespace() -> None:
    said = report(EN, of({Part.NEW: (at(1), at(1, namespace="shop"), at(1, namespace=""))}), UTC, NOW)
    assert said["group_word"] == "Namespace"
    groups = said["groups"]
    assert isinstance(groups, list)
    assert [group["name"] for group in groups] == ["payments", "shop", "the cluster"]


def test_a_table_of_one_line_is_left_out() -> None:
    assert report(EN, of({Part.NEW: (at(1), at(2))}), UTC, NOW)["groups"] == []


def test_what_came_and_went_is_told_by_rule_and_namespace() -> None:
    parts = {Part.CAME_AND_WENT: tuple(gone(3, minutes, f"api-{minutes}") for minutes in (4, 50, 1, 2))}
    assert report(EN, of(parts), UTC, NOW)["came_and_went"] == [
        {
            "rule": "crash-loop",
            "namespace": "payments",
            "count": 4,
            "places": "Deployment/api-4, Deployment/api-50, Deployment/api-1 and 1 more",
            "often": "4 times, the longest 50 m",
        }
    ]


def test_what_came_and_went_once_says_how_long_it_was_there() -> None:
    [line] = report(EN, of({Part.CAME_AND_WENT: (gone(3, 4, "api"),)}), UTC, NOW)["came_and_went"]  # type: ignore[misc]
    assert line["often"] == "once, for 4 m"


def test_rules_that_were_told_more_than_once_are_counted() -> None:
    views = (at(1), at(1), at(1), *(replace(at(1), rule=rule) for rule in ("oom-killed", "oom-killed", "image-pull")))
    assert report(EN, of({Part.NEW: views}), UTC, NOW)["rules"] == [
        {"rule": "crash-loop", "count": 3},
        {"rule": "oom-killed", "count": 2},
    ]


def test_what_was_not_told_and_not_delivered_is_named() -> None:
    facts = of(
        {},
        suppressed=(Suppressed("the silence of ann", 12), Suppressed("node-not-ready · Node/n-4", 3)),
        undelivered=(
            Undelivered("oncall-webhook", "unauthorized", 3, True),
            Undelivered("team-slack", "rate_limited", 2, False),
            Undelivered("paper", "", 1, False),
        ),
    )
    said = report(EN, facts, UTC, NOW)
    assert said["suppressed"] == ["12 by the silence of ann", "3 by node-not-ready · Node/n-4"]
    assert said["undelivered"] == [
        "oncall-webhook: 3 given up (unauthorized)",
        "team-slack: 2 waiting (rate limited)",
        "paper: 1 waiting",
    ]


def test_hostile_names_are_cleaned_and_cut() -> None:
    hostile = at(1, team="\u202eevil\x1b[2J\r\n" * 100)
    groups = report(EN, of({Part.NEW: (hostile, at(1))}), UTC, NOW)["groups"]
    assert isinstance(groups, list)
    name = groups[0]["name"]
    assert len(name) <= 100
    assert not set(name) & set("\u202e\x1b\r\n")
