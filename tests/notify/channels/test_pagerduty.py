"""PagerDuty: what people see of incidents, and who is called."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.alerts import AlertState
from kwatch.model.notifications import Delivery, Message, NotificationKind, Receipt, Thread
from kwatch.model.rules import PLANNED_CHANGE, Severity
from kwatch.notify.channels import pagerduty
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import NOW, alert, ended
from kwatch.testing.vendors.pagerduty import PagerDuty
from tests.notify.channels.lanes import Lane, desk_of

OLD, NEW = "0" * 31 + "a", "0" * 31 + "b"
KEY = "kw/7qf3zk2m5x4w6y1a9bcdefghij/1"
K = NotificationKind


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of(pagerduty, PagerDuty, tmp_path) as desk:
        yield desk


@pytest.fixture
def vendor(desk: Desk) -> PagerDuty:
    assert isinstance(desk.vendor, PagerDuty)
    return desk.vendor


def test_a_critical_alert_as_people_see_it(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING)
    assert vendor.incidents[0].event == {
        "event_action": "trigger",
        "dedup_key": KEY,
        "client": "kwatch",
        "links": [{"href": "https://runbooks.example.com/crash-loop", "text": "Runbook"}],
        "payload": {
            "summary": "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
            "source": "prod-eu/payments/Deployment/worker",
            "timestamp": "2026-03-01T14:02:00+00:00",
            "severity": "critical",
            "component": "Deployment/worker",
            "group": "payments",
            "class": "BackOff",
            "custom_details": {
                "Status": "FIRING since 14:02 UTC (12 m)",
                "Cause": "Deployment/worker keeps crashing",
                "Means": "The container ends soon after each start; the kubelet waits longer each time.",
                "Next": "kubectl -n payments logs worker-7d9c-x2x1 --previous",
                "Runbook": "https://runbooks.example.com/crash-loop",
                "Where": "payments/Deployment/worker",
                "Node": "n-17",
                "Affected": "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more",
                "How often": "about 30 in the window of the rule, 43 in all",
                "Image": "registry.example.com/worker:1.4.2",
                "Rule": "crash-loop",
                "Message": "Back-off restarting failed container worker in pod worker-7d9c-x2x1",
            },
        },
    }


@pytest.mark.parametrize(
    ("severity", "word"), [(Severity.CRITICAL, "critical"), (Severity.WARNING, "warning"), (Severity.INFO, "info")]
)
def test_severities(vendor: PagerDuty, lane: Lane, severity: Severity, word: str) -> None:
    lane.tell(K.FIRING, alert(severity=severity))
    assert vendor.incidents[0].event["payload"]["severity"] == word


def test_an_end_resolves_the_incident_and_says_why(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()))
    (shown,) = vendor.shown()
    assert (shown.id, shown.is_over) == (KEY, True)
    assert "RESOLVED after 12 m" in shown.text
    assert "it is healthy again" in shown.text
    assert vendor.incidents[0].event["payload"]["timestamp"] == "2026-03-01T14:14:00+00:00"


def test_a_second_critical_alert_of_the_group_calls_though_the_first_is_acknowledged(
    vendor: PagerDuty, lane: Lane
) -> None:
    lane.tell(K.FIRING)
    acked = alert(acked_by="ann", acked_at=NOW)
    lane.tell(K.UPDATE, acked)
    lane.tell(K.UPDATE, acked, alert(fingerprint="b", rule="oom-killed"))
    assert [(each.key, each.state) for each in vendor.incidents] == [(KEY, "acknowledged"), ("kw/b/1", "triggered")]
    assert vendor.calls == [KEY, "kw/b/1"]


def test_what_was_acknowledged_in_kwatch_is_acknowledged_there(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING, alert(severity=Severity.WARNING))
    by = alert(severity=Severity.WARNING, acked_by="ann", acked_at=NOW, ack_comment="the disk is being replaced")
    lane.tell(K.UPDATE, by)
    assert vendor.incidents[0].state == "acknowledged"
    assert "by ann at 14:14 UTC: the disk is being replaced" in vendor.shown()[0].text


def test_a_repeat_opens_again_what_somebody_has_resolved_by_hand(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING)
    vendor.incidents[0].state = "resolved"
    lane.tell(K.REPEAT)
    assert vendor.calls == [KEY, KEY]


@pytest.mark.parametrize("kind", [K.FIRING, K.REPEAT])
def test_F04_F14_an_event_that_is_sent_twice_is_one_incident_and_one_call(
    vendor: PagerDuty, lane: Lane, kind: NotificationKind
) -> None:
    lane.tell(kind, times=2)
    assert (len(vendor.incidents), vendor.calls) == (1, [KEY])


def test_F14_an_end_that_is_sent_twice_ends_once(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()), times=2)
    assert vendor.incidents[0].log == ["trigger", "resolve"]


def test_a_planned_change_is_a_change_event_and_calls_nobody(vendor: PagerDuty, lane: Lane) -> None:
    line = alert(
        rule=PLANNED_CHANGE,
        severity=Severity.INFO,
        state=AlertState.INACTIVE,
        annotations={},
        message="Deployment payments/worker rolled out: 3 Pods, 40 s, 2 alerts came and went",
        labels={"namespace": "payments", "workload": "Deployment/worker", "rule": PLANNED_CHANGE},
    )
    lane.tell(K.NOTICE, line)
    assert (vendor.incidents, vendor.calls) == ([], [])
    assert vendor.changes[0]["payload"]["summary"] == (
        "[prod-eu] info: planned-change payments/Deployment/worker, at 2026-03-01 14:02 UTC"
    )
    assert "Deployment payments/worker rolled out: 3 Pods, 40 s, 2 alerts came and went" in vendor.shown()[0].text


@pytest.mark.parametrize(
    ("severity", "keys", "opened"),
    [
        (Severity.INFO, {}, []),
        (Severity.INFO, {"change_events": False}, ["kw/g5h2j7/1"]),
        (Severity.WARNING, {}, ["kw/g5h2j7/1"]),
    ],
)
def test_which_notices_are_incidents(
    desk: Desk, vendor: PagerDuty, severity: Severity, keys: dict[str, Any], opened: list[str]
) -> None:
    Lane(desk, **keys).tell(K.NOTICE, alert(severity=severity, state=AlertState.INACTIVE))
    assert vendor.calls == opened


@pytest.mark.parametrize(
    ("severity", "keys", "opened"),
    [
        (Severity.INFO, {}, []),
        (Severity.INFO, {"change_events": False}, ["kw/g5h2j7/1"]),
        (Severity.CRITICAL, {}, ["kw/g5h2j7/1"]),
    ],
)
def test_what_kwatch_says_of_its_life_calls_nobody(
    desk: Desk, vendor: PagerDuty, severity: Severity, keys: dict[str, Any], opened: list[str]
) -> None:
    said = "kwatch was upgraded from 0.1.0 to 0.2.0, and watches prod-eu."
    Lane(desk, **keys).tell(K.META, alerts=(), alert_count=0, severity=severity, text=said)
    assert vendor.calls == opened
    assert said in vendor.shown()[0].text


def test_an_incident_that_kwatch_does_not_close_says_so(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.META, alerts=(), alert_count=0, text="the destination mail is suspended")
    assert vendor.incidents[0].event["payload"]["custom_details"]["Close"] == "by hand: kwatch tells no end of this"


def test_it_leads_to_the_alert_on_the_status_page(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING, public_url="https://kwatch.example.com")
    assert vendor.incidents[0].event["client_url"] == "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij"


def test_links_to_kwatch_and_each_runbook_once(vendor: PagerDuty, lane: Lane) -> None:
    views = (alert(severity=Severity.WARNING), alert(fingerprint="b", severity=Severity.WARNING))
    lane.tell(K.FIRING, *views, public_url="https://kwatch.example.com")
    assert vendor.incidents[0].event["links"] == [
        {"href": "https://runbooks.example.com/crash-loop", "text": "Runbook"},
        {"href": "https://kwatch.example.com", "text": "kwatch"},
    ]
    assert vendor.incidents[0].event["client_url"] == "https://kwatch.example.com"


def test_details_are_bounded_and_say_that_they_are_cut(vendor: PagerDuty, lane: Lane) -> None:
    annotations = {"summary": "s" * 100_000, "next_step": "日" * 9000}
    lane.tell(K.FIRING, alert(message="m" * 100_000, annotations=annotations))
    details = vendor.incidents[0].event["payload"]["custom_details"]
    assert len(msgspec.json.encode(details)) <= 8 * 1024
    assert "characters more" in details["Message"]


def test_F20_the_plain_event_has_few_details(vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING, degraded=True)
    details = vendor.incidents[0].event["payload"]["custom_details"]
    assert list(details) == ["Text"]
    assert len(details["Text"]) == 300
    assert details["Text"].startswith("FIRING since 14:02 UTC (12 m)\nCause")


def test_F15_three_errors_and_then_success_are_one_incident_and_one_call(
    desk: Desk, vendor: PagerDuty, lane: Lane
) -> None:
    for _ in range(3):
        desk.wire.faults.append(httpx.Response(500))
        with pytest.raises(SendError):
            lane.tell(K.FIRING, alert(), alert(fingerprint="b"))
    lane.tell(K.FIRING, alert(), alert(fingerprint="b"))
    assert vendor.calls == [KEY, "kw/b/1"]


def test_F14_what_was_taken_before_the_connection_was_reset_is_not_opened_twice(
    desk: Desk, vendor: PagerDuty, lane: Lane
) -> None:
    async def reset(request: httpx.Request) -> httpx.Response:
        await vendor.answer(request)
        raise httpx.ReadError("reset")

    desk.wire.faults.append(reset)
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert raised.value.failure is Failure.AMBIGUOUS
    lane.tell(K.FIRING)
    assert (len(vendor.incidents), vendor.calls) == (1, [KEY])


# Routing keys


def rotate(desk: Desk, vendor: PagerDuty, *keys: str) -> None:
    vendor.routing_keys |= set(keys)
    desk.keep("routing-key", " ".join(keys))


def test_the_routing_key_is_in_no_row(desk: Desk, vendor: PagerDuty, lane: Lane) -> None:
    (routing_key,) = vendor.routing_keys
    assert routing_key not in repr(desk.render()) + repr(lane.tell(K.FIRING))


def test_F31_an_end_uses_the_routing_key_that_opened_the_incident(desk: Desk, vendor: PagerDuty, lane: Lane) -> None:
    rotate(desk, vendor, OLD)
    lane.tell(K.FIRING, alert())
    rotate(desk, vendor, NEW, OLD)
    lane.tell(K.UPDATE, alert(), alert(fingerprint="b"))
    lane.tell(K.RESOLVED, ended(alert()), ended(alert(fingerprint="b")))
    assert [(each.key, each.routing_key, each.state) for each in vendor.incidents] == [
        (KEY, OLD, "resolved"),
        ("kw/b/1", NEW, "resolved"),
    ]


class Newest(pagerduty.PagerDuty):
    """It takes the newest key for every event."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return await super().send(message, msgspec.structs.replace(delivery, thread=Thread()))


def test_F31_without_the_key_that_opened_it_the_incident_stays_open(
    desk: Desk, vendor: PagerDuty, lane: Lane, tmp_path: Path
) -> None:
    rotate(desk, vendor, OLD)
    lane.tell(K.FIRING, alert())
    rotate(desk, vendor, NEW, OLD)
    flawed = ModuleType(pagerduty.__name__)
    vars(flawed).update(Config=pagerduty.Config, create=Newest)
    with desk_of(flawed, lambda _: vendor, tmp_path) as other:
        other.keep("routing-key", f"{NEW} {OLD}")
        ending = Lane(other)
        ending.thread = lane.thread
        with contextlib.suppress(SendError):
            ending.tell(K.RESOLVED, ended(alert()))
    assert [each.state for each in vendor.incidents if each.routing_key == OLD] == ["triggered"]


def test_F31_the_old_key_is_read_where_it_was_though_the_configuration_names_another_place(
    desk: Desk, vendor: PagerDuty, lane: Lane, tmp_path: Path
) -> None:
    rotate(desk, vendor, OLD)
    lane.tell(K.FIRING)
    vendor.routing_keys.add(NEW)
    desk.keep("new-key", NEW)
    lane.use(routing_key={"file": str(tmp_path / "new-key")})
    lane.tell(K.RESOLVED, ended(alert()))
    assert vendor.incidents[0].state == "resolved"


def test_F31_an_end_whose_routing_key_is_gone_is_an_orphan(desk: Desk, vendor: PagerDuty, lane: Lane) -> None:
    rotate(desk, vendor, OLD)
    lane.tell(K.FIRING, alert())
    rotate(desk, vendor, NEW)
    with pytest.raises(SendError) as raised:
        lane.tell(K.RESOLVED, ended(alert()))
    assert (raised.value.failure, raised.value.reason) == (Failure.MESSAGE, Reason.ORPHANED)
    assert [each.state for each in vendor.incidents] == ["triggered"]


def test_F31_an_end_of_what_another_tool_opened_is_an_orphan(lane: Lane) -> None:
    lane.thread = Thread(Receipt({KEY: ""}))  # the destination was of type opsgenie then
    with pytest.raises(SendError) as raised:
        lane.tell(K.RESOLVED, ended(alert()))
    assert raised.value.reason is Reason.ORPHANED


def test_F31_the_others_of_an_orphan_end(desk: Desk, vendor: PagerDuty, lane: Lane) -> None:
    rotate(desk, vendor, OLD)
    lane.tell(K.FIRING, alert())
    rotate(desk, vendor, NEW)
    lane.tell(K.UPDATE, alert(), alert(fingerprint="b"))
    with pytest.raises(SendError):
        lane.tell(K.RESOLVED, ended(alert()), ended(alert(fingerprint="b")))
    assert [each.state for each in vendor.incidents] == ["triggered", "resolved"]


def test_F31_a_repeat_after_the_rotation_opens_with_the_new_key(desk: Desk, vendor: PagerDuty, lane: Lane) -> None:
    rotate(desk, vendor, OLD)
    lane.tell(K.FIRING)
    rotate(desk, vendor, NEW)
    lane.tell(K.REPEAT)
    assert [each.routing_key for each in vendor.incidents] == [OLD, NEW]
    lane.tell(K.RESOLVED, ended(alert()))
    assert [each.state for each in vendor.incidents] == ["triggered", "resolved"]


# Answers


@pytest.mark.parametrize(
    ("response", "failure", "reason"),
    [
        (httpx.Response(400, json={"errors": ["'payload.summary' is missing"]}), Failure.MESSAGE, Reason.REJECTED),
        (httpx.Response(400, json={"errors": ["Invalid routing key"]}), Failure.DESTINATION, Reason.UNAUTHORIZED),
        (httpx.Response(202, text="<html>"), Failure.AMBIGUOUS, Reason.BAD_REPLY),
        (httpx.Response(202, json={"status": "invalid event"}), Failure.AMBIGUOUS, Reason.BAD_REPLY),
        (httpx.Response(202, json=[]), Failure.AMBIGUOUS, Reason.BAD_REPLY),
    ],
)
def test_what_an_answer_means(
    desk: Desk, lane: Lane, response: httpx.Response, failure: Failure, reason: Reason
) -> None:
    desk.wire.faults.append(response)
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.reason) == (failure, reason)


def test_the_api_of_another_region(desk: Desk) -> None:
    Lane(desk, api_url="https://events.eu.pagerduty.com/v2/").tell(K.FIRING)
    assert [str(request.url) for request in desk.wire.requests] == ["https://events.eu.pagerduty.com/v2/enqueue"]


def test_the_vendor_drops_an_end_that_another_routing_key_says(desk: Desk, vendor: PagerDuty, lane: Lane) -> None:
    lane.tell(K.FIRING)
    vendor.routing_keys.add(NEW)
    event = {"routing_key": NEW, "event_action": "resolve", "dedup_key": KEY}
    request = httpx.Request("POST", "https://events.pagerduty.com/v2/enqueue", content=json.dumps(event).encode())
    assert desk.run(vendor.answer(request)).status_code == 202
    assert vendor.incidents[0].state == "triggered"


def test_details_are_in_the_language_of_the_destination(desk: Desk, vendor: PagerDuty) -> None:
    Lane(desk, language="zh").tell(K.META, alerts=(), alert_count=0, text="the destination mail is suspended")
    details = vendor.incidents[0].event["payload"]["custom_details"]
    assert details["关闭"] == "需手动关闭：kwatch 不会报告其结束"
