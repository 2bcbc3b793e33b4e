"""The conversation with a mail server: TLS, logins, replies, and how it may end."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
import trustme

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.notify.smtp import Stage, classify_reply
from kwatch.testing.receivers import MailServer
from tests.notify.mail_kit import create, exchange, failing, secured, talking, tell
from tests.notify.samples import ALONE, delivery, notification


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Return a server's context; its authority is in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "password").write_text("s3cret")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_F_34_a_connection_that_is_lost_after_the_final_dot_leads_to_the_same_mail_again() -> None:
    lines = (b"220 hello", b"250 h", b"250 ok", b"250 ok", b"250 ok", b"354 go")
    port, thread = talking(*lines)
    message = create(port, host="127.0.0.1").render(notification(), ALONE, degraded=False)
    with pytest.raises(RetryableSendError) as raised:
        asyncio.run(create(port, host="127.0.0.1").send(message, delivery(notification(), message)))
    thread.join()
    assert raised.value.failure is Failure.AMBIGUOUS
    server = MailServer()
    again = delivery(notification(), message)
    exchange(server, lambda channel: channel.send(message, again))
    assert message_from_bytes(server.mails[0].content)["Message-ID"] == "<g5h2j7.1.1@team-slack.prod-eu.kwatch>"
    assert server.mails[0].content == message.body


def test_F34_without_its_number_in_the_incident_it_is_another_mail() -> None:
    channel = create(25, host="127.0.0.1")
    first = channel.render(notification(), ALONE, degraded=False)
    other = channel.render(notification(sequence=2), ALONE, degraded=False)
    names = [message_from_bytes(each.body)["Message-ID"] for each in (first, other)]
    assert names == ["<g5h2j7.1.1@team-slack.prod-eu.kwatch>", "<g5h2j7.1.2@team-slack.prod-eu.kwatch>"]


def test_the_server_is_greeted_by_the_domain_of_the_sender_and_told_the_size() -> None:
    heard: list[bytes] = []
    lines = (b"220 hello", b"250-h\r\n250 SIZE 100000", b"250 ok", b"550 no", b"550 no", b"221 bye")
    port, thread = talking(*lines, heard=heard)
    channel = create(port, host="127.0.0.1")
    message = channel.render(notification(), ALONE, degraded=False)
    with pytest.raises(PermanentSendError):
        asyncio.run(channel.send(message, delivery(notification(), message)))
    thread.join()
    assert heard[:2] == [
        b"EHLO example.com\r\n",
        b"MAIL FROM:<kwatch@example.com> SIZE=%d\r\n" % len(message.body),
    ]


@pytest.mark.parametrize(
    ("reply", "failure", "reason"),
    [
        ("451 4.3.0 later", Failure.RETRY, Reason.UNAVAILABLE),
        ("552 5.3.4 too big", Failure.MESSAGE, Reason.TOO_LARGE),
        ("554 5.7.1 spam", Failure.MESSAGE, Reason.REJECTED),
    ],
)
def test_T35_the_answer_after_the_final_dot_counts(reply: str, failure: Failure, reason: Reason) -> None:
    server = MailServer()
    server.replies["DATA"] = reply
    exchange(server, failing(failure, reason))


@pytest.mark.parametrize(
    ("code", "text", "stage", "failure"),
    [
        (421, "4.3.2 closing", Stage.CONNECT, Failure.RETRY),
        (554, "no service", Stage.CONNECT, Failure.DESTINATION),
        (454, "4.7.0 TLS not available", Stage.STARTTLS, Failure.RETRY),
        (502, "what", Stage.STARTTLS, Failure.DESTINATION),
        (454, "4.7.0 temporary", Stage.AUTH, Failure.RETRY),
        (534, "5.7.9", Stage.AUTH, Failure.DESTINATION),
        (535, "5.7.8", Stage.AUTH, Failure.DESTINATION),
        (538, "5.7.11", Stage.AUTH, Failure.DESTINATION),
        (530, "5.7.0 authenticate", Stage.SENDER, Failure.DESTINATION),
        (553, "5.1.8 spoofed", Stage.SENDER, Failure.DESTINATION),
        (452, "4.2.2 full", Stage.RECIPIENT, Failure.RETRY),
        (450, "4.2.0 greylisted", Stage.RECIPIENT, Failure.RETRY),
        (550, "5.1.1", Stage.RECIPIENT, Failure.MESSAGE),
        (551, "5.1.6", Stage.RECIPIENT, Failure.MESSAGE),
        (552, "5.2.2 full", Stage.RECIPIENT, Failure.MESSAGE),
        (552, "5.3.4 too big", Stage.SENDER, Failure.MESSAGE),
        (552, "5.2.3", Stage.DATA, Failure.MESSAGE),
        (554, "5.7.1", Stage.DATA, Failure.MESSAGE),
    ],
)
def test_each_reply_has_its_class(code: int, text: str, stage: Stage, failure: Failure) -> None:
    error = classify_reply(code, text, stage)
    assert error.failure is failure
    assert text.partition(" ")[2] == "" or text.partition(" ")[2] not in str(error)


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        ((b"421 busy",), Failure.RETRY),
        ((b"554 go away",), Failure.DESTINATION),
        ((b"220 hello",), Failure.RETRY),
        ((b"220 hello", b"250 h", b"250 ok", b"250 ok", b"250 ok", b"354 go"), Failure.AMBIGUOUS),
        ((b"220 hello", b"250 h", b"250 ok"), Failure.RETRY),
        ((b"not smtp",), Failure.RETRY),
    ],
)
def test_a_conversation_that_ends_early(lines: tuple[bytes, ...], failure: Failure) -> None:
    port, thread = talking(*lines)
    with pytest.raises(SendError) as raised:
        asyncio.run(tell(create(port, host="127.0.0.1")))
    thread.join()
    assert raised.value.failure is failure


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RetryableSendError) as raised:
        asyncio.run(tell(create(port, host="127.0.0.1")))
    assert (raised.value.failure, raised.value.reason) == (Failure.RETRY, Reason.REFUSED)


def test_T55_a_server_that_never_greets_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(RetryableSendError) as raised:
            asyncio.run(tell(create(port, host="127.0.0.1", timeout=timedelta(milliseconds=100))))
    assert raised.value.failure is Failure.RETRY


@pytest.mark.parametrize("way", ["starttls", "implicit"])
@pytest.mark.parametrize("password", [b"", b"s3cret"])
def test_T10_mail_goes_over_tls(certificate: ssl.SSLContext, tmp_path: Path, way: str, password: bytes) -> None:
    server = MailServer()
    login = {"username": "kwatch", "password": {"file": str(tmp_path / "password")}} if password else {}
    secured(server, tmp_path, {way: certificate, "password": password}, tls=way, **login)
    assert [sent.is_private for sent in server.mails] == [True]
    assert [given[1:] for given in server.logins] == ([(b"kwatch", b"s3cret")] if password else [])


def test_a_wrong_password_suspends_the_destination(certificate: ssl.SSLContext, tmp_path: Path) -> None:
    keys = {"tls": "starttls", "username": "kwatch", "password": {"file": str(tmp_path / "password")}}
    with pytest.raises(PermanentSendError) as raised:
        secured(MailServer(), tmp_path, {"starttls": certificate, "password": b"other"}, **keys)
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.UNAUTHORIZED)
    assert "s3cret" not in repr(raised.value)


def test_an_access_token_is_sent_as_xoauth2_asks(certificate: ssl.SSLContext, tmp_path: Path) -> None:
    """The example of https://developers.google.com/workspace/gmail/imap/xoauth2-protocol."""
    (tmp_path / "token").write_text("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\n")
    heard: list[bytes] = []
    lines = (b"220 hello", b"250-h\r\n250 AUTH LOGIN PLAIN XOAUTH2", b"235 2.7.0 Accepted", b"421 bye")
    port, thread = talking(*lines, heard=heard, context=certificate)
    keys = {"username": "someuser@example.com", "token": {"file": str(tmp_path / "token")}, "tls": "implicit"}
    with pytest.raises(RetryableSendError):
        asyncio.run(tell(create(port, ca=tmp_path / "ca.pem", **keys)))
    thread.join()
    assert heard[1] == (
        b"AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxb"
        b"VRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==\r\n"
    )


@pytest.mark.parametrize(
    ("replies", "failure", "reason"),
    [
        ((b"334 eyJzdGF0dXMiOiI0MDEifQ==", b"535 5.7.8 expired"), Failure.DESTINATION, Reason.UNAUTHORIZED),
        ((b"535 5.7.3 Authentication unsuccessful",), Failure.DESTINATION, Reason.UNAUTHORIZED),
        ((b"454 4.7.0 Temporary authentication failure",), Failure.RETRY, Reason.UNAVAILABLE),
    ],
)
def test_a_token_that_is_refused(
    certificate: ssl.SSLContext, tmp_path: Path, replies: tuple[bytes, ...], failure: Failure, reason: Reason
) -> None:
    (tmp_path / "token").write_text("ya29.s3cret")
    heard: list[bytes] = []
    port, thread = talking(b"220 hello", b"250-h\r\n250 AUTH XOAUTH2", *replies, heard=heard, context=certificate)
    keys = {"username": "kwatch", "token": {"file": str(tmp_path / "token")}, "tls": "implicit"}
    with pytest.raises(SendError) as raised:
        asyncio.run(tell(create(port, ca=tmp_path / "ca.pem", **keys)))
    thread.join()
    assert (raised.value.failure, raised.value.reason) == (failure, reason)
    assert "s3cret" not in repr(raised.value)
    assert heard[2:] == ([b"\r\n", b""] if len(replies) == 2 else [b""])


def test_a_token_for_a_server_that_takes_none_suspends_the_destination(
    certificate: ssl.SSLContext, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("ya29.s3cret")
    keys = {"username": "kwatch", "token": {"file": str(tmp_path / "token")}, "tls": "starttls"}
    with pytest.raises(PermanentSendError) as raised:
        secured(MailServer(), tmp_path, {"starttls": certificate, "password": b"other"}, **keys)
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.UNAUTHORIZED)


@pytest.mark.parametrize("way", ["starttls", "implicit"])
def test_F_36_a_certificate_that_has_expired_suspends_the_destination(tmp_path: Path, way: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = [datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021)]
    authority.issue_cert("localhost", not_before=past[0], not_after=past[1]).configure_cert(context)
    server = MailServer()
    with pytest.raises(PermanentSendError) as raised:
        secured(server, tmp_path, {way: context}, tls=way)
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.TLS)
    assert server.mails == []


def test_F35_without_the_word_tls_it_would_have_gone_in_clear_text() -> None:
    server = MailServer()
    exchange(server, tell, tls="none")
    assert [mail.is_private for mail in server.mails] == [False]


def test_F_35_mail_never_goes_in_clear_text_when_tls_is_required() -> None:
    server = MailServer()
    exchange(server, failing(Failure.DESTINATION, Reason.TLS), tls="starttls")
    assert server.mails == []


@pytest.mark.parametrize("way", ["starttls", "implicit"])
def test_an_unknown_authority_suspends_the_destination(certificate: ssl.SSLContext, way: str) -> None:
    async def run() -> None:
        async with MailServer().serve(**{way: certificate}) as port:  # type: ignore[arg-type]
            await tell(create(port, tls=way))

    with pytest.raises(PermanentSendError) as raised:
        asyncio.run(run())
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.TLS)
