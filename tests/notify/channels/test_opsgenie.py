"""Opsgenie: what people see of alerts, and what becomes of requests that fail after they were taken."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.channels import opsgenie
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import NOW, alert, ended
from kwatch.testing.contract.secrecy import deliver
from kwatch.testing.vendors.opsgenie import Opsgenie
from tests.notify.channels.lanes import Lane, desk_of

ALIAS = "kw-7qf3zk2m5x4w6y1a9bcdefghij-1"
K = NotificationKind


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of(opsgenie, Opsgenie, tmp_path) as desk:
        yield desk


@pytest.fixture
def vendor(desk: Desk) -> Opsgenie:
    assert isinstance(desk.vendor, Opsgenie)
    return desk.vendor


def test_a_critical_alert_as_people_see_it(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING, public_url="https://kwatch.example.com")
    content = dict(vendor.alerts[0].content)
    assert "Cause        Deployment/worker keeps crashing" in content.pop("description")
    assert content == {
        "alias": ALIAS,
        "message": "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
        "priority": "P1",
        "entity": "prod-eu/payments/Deployment/worker",
        "source": "kwatch",
        "tags": ["prod-eu", "critical", "payments"],
        "details": {
            "runbook": "https://runbooks.example.com/crash-loop",
            "kwatch": "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij",
            "cluster": "prod-eu",
            "rule": "crash-loop",
            "severity": "critical",
            "kind": "Pod",
            "namespace": "payments",
            "name": "worker-7d9c-x2x1",
            "workload": "Deployment/worker",
            "node": "n-17",
            "reason": "BackOff",
        },
    }


@pytest.mark.parametrize(
    ("severity", "priority"), [(Severity.CRITICAL, "P1"), (Severity.WARNING, "P3"), (Severity.INFO, "P5")]
)
def test_priorities(vendor: Opsgenie, lane: Lane, severity: Severity, priority: str) -> None:
    lane.tell(K.FIRING, alert(severity=severity))
    assert vendor.alerts[0].content["priority"] == priority


def test_the_requests_of_an_incident(desk: Desk, lane: Lane) -> None:
    lane.tell(K.FIRING, alert(severity=Severity.WARNING))
    lane.tell(K.UPDATE, alert(severity=Severity.WARNING), alert(fingerprint="b", severity=Severity.WARNING))
    lane.tell(K.UPDATE, alert(severity=Severity.WARNING, acked_by="ann", acked_at=NOW))
    lane.tell(K.RESOLVED, ended(alert(severity=Severity.WARNING)))
    base = "https://api.atlassian.com/jsm/ops/integration/v2/alerts"
    assert [str(request.url) for request in desk.wire.requests if request.method == "POST"] == [
        base,
        f"{base}/kw-g5h2j7-1/notes?identifierType=alias",
        f"{base}/kw-g5h2j7-1/acknowledge?identifierType=alias",
        f"{base}/kw-g5h2j7-1/close?identifierType=alias",
    ]


def test_an_end_closes_the_alert_and_says_why(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()))
    (shown,) = vendor.shown()
    assert (shown.id, shown.is_over) == (ALIAS, True)
    assert "RESOLVED after 12 m" in vendor.alerts[0].notes[0]
    assert "it is healthy again" in vendor.alerts[0].notes[0]


def test_who_acknowledged_it_in_kwatch_is_named_there(desk: Desk, vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.UPDATE, alert(acked_by="ann", acked_at=NOW, ack_comment="the disk is being replaced"))
    assert vendor.alerts[0].state == "acknowledged"
    assert '"user":"ann"' in desk.wire.requests[-2].content.decode()
    assert "by ann at 14:14 UTC: the disk is being replaced" in vendor.alerts[0].notes[0]


@pytest.mark.parametrize("kind", [K.FIRING, K.REPEAT])
def test_F04_F14_a_request_that_is_sent_twice_is_one_alert_and_one_call(
    vendor: Opsgenie, lane: Lane, kind: NotificationKind
) -> None:
    lane.tell(kind, times=2)
    assert ([each.count for each in vendor.alerts], vendor.calls) == ([2], [ALIAS])


def test_F14_an_end_that_is_sent_twice_is_harmless(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()), times=2)
    assert [each.state for each in vendor.alerts] == ["closed"]


def test_F15_three_errors_and_then_success_are_one_alert(desk: Desk, vendor: Opsgenie, lane: Lane) -> None:
    for _ in range(3):
        desk.wire.faults.append(httpx.Response(500))
        with pytest.raises(SendError):
            lane.tell(K.FIRING)
    lane.tell(K.FIRING)
    assert vendor.calls == [ALIAS]


def test_F46_a_request_that_failed_after_it_was_taken_is_sent_again(vendor: Opsgenie, lane: Lane) -> None:
    vendor.seconds = 0.5
    vendor.failures.append("Could not process the request")
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.reason) == (Failure.RETRY, Reason.REJECTED)
    assert vendor.shown() == []
    lane.tell(K.FIRING)
    assert vendor.calls == [ALIAS]


def test_F46_without_the_question_what_failed_counts_as_told(desk: Desk, vendor: Opsgenie, lane: Lane) -> None:
    vendor.seconds = 0.5
    vendor.failures.append("Could not process the request")
    desk.wire.faults += [vendor.answer, httpx.Response(404), httpx.Response(404)]
    lane.tell(K.FIRING)
    assert vendor.shown() == []


@pytest.mark.parametrize(("takes", "polls"), [(0.0, 1), (0.5, 1), (3.0, 2), (60.0, 2)])
def test_F46_what_has_become_of_a_request_is_asked_at_most_twice(
    desk: Desk, vendor: Opsgenie, lane: Lane, takes: float, polls: int
) -> None:
    vendor.seconds = takes
    lane.tell(K.FIRING)
    assert [request.method for request in desk.wire.requests] == ["POST", *["GET"] * polls]


def test_F46_a_question_without_an_answer_does_not_send_again(desk: Desk, vendor: Opsgenie, lane: Lane) -> None:
    async def pass_on(request: httpx.Request) -> httpx.Response:
        return await vendor.answer(request)

    desk.wire.faults += [pass_on, httpx.ReadTimeout("silent"), httpx.Response(403)]
    lane.tell(K.FIRING)
    assert [shown.id for shown in vendor.shown()] == [ALIAS]


def test_an_alert_that_somebody_closed_needs_no_end(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING)
    vendor.alerts[0].state = "closed"
    lane.tell(K.RESOLVED, ended(alert()))
    assert vendor.alerts[0].notes == []


def test_nothing_that_was_written_into_a_message_is_markup(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING, alert(message="<script>alert(1)</script> a < b <!-- x -->", annotations={}))
    description = vendor.alerts[0].content["description"]
    assert "<\u200bscript>alert(1)<\u200b/script> a < b <\u200b!-- x -->" in description
    assert "<script>alert(1)</script> a < b <!-- x -->" in vendor.shown()[0].text


def test_details_keep_their_limit_and_say_what_is_missing(vendor: Opsgenie, lane: Lane) -> None:
    labels = {f"label-{n:02}": "v" * 400 for n in range(40)}
    lane.tell(K.FIRING, alert(labels=labels))
    details = vendor.alerts[0].content["details"]
    assert details["more"] == "21 not shown"
    assert list(details)[-2:] == ["label-18", "more"]


def test_the_plain_request_is_short(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.FIRING, degraded=True)
    assert len(vendor.alerts[0].content["description"]) == 500


def test_an_alert_that_kwatch_does_not_close_says_so(vendor: Opsgenie, lane: Lane) -> None:
    lane.tell(K.META, alerts=(), alert_count=0, text="the destination mail is suspended")
    assert vendor.alerts[0].content["description"].endswith("Close it by hand: kwatch tells no end of this")


def test_an_answer_that_names_no_request_is_in_doubt(desk: Desk, lane: Lane) -> None:
    desk.wire.faults.append(httpx.Response(202, text="<html>"))
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.reason) == (Failure.AMBIGUOUS, Reason.BAD_REPLY)


def test_while_throttled_the_pause_is_that_of_the_header(desk: Desk, lane: Lane) -> None:
    desk.wire.faults.append(httpx.Response(429, headers={"X-RateLimit-Period-In-Sec": "60"}))
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.retry_after) == (Failure.PACE, 60.0)


def test_the_api_of_another_region(desk: Desk) -> None:
    Lane(desk, api_url="https://api.eu.opsgenie.com/v2/").tell(K.FIRING)
    assert str(desk.wire.requests[0].url) == "https://api.eu.opsgenie.com/v2/alerts"


def test_F46_the_outbox_sends_it_again(desk: Desk, vendor: Opsgenie, tmp_path: Path) -> None:
    vendor.seconds = 0.5
    vendor.failures.append("Could not process the request")
    deliver(desk, tmp_path / "state", seconds=60)
    assert [request.method for request in desk.wire.requests] == ["POST", "GET", "POST", "GET"]
    assert [(shown.id, shown.is_over) for shown in vendor.shown()] == [(ALIAS, False)]
