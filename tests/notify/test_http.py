"""What an answer, or none, means for a delivery (spec 3.3)."""

import socket
import ssl

import httpx
import pytest

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.notify.http import Reply, classify, retry_after, transport_failure

DESTINATION = {401, 403, 404, 405, 407, 410, 415, 451}
MESSAGE = {
    400,
    402,
    406,
    409,
    *range(411, 415),
    *range(416, 425),
    422,
    *range(426, 429),
    *range(430, 451),
    *range(452, 500),
}
RETRY = {408, 425, 503}


def expected(status: int) -> Failure | None:
    """Return the row of the table for a status without headers."""
    if 200 <= status < 300:
        return None
    if status == 429:
        return Failure.PACE
    if status in RETRY:
        return Failure.RETRY
    if status in DESTINATION or 300 <= status < 400:
        return Failure.DESTINATION
    return Failure.MESSAGE if status in MESSAGE else Failure.AMBIGUOUS


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_its_class(status: int) -> None:
    error = classify(Reply(status, {}, b""))
    assert (error.failure if error else None) is expected(status)
    permanent = {Failure.MESSAGE, Failure.DESTINATION}
    assert error is None or isinstance(error, PermanentSendError) == (error.failure in permanent)
    assert error is None or isinstance(error, RetryableSendError) == (error.failure not in permanent)


def test_503_with_retry_after_is_a_pause() -> None:
    error = classify(Reply(503, {"retry-after": "7"}, b""))
    assert error is not None
    assert (error.failure, error.retry_after) == (Failure.PACE, 7.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 30 "}, 30.0),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"retry-after": "9" * 400}, 3600.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 14:14:20 GMT", "date": "Sun, 01 Mar 2026 14:14:00 GMT"}, 20.0),
        ({"retry-after": "Sun, 01 Mar 2026 14:13:00 GMT", "date": "Sun, 01 Mar 2026 14:14:00 GMT"}, 1.0),
        ({"retry-after": "Sun, 01 Mar 2026 19:14:00 GMT", "date": "Sun, 01 Mar 2026 14:14:00 GMT"}, 3600.0),
        ({"retry-after": "Sun, 01 Mar 2026 14:14:20 GMT"}, None),
        ({"retry-after": "Sun, 99 Mar 2026 14:14:20 GMT", "date": "Sun, 01 Mar 2026 14:14:00 GMT"}, None),
    ],
)
def test_retry_after_in_both_forms_clamped(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "failure", "reason"),
    [
        (httpx.ConnectError("x"), Failure.RETRY, Reason.REFUSED),
        (caused(httpx.ConnectError("x"), ConnectionRefusedError()), Failure.RETRY, Reason.REFUSED),
        (caused(httpx.ConnectError("x"), socket.gaierror()), Failure.RETRY, Reason.DNS),
        (caused(httpx.ConnectError("x"), ssl.SSLError()), Failure.RETRY, Reason.TLS),
        (caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError()), Failure.DESTINATION, Reason.TLS),
        (httpx.ConnectTimeout("x"), Failure.RETRY, Reason.CONNECT_TIMEOUT),
        (caused(httpx.ConnectTimeout("x"), TimeoutError()), Failure.RETRY, Reason.CONNECT_TIMEOUT),
        (caused(httpx.ConnectTimeout("x"), ConnectionResetError()), Failure.AMBIGUOUS, Reason.RESET),
        (httpx.ReadTimeout("x"), Failure.AMBIGUOUS, Reason.TIMEOUT),
        (httpx.WriteTimeout("x"), Failure.AMBIGUOUS, Reason.TIMEOUT),
        (httpx.ReadError("x"), Failure.AMBIGUOUS, Reason.RESET),
        (httpx.WriteError("x"), Failure.AMBIGUOUS, Reason.RESET),
        (httpx.RemoteProtocolError("x"), Failure.AMBIGUOUS, Reason.RESET),
        (httpx.DecodingError("x"), Failure.AMBIGUOUS, Reason.RESET),
        (httpx.ProxyError("x"), Failure.RETRY, Reason.REFUSED),
        (httpx.UnsupportedProtocol("x"), Failure.DESTINATION, Reason.OTHER),
        (httpx.InvalidURL("x"), Failure.DESTINATION, Reason.OTHER),
    ],
)
def test_what_is_raised_has_its_class(error: Exception, failure: Failure, reason: Reason) -> None:
    classified = transport_failure(error)
    assert (classified.failure, classified.reason) == (failure, reason)
