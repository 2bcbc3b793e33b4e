"""incident.io: what people see of alerts."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.channels import incidentio
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import NOW, alert, ended
from kwatch.testing.vendors.incidentio import IncidentIo
from tests.notify.channels.lanes import Lane, desk_of

KEY = "kw/7qf3zk2m5x4w6y1a9bcdefghij/1"
K = NotificationKind


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of(incidentio, IncidentIo, tmp_path) as desk:
        yield desk


@pytest.fixture
def vendor(desk: Desk) -> IncidentIo:
    assert isinstance(desk.vendor, IncidentIo)
    return desk.vendor


def test_a_critical_alert_as_people_see_it(vendor: IncidentIo, lane: Lane) -> None:
    lane.tell(K.FIRING, public_url="https://kwatch.example.com")
    event = dict(vendor.alerts[KEY].event)
    description = event.pop("description").splitlines()
    assert description[:5] == [
        "- **Status:** FIRING since 14:02 UTC (12 m)",
        "- **Cause:** Deployment/worker keeps crashing",
        "- **Means:** The container ends soon after each start; the kubelet waits longer each time.",
        "- **Next:** kubectl -n payments logs worker-7d9c-x2x1 --previous",
        "- **Runbook:** <https://runbooks.example.com/crash-loop>",
    ]
    assert event == {
        "deduplication_key": KEY,
        "status": "firing",
        "title": "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
        "source_url": "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij",
        "metadata": {
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


def test_an_end_resolves_the_alert_and_says_why(vendor: IncidentIo, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()))
    (shown,) = vendor.shown()
    assert (shown.id, shown.is_over) == (KEY, True)
    assert "RESOLVED after 12 m" in shown.text
    assert "it is healthy again" in shown.text


def test_a_second_outage_is_seen_though_a_key_is_for_ever(vendor: IncidentIo, lane: Lane, desk: Desk) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()))
    Lane(desk).tell(K.FIRING, alert(episode=2))
    assert vendor.calls == [KEY, "kw/7qf3zk2m5x4w6y1a9bcdefghij/2"]


@pytest.mark.parametrize("kind", [K.FIRING, K.REPEAT])
def test_F04_F14_an_event_that_is_sent_twice_is_one_alert_and_one_call(
    vendor: IncidentIo, lane: Lane, kind: NotificationKind
) -> None:
    lane.tell(kind, times=2)
    assert (list(vendor.alerts), vendor.calls) == ([KEY], [KEY])


def test_F15_three_errors_and_then_success_are_one_alert(desk: Desk, vendor: IncidentIo, lane: Lane) -> None:
    for _ in range(3):
        desk.wire.faults.append(httpx.Response(500))
        with pytest.raises(SendError):
            lane.tell(K.FIRING)
    lane.tell(K.FIRING)
    assert vendor.calls == [KEY]


def test_who_acknowledged_it_in_kwatch_is_told(vendor: IncidentIo, lane: Lane) -> None:
    lane.tell(K.FIRING, alert(severity=Severity.WARNING))
    lane.tell(K.UPDATE, alert(severity=Severity.WARNING, acked_by="ann", acked_at=NOW))
    assert "Acknowledged: by ann at 14:14 UTC" in vendor.shown()[0].text


def test_nothing_that_was_written_into_a_message_is_markdown(vendor: IncidentIo, lane: Lane) -> None:
    hostile = "[login](https://evil.example.com) **now** <b>@ann</b>"
    lane.tell(K.FIRING, alert(message=hostile, annotations={}))
    assert hostile in vendor.shown()[0].text
    assert vendor.shown()[0].links == ()
    assert r"\[login\](https://evil.example.com) \*\*now\*\*" in vendor.alerts[KEY].event["description"]


def test_the_text_of_several_alerts_keeps_its_lines(vendor: IncidentIo, lane: Lane) -> None:
    views = (alert(severity=Severity.WARNING), alert(fingerprint="b", severity=Severity.WARNING))
    lane.tell(K.FIRING, *views)
    description = vendor.alerts["kw/g5h2j7/1"].event["description"]
    assert description.startswith("FIRING since 14:02 UTC (12 m)  \n+ crash-loop · payments/Deployment/worker")


def test_the_plain_event_is_short(vendor: IncidentIo, lane: Lane) -> None:
    lane.tell(K.FIRING, degraded=True)
    assert len(vendor.alerts[KEY].event["description"]) == 500


@pytest.mark.parametrize("answer", [httpx.Response(202, text="<html>"), httpx.Response(200, json={"status": "error"})])
def test_an_answer_that_does_not_say_success_is_in_doubt(desk: Desk, lane: Lane, answer: httpx.Response) -> None:
    desk.wire.faults.append(answer)
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.reason) == (Failure.AMBIGUOUS, Reason.BAD_REPLY)


def test_a_token_in_the_url_is_refused(desk: Desk) -> None:
    with pytest.raises(ValidationError):
        desk.configure(url="https://api.incident.io/v2/alert_events/http/01GW?token=x")
