"""The lines that stand for a whole message: the title, and the subject that stays the same."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from kwatch.model.alerts import AlertState
from kwatch.model.notifications import Content, NotificationKind, Part, Section
from kwatch.model.rules import Severity
from kwatch.notify import titles
from kwatch.notify.words import WORDS
from tests.notify.samples import NOW, alert, content

EN, ZH = WORDS["en"], WORDS["zh"]
API = {"namespace": "payments", "workload": "Deployment/api"}
WEB = {"namespace": "shop", "workload": "Deployment/web"}
OOM = alert(rule="oom-kill", labels=API)
TEST = content(kind=NotificationKind.TEST, alerts=(), alert_count=0, firing_count=0, text="A test.\nMore.")
DIGEST = content(kind=NotificationKind.DIGEST, sections=(Section(Part.NEW, 1, 1), Section(Part.ENDED, 2, 0)))
OVERFLOW = content(kind=NotificationKind.OVERFLOW, folded=7)

#: What is told, its title, its subject.
LINES = [
    (
        content(),
        "CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
        "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
    ),
    (
        content(alert(is_flapping=True), kind=NotificationKind.UPDATE),
        "CRITICAL · flapping · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
        "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
    ),
    (
        content(kind=NotificationKind.REPEAT),
        "CRITICAL · still firing · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
        "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
    ),
    (
        content(kind=NotificationKind.RESOLVED),
        "RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×",
        "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
    ),
    (
        content(kind=NotificationKind.EXPIRED),
        "NO LONGER OBSERVED after 12 m · crash-loop · payments/Deployment/worker · 43×",
        "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
    ),
    (
        content(alert(count=1, severity=Severity.INFO), kind=NotificationKind.NOTICE),
        "INFO · crash-loop · payments/Deployment/worker · at 14:02 UTC",
        "[prod-eu] info: crash-loop payments/Deployment/worker, at 2026-03-01 14:02 UTC",
    ),
    (
        content(kind=NotificationKind.SUMMARY),
        "SUMMARY · 1 problem was already there · prod-eu",
        "[prod-eu] kwatch: 1 problem was already there",
    ),
    (OVERFLOW, "OVERFLOW · 7 more · prod-eu", "[prod-eu] kwatch: 7 more"),
    (DIGEST, "DIGEST · 1 new, 2 ended · prod-eu", "[prod-eu] kwatch digest: 1 new, 2 ended"),
    (TEST, "TEST · A test.", "[prod-eu] kwatch: A test."),
]


@pytest.mark.parametrize(("told", "title", "subject"), LINES)
def test_a_title_says_how_it_is_and_a_subject_what_stays(told: Content, title: str, subject: str) -> None:
    assert titles.title(EN, told, UTC, NOW) == title
    assert titles.subject(EN, told, UTC) == subject


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (content(alert(count=1, window_count=1)), "since 14:02 UTC"),
        (content(alert(count=0, window_count=0)), "since 14:02 UTC"),
        (content(alert(count=0), kind=NotificationKind.RESOLVED), ""),
        (content(alert(starts_at=NOW - timedelta(days=2))), "since 2026-02-27 14:14 UTC · 43×"),
        (content(alert(labels=API), alert(count=7)), "since 14:02 UTC · 50×"),
        (content(alert(), OOM), "since 14:02 UTC"),
        (content(alert(), alert(), alert_count=5, firing_count=5), "since 14:02 UTC"),
    ],
)
def test_since_when_and_how_often_as_far_as_it_is_one_number(told: Content, words: str) -> None:
    assert titles.so_far(EN, told, UTC, NOW) == words


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (content(alert(), alert(labels=API)), "crash-loop (2)"),
        (content(alert(), OOM), "crash-loop, oom-kill"),
        (content(alert(), alert(), OOM), "crash-loop (2), oom-kill"),
        (content(alert(), OOM, alert(rule="a"), alert(rule="b")), "crash-loop, oom-kill and 2 more"),
        (content(alert(), OOM, alert_count=9, firing_count=9), "9 problems"),
        (content(alert(), alert(), alert_count=9, firing_count=9), "crash-loop (9)"),
        (content(OOM, alert(state=AlertState.RESOLVED), kind=NotificationKind.UPDATE), "oom-kill"),
        (content(alert(), OOM, kind=NotificationKind.RESOLVED), "crash-loop, oom-kill"),
    ],
)
def test_a_group_names_what_goes_on_in_it(told: Content, words: str) -> None:
    assert titles.what(EN, told) == words


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (content(), "payments/Deployment/worker"),
        (content(alert(), alert(labels=API)), "payments"),
        (content(alert(labels=API), alert(labels=WEB), group_labels={}), "prod-eu"),
        (content(alert(labels=API), alert(labels=WEB), group_labels={"namespace": "payments"}), "payments"),
    ],
)
def test_a_place_is_what_all_have_in_common(told: Content, words: str) -> None:
    assert titles.place(told) == words


def test_a_title_in_chinese_and_in_another_zone() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    assert titles.title(ZH, content(), shanghai, NOW) == (
        "严重 · crash-loop · payments/Deployment/worker · 始于 22:02 CST · 43 次"
    )
    assert titles.subject(ZH, content(), shanghai) == (
        "[prod-eu] 严重：crash-loop payments/Deployment/worker，始于 2026-03-01 22:02 CST"
    )
