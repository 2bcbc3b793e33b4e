"""What holds for every channel that speaks HTTP: what each answer means, the faults of the way, and what is sent."""

import gzip
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

import certifi
import httpx
import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import NotificationKind
from kwatch.notify.base import Connection
from kwatch.outbox.ports import Reconciling
from kwatch.testing.contract import odd
from kwatch.testing.contract.desk import Desk, Fault
from kwatch.testing.contract.samples import ALONE, alert, content, delivery, notification, thread_of
from kwatch.testing.contract.secrecy import deliver, files, leaked, logged, told
from kwatch.testing.contract.suite import Suite
from kwatch.testing.vendors import HttpVendor, Limit

#: Status → what it means; of 2xx the vendor's own is a success.
STATUSES = {
    **dict.fromkeys((301, 302, 303, 307, 308), Failure.DESTINATION),
    **dict.fromkeys((401, 403, 404, 405, 407, 410, 415, 451), Failure.DESTINATION),
    **dict.fromkeys((400, 402, 409, 413, 418, 422), Failure.MESSAGE),
    **dict.fromkeys((408, 425, 503), Failure.RETRY),
    429: Failure.PACE,
    **dict.fromkeys((500, 501, 502, 504, 520, 522, 524), Failure.AMBIGUOUS),
}
_SENT = {"Date": "Sun, 01 Mar 2026 15:14:00 GMT"}  # an hour ahead of our clock
#: The headers of a 429 → the seconds to wait.
PAUSES: Sequence[tuple[Mapping[str, str], float | None]] = (
    ({"Retry-After": "17"}, 17.0),
    ({"Retry-After": "0"}, 1.0),
    ({"Retry-After": "86400"}, 3600.0),
    ({"Retry-After": "Sun, 01 Mar 2026 15:16:00 GMT", **_SENT}, 120.0),
    ({"Retry-After": "Sun, 01 Mar 2026 15:16:00 GMT"}, None),
    ({"Retry-After": "soon"}, None),
    ({}, None),
)


def caused(error: Exception, cause: Exception) -> Exception:
    """Return the error with its cause."""
    error.__cause__ = cause
    return error


#: What becomes of an attempt that gets no answer.
NO_ANSWER: Sequence[tuple[str, Exception, Failure, Reason]] = (
    ("refused", httpx.ConnectError("refused"), Failure.RETRY, Reason.REFUSED),
    ("dns", caused(httpx.ConnectError("?"), socket.gaierror(-2, "unknown")), Failure.RETRY, Reason.DNS),
    ("connect timeout", httpx.ConnectTimeout("slow"), Failure.RETRY, Reason.CONNECT_TIMEOUT),
    ("tls", caused(httpx.ConnectError("?"), ssl.SSLError(1, "reset")), Failure.RETRY, Reason.TLS),
    (
        "certificate",
        caused(httpx.ConnectError("?"), ssl.SSLCertVerificationError(1, "expired")),
        Failure.DESTINATION,
        Reason.TLS,
    ),
    ("proxy", httpx.ProxyError("502"), Failure.RETRY, Reason.REFUSED),
    ("silent", httpx.ReadTimeout("silent"), Failure.AMBIGUOUS, Reason.TIMEOUT),
    ("write timeout", httpx.WriteTimeout("slow"), Failure.AMBIGUOUS, Reason.TIMEOUT),
    ("reset", httpx.ReadError("reset"), Failure.AMBIGUOUS, Reason.RESET),
    ("cut", httpx.RemoteProtocolError("cut"), Failure.AMBIGUOUS, Reason.RESET),
)


class Stream(httpx.AsyncByteStream):
    """A body that comes in chunks, without end unless an error ends it."""

    def __init__(self, desk: Desk, chunk: bytes, *, every: float = 0.0, error: Exception | None = None) -> None:
        self._desk = desk
        self._chunk = chunk
        self._every = every
        self._error = error
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await self._desk.clock.sleep(self._every)
            self.read += len(self._chunk)
            yield self._chunk
            if self._error is not None:
                raise self._error


def failing(desk: Desk, fault: Fault) -> SendError:
    """Tell, answered so, and return the error; a success fails the test."""
    desk.wire.faults.append(fault)
    with pytest.raises(SendError) as raised:
        desk.tell()
    return raised.value


def outcome(desk: Desk, attempt: Awaitable[object], body: bytes) -> object:
    """Return what an attempt gives that is answered so, None for a failure; a bug fails the test."""
    try:
        return desk.run(attempt)
    except SendError:
        return None
    except Exception as bug:  # noqa: BLE001  # one of any kind is what this looks for
        pytest.fail(f"{bug!r} at {body!r}")


class Http(Suite):
    """What holds for every channel that speaks HTTP."""

    #: Where the service is documented to mean something else by a status.
    statuses: ClassVar[Mapping[int, Failure]] = {}

    @pytest.mark.parametrize("status", STATUSES)
    def test_T03_T33_each_status_means_what_it_says(self, desk: Desk, status: int) -> None:
        answer = httpx.Response(status, headers={"Location": "https://elsewhere.example.com/"}, text="<html>")
        assert failing(desk, answer).failure is (STATUSES | dict(self.statuses))[status]

    @pytest.mark.parametrize(("headers", "seconds"), PAUSES)
    def test_F16_F17_F19_a_pause_is_as_long_as_was_asked(
        self, desk: Desk, headers: Mapping[str, str], seconds: float | None
    ) -> None:
        error = failing(desk, httpx.Response(429, headers=headers))
        assert (error.failure, error.retry_after) == (Failure.PACE, seconds)

    def test_F16_503_with_retry_after_is_a_pause(self, desk: Desk) -> None:
        error = failing(desk, httpx.Response(503, headers={"Retry-After": "120"}))
        assert (error.failure, error.retry_after) == (Failure.PACE, 120.0)

    @pytest.mark.parametrize(
        ("error", "failure", "reason"), [row[1:] for row in NO_ANSWER], ids=[row[0] for row in NO_ANSWER]
    )
    def test_T28_T55_no_answer_is_a_failure_of_its_kind(
        self, desk: Desk, error: Exception, failure: Failure, reason: Reason
    ) -> None:
        raised = failing(desk, error)
        assert (raised.failure, raised.reason) == (failure, reason)

    @pytest.mark.parametrize("status", [200, 400, 429])
    def test_F48_an_odd_answer_is_taken_or_refused_and_no_bug(self, desk: Desk, status: int) -> None:
        first, thread = notification(), thread_of(desk.tell())
        end = notification(content(kind=NotificationKind.RESOLVED), sequence=2)
        for of, root in ((first, ALONE), (end, thread)):
            message = desk.channel.render(of, root, degraded=False)
            for body in odd.answers():
                for act in (desk.channel.send, *([desk.channel.find] if isinstance(desk.channel, Reconciling) else [])):
                    desk.wire.faults.extend([httpx.Response(status, content=body)] * 4)
                    taken = outcome(desk, act(message, delivery(of, message, root)), body)
                    assert status == 200 or taken is None, body
                    desk.wire.faults.clear()

    def test_F14_an_answer_that_breaks_off_leaves_the_outcome_unknown(self, desk: Desk) -> None:
        broken = httpx.Response(200, stream=Stream(desk, b"{", error=httpx.ReadError("reset")))
        assert failing(desk, broken).failure is Failure.AMBIGUOUS

    def test_F12_one_that_never_answers_costs_the_time_of_one_attempt(self, desk: Desk) -> None:
        async def never(request: httpx.Request) -> httpx.Response:
            await desk.clock.sleep(86_400)
            return httpx.Response(200)

        desk.wire.faults.append(never)
        with pytest.raises(TimeoutError):
            desk.tell()
        assert desk.clock.monotonic() == 30.0

    def test_F13_one_that_trickles_costs_the_time_of_one_attempt(self, desk: Desk) -> None:
        desk.wire.faults.append(httpx.Response(200, stream=Stream(desk, b" ", every=0.8)))
        with pytest.raises(TimeoutError):
            desk.tell()
        assert desk.clock.monotonic() == 30.0

    def test_no_more_than_64_kib_of_an_answer_are_read(self, desk: Desk) -> None:
        endless = Stream(desk, b"x" * 1024)
        assert failing(desk, httpx.Response(500, stream=endless)).failure is Failure.AMBIGUOUS
        assert endless.read <= 65 * 1024

    def test_F48_an_answer_that_unpacks_to_64_megabytes_takes_no_memory(self, desk: Desk) -> None:
        bomb = httpx.Response(500, stream=Stream(desk, packed()), headers={"Content-Encoding": "gzip"})
        tracemalloc.start()
        error = failing(desk, bomb)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert error.failure is Failure.AMBIGUOUS
        assert peak < 4 << 20

    @pytest.mark.parametrize("location", ["http://169.254.169.254/latest", "https://login.example.com/", "/elsewhere"])
    def test_X10_F23_a_redirect_is_not_followed(self, desk: Desk, location: str) -> None:
        error = failing(desk, httpx.Response(302, headers={"Location": location}))
        assert (error.failure, error.reason) == (Failure.DESTINATION, Reason.REDIRECT)
        assert len(desk.wire.requests) == 1

    def test_the_vendors_own_words_for_a_failure_are_understood(self, desk: Desk) -> None:
        for refusal in vendor_of(desk).refusals:
            error = failing(desk, refusal.answer)
            expected = (refusal.name, refusal.failure, refusal.retry_after)
            assert (refusal.name, error.failure, error.retry_after) == expected

    def test_what_the_vendor_takes_is_a_success(self, desk: Desk) -> None:
        desk.tell()
        assert [answer.status_code // 100 for answer in desk.wire.answers] == [2]

    def test_a_resend_has_the_same_bytes(self, desk: Desk) -> None:
        message = desk.render()
        desk.send(message)
        desk.send(message)
        first, second = desk.wire.requests
        assert (first.method, first.url, first.content) == (second.method, second.url, second.content)

    def test_F20_what_is_refused_is_told_once_more_plain(self, desk: Desk, tmp_path: Path) -> None:
        desk.wire.faults.append(httpx.Response(400))
        deliver(desk, tmp_path / "state", content(alert(message="m" * 4000)), seconds=600)
        rich, plain = desk.wire.requests
        assert rich.content != plain.content
        assert len(desk.shown) == 1

    def test_X11_no_credential_is_in_the_error_of_any_answer(self, desk: Desk) -> None:
        faults: list[Fault] = [row[1] for row in NO_ANSWER]
        for fault in faults + [echo(desk, status) for status in STATUSES]:
            assert leaked(desk, *told(failing(desk, fault))) == []

    def test_X11_no_credential_is_in_a_dead_letter(
        self, desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        desk.wire.faults.extend((echo(desk, 500), echo(desk, 400), echo(desk, 400)))
        counters = deliver(desk, tmp_path / "state", seconds=600)
        assert len(desk.wire.requests) == 3
        assert leaked(desk, *files(tmp_path / "state"), repr(counters.read()), *logged(caplog)) == []

    @pytest.mark.parametrize("status", [302, 400, 403, 500])
    def test_X16_an_answer_cannot_write_into_the_log(self, desk: Desk, status: int) -> None:
        hostile = "\x1b[31mdelivered\n" * 1000
        error = failing(desk, httpx.Response(status, text=hostile))
        assert error.detail.isprintable()
        assert len(error.detail) < 300

    def test_no_cookie_is_kept(self, desk: Desk) -> None:
        failing(desk, httpx.Response(503, headers={"Set-Cookie": "session=1"}))
        desk.tell()
        assert [request.headers.get("cookie") for request in desk.wire.requests] == [None, None]

    def test_no_packed_answer_is_asked_for(self, desk: Desk) -> None:
        desk.tell()
        assert {request.headers.get("accept-encoding") for request in desk.wire.requests} == {"identity"}

    def test_nothing_breaks_out_of_a_header(self, desk: Desk) -> None:
        desk.tell()
        values = [value for request in desk.wire.requests for value in request.headers.values()]
        assert [value for value in values if not value.isprintable()] == []

    def test_proxy_and_authorities_are_those_of_the_destination(self, desk: Desk) -> None:
        authorities = Path(certifi.where())
        desk.create(proxy="http://proxy.example.com:3128", ca=str(authorities))
        wanted = Connection(proxy="http://proxy.example.com:3128", ca=authorities)
        assert desk.wire.connections == [Connection(), wanted]

    def test_its_connections_are_closed_with_it(self, desk: Desk) -> None:
        desk.tell()
        desk.run(desk.channel.close())
        assert desk.wire.is_closed

    def test_the_stand_in_takes_what_is_at_each_limit(self, desk: Desk) -> None:
        for limit in self.limits(desk):
            before, _ = self.played(desk, limit.at[:-1])
            vendor, answer = self.played(desk, limit.at)
            assert (limit.name, answer.status_code // 100) == (limit.name, 2)
            assert vendor.shown() != before.shown(), limit.name

    def test_the_stand_in_refuses_what_is_over_each_limit(self, desk: Desk) -> None:
        for limit in self.limits(desk):
            before, _ = self.played(desk, limit.over[:-1])
            vendor, answer = self.played(desk, limit.over)
            assert (limit.name, answer.status_code, limit.says in answer.text) == (limit.name, limit.status, True)
            assert (limit.name, vendor.shown()) == (limit.name, before.shown())

    def limits(self, desk: Desk) -> Sequence[Limit]:
        """Return the vendor's limits, of which there must be some, each with its source."""
        limits = vendor_of(desk).limits
        assert limits
        assert [limit.name for limit in limits if not limit.source.startswith("https://")] == []
        return limits

    def played(self, desk: Desk, requests: Sequence[httpx.Request]) -> tuple[HttpVendor, httpx.Response]:
        """Send raw requests to a fresh vendor, all but the last of which it takes; return it and its last answer."""
        vendor: HttpVendor = type(self).vendor(desk.clock)  # type: ignore[assignment]  # this is HTTP
        answer = httpx.Response(200)
        for request in requests:
            assert answer.status_code // 100 == 2
            answer = desk.run(vendor.answer(request))
        return vendor, answer


class Status(Http):
    """Where the status alone says whether it was a success."""

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_T03_any_2xx_is_a_success(self, desk: Desk, status: int) -> None:
        desk.wire.faults.append(httpx.Response(status, text="<html>"))
        desk.tell()
        assert len(desk.wire.requests) == 1


class Body(Http):
    """Where a 2xx is a success only if its body says so."""

    @pytest.mark.parametrize(
        "body",
        [b"", b"<html>log in</html>", b"null", b"[]", b"3", b'{"', b"\xff", b"{}", b"[" * 60_000],
        ids=["empty", "HTML", "null", "list", "number", "cut", "no text", "nothing said", "nested too deep"],
    )
    def test_F26_a_2xx_without_the_vendors_words_leaves_the_outcome_unknown(self, desk: Desk, body: bytes) -> None:
        assert failing(desk, httpx.Response(200, content=body)).failure is Failure.AMBIGUOUS

    def test_F26_a_good_answer_that_is_cut_is_no_success(self, desk: Desk) -> None:
        desk.tell()
        cut = desk.wire.answers[0].content[:-1]
        assert failing(desk, httpx.Response(200, content=cut)).failure is Failure.AMBIGUOUS


@cache
def packed() -> bytes:
    """Return 64 KiB that unpack to 64 MiB."""
    return gzip.compress(bytes(64 << 20))


def vendor_of(desk: Desk) -> HttpVendor:
    """Return the vendor, which speaks HTTP."""
    vendor: HttpVendor = desk.vendor  # type: ignore[assignment]
    return vendor


def echo(desk: Desk, status: int) -> httpx.Response:
    """Return an answer that repeats every secret, as proxies and debug pages do."""
    secrets = " ".join(desk.vendor.secrets.values())
    return httpx.Response(status, text=secrets, headers={"X-Debug": secrets, "Location": secrets.split()[0]})
