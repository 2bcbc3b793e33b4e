"""The endpoints: what they answer, to whom."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kwatch.model.notifications import DeliveryState
from kwatch.web.routes import create_app
from kwatch.web.views import Board, StoreView
from tests.web.boards import CRASH, OVERVIEW, TOKEN, TROUBLED, FixedBoard, FixedControl, alert, delivery


def get(path: str, board: Board | None = None, *, client: str = "127.0.0.1", **options: Any) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(board or FixedBoard(), FixedControl()), client=(client, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as session:
            return await session.request(options.pop("method", "GET"), path, **options)

    return asyncio.run(request())


PAGES = ("/", "/kwatch.css", "/api/v1/alerts", "/api/v1/deliveries", "/api/v1/deliveries/n-1", "/nothing-here")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("client", ["10.1.2.3", "192.0.2.1", "::ffff:10.1.2.3", "fe80::1", "", "testclient"])
def test_pages_and_the_api_answer_this_machine_only(path: str, client: str) -> None:
    response = get(path, client=client)
    assert response.status_code == 403
    assert response.json() == {"error": "answered on this machine only; use kubectl port-forward"}


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip"])
def test_a_header_that_anyone_can_write_is_not_believed(header: str) -> None:
    assert get("/", client="10.1.2.3", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example:8080", "", "[::2]:8080"])
def test_a_page_elsewhere_cannot_rebind_its_name_to_this_machine(host: str) -> None:
    assert get("/api/v1/alerts", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"])
def test_every_loopback_address_is_this_machine(client: str, host: str) -> None:
    assert get("/", client=client, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_and_metrics_answer_anyone(path: str) -> None:
    assert get(path, client="10.1.2.3", headers={"host": "kwatch.monitoring.svc"}).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/healthz"])
def test_every_answer_has_the_security_headers(path: str) -> None:
    headers = get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/api/v1/alerts", "/healthz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed_there(path: str, method: str) -> None:
    assert get(path, method=method).status_code == 401
    assert get(path, method=method, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 405


def test_readyz_is_503_while_the_store_cannot_be_written() -> None:
    broken = replace(OVERVIEW, store=StoreView(path="/s", error="database or disk is full"))
    response = get("/readyz", FixedBoard(broken))
    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["store"] == {"ok": False, "error": "database or disk is full"}


def test_readyz_is_200_while_one_kind_is_forbidden() -> None:
    response = get("/readyz", FixedBoard(TROUBLED))
    assert (response.status_code, response.json()["status"]) == (200, "degraded")


def test_the_page_shows_alerts_deliveries_destinations_and_watches() -> None:
    page = get("/").text
    for shown in (
        "payments/Deployment/worker",
        "crash-loop",
        "team-slack",
        "12 problems were already there",
        "v1/pods",
    ):
        assert shown in page


def test_the_page_says_that_the_store_cannot_be_written() -> None:
    page = get("/", FixedBoard(replace(OVERVIEW, store=StoreView(path="/s", error="disk full")))).text
    assert "The state folder /s cannot be written:" in page


def test_x_04_markup_from_the_cluster_is_text() -> None:
    evil = alert("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', message="</p><script>", count=2)
    board = FixedBoard(
        replace(OVERVIEW, alerts=(evil,), cluster="<b>c</b>"),
        rows=(delivery('x"/><script>', DeliveryState.DEAD, evil, reason="<script>"),),
    )
    page = get("/", board).text
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page


def test_alerts_are_listed_as_json() -> None:
    assert get("/api/v1/alerts", FixedBoard(replace(OVERVIEW, alerts=(CRASH,)))).json() == {
        "alerts": [
            {
                "fingerprint": "f-crash-loop",
                "episode": 1,
                "rule": "crash-loop",
                "state": "firing",
                "severity": "critical",
                "labels": {"namespace": "payments", "workload": "Deployment/worker"},
                "message": "Back-off restarting failed container app in pod worker-7d9f-abcde",
                "details": {},
                "count": 14,
                "starts_at": "2026-03-01T11:48:00+00:00",
                "members": [],
                "member_count": 3,
                "late": False,
                "throttled": False,
                "flapping": False,
                "acked_by": "",
                "acked_at": None,
                "ack_comment": "",
                "escalated_to": [],
                "muted_by": "",
            }
        ]
    }


def test_deliveries_are_listed_newest_first_up_to_the_limit() -> None:
    listed = get("/api/v1/deliveries?limit=2").json()["deliveries"]
    assert [row["id"] for row in listed] == ["n-3", "n-2"]
    assert listed[1] == {
        "id": "n-2",
        "destination": "team-slack",
        "incident": "kw/1/1",
        "sequence": 1,
        "kind": "firing",
        "severity": "warning",
        "state": "sent",
        "title": "crash-loop payments/Deployment/worker and 1 more",
        "attempts": 1,
        "created_at": "2026-03-01T11:58:00+00:00",
        "due_at": None,
        "finished_at": "2026-03-01T11:58:00+00:00",
        "reason": "",
    }


def test_deliveries_can_be_asked_for_by_their_states() -> None:
    listed = get("/api/v1/deliveries?state=dead&state=sent").json()["deliveries"]
    assert [row["id"] for row in listed] == ["n-2", "n-1"]


def test_a_state_that_is_none_is_refused() -> None:
    response = get("/api/v1/deliveries?state=gone")
    assert response.status_code == 400
    assert response.json()["error"].startswith("there is no state 'gone'; there is queued, leased, ")


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "all", ""])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    response = get("/api/v1/deliveries", params={"limit": limit})
    assert response.status_code == 400
    assert response.json() == {"error": "limit must be a number from 1 to 1000"}


def test_a_delivery_is_shown_with_its_attempts_and_its_message() -> None:
    story = get("/api/v1/deliveries/n-2").json()
    assert story["tries"] == [
        {
            "number": 1,
            "started_at": "2026-03-01T11:57:59+00:00",
            "ended_at": "2026-03-01T11:58:00+00:00",
            "outcome": "sent",
            "reason": "",
            "detail": "200 OK",
        }
    ]
    assert story["message"] == {
        "content_type": "application/json",
        "body": '{"text": "hi"}',
        "fallback_reason": "",
    }


def test_an_overflow_names_what_it_stands_for() -> None:
    assert get("/api/v1/deliveries/n-1").json()["folded"] == [{"id": "n-0", "kind": "firing", "incident": "kw/0/1"}]
    assert get("/api/v1/deliveries/n-2").json()["folded"] == []


def test_an_unknown_delivery_is_404() -> None:
    response = get("/api/v1/deliveries/kw/none")
    assert (response.status_code, response.json()) == (404, {"error": "there is no such delivery"})
