"""Mail: headers that cannot be injected, threads, and each recipient answered for."""

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.model.notifications import Count, NotificationKind, Part, Receipt, Section, Suppressed, Thread, Undelivered
from kwatch.notify.base import Channel
from kwatch.notify.channels import smtp
from kwatch.testing.receivers import MailServer
from tests.notify.mail_kit import TWO, create, exchange, failing, mail, tell, text_of
from tests.notify.samples import ALONE, alert, content, delivery, notification
from tests.notify.test_escape import HEADERS


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


@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', '"><i>'])
def test_X04_markup_is_escaped(attack: str) -> None:
    labels = dict.fromkeys(alert().labels, attack)
    annotations = dict.fromkeys(("summary", "next_step", "explanation"), attack) | {"runbook": f"javascript:{attack}"}
    hostile = alert(rule=attack, message=attack, labels=labels, annotations=annotations, details={attack: attack})
    parts = tuple(Section(part, 1, 1) for part in Part)
    digest = content(
        *(
            msgspec.structs.replace(hostile, labels={**labels, "team": f"{attack}{n}"}, muted_by=attack)
            for n in range(5)
        ),
        kind=NotificationKind.DIGEST,
        sections=parts,
        suppressed=(Suppressed(attack, 1),),
        undelivered=(Undelivered(attack, "reset", 1, is_dead=True),),
    )
    overflow = content(hostile, kind=NotificationKind.OVERFLOW, counts=(Count(attack, attack, 1),))
    for facts in (content(hostile), content(hostile, hostile), digest, overflow):
        html = mail(facts).get_body(("html",))
        assert html is not None
        assert attack not in html.get_content()
        assert "javascript:" not in html.get_content()


def test_the_headers_of_a_first_mail() -> None:
    message = mail()
    assert {name: value.strip() for name, value in message.items() if name != "Content-Type"} == {
        "Subject": "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC",
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
    subject = "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC"
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


def test_F33_without_the_second_attempt_who_was_refused_for_now_gets_nothing() -> None:
    server = MailServer()
    server.replies |= {"b@example.com": "550 5.1.1 no such user", "c@example.com": "451 4.7.1 greylisted"}
    to = ["a@example.com", "b@example.com", "c@example.com"]
    exchange(server, failing(Failure.RETRY, Reason.RECIPIENT), to=to)
    assert [sent.recipients for sent in server.mails] == [("a@example.com",)]


def test_who_is_refused_for_now_for_an_hour_does_not_hold_back_what_comes_next_to_the_others() -> None:
    server = MailServer()
    server.replies["b@example.com"] = "452 4.2.2 mailbox full"
    receipts: list[Receipt] = []

    async def attempts(channel: Channel) -> None:
        message = channel.render(notification(), ALONE, degraded=False)
        for number in range(1, 8):
            row = msgspec.structs.replace(delivery(notification(), message), attempts=number)
            try:
                receipts.append(await channel.send(message, row))
            except RetryableSendError as error:
                assert (number < 7, error.reason) == (True, Reason.RECIPIENT)  # noqa: PT017

    exchange(server, attempts)
    [receipt] = receipts
    assert receipt.values["message_id"] == "<g5h2j7.1.1@team-slack.prod-eu.kwatch>"
    assert receipt.note == "b@example.com did not get it: the mail server answered 452 4.2.2 at recipient"
    assert [sent.recipients for sent in server.mails] == [("a@example.com",)]


def test_a_mail_that_some_have_is_sent_though_it_is_refused_for_the_others() -> None:
    server = MailServer()
    server.replies["b@example.com"] = "451 4.7.1 greylisted"
    receipts: list[Receipt] = []

    async def relent(channel: Channel) -> None:
        server.replies |= {"b@example.com": "250 OK", "DATA": "554 5.7.1 spam"}
        receipts.append(await tell(channel))

    exchange(server, failing(Failure.RETRY, Reason.RECIPIENT), relent)
    assert [receipt.note for receipt in receipts] == [
        "b@example.com did not get it: the mail server answered 554 5.7.1 at data"
    ]


def test_who_is_refused_for_good_is_named_in_what_people_look_up() -> None:
    server = MailServer()
    server.replies["a@example.com"] = "550 5.1.1 no such user"
    root = Receipt({"message_id": "<1@x>", "subject": "s"})
    receipts: list[Receipt] = []

    async def attempt(channel: Channel) -> None:
        receipts.append(await tell(channel, thread=Thread(root)))

    exchange(server, attempt)
    note = "a@example.com did not get it: the mail server answered 550 5.1.1 at recipient"
    assert receipts == [Receipt(root.values, note)]


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


def test_bounces_go_to_the_return_path() -> None:
    server = MailServer()
    exchange(server, tell, return_path="bounces@example.com")
    [sent] = server.mails
    assert sent.sender == "bounces@example.com"
    assert message_from_bytes(sent.content)["From"] == "kwatch <kwatch@example.com>"


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
