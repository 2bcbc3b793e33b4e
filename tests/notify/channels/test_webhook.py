"""The webhook: its document, its own bodies, its signatures, over real sockets where they matter."""

import asyncio
import contextlib
import dataclasses
import gzip
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, SendError
from kwatch.model.notifications import Message
from kwatch.notify.base import Channel, Tools
from kwatch.notify.channels import webhook
from kwatch.notify.http import system_transport
from kwatch.testing.receivers import WebhookReceiver, serve
from tests.notify.samples import ALONE, alert, content, delivery, notification, tools_for

KEY = "whsec_a3dhdGNoLXRlc3Qtc2VjcmV0LTAwMDAwMA=="
NEW_KEY = "whsec_bmV3LWtleS1mb3ItdGhlLXJvdGF0aW9uLTAwMA=="


def create(receiver: WebhookReceiver | None = None, tools: Tools | None = None, **keys: Any) -> Channel:
    config = webhook.Config.model_validate({"type": "webhook", "url": "https://hooks.example.com/in", **keys})
    return webhook.create(config, tools or tools_for(httpx.MockTransport((receiver or WebhookReceiver()).answer)))


def tell(channel: Channel) -> Message:
    message = channel.render(notification(), ALONE, degraded=False)
    asyncio.run(channel.send(message, delivery(notification(), message)))
    return message


def test_the_vector_of_the_specification() -> None:
    assert (
        webhook.signature([KEY], "msg_1", "1700000000", b'{"a":1}') == "v1,DgLFnzK8q77veQmY4bGN/jpYTm/voUJLCFP9cfYXDVI="
    )


def test_X14_a_signature_verifies_with_either_key_during_a_rotation(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{NEW_KEY} {KEY}\n")
    for known in (KEY, NEW_KEY):
        receiver = WebhookReceiver(known)
        tell(create(receiver, sign={"file": str(tmp_path / "key")}))
        assert len(receiver.requests) == 1


def test_a_receiver_that_knows_another_key_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(NEW_KEY)
    with pytest.raises(PermanentSendError):
        tell(create(WebhookReceiver(KEY), sign={"file": str(tmp_path / "key")}))


@pytest.mark.parametrize("key", ["secret", "whsec_short", "whsec_!!!!", "whsec_" + "A" * 100])
def test_a_key_that_is_none_suspends_the_destination(tmp_path: Path, key: str) -> None:
    (tmp_path / "key").write_text(key)
    with pytest.raises(PermanentSendError) as raised:
        tell(create(sign={"file": str(tmp_path / "key")}))
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)


def test_the_document_has_the_facts(tmp_path: Path) -> None:
    receiver = WebhookReceiver()
    tell(create(receiver))
    [document] = receiver.documents
    assert document["version"] == 1
    assert document["id"] == "n7qf3-1"
    assert document["incident"] == "kw/g5h2j7/1"
    assert document["kind"] == "firing"
    assert document["title"] == "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"
    assert document["labels"] == {"namespace": "payments", "workload": "Deployment/worker"}
    assert document["starts_at"] == "2026-03-01T14:02:00+00:00"
    assert document["alerts"][0]["labels"]["node"] == "n-17"
    assert document["alerts"][0]["count"] == 43
    assert document["truncated"] is False
    assert receiver.requests[0].headers["webhook-id"] == "n7qf3-1"


def test_F45_a_message_that_is_cut_makes_a_truncated_document() -> None:
    message = create().render(notification(content(alert(message="m" * 4001))), ALONE, degraded=False)
    assert json.loads(message.body)["truncated"] is True


BODY = {
    "text": "{{ alerts[0].rule }} in {{ cluster }}",
    "count": "{{ alerts[0].count }}",
    "firing": "{{ kind == 'firing' }}",
    "none": "{{ none }}",
    "price": "costs $5, ^a$, ${HOME}",
    "list": [1, 2.5, True, None, "{{ severity }}"],
    "nested": {"deep": {"where": "{{ place }}"}},
    "injected": '", "evil": "{{ alerts[0].message }}',
}


def test_T21_T30_a_body_of_ones_own_keeps_every_json_type() -> None:
    receiver = WebhookReceiver()
    tell(create(receiver, body=BODY))
    assert receiver.documents == [
        {
            "text": "crash-loop in prod-eu",
            "count": 43,
            "firing": True,
            "none": None,
            "price": "costs $5, ^a$, ${HOME}",
            "list": [1, 2.5, True, None, "critical"],
            "nested": {"deep": {"where": "payments/Deployment/worker"}},
            "injected": '", "evil": "Back-off restarting failed container worker in pod worker-7d9c-x2x1',
        }
    ]


TITLE = "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"


def test_a_text_of_a_body_that_fails_is_the_title_and_the_schema_stays() -> None:
    message = tell(create(body={"summary": "{{ alerts[9].rule }}", "key": "{{ incident }}", "count": 1}))
    assert json.loads(message.body) == {"summary": TITLE, "key": "kw/g5h2j7/1", "count": 1}
    assert message.fallback_reason.startswith("body: ")


def test_F20_a_body_that_was_refused_is_sent_once_more_with_cut_texts_and_lists() -> None:
    body = {"key": "{{ incident }}", "text": "x" * 400, "list": [[n] for n in range(12)], "state": None}
    plain = create(body=body).render(notification(), ALONE, degraded=True)
    assert json.loads(plain.body) == {
        "key": "kw/g5h2j7/1",
        "text": "x" * 222 + "… (cut, 178 characters more)",
        "list": [[n] for n in range(10)],
        "state": None,
    }


def test_a_header_is_one_line_of_ascii() -> None:
    """As in CloudEvents' binding to HTTP, other characters are percent-encoded UTF-8: many servers refuse them raw."""
    receiver = WebhookReceiver()
    headers = {"X-Place": "{{ place }} 5 %\r\nX-Evil: é", "X-Glyph": "{{ glyph }}"}
    tell(create(receiver, headers=headers))
    sent = receiver.requests[0].headers
    assert sent["x-place"] == "payments/Deployment/worker 5 % X-Evil: %C3%A9"
    assert sent["x-glyph"] == "%F0%9F%94%B4"
    assert "x-evil" not in sent


def test_a_secret_header_that_is_not_ascii_suspends(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer geheimnisträger")
    with pytest.raises(PermanentSendError) as raised:
        tell(create(headers={"Authorization": {"file": str(tmp_path / "token")}}))
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)


@pytest.mark.parametrize("kind", ["Content-Type", "content-type"])
def test_a_header_takes_the_place_of_kwatchs_own_whatever_its_case(kind: str) -> None:
    receiver = WebhookReceiver()
    tell(create(receiver, headers={kind: "application/vnd.x+json", "user-agent": "mine"}))
    sent = receiver.requests[0].headers
    assert (sent.get_list("content-type"), sent.get_list("user-agent")) == (["application/vnd.x+json"], ["mine"])


def test_a_secret_header_is_in_no_message(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer abc123")
    receiver = WebhookReceiver()
    message = tell(create(receiver, headers={"Authorization": {"file": str(tmp_path / "token")}}))
    assert "abc123" not in repr(message)
    assert receiver.requests[0].headers["authorization"] == "Bearer abc123"


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=3000),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=20), inner, max_size=8),
    max_leaves=60,
)


@given(
    st.fixed_dictionaries({"title": st.text(max_size=2000), "alerts": TREES, "labels": TREES, "notes": TREES}),
    st.integers(1024, 40_000),
)
def test_T56_any_document_fits_any_limit_with_its_essentials(parts: dict[str, Any], limit: int) -> None:
    facts = {"version": 1, "id": "n1", "incident": "kw/a/1", "kind": "firing", "truncated": False, **parts}
    encoded = webhook.bounded(facts, limit)
    decoded = msgspec.json.decode(encoded)
    assert len(encoded) <= limit
    assert (decoded["id"], decoded["incident"], decoded["kind"]) == ("n1", "kw/a/1", "firing")
    assert decoded["truncated"] or decoded == facts


@pytest.mark.parametrize(
    "keys",
    [
        {"url": "ftp://example.com"},
        {"url": "https://user:pass@example.com"},
        {"body": {"a": "{{ ''.__class__ }}"}},
        {"headers": {"Host": "x"}},
        {"headers": {"Webhook-Id": "x"}},
        {"headers": {"webhook-timestamp": "1"}},
        {"headers": {"WEBHOOK-SIGNATURE": "x"}},
        {"headers": {"X-Team": "a", "x-team": "b"}},
        {"headers": {"bad name": "x"}},
        {"headers": {"X-A": "{{"}},
        {"sign": "whsec_in-clear-text"},
        {"proxy": "http://user:pass@proxy:1"},
        {"colour": "red"},
    ],
)
def test_a_wrong_configuration_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        create(**keys)


def over_a_socket(url: str, **keys: Any) -> None:
    """Render and send once through the transport of production."""
    tools = dataclasses.replace(tools_for(), transport=system_transport)

    async def run() -> None:
        channel = create(tools=tools, url=url, **keys)
        message = channel.render(notification(content()), ALONE, degraded=False)
        try:
            await channel.send(message, delivery(notification(), message))
        finally:
            await channel.close()

    asyncio.run(run())


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept connections one after the other and talk on each in a thread; gives the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        talk(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def request_of(connection: socket.socket) -> bytes:
    """Read one whole request."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def failure_over_a_socket(url: str, **keys: Any) -> tuple[Failure, Reason]:
    with pytest.raises(SendError) as raised:
        over_a_socket(url, **keys)
    return raised.value.failure, raised.value.reason


def test_it_arrives_with_its_length_and_nothing_of_the_client() -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        seen.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    with listening(talk) as url:
        over_a_socket(url)
    [request] = seen
    names = {line.split(b":")[0].lower() for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
    assert names == {
        b"host",
        b"content-length",
        b"content-type",
        b"user-agent",
        b"accept-encoding",
        b"webhook-id",
        b"accept",
    }


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure_over_a_socket(f"http://127.0.0.1:{port}") == (Failure.RETRY, Reason.REFUSED)


def test_F_cut_after_the_request_is_ambiguous() -> None:
    unanswered: list[bytes] = []
    with listening(lambda connection: unanswered.append(request_of(connection))) as url:
        assert failure_over_a_socket(url) == (Failure.AMBIGUOUS, Reason.RESET)


def test_a_reset_after_the_request_is_ambiguous() -> None:
    def reset(connection: socket.socket) -> None:
        request_of(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(reset) as url:
        assert failure_over_a_socket(url) == (Failure.AMBIGUOUS, Reason.RESET)


def test_T55_a_server_that_never_answers_is_given_up() -> None:
    done = threading.Event()

    def hang(connection: socket.socket) -> None:
        request_of(connection)
        done.wait(10)

    with listening(hang) as url:
        failure = failure_over_a_socket(url, timeout=timedelta(milliseconds=100))
        done.set()
    assert failure == (Failure.AMBIGUOUS, Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("407 Proxy Authentication Required", (Failure.DESTINATION, Reason.UNAUTHORIZED)),
        ("403 Forbidden", (Failure.DESTINATION, Reason.UNAUTHORIZED)),
        ("400 Bad Request", (Failure.DESTINATION, Reason.REJECTED)),
        ("429 Too Many Requests", (Failure.RETRY, Reason.REFUSED)),
        ("502 Bad Gateway", (Failure.RETRY, Reason.REFUSED)),
        ("503 Service Unavailable", (Failure.RETRY, Reason.REFUSED)),
    ],
)
def test_T28_a_proxy_that_refuses_a_tunnel_says_whether_to_try_again(
    status: str, expected: tuple[Failure, Reason]
) -> None:
    def talk(connection: socket.socket) -> None:
        assert connection.recv(65536).startswith(b"CONNECT hooks.example.com:443 HTTP/1.1\r\n")
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with listening(talk) as proxy:
        assert failure_over_a_socket("https://hooks.example.com/in", proxy=proxy) == expected


def test_an_answer_that_bursts_is_cut() -> None:
    bomb = gzip.compress(b"x" * 50_000_000)

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        head = f"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        with contextlib.suppress(OSError):
            connection.sendall(head.encode() + bomb)

    with listening(talk) as url:
        assert failure_over_a_socket(url) == (Failure.AMBIGUOUS, Reason.SERVER)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, receiver: WebhookReceiver, folder: Path, **keys: Any) -> None:
    """Send once to a server with a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    tools = dataclasses.replace(tools_for(), transport=system_transport)

    async def run() -> None:
        async with serve(receiver.answer, context) as url:
            channel = create(tools=tools, url=url, **keys)
            message = channel.render(notification(), ALONE, degraded=False)
            try:
                await channel.send(message, delivery(notification(), message))
            finally:
                await channel.close()

    asyncio.run(run())


def test_a_given_authority_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    receiver = WebhookReceiver()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    serving(authority, receiver, tmp_path, ca=tmp_path / "ca.pem")
    assert receiver.documents[0]["id"] == "n7qf3-1"


def test_T27_an_unknown_authority_suspends_the_destination(authority: trustme.CA, tmp_path: Path) -> None:
    receiver = WebhookReceiver()
    with pytest.raises(PermanentSendError) as raised:
        serving(authority, receiver, tmp_path)
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.TLS)
    assert receiver.requests == []
