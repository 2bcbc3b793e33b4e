"""What people find in their mailboxes: threads, both bodies, digests; and what a real server refuses."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Content, NotificationKind, Part, Receipt, Section, Thread
from kwatch.notify.base import Channel
from kwatch.notify.channels import smtp
from tests.mail.exim import PASSWORD, Exim
from tests.notify.samples import ALONE, alert, content, delivery, ended, notification, tools_for
from tests.notify.test_escape import HEADERS


@pytest.fixture
def exim(real_mail_server: Exim) -> Iterator[Exim]:
    yield real_mail_server
    real_mail_server.forget()


def create(exim: Exim, folder: Path, *, secret: str = PASSWORD, key: str = "password", **keys: Any) -> Channel:
    """Return a channel that logs in at the server with TLS, with more keys."""
    (folder / "secret").write_text(secret)
    config = {
        "type": "smtp",
        "host": "localhost",
        "port": exim.starttls,
        "ca": exim.ca,
        "username": "kwatch",
        key: {"file": str(folder / "secret")},
        "from": "kwatch@example.com",
        "return_path": "bounces@example.com",
        "to": "ann@example.com",
    }
    return smtp.create(smtp.Config.model_validate({**config, **keys}), tools_for())


def tell(
    channel: Channel,
    facts: Content | None = None,
    thread: Thread = ALONE,
    *,
    sequence: int = 1,
    degraded: bool = False,
) -> Receipt:
    """Render and send once."""
    of = notification(facts, sequence=sequence)
    message = channel.render(of, thread, degraded=degraded)
    return asyncio.run(channel.send(message, replace(delivery(of, message, thread), is_degraded=degraded)))


def refused(channel: Channel, facts: Content | None = None, *, degraded: bool = False) -> tuple[Failure, Reason]:
    """Send what is not taken, and return why."""
    with pytest.raises(SendError) as raised:
        tell(channel, facts, degraded=degraded)
    return raised.value.failure, raised.value.reason


def part(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_an_incident_is_a_thread_in_the_mailbox(exim: Exim, tmp_path: Path) -> None:
    channel = create(exim, tmp_path)
    root = tell(channel)
    tell(channel, content(kind=NotificationKind.REPEAT), Thread(root), sequence=2)
    tell(channel, content(kind=NotificationKind.RESOLVED), Thread(root), sequence=3)
    first, *later = sorted(exim.mails("ann", 3), key=lambda mail: mail["Message-ID"])
    name = "<g5h2j7.1.{}@team-slack.prod-eu.kwatch>"
    assert {key: first[key] for key in ("Message-ID", "References", "In-Reply-To")} == {
        "Message-ID": name.format(1),
        "References": None,
        "In-Reply-To": None,
    }
    assert [(mail["Message-ID"], mail["References"], mail["In-Reply-To"]) for mail in later] == [
        (name.format(2), name.format(1), name.format(1)),
        (name.format(3), name.format(1), name.format(1)),
    ]
    assert {mail["Subject"].strip() for mail in (first, *later)} == {
        "[prod-eu] critical: crash-loop payments/Deployment/worker, since 2026-03-01 14:02 UTC"
    }
    assert [part(mail, "plain").split("\n")[0] for mail in (first, *later)] == [
        "FIRING since 14:02 UTC (12 m), about 30 in the window of the rule, 43 in all",
        "STILL FIRING since 14:02 UTC (12 m), about 30 in the window of the rule, 43 in all",
        "RESOLVED after 12 m: 14:02 UTC to 14:14 UTC",
    ]


def test_the_headers_arrive(exim: Exim, tmp_path: Path) -> None:
    tell(create(exim, tmp_path))
    [mail] = exim.mails("ann", 1)
    wanted = {
        "Return-path": "<bounces@example.com>",
        "From": "kwatch <kwatch@example.com>",
        "To": "ann@example.com",
        "Date": "Sun, 01 Mar 2026 14:14:00 +0000",
        "List-Id": "<prod-eu.kwatch.example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Kwatch-Severity": "critical",
    }
    assert {name: mail[name] for name in wanted} == wanted
    assert "from example.com by mail.example.com with esmtpsa" in mail["Received"]  # greeted, by TLS, logged in


def test_both_bodies_arrive_the_text_first(exim: Exim, tmp_path: Path) -> None:
    tell(create(exim, tmp_path))
    [mail] = exim.mails("ann", 1)
    assert [each.get_content_type() for each in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    for subtype in ("plain", "html"):
        assert "kubectl -n payments logs worker-7d9c-x2x1 --previous" in part(mail, subtype)
        assert "🔴 CRITICAL · crash-loop · payments/Deployment/worker" in part(mail, subtype)


def test_a_digest_arrives_and_stands_alone(exim: Exim, tmp_path: Path) -> None:
    views = (
        alert(),
        ended(alert(rule="oom-killed", labels={"namespace": "shop", "workload": "Deployment/web", "name": "web-1"})),
    )
    sections = (Section(Part.NEW, 1, 1), Section(Part.ENDED, 1, 1))
    tell(create(exim, tmp_path), content(*views, kind=NotificationKind.DIGEST, sections=sections))
    [mail] = exim.mails("ann", 1)
    assert mail["Subject"] == "[prod-eu] kwatch digest: 1 new, 1 ended"
    assert mail["References"] is None
    assert (
        part(mail, "plain").partition("\n-- \n")[0]
        == """\
DIGEST of 14:02 UTC to 14:14 UTC (12 m)
🗞️ DIGEST · 1 new, 1 ended · prod-eu

BEGAN (2)
█▁▁
by the 5 minutes from 14:02, most at 14:02 (2)

NEW (1)
• crash-loop · payments/Deployment/worker · firing since 14:02 UTC (12 m)
  Deployment/worker keeps crashing

ENDED (1)
• oom-killed · shop/Deployment/web · resolved after 12 m
  Deployment/web keeps crashing

BY NAMESPACE
payments                 1 new
shop                     1 ended

Cluster      prod-eu
"""
    )
    for words in ("1</div>", "crash-loop", "payments/Deployment/worker", "oom-killed", "resolved after 12 m"):
        assert words in part(mail, "html")


def test_implicit_tls(exim: Exim, tmp_path: Path) -> None:
    tell(create(exim, tmp_path, port=exim.implicit, tls="implicit"))
    assert len(exim.mails("ann", 1)) == 1


def test_F_33_of_three_recipients_one_has_it_one_is_dead_and_one_is_tried_alone(exim: Exim, tmp_path: Path) -> None:
    channel = create(exim, tmp_path, to=["ann@example.com", "nobody@example.com", "later@example.com"])
    assert refused(channel) == (Failure.RETRY, Reason.RECIPIENT)
    exim.relent()
    tell(channel)
    [first], [second] = exim.mails("ann", 1), exim.mails("later", 1)
    assert first["Message-ID"] == second["Message-ID"]
    assert len(exim.mails("ann", 1)) == 1


def test_F_35_a_server_without_starttls_gets_nothing_in_clear_text(exim: Exim, tmp_path: Path) -> None:
    assert refused(create(exim, tmp_path, port=exim.clear)) == (Failure.DESTINATION, Reason.TLS)


def test_an_authority_that_is_not_given_is_not_trusted(exim: Exim, tmp_path: Path) -> None:
    assert refused(create(exim, tmp_path, ca=None)) == (Failure.DESTINATION, Reason.TLS)


def test_a_wrong_password_suspends_until_the_secret_is_right(exim: Exim, tmp_path: Path) -> None:
    channel = create(exim, tmp_path, secret="wrong")
    assert refused(channel) == (Failure.DESTINATION, Reason.UNAUTHORIZED)
    (tmp_path / "secret").write_text(PASSWORD)
    tell(channel)
    assert len(exim.mails("ann", 1)) == 1


def test_a_token_that_is_renewed_is_used_at_once(exim: Exim, tmp_path: Path) -> None:
    channel = create(exim, tmp_path, key="token", secret="ya29.first")
    exim.expect_token("ya29.first")
    tell(channel)
    exim.expect_token("ya29.second")
    assert refused(channel) == (Failure.DESTINATION, Reason.UNAUTHORIZED)
    (tmp_path / "secret").write_text("ya29.second\n")
    tell(channel, sequence=2)
    assert len(exim.mails("ann", 2)) == 2


def test_who_does_not_log_in_is_refused(exim: Exim, tmp_path: Path) -> None:
    config = {"type": "smtp", "host": "localhost", "port": exim.starttls, "ca": exim.ca}
    addresses = {"from": "kwatch@example.com", "to": "ann@example.com"}
    channel = smtp.create(smtp.Config.model_validate({**config, **addresses}), tools_for())
    assert refused(channel) == (Failure.DESTINATION, Reason.UNAUTHORIZED)


def test_a_mail_that_is_too_large_is_sent_again_short(exim: Exim, tmp_path: Path) -> None:
    channel = create(exim, tmp_path, template={"text": "集群" * 8000})
    assert refused(channel) == (Failure.MESSAGE, Reason.TOO_LARGE)
    tell(channel, degraded=True)
    [mail] = exim.mails("ann", 1)
    assert "characters more" in part(mail, "plain")


def test_three_mails_that_the_server_does_not_like_suspend_the_destination(exim: Exim, tmp_path: Path) -> None:
    channel = create(exim, tmp_path, template={"text": "SPAM"})
    refusals = [refused(channel, degraded=degraded) for _ in range(3) for degraded in (False, True)]
    assert refusals == [(Failure.MESSAGE, Reason.REJECTED)] * 5 + [(Failure.DESTINATION, Reason.REJECTED)]


@pytest.mark.parametrize("attack", HEADERS)
def test_X03_an_attack_arrives_as_one_subject_and_no_header(exim: Exim, tmp_path: Path, attack: str) -> None:
    hostile = content(alert(rule=attack, labels={"namespace": attack, "workload": attack}), cluster=attack)
    tell(create(exim, tmp_path), hostile)
    [mail] = exim.mails("ann", 1)
    assert sorted(mail.keys()) == [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "List-Id",
        "MIME-Version",
        "Message-ID",
        "Received",
        "Return-path",
        "Subject",
        "To",
        "X-Auto-Response-Suppress",
        "X-Kwatch-Severity",
    ]


def test_the_command_sends_a_test(exim: Exim, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "kwatch.yaml").write_text(f"""
cluster: prod-eu
receivers:
  team:
    - type: smtp
      host: localhost
      port: {exim.starttls}
      ca: {exim.ca}
      username: kwatch
      password: {{file: {tmp_path / "password"}}}
      from: kwatch@example.com
      to: [bob@example.com]
""")
    command = [sys.executable, "-m", "kwatch", "send-test", "--config", str(tmp_path / "kwatch.yaml")]
    subprocess.run([*command, "--destination", "team-smtp"], check=True, capture_output=True)
    [mail] = exim.mails("bob", 1)
    assert part(mail, "plain").startswith("TEST: nothing is wrong\n🧪 TEST · This is a test of kwatch")
