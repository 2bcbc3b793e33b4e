"""What a notification makes of the incidents of an on-call tool."""

import msgspec
import pytest

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Notification, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify.incidents import plan
from tests.notify.samples import ALONE, alert, content, ended, notification

SHARED = "kw/g5h2j7/1"
K = NotificationKind


def critical(name: str, **changes: object) -> AlertView:
    return alert(fingerprint=name, **changes)


def warning(name: str, **changes: object) -> AlertView:
    return alert(fingerprint=name, severity=Severity.WARNING, **changes)


def told(kind: NotificationKind, *views: AlertView, **changes: object) -> Notification:
    return notification(
        msgspec.structs.replace(content(kind=K.FIRING), kind=kind, alerts=views, alert_count=len(views))
    )


def knowing(*keys: str, is_own: bool = True) -> Thread:
    return Thread(Receipt(dict.fromkeys(keys, "")), is_own=is_own)


def acts(kind: NotificationKind, *views: AlertView, thread: Thread = ALONE, send_resolved: bool = True) -> list[str]:
    planned = plan(told(kind, *views), thread, send_resolved=send_resolved)
    return [f"{step.act.value} {step.key}" for step in planned.steps] + [f"({', '.join(planned.open)})"]


def test_a_critical_alert_is_an_incident_of_its_own() -> None:
    assert acts(K.FIRING, critical("a"), critical("b")) == ["open kw/a/1", "open kw/b/1", "(kw/a/1, kw/b/1)"]


def test_other_alerts_share_the_incident_of_their_group() -> None:
    assert acts(K.FIRING, warning("a"), warning("b")) == [f"open {SHARED}", f"({SHARED})"]


def test_a_shared_incident_is_as_bad_as_what_it_is_for() -> None:
    planned = plan(told(K.FIRING, critical("a"), warning("b")), ALONE, send_resolved=True)
    assert [(step.key, step.severity, step.told.content.severity) for step in planned.steps] == [
        ("kw/a/1", Severity.CRITICAL, Severity.CRITICAL),
        (SHARED, Severity.WARNING, Severity.WARNING),
    ]


@pytest.mark.parametrize("kind", [K.SUMMARY, K.OVERFLOW])
def test_a_list_whose_alerts_all_have_incidents_only_informs(kind: NotificationKind) -> None:
    planned = plan(told(kind, critical("a")), ALONE, send_resolved=True)
    assert [(step.key, step.severity, step.told.severity) for step in planned.steps] == [
        ("kw/a/1", Severity.CRITICAL, Severity.CRITICAL),
        (SHARED, Severity.INFO, Severity.CRITICAL),
    ]


def test_a_summary_that_names_all_incidents_opens_none_for_people_to_close() -> None:
    planned = plan(told(K.SUMMARY, critical("a", incident="kw/x/1")), ALONE, send_resolved=True)
    assert [(step.key, step.severity) for step in planned.steps] == [("kw/a/1", Severity.CRITICAL)]


def test_each_episode_has_an_incident_of_its_own() -> None:
    assert acts(K.FIRING, critical("a", episode=7)) == ["open kw/a/7", "(kw/a/7)"]


def test_a_critical_alert_that_joins_calls_though_the_others_are_acknowledged() -> None:
    views = critical("a", acked_by="ann"), critical("b")
    assert acts(K.UPDATE, *views, thread=knowing("kw/a/1")) == [
        "acknowledge kw/a/1",
        "open kw/b/1",
        "(kw/a/1, kw/b/1)",
    ]


def test_what_is_known_and_as_it_was_is_not_said_again() -> None:
    assert acts(K.UPDATE, critical("a"), critical("b"), thread=knowing("kw/a/1", "kw/b/1")) == ["(kw/a/1, kw/b/1)"]


def test_a_warning_that_rises_leaves_the_group_for_an_incident_of_its_own() -> None:
    assert acts(K.UPDATE, critical("a"), thread=knowing(SHARED)) == ["open kw/a/1", f"close {SHARED}", "(kw/a/1)"]


def test_a_critical_alert_that_becomes_less_stays_where_it_is() -> None:
    assert acts(K.REPEAT, warning("a"), thread=knowing("kw/a/1")) == ["open kw/a/1", "(kw/a/1)"]


def test_a_repeat_opens_again_what_somebody_has_closed() -> None:
    views = critical("a"), warning("b")
    assert acts(K.REPEAT, *views, thread=knowing("kw/a/1", SHARED)) == [
        "open kw/a/1",
        f"open {SHARED}",
        f"(kw/a/1, {SHARED})",
    ]


def test_a_repeat_does_not_open_again_what_is_muted() -> None:
    views = critical("a", muted_by="silenced"), critical("b"), warning("c", muted_by="silenced")
    assert acts(K.REPEAT, *views, thread=knowing("kw/a/1", "kw/b/1", SHARED))[:-1] == ["open kw/b/1"]


def test_news_that_call_nobody_do_not_touch_an_incident() -> None:
    quiet = told(K.UPDATE, warning("a", muted_by="silenced"))
    quiet = msgspec.structs.replace(quiet, content=msgspec.structs.replace(quiet.content, is_quiet=True))
    assert plan(quiet, knowing(SHARED), send_resolved=True).steps == ()


def test_an_update_of_a_group_updates_its_incident() -> None:
    assert acts(K.UPDATE, warning("a"), warning("b"), thread=knowing(SHARED)) == [f"update {SHARED}", f"({SHARED})"]


@pytest.mark.parametrize(("second", "act"), [(warning("b", acked_by="ann"), "acknowledge"), (warning("b"), "update")])
def test_a_group_is_acknowledged_when_all_of_it_is(second: AlertView, act: str) -> None:
    assert acts(K.UPDATE, warning("a", acked_by="ann"), second, thread=knowing(SHARED)) == [
        f"{act} {SHARED}",
        f"({SHARED})",
    ]


def test_an_end_closes_what_is_open_and_nothing_else() -> None:
    assert acts(K.RESOLVED, ended(critical("a")), thread=knowing("kw/a/1")) == ["close kw/a/1", "()"]
    assert acts(K.RESOLVED, ended(warning("a")), thread=knowing(SHARED)) == [f"close {SHARED}", "()"]


def test_one_end_of_several_closes_one() -> None:
    views = critical("a"), ended(critical("b"))
    assert acts(K.UPDATE, *views, thread=knowing("kw/a/1", "kw/b/1")) == ["close kw/b/1", "(kw/a/1)"]


def test_an_end_that_was_not_told_is_seen_by_what_is_open() -> None:
    assert acts(K.UPDATE, critical("a"), thread=knowing("kw/a/1", "kw/b/1")) == ["close kw/b/1", "(kw/a/1)"]


def test_what_is_not_listed_for_its_number_is_not_closed() -> None:
    many = told(K.UPDATE, critical("a"))
    many = msgspec.structs.replace(many, content=msgspec.structs.replace(many.content, alert_count=1001))
    planned = plan(many, knowing("kw/a/1", "kw/b/1"), send_resolved=True)
    assert (planned.steps, planned.open) == ((), ("kw/a/1", "kw/b/1"))


def test_F30_an_end_is_sent_on_suspicion_where_the_trigger_may_have_arrived() -> None:
    views = ended(critical("a")), ended(warning("b"))
    assert acts(K.RESOLVED, *views) == ["close kw/a/1", f"close {SHARED}", "()"]


def test_what_another_channel_left_in_the_receipt_is_no_incident() -> None:
    thread = Thread(Receipt({"channel": "C1", "ts": "1.1"}))
    assert acts(K.UPDATE, critical("a"), thread=thread) == ["open kw/a/1", "(kw/a/1)"]


def test_ends_that_are_not_wanted_close_nothing() -> None:
    assert acts(K.UPDATE, critical("a"), thread=knowing("kw/a/1", "kw/b/1"), send_resolved=False) == [
        "(kw/a/1, kw/b/1)"
    ]


def test_an_outage_of_everything_opens_ten_and_one() -> None:
    made = acts(K.FIRING, *(critical(f"f{n:02}") for n in range(30)))
    assert made[:-1] == [*(f"open kw/f{n:02}/1" for n in range(10)), f"open {SHARED}"]


def test_when_one_of_ten_ends_the_next_is_opened() -> None:
    views = [critical(f"f{n:02}") for n in range(12)]
    first = plan(told(K.FIRING, *views), ALONE, send_resolved=True)
    made = acts(K.UPDATE, *views[1:], ended(views[0]), thread=knowing(*first.open))
    assert made[:-1] == ["open kw/f10/1", f"update {SHARED}", "close kw/f00/1"]


@pytest.mark.parametrize("kind", [K.NOTICE, K.META, K.TEST, K.DIGEST])
def test_a_moment_opens_one_that_people_close(kind: NotificationKind) -> None:
    planned = plan(told(kind, critical("a")), ALONE, send_resolved=True)
    assert [(step.act.value, step.key, step.is_closed_by_hand) for step in planned.steps] == [("open", SHARED, True)]


def test_what_a_first_start_lists_ends_by_its_groups() -> None:
    summary = plan(told(K.SUMMARY, critical("a"), warning("b")), ALONE, send_resolved=True)
    assert [(step.act.value, step.key, step.is_closed_by_hand) for step in summary.steps] == [
        ("open", "kw/a/1", False),
        ("open", SHARED, True),
    ]
    group = knowing(*summary.open, is_own=False)
    end = msgspec.structs.replace(told(K.RESOLVED, ended(critical("a"))), incident="kw/another/1")
    planned = plan(end, group, send_resolved=True)
    assert [f"{step.act.value} {step.key}" for step in planned.steps] == ["close kw/a/1", "close kw/another/1"]


def test_what_a_summary_tells_opens_the_incidents_in_which_it_ends() -> None:
    views = [
        msgspec.structs.replace(view, incident=incident)
        for view, incident in ((critical("a"), "kw/x/1"), (warning("b"), "kw/x/1"), (warning("c"), "kw/y/2"))
    ]
    summary = plan(told(K.SUMMARY, *views), ALONE, send_resolved=True)
    assert [(step.act.value, step.key, step.is_closed_by_hand) for step in summary.steps] == [
        ("open", "kw/a/1", False),
        ("open", "kw/x/1", False),
        ("open", "kw/y/2", False),
    ]
    assert [[view.fingerprint for view in step.told.content.alerts] for step in summary.steps] == [["a"], ["b"], ["c"]]
    assert {step.told.kind for step in summary.steps} == {K.FIRING}
    group = knowing(*summary.open, is_own=False)
    end = msgspec.structs.replace(told(K.RESOLVED, ended(warning("c"))), incident="kw/y/2")
    planned = plan(end, group, send_resolved=True)
    assert [f"{step.act.value} {step.key}" for step in planned.steps] == ["close kw/y/2"]


def test_a_group_that_goes_on_in_anothers_thread_knows_its_own_from_then_on() -> None:
    thread = knowing("kw/a/1", "kw/of-another-group/1", is_own=False)
    assert acts(K.UPDATE, critical("a"), critical("b"), thread=thread) == ["open kw/b/1", "(kw/a/1, kw/b/1)"]


def test_an_overflow_opens_and_ends_the_critical_and_lists_the_rest() -> None:
    notice = warning("c", state=AlertState.INACTIVE)
    made = acts(K.OVERFLOW, critical("a"), warning("b"), ended(critical("d")), notice)
    assert made == ["open kw/a/1", f"open {SHARED}", "close kw/d/1", f"(kw/a/1, {SHARED})"]


def test_what_is_told_of_one_incident_is_about_its_alert_alone() -> None:
    steps = plan(told(K.RESOLVED, ended(critical("a")), ended(critical("b"))), ALONE, send_resolved=True).steps
    facts = steps[1].told.content
    assert [view.fingerprint for view in facts.alerts] == ["b"]
    assert (facts.kind, facts.alert_count, facts.firing_count) == (K.RESOLVED, 1, 0)
