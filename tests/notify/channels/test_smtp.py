"""Mail: headers that cannot be injected, threads, TLS, and each recipient answered for."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Content, Notification, NotificationKind, Receipt, Thread
from kwatch.notify.base import Channel
from kwatch.notify.channels import smtp
from kwatch.notify.smtp import Stage, classify_reply
from kwatch.testing.receivers import MailServer
from tests.notify.samples import ALONE, alert, content, delivery, notification, tools_for
from tests.notify.test_escape import HEADERS

TWO = ["a@example.com", "b@example.com"]


def create(port: int | str = 25, **keys: Any) -> Channel:
    config = {"type": "smtp", "host": "localhost", "port": port, "tls": "none", "from": "kwatch@example.com", "to": TWO}
    return smtp.create(smtp.Config.model_validate({**config, **keys}), tools_for())


def mail(facts: Content | None = None, thread: Thread = ALONE, *, sequence: int = 1, **keys: Any) -> EmailMessage:
    """Return a rendered mail, parsed."""
    message = create(**keys).render(notification(facts, sequence=sequence), thread, degraded=False)
    parsed = message_from_bytes(message.body, EmailMessage, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def tell(channel: Channel, of: Notification | None = None, thread: Thread = ALONE) -> Receipt:
    """Render and send once."""
    made = of or notification()
    message = channel.render(made, thread, degraded=False)
    return await channel.send(message, delivery(made, message, thread))


def exchange(server: MailServer, *attempts: Callable[[Channel], Any], **keys: Any) -> None:
    """Make attempts through one channel to a server without TLS."""

    async def run() -> None:
        async with server.serve() as port:
            channel = create(port, **keys)
            for attempt in attempts:
                await attempt(channel)

    asyncio.run(run())


def failing(failure: Failure, reason: Reason) -> Callable[[Channel], Any]:
    """Return an attempt that has to fail so."""

    async def attempt(channel: Channel) -> None:
        with pytest.raises(SendError) as raised:
            await tell(channel)
        assert (raised.value.failure, raised.value.reason) == (failure, reason)

    return attempt


@pytest.mark.parametrize("attack", HEADERS)
@pytest.mark.parametrize(
    "own", [{}, {"template": {"subject": "{{ alerts[0].rule }}", "title": "{{ alerts[0].rule }}"}}]
)
def test_X03_P11_a_subject_stays_one_header(attack: str, own: dict[str, Any]) -> None:
    labels = {**alert().labels, "workload": attack, "namespace": attack}
    hostile = content(alert(rule=attack, labels=labels), cluster=attack, group_labels={"workload": attack})
    message = create(**own).render(notification(hostile), ALONE, degraded=False)
    head = message.body.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert names.count(b"Subject") == 1
    assert b"Bcc" not in names
    assert "bcc" not in message_from_bytes(message.body, policy=policy.default)
    assert max(len(line) for line in message.body.split(b"\r\n")) <= 998


@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', '"><b>'])
def test_X04_markup_is_escaped(attack: str) -> None:
    labels = dict.fromkeys(alert().labels, attack)
    annotations = dict.fromkeys(("summary", "next_step", "explanation"), attack) | {"runbook": f"javascript:{attack}"}
    hostile = alert(rule=attack, message=attack, labels=labels, annotations=annotations, details={attack: attack})
    for facts in (content(hostile), content(hostile, hostile)):
        html = mail(facts).get_body(("html",))
        assert html is not None
        assert attack not in html.get_content()
        assert "javascript:" not in html.get_content()


def test_the_headers_of_a_first_mail() -> None:
    message = mail()
    assert {name: str(value) for name, value in message.items() if name != "Content-Type"} == {
        "Subject": "[prod-eu] critical: crash-loop payments/Deployment/worker",
        "From": "kwatch <kwatch@example.com>",
        "To": "a@example.com, b@example.com",
        "Date": "Sun, 01 Mar 2026 14:14:00 +0000",
        "Message-ID": "<g5h2j7.1.1@team-slack.prod-eu.kwatch>",
        "List-Id": "<prod-eu.kwatch.example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Kwatch-Severity": "critical",
        "MIME-Version": "1.0",
    }
    assert message.get_content_type() == "multipart/alternative"


def test_the_text_is_complete_by_itself() -> None:
    assert (
        text_of(mail(content(alert(window=timedelta(minutes=5)))))
        == """\
FIRING since 14:02 UTC (12 m), about 30 in 5 m, 43 in all
🔴 CRITICAL · crash-loop · payments/Deployment/worker

Cause        Deployment/worker keeps crashing
Means        The container ends soon after each start; the kubelet waits longer each time.
Next         kubectl -n payments logs worker-7d9c-x2x1 --previous
Runbook      https://runbooks.example.com/crash-loop
Where        payments/Deployment/worker
Node         n-17
Affected     worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more
How often    about 30 in 5 m, 43 in all
Image        registry.example.com/worker:1.4.2
Rule         crash-loop
Message      Back-off restarting failed container worker in pod worker-7d9c-x2x1
Cluster      prod-eu

-- 
kwatch · prod-eu · receiver team
"""  # noqa: W291 - a signature's separator ends with a space
    )


def test_T10_a_thread_holds_and_its_states_differ() -> None:
    root = Thread(Receipt({"message_id": "<g5h2j7.1.1@x>", "subject": "[prod-eu] critical: crash-loop"}))
    end = mail(content(kind=NotificationKind.RESOLVED), root, sequence=2)
    assert end["Subject"] == "[prod-eu] critical: crash-loop"
    assert end["In-Reply-To"] == end["References"] == "<g5h2j7.1.1@x>"
    assert end["Message-ID"] == "<g5h2j7.1.2@team-slack.prod-eu.kwatch>"
    assert text_of(end).split("\n")[:2] == [
        "RESOLVED after 12 m: 14:02 UTC to 14:14 UTC",
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker",
    ]


def test_a_mail_arrives_and_its_receipt_starts_a_thread() -> None:
    server = MailServer()
    receipts: list[Receipt] = []

    async def attempt(channel: Channel) -> None:
        receipts.append(await tell(channel))
        receipts.append(await tell(channel, notification(sequence=2), Thread(receipts[0])))

    exchange(server, attempt)
    subject = "[prod-eu] critical: crash-loop payments/Deployment/worker"
    assert receipts == [Receipt({"message_id": "<g5h2j7.1.1@team-slack.prod-eu.kwatch>", "subject": subject})] * 2
    assert [(sent.sender, sent.recipients) for sent in server.mails] == [("kwatch@example.com", tuple(TWO))] * 2
    assert message_from_bytes(server.mails[1].content)["References"] == "<g5h2j7.1.1@team-slack.prod-eu.kwatch>"


def test_T10_the_port_may_be_a_text() -> None:
    assert (
        smtp.Config.model_validate({"type": "smtp", "host": "h", "port": "587", "from": "a@b", "to": "c@d"}).port == 587
    )


def test_T35_who_is_refused_for_now_is_tried_alone() -> None:
    server = MailServer()
    server.replies["b@example.com"] = "451 4.7.1 greylisted"

    async def relent(channel: Channel) -> None:
        del server.replies["b@example.com"]
        await tell(channel)

    exchange(server, failing(Failure.RETRY, Reason.RECIPIENT), relent)
    assert [sent.recipients for sent in server.mails] == [("a@example.com",), ("b@example.com",)]
    assert server.mails[0].content == server.mails[1].content


def test_F_33_of_three_recipients_one_has_it_one_is_dead_and_one_is_tried_alone() -> None:
    server = MailServer()
    server.replies |= {"b@example.com": "550 5.1.1 no such user", "c@example.com": "451 4.7.1 greylisted"}

    async def relent(channel: Channel) -> None:
        server.replies |= {"b@example.com": "250 OK", "c@example.com": "250 OK"}
        await tell(channel)

    to = ["a@example.com", "b@example.com", "c@example.com"]
    exchange(server, failing(Failure.RETRY, Reason.RECIPIENT), relent, to=to)
    assert [sent.recipients for sent in server.mails] == [("a@example.com",), ("c@example.com",)]


def test_what_is_refused_for_now_waits_from_one_minute_to_half_an_hour() -> None:
    server = MailServer()
    server.replies |= dict.fromkeys(TWO, "450 4.2.0 greylisted")
    waits: list[float | None] = []

    async def attempts(channel: Channel) -> None:
        message = channel.render(notification(), ALONE, degraded=False)
        for number in range(1, 8):
            row = msgspec.structs.replace(delivery(notification(), message), attempts=number)
            with pytest.raises(RetryableSendError) as raised:
                await channel.send(message, row)
            waits.append(raised.value.retry_after)

    exchange(server, attempts)
    assert waits == [60, 120, 240, 480, 960, 1800, 1800]


def test_three_mails_in_a_row_that_are_refused_for_what_they_are_suspend_the_destination() -> None:
    server = MailServer()
    server.replies["DATA"] = "554 5.7.1 no"
    outcomes: list[Failure] = []

    async def attempts(channel: Channel) -> None:
        for number, degraded in [(1, False), (1, True), (2, False), (2, True), (3, False), (3, True)]:
            of = notification(sequence=number)
            message = channel.render(of, ALONE, degraded=degraded)
            row = msgspec.structs.replace(delivery(of, message), is_degraded=degraded)
            with pytest.raises(PermanentSendError) as raised:
                await channel.send(message, row)
            outcomes.append(raised.value.failure)

    exchange(server, attempts)
    assert outcomes == [Failure.MESSAGE] * 5 + [Failure.DESTINATION]


def test_a_mail_that_is_taken_ends_the_row_of_refusals() -> None:
    server = MailServer()
    outcomes: list[Failure] = []

    async def attempts(channel: Channel) -> None:
        for number, reply in enumerate(["554 no", "554 no", "250 OK", "554 no"]):
            server.replies["DATA"] = reply
            of = notification(sequence=number)
            message = channel.render(of, ALONE, degraded=True)
            try:
                await channel.send(message, msgspec.structs.replace(delivery(of, message), is_degraded=True))
            except PermanentSendError as error:
                outcomes.append(error.failure)

    exchange(server, attempts)
    assert outcomes == [Failure.MESSAGE] * 3


def test_F_34_a_connection_that_is_lost_after_the_final_dot_leads_to_the_same_mail_again() -> None:
    lines = (b"220 hello", b"250 h", b"250 ok", b"250 ok", b"250 ok", b"354 go", b"")
    port, thread = talking(*lines[:-1])
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


def test_bounces_go_to_the_return_path() -> None:
    server = MailServer()
    exchange(server, tell, return_path="bounces@example.com")
    [sent] = server.mails
    assert sent.sender == "bounces@example.com"
    assert message_from_bytes(sent.content)["From"] == "kwatch <kwatch@example.com>"


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


def test_T35_who_is_refused_for_good_does_not_hold_back_the_others(caplog: pytest.LogCaptureFixture) -> None:
    server = MailServer()
    server.replies["a@example.com"] = "550 5.1.1 no such user"
    exchange(server, tell)
    assert [sent.recipients for sent in server.mails] == [("b@example.com",)]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == ["recipient refused"]


def test_T35_when_all_are_refused_nothing_was_sent() -> None:
    server = MailServer()
    server.replies |= dict.fromkeys(TWO, "550 5.1.1 no such user")
    exchange(server, failing(Failure.MESSAGE, Reason.RECIPIENT))
    assert server.mails == []


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


def talking(
    *lines: bytes, heard: list[bytes] | None = None, context: ssl.SSLContext | None = None
) -> tuple[int, threading.Thread]:
    """Listen once: send a line per line received, then hang up; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with listener, listener.accept()[0] as plain:
            connection = context.wrap_socket(plain, server_side=True) if context else plain
            with connection:
                for line in lines:
                    connection.sendall(line + b"\r\n")
                    received = connection.recv(65536)
                    if heard is not None:
                        heard.append(received)

    thread = threading.Thread(target=talk)
    thread.start()
    return listener.getsockname()[1], thread


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


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Return a server's context; its authority is in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "password").write_text("s3cret")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def secured(server: MailServer, folder: Path, listen: dict[str, Any], **keys: Any) -> None:
    """Send once to a server that listens so, trusting its authority."""

    async def run() -> None:
        async with server.serve(**listen) as port:
            await tell(create(port, ca=folder / "ca.pem", **keys))

    asyncio.run(run())


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


@pytest.mark.parametrize(
    "keys",
    [
        {"to": []},
        {"to": ["not an address"]},
        {"to": ["a@b\r\nBcc: c@d"]},
        {"from": "Name <a@b>"},
        {"port": 0},
        {"port": "smtp"},
        {"tls": "maybe"},
        {"tls": "starttls", "username": "kwatch"},
        {"tls": "none", "username": "kwatch", "password": {"env": "P"}},
        {"tls": "none", "username": "kwatch", "token": {"env": "P"}},
        {"username": "kwatch", "password": {"env": "P"}, "token": {"env": "P"}},
        {"token": {"env": "P"}},
        {"return_path": "<>"},
        {"proxy": "http://proxy:3128"},
        {"timeout": "0s"},
    ],
)
def test_a_wrong_configuration_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        create(**keys)


@pytest.mark.parametrize(
    ("keys", "security"),
    [
        ({}, "starttls"),
        ({"port": 465}, "implicit"),
        ({"port": 465, "tls": "starttls"}, "starttls"),
        ({"tls": "none"}, "none"),
    ],
)
def test_tls_is_the_default(keys: dict[str, Any], security: str) -> None:
    config = smtp.Config.model_validate({"type": "smtp", "host": "h", "from": "a@b", "to": "c@d", **keys})
    assert config.security.value == security
