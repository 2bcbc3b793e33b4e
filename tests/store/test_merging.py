"""What a newer notification takes over from those that it replaces."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.rules import Severity
from kwatch.store.merging import merge
from kwatch.testing.samples import notification

START = datetime(2026, 11, 21, 9, tzinfo=UTC)


def view(name: str, state: AlertState = AlertState.FIRING, **fields: Any) -> AlertView:
    return AlertView(
        fingerprint=name,
        episode=1,
        rule="broken",
        state=state,
        severity=fields.pop("severity", Severity.WARNING),
        labels={},
        annotations={},
        message="",
        details={},
        count=0,
        window_count=0,
        starts_at=START,
        **fields,
    )


def said(sequence: int, kind: NotificationKind, *views: AlertView, **fields: Any) -> Notification:
    made = notification(sequence, kind)
    firing = sum(each.state is AlertState.FIRING for each in views)
    changes = {"alerts": views, "alert_count": len(views), "firing_count": firing, **fields}
    return msgspec.structs.replace(made, content=msgspec.structs.replace(made.content, **changes))


def names(told: Notification) -> list[str]:
    return [("+" if each.is_new else "") + each.fingerprint for each in told.content.alerts]


def test_ends_news_and_what_came_and_went_are_taken_over() -> None:
    first = said(
        1, NotificationKind.UPDATE, view("a"), view("b", is_new=True), view("c", AlertState.RESOLVED),
        came_and_went=("one",),
    )  # fmt: skip
    second = said(2, NotificationKind.UPDATE, view("a"), view("b"), came_and_went=("two",))
    newest = said(3, NotificationKind.UPDATE, view("a"), view("b"), view("d", is_new=True))
    told = merge(newest, [first, second])
    assert names(told) == ["a", "+b", "+d", "c"]
    assert (told.content.alert_count, told.content.firing_count) == (4, 3)
    assert told.content.came_and_went == ("one", "two")


def test_what_has_ended_since_is_said_once_as_it_is_now() -> None:
    older = said(1, NotificationKind.UPDATE, view("a"), view("b", is_new=True))
    newest = said(2, NotificationKind.UPDATE, view("a"), view("b", AlertState.RESOLVED))
    assert names(merge(newest, [older])) == ["a", "b"]


def test_an_end_of_all_is_as_bad_as_the_worst_that_ended() -> None:
    older = said(1, NotificationKind.UPDATE, view("a"), view("b", AlertState.RESOLVED, severity=Severity.CRITICAL))
    told = merge(said(2, NotificationKind.RESOLVED, view("a", AlertState.RESOLVED)), [older])
    assert names(told) == ["b", "a"]
    assert (told.severity, told.content.severity) == (Severity.CRITICAL, Severity.CRITICAL)


def test_nothing_replaced_changes_nothing() -> None:
    newest = said(1, NotificationKind.FIRING, view("a", is_new=True))
    assert merge(newest, []) == newest


def test_what_is_quiet_calls_somebody_where_what_it_replaces_would_have() -> None:
    loud = said(1, NotificationKind.UPDATE, view("a"))
    quiet = said(2, NotificationKind.UPDATE, view("a"), is_quiet=True)
    assert not merge(quiet, [loud]).content.is_quiet
    assert merge(quiet, [quiet]).content.is_quiet
