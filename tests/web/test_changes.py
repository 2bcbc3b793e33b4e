"""Who may change something over HTTP, and what is refused (T54)."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from kwatch.web.routes import create_app
from tests.web.boards import TOKEN, FixedBoard, FixedControl

HEADERS = {"authorization": f"Bearer {TOKEN}"}
CHANGES = [
    ("POST", "/api/v1/silences"),
    ("DELETE", "/api/v1/silences/s-1"),
    ("POST", "/api/v1/alerts/f-crash-loop/ack"),
    ("DELETE", "/api/v1/alerts/f-crash-loop/ack"),
    ("POST", "/api/v1/deliveries/n-1/retry"),
    ("DELETE", "/api/v1/deliveries/n-1"),
]


def ask(control: FixedControl, method: str, path: str, *, client: str = "127.0.0.1", **options: Any) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(FixedBoard(), control), client=(client, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as session:
            return await session.request(method, path, **options)

    return asyncio.run(request())


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 403),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, 403),
        ({"cookie": f"token={TOKEN}", "origin": "http://localhost:8080"}, 401),
    ],
)
def test_T54_without_the_token_nothing_is_changed(method: str, path: str, headers: Any, status: int) -> None:
    control = FixedControl()
    answer = ask(control, method, path, headers=headers, content=b'{"match": {"namespace": "shop"}}')
    assert (answer.status_code, control.asked) == (status, [])


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_T54_with_the_token_another_machine_is_refused_all_the_same(method: str, path: str) -> None:
    control = FixedControl()
    answer = ask(control, method, path, client="10.1.2.3", headers=HEADERS, json={"match": {}})
    assert (answer.status_code, control.asked) == (403, [])


def test_a_refusal_without_a_token_says_what_is_asked_for() -> None:
    answer = ask(FixedControl(), "POST", "/api/v1/silences")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": "a change needs the bearer token of the state folder"}


def test_a_silence_is_made_by_whom_the_header_says() -> None:
    control = FixedControl()
    headers = {**HEADERS, "x-kwatch-actor": "alice"}
    answer = ask(control, "POST", "/api/v1/silences", headers=headers, json={"match": {"namespace": "shop"}})
    assert answer.status_code == 201
    assert answer.json()["matching"] == 2
    assert answer.json()["silence"]["id"] == "s-1"
    assert control.asked == [({"match": {"namespace": "shop"}}, "alice")]


def test_who_does_not_say_who_they_are_is_unknown() -> None:
    control = FixedControl()
    ask(control, "DELETE", "/api/v1/silences/s-1", headers=HEADERS)
    assert control.asked == [("s-1", "unknown")]


def test_what_is_refused_says_why() -> None:
    answer = ask(FixedControl(), "POST", "/api/v1/silences", headers=HEADERS, json={})
    assert (answer.status_code, answer.json()) == (400, {"error": "'match' is missing"})


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"\xff", 400, "the body is not JSON"),
        (b"[" * 60_000, 400, "the body is not JSON"),
        (b"[]", 400, "the body must be a JSON object"),
        (json.dumps({"comment": "x" * 70_000}).encode(), 413, "a body has at most 65536 bytes"),
    ],
)
def test_a_body_is_a_small_json_object(body: bytes, status: int, error: str) -> None:
    control = FixedControl()
    answer = ask(control, "POST", "/api/v1/silences", headers=HEADERS, content=body)
    assert (answer.status_code, answer.json(), control.asked) == (status, {"error": error}, [])


def test_a_silence_that_is_not_there_is_404() -> None:
    answer = ask(FixedControl(), "DELETE", "/api/v1/silences/other", headers=HEADERS)
    missing = "there is no such silence: `kwatch silence list` shows those that are"
    assert (answer.status_code, answer.json()) == (404, {"error": missing})


def test_silences_and_changes_are_listed_without_the_token() -> None:
    silences = ask(FixedControl(), "GET", "/api/v1/silences")
    assert silences.status_code == 200
    changes = ask(FixedControl(), "GET", "/api/v1/audit?limit=1").json()["changes"]
    assert changes == [
        {
            "at": "2026-03-01T11:55:00+00:00",
            "actor": "alice",
            "action": "silence added",
            "subject": "s-1",
            "detail": "namespace: shop",
        }
    ]


def test_an_acknowledgement_says_who_and_why() -> None:
    control = FixedControl()
    headers = {**HEADERS, "x-kwatch-actor": "alice"}
    answer = ask(control, "POST", "/api/v1/alerts/f-crash-loop/ack", headers=headers, json={"comment": " on\tit "})
    assert answer.status_code == 200
    assert [(alert["fingerprint"], alert["acked_by"]) for alert in answer.json()["alerts"]] == [
        ("f-crash-loop", "alice")
    ]
    answer = ask(control, "DELETE", "/api/v1/alerts/kw/1/1/ack", headers=headers)
    assert answer.json()["alerts"][0]["acked_by"] == ""
    assert control.asked == [(("f-crash-loop", "on it"), "alice"), ("kw/1/1", "alice")]


def test_an_acknowledgement_needs_no_body() -> None:
    control = FixedControl()
    assert ask(control, "POST", "/api/v1/alerts/f-crash-loop/ack", headers=HEADERS).status_code == 200
    assert control.asked == [(("f-crash-loop", ""), "unknown")]


@pytest.mark.parametrize("body", [{"comment": 1}, {"comment": "x" * 2001}, {"coment": "on it"}])
def test_the_body_of_an_acknowledgement_holds_a_comment_alone(body: object) -> None:
    control = FixedControl()
    answer = ask(control, "POST", "/api/v1/alerts/f-crash-loop/ack", headers=HEADERS, json=body)
    assert (answer.status_code, control.asked) == (400, [])
    assert answer.json() == {"error": "the body may hold a comment, a text of at most 2000 characters"}


def test_a_comment_that_is_no_unicode_can_be_kept_all_the_same() -> None:
    control = FixedControl()
    content = b'{"comment": "a\\ud800b"}'
    assert ask(control, "POST", "/api/v1/alerts/f-crash-loop/ack", headers=HEADERS, content=content).status_code == 200
    assert control.asked == [(("f-crash-loop", "a?b"), "unknown")]


@pytest.mark.parametrize(
    ("method", "path", "done", "asked"),
    [
        ("POST", "/api/v1/deliveries/n-1/retry", {"queued": "n-1"}, ("retry", "n-1")),
        ("POST", "/api/v1/deliveries/kw/1/1/retry", {"queued": "kw/1/1"}, ("retry", "kw/1/1")),
        ("POST", "/api/v1/deliveries/kw%2F1%2F1/retry", {"queued": "kw/1/1"}, ("retry", "kw/1/1")),
        ("DELETE", "/api/v1/deliveries/n-1", {"dropped": "n-1"}, ("drop", "n-1")),
        ("DELETE", "/api/v1/deliveries/kw%2F1%2F1", {"dropped": "kw/1/1"}, ("drop", "kw/1/1")),
    ],
)
def test_a_delivery_is_retried_or_dropped_by_its_id(
    method: str, path: str, done: dict[str, str], asked: tuple[str, str]
) -> None:
    control = FixedControl()
    answer = ask(control, method, path, headers={**HEADERS, "x-kwatch-actor": "alice"})
    assert (answer.status_code, answer.json(), control.asked) == (200, done, [(asked, "alice")])


@pytest.mark.parametrize(("method", "end"), [("POST", "/retry"), ("DELETE", "")])
def test_a_delivery_that_is_not_there_or_cannot_be_is_refused(method: str, end: str) -> None:
    absent = ask(FixedControl(), method, f"/api/v1/deliveries/n-9{end}", headers=HEADERS)
    assert (absent.status_code, absent.json()) == (404, {"error": "there is no such delivery"})
    sent = ask(FixedControl(), method, f"/api/v1/deliveries/n-2{end}", headers=HEADERS)
    assert (sent.status_code, sent.json()) == (400, {"error": "it is sent: there is nothing to do"})
