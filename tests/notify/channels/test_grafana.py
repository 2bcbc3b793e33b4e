"""Grafana IRM: what people see of alert groups."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.channels import grafana
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import NOW, alert, ended
from kwatch.testing.vendors.grafana import Grafana
from tests.notify.channels.lanes import Lane, desk_of

KEY = "kw/7qf3zk2m5x4w6y1a9bcdefghij/1"
K = NotificationKind


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of(grafana, Grafana, tmp_path) as desk:
        yield desk


@pytest.fixture
def vendor(desk: Desk) -> Grafana:
    assert isinstance(desk.vendor, Grafana)
    return desk.vendor


def test_a_critical_alert_as_people_see_it(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING)
    sent = dict(vendor.groups[0].alerts[0])
    assert sent.pop("message").startswith(
        "FIRING since 14:02 UTC (12 m)\nCause        Deployment/worker keeps crashing"
    )
    assert sent == {
        "alert_uid": KEY,
        "state": "alerting",
        "title": "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
        "link_to_upstream_details": "https://runbooks.example.com/crash-loop",
        "severity": "critical",
        "labels": {
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


def test_it_leads_to_the_alert_on_the_status_page(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING, public_url="https://kwatch.example.com")
    (sent,) = vendor.groups[0].alerts
    assert sent["link_to_upstream_details"] == "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij"


def test_an_end_resolves_the_group_and_says_why(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()))
    (shown,) = vendor.shown()
    assert (shown.id, shown.is_over) == (KEY, True)
    assert "RESOLVED after 12 m" in shown.text
    assert "it is healthy again" in shown.text


@pytest.mark.parametrize("kind", [K.FIRING, K.REPEAT])
def test_F04_F14_an_alert_that_is_sent_twice_is_one_group_and_one_call(
    vendor: Grafana, lane: Lane, kind: NotificationKind
) -> None:
    lane.tell(kind, times=2)
    assert vendor.calls == [KEY]


def test_F14_an_end_that_is_sent_twice_is_harmless(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()), times=2)
    assert [each.is_over for each in vendor.groups] == [True]


def test_F15_three_errors_and_then_success_are_one_group(desk: Desk, vendor: Grafana, lane: Lane) -> None:
    for _ in range(3):
        desk.wire.faults.append(httpx.Response(500))
        with pytest.raises(SendError):
            lane.tell(K.FIRING)
    lane.tell(K.FIRING)
    assert vendor.calls == [KEY]


def test_a_repeat_opens_again_what_somebody_has_resolved_by_hand(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING)
    vendor.groups[0].is_over = True
    lane.tell(K.REPEAT)
    assert vendor.calls == [KEY, KEY]


def test_who_acknowledged_it_in_kwatch_is_told(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING, alert(severity=Severity.WARNING))
    lane.tell(K.UPDATE, alert(severity=Severity.WARNING, acked_by="ann", acked_at=NOW))
    assert "by ann at 14:14 UTC" in vendor.shown()[0].text


def test_nothing_that_was_written_into_a_message_is_markup(vendor: Grafana, lane: Lane) -> None:
    hostile = "[login](https://evil.example.com) <!channel> <b>@here</b>"
    lane.tell(K.FIRING, alert(message=hostile, annotations={}))
    message = vendor.groups[0].alerts[0]["message"]
    assert "[login]\u200b(https://evil.example.com) <\u200b!channel> <\u200bb>@\u200bhere<\u200b/b>" in message
    assert hostile in vendor.shown()[0].text


def test_the_plain_alert_is_short(vendor: Grafana, lane: Lane) -> None:
    lane.tell(K.FIRING, degraded=True)
    assert len(vendor.groups[0].alerts[0]["message"]) == 500


def test_a_login_page_is_no_success(desk: Desk, lane: Lane) -> None:
    desk.wire.faults.append(httpx.Response(200, text="\n<!DOCTYPE html><html>Log in</html>"))
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.reason) == (Failure.AMBIGUOUS, Reason.BAD_REPLY)
