"""Faults on the wire, over real connections: each is seen as what it is, beside what it would be taken for."""

import asyncio
import gzip
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
import trustme

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from tests.faults.wires import Behaviour, answer, attempt, never, reset, saying, server, trickle


def outcome(behave: Behaviour, *, seconds: float = 5.0) -> Receipt | SendError | TimeoutError:
    async def main() -> Receipt | SendError | TimeoutError:
        async with server(behave) as url:
            return await attempt(url, seconds=seconds)

    return asyncio.run(main())


def meaning(found: object) -> tuple[Failure, Reason]:
    assert isinstance(found, SendError), found
    return found.failure, found.reason


def test_F10_a_name_that_nobody_knows_is_tried_again() -> None:
    found = asyncio.run(attempt("http://nobody.invalid/"))
    assert meaning(found) == (Failure.RETRY, Reason.DNS)


def test_F11_a_connection_that_is_refused_is_tried_again() -> None:
    async def main() -> object:
        async with server(saying()) as url:
            pass
        return await attempt(url)

    assert meaning(asyncio.run(main())) == (Failure.RETRY, Reason.REFUSED)


def test_F12_silence_lasts_as_long_as_it_may_and_no_longer() -> None:
    began = time.monotonic()
    assert isinstance(outcome(never, seconds=0.5), TimeoutError)
    assert 0.4 < time.monotonic() - began < 3


def test_F13_a_trickle_is_cut_by_the_total_and_by_nothing_else() -> None:
    """Without the total, the client's own limits let it go on to the end: each byte comes in time."""
    assert isinstance(outcome(trickle, seconds=0.5), TimeoutError)
    began = time.monotonic()
    assert not isinstance(outcome(trickle, seconds=60), TimeoutError)
    assert time.monotonic() - began > 1.5


def test_F14_a_reset_after_the_request_leaves_it_open_whether_it_arrived() -> None:
    assert meaning(outcome(reset)) == (Failure.AMBIGUOUS, Reason.RESET)


@pytest.mark.parametrize("cut", [0, 10, 30])
def test_F14_so_does_an_answer_that_ends_early(cut: int) -> None:
    assert meaning(outcome(saying(answer("200 OK", body=b"taken")[:cut]))) == (Failure.AMBIGUOUS, Reason.RESET)


def test_F16_a_503_that_says_when_is_a_pause() -> None:
    found = outcome(saying(answer("503 Unavailable", "Retry-After: 120")))
    assert meaning(found) == (Failure.PACE, Reason.UNAVAILABLE)
    assert isinstance(found, SendError)
    assert found.retry_after == 120


def test_F17_a_date_counts_from_the_servers_own_clock() -> None:
    """The server's clock is an hour ahead: by ours the pause would be an hour longer."""
    theirs = datetime.now(UTC) + timedelta(hours=1)
    until = format_datetime(theirs + timedelta(seconds=90), usegmt=True)
    head = (f"Date: {format_datetime(theirs, usegmt=True)}", f"Retry-After: {until}")
    found = outcome(saying(answer("429 Too Many Requests", *head)))
    assert meaning(found) == (Failure.PACE, Reason.RATE_LIMITED)
    assert isinstance(found, SendError)
    assert found.retry_after == 90
    assert (parsedate_to_datetime(until) - datetime.now(UTC)).total_seconds() > 3600


def test_F19_a_pause_of_a_day_is_an_hour() -> None:
    found = outcome(saying(answer("429 Too Many Requests", "Retry-After: 86400")))
    assert isinstance(found, SendError)
    assert found.retry_after == 3600


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("401 Unauthorized", (Failure.DESTINATION, Reason.UNAUTHORIZED)),
        ("410 Gone", (Failure.DESTINATION, Reason.GONE)),
        ("400 Bad Request", (Failure.MESSAGE, Reason.REJECTED)),
        ("413 Content Too Large", (Failure.MESSAGE, Reason.TOO_LARGE)),
        ("500 Internal Server Error", (Failure.AMBIGUOUS, Reason.SERVER)),
    ],
)
def test_F15_F20_F21_F22_F24_a_status_means_what_it_says(status: str, expected: tuple[Failure, Reason]) -> None:
    assert meaning(outcome(saying(answer(status)))) == expected


def test_F23_a_redirect_to_a_login_page_is_no_success() -> None:
    """A client that follows redirects is told 200 by the login page."""

    async def main() -> tuple[object, int]:
        async with (
            server(saying(answer("200 OK", body=b"<form>log in</form>"))) as login,
            server(saying(answer("302 Found", f"Location: {login}"))) as url,
            httpx.AsyncClient(follow_redirects=True) as client,
        ):
            followed = await client.post(url, content=b"{}")
            return await attempt(url), followed.status_code

    found, followed = asyncio.run(main())
    assert meaning(found) == (Failure.DESTINATION, Reason.REDIRECT)
    assert followed == 200


def test_F36_an_expired_certificate_suspends_the_destination_though_its_authority_is_trusted(tmp_path: Path) -> None:
    """Without the check, the message would have been delivered to it."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1)).configure_cert(context)
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())

    async def main() -> tuple[object, int]:
        async with server(saying(answer("200 OK")), context) as url:
            async with httpx.AsyncClient(verify=False) as careless:
                status = (await careless.post(url, content=b"{}")).status_code
            return await attempt(url, ca=str(tmp_path / "ca.pem")), status

    found, careless = asyncio.run(main())
    assert meaning(found) == (Failure.DESTINATION, Reason.TLS)
    assert careless == 200


@pytest.mark.parametrize(("status", "expected"), [("200 OK", None), ("500 Oops", (Failure.AMBIGUOUS, Reason.SERVER))])
def test_F48_a_gzip_bomb_is_told_by_its_status_and_costs_no_memory(
    status: str, expected: tuple[Failure, Reason] | None
) -> None:
    """Unpacked it would be 315 MB."""
    bomb = gzip.compress(bytes(315_000_000), 1)
    assert len(bomb) < 2_000_000
    found = outcome(saying(answer(status, "Content-Encoding: gzip", body=bomb)), seconds=5)
    assert isinstance(found, Receipt) if expected is None else meaning(found) == expected
