"""Mail: headers that cannot be injected, threads, TLS, and each recipient answered for."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Content, Notification, NotificationKind, Receipt, Thread
from kwatch.notify.base import Channel
from kwatch.notify.channels import smtp
from kwatch.notify.channels.smtp import Stage, classify_reply
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
        "List-Id": "<prod-eu.kwatch>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Kwatch-Severity": "critical",
        "MIME-Version": "1.0",
    }
    assert message.get_content_type() == "multipart/alternative"


def test_the_text_is_complete_by_itself() -> None:
    assert (
        text_of(mail())
        == """\
🔴 CRITICAL · crash-loop · payments/Deployment/worker

FIRING since 14:02 UTC (12 m)
Cause        Deployment/worker keeps crashing
Means        The container ends soon after each start; the kubelet waits longer each time.
Next         kubectl -n payments logs worker-7d9c-x2x1 --previous
Runbook      https://runbooks.example.com/crash-loop
Where        payments/Deployment/worker
Node         n-17
Affected     worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more
How often    about 30 in the window of the rule, 43 in all
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
    assert text_of(end).startswith("✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker\n")


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

    exchange(server, failing(Failure.RETRY, Reason.UNAVAILABLE), relent)
    assert [sent.recipients for sent in server.mails] == [("a@example.com",), ("b@example.com",)]
    assert server.mails[0].content == server.mails[1].content


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
        (552, "5.2.3", Stage.DATA, Failure.MESSAGE),
        (554, "5.7.1", Stage.DATA, Failure.MESSAGE),
    ],
)
def test_each_reply_has_its_class(code: int, text: str, stage: Stage, failure: Failure) -> None:
    error = classify_reply(code, text, stage)
    assert error.failure is failure
    assert text.partition(" ")[2] == "" or text.partition(" ")[2] not in str(error)


def talking(*lines: bytes) -> tuple[int, threading.Thread]:
    """Listen once: send a line per line received, then hang up; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with listener, listener.accept()[0] as connection:
            for line in lines:
                connection.sendall(line + b"\r\n")
                connection.recv(65536)

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


def test_mail_never_goes_in_clear_text_when_tls_is_required(tmp_path: Path) -> None:
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
