"""A delivery as a page: every attempt with its reason, and forms that need the token."""

import asyncio
from typing import Any

import httpx
import pytest

from kwatch.web.routes import create_app
from tests.web.boards import TOKEN, FixedBoard, FixedControl


def ask(control: FixedControl, method: str, path: str, *, client: str = "127.0.0.1", **options: Any) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(FixedBoard(), control), client=(client, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as session:
            return await session.request(method, path, **options)

    return asyncio.run(request())


def test_the_page_tells_every_attempt_and_what_was_sent() -> None:
    page = ask(FixedControl(), "GET", "/deliveries/n-1").text
    assert "attempt" in page.lower()
    assert "2026-03-01 11:58:00 UTC" in page
    assert "200 OK" in page
    assert "{&#34;text&#34;: &#34;hi&#34;}" in page
    assert 'href="/deliveries/n-0"' in page
    assert 'formaction="/deliveries/n-1/retry"' in page
    assert 'formaction="/deliveries/n-1/drop"' in page


def test_the_page_of_what_was_sent_offers_no_change() -> None:
    assert "<form" not in ask(FixedControl(), "GET", "/deliveries/n-2").text


def test_the_page_of_nothing_is_404() -> None:
    assert ask(FixedControl(), "GET", "/deliveries/n-9").status_code == 404


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_a_form_with_the_token_changes_it_and_leads_back(act: str) -> None:
    control = FixedControl()
    answer = ask(control, "POST", f"/deliveries/n-1/{act}", data={"token": TOKEN, "actor": "ann\n"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/deliveries/n-1")
    assert control.asked == [((act, "n-1"), "ann")]


@pytest.mark.parametrize("act", ["retry", "drop"])
@pytest.mark.parametrize("fields", [{}, {"token": ""}, {"token": f"{TOKEN}x"}, {"token": "\ud800"}])
def test_T54_a_form_without_the_token_changes_nothing(act: str, fields: dict[str, str]) -> None:
    control = FixedControl()
    content = "&".join(f"{key}={value}" for key, value in fields.items()).encode(errors="surrogatepass")
    answer = ask(control, "POST", f"/deliveries/n-1/{act}", content=content, headers={"cookie": f"token={TOKEN}"})
    assert (answer.status_code, control.asked) == (403, [])


def test_T54_another_machine_sees_no_page_and_has_no_form() -> None:
    control = FixedControl()
    assert ask(control, "GET", "/deliveries/n-1", client="10.1.2.3").status_code == 403
    assert ask(control, "POST", "/deliveries/n-1/drop", client="10.1.2.3", data={"token": TOKEN}).status_code == 403
    assert control.asked == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_nothing_else_is_taken_where_forms_are(method: str) -> None:
    control = FixedControl()
    assert ask(control, method, "/deliveries/n-1/retry", data={"token": TOKEN}).status_code == 405
    assert control.asked == []


def test_a_form_that_cannot_be_says_why() -> None:
    answer = ask(FixedControl(), "POST", "/deliveries/n-2/retry", data={"token": TOKEN})
    assert (answer.status_code, answer.json()) == (400, {"error": "it is sent: there is nothing to do"})
