"""What an answer, or none, means for a delivery (spec 3.3)."""

import asyncio
import gzip
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.notify.base import ChannelConfig
from kwatch.notify.http import (
    HttpClient,
    Reply,
    clamped,
    classify,
    document_of,
    retry_after,
    transport_failure,
    with_query,
)
from tests.notify.samples import tools_for

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


def reply_of(body: bytes, encoding: str) -> Reply:
    """Post to one who answers so, and return what is kept of it."""
    answer = httpx.MockTransport(
        lambda _: httpx.Response(500, stream=Chunks(body), headers={"content-encoding": encoding})
    )
    client = HttpClient(ChannelConfig(type="webhook"), tools_for(answer))
    return asyncio.run(client.post("https://hooks.example.com/", b"", {}))


class Chunks(httpx.AsyncByteStream):
    """A body as it comes from a socket."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 65536):
            yield self._body[start : start + 65536]


def test_F48_a_few_kilobytes_that_unpack_to_315_megabytes_take_no_memory() -> None:
    bomb = gzip.compress(bytes(315 << 20))
    tracemalloc.start()
    reply = reply_of(bomb, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reply.body == bytes(64 * 1024)
    assert peak < 2 << 20


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(gzip.compress(b"ok", mtime=0), "gzip"), (zlib.compress(b"ok"), "deflate"), (b"ok", "identity")],
)
def test_an_answer_is_unpacked_whatever_was_asked_for(packed: bytes, encoding: str) -> None:
    assert reply_of(packed, encoding).body == b"ok"


def test_what_cannot_be_unpacked_is_left_out() -> None:
    assert reply_of(b"ok", "gzip").body == b""


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a"', b"\xff", b"[" * 60_000, b'{"a":' * 10_000, b"null", b"[]"])
def test_what_is_no_document_is_an_empty_one(body: bytes) -> None:
    assert document_of(Reply(200, {}, body)) == {}


def test_a_document_is_decoded() -> None:
    assert document_of(Reply(200, {}, b'{"ok": true}')) == {"ok": True}


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (12.5, 12.5),
        (3, 3.0),
        (0.2, 1.0),
        (-4, 1.0),
        (86_400, 3600.0),
        (float("inf"), 3600.0),
        (float("nan"), 1.0),
        ("12", None),
        (True, None),
        (None, None),
    ],
)
def test_a_pause_of_a_document_is_between_a_second_and_an_hour(asked: object, seconds: float | None) -> None:
    assert clamped(asked) == seconds


def test_a_query_is_added_to_what_an_address_has() -> None:
    url = with_query("https://chat.example.com/v1/x?key=K&token=a%2Bb%3D", {"thread": "1 2"}, "/messages")
    assert url == "https://chat.example.com/v1/x/messages?key=K&token=a%2Bb%3D&thread=1+2"


def test_an_address_that_is_none_suspends_without_saying_it() -> None:
    with pytest.raises(PermanentSendError) as raised:
        with_query("https://chat.example.com:secret/", {})
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)
    assert "secret" not in raised.value.detail
