"""What `kwatch render` shows of a rendered message."""

from datetime import UTC, datetime
from email.message import EmailMessage

from kwatch.cli.preview import html_of, text_of
from kwatch.model.notifications import Message, NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.samples import sample


def mail() -> Message:
    message = EmailMessage()
    message["Subject"] = "[prod-eu] critical: crash-loop"
    message["To"] = "team@example.com"
    message["X-Kwatch"] = "1"
    message.set_content("the text\n")
    message.add_alternative("<p>the text</p>\n", subtype="html")
    return Message(message.as_bytes(), "message/rfc822")


def test_a_mail_is_its_headers_and_its_text() -> None:
    assert text_of(mail()) == "To: team@example.com\nSubject: [prod-eu] critical: crash-loop\n\nthe text\n"


def test_the_html_part_of_a_mail_can_be_had() -> None:
    assert html_of(mail()) == "<p>the text</p>\n"


def test_json_is_indented() -> None:
    assert text_of(Message(b'{"text": "caf\xc3\xa9"}')) == '{\n  "text": "café"\n}'


def test_a_text_is_shown_as_it_is() -> None:
    message = Message(b"CRITICAL\n  why\n", "text/plain; charset=utf-8")
    assert text_of(message) == "CRITICAL\n  why\n"
    assert html_of(message) == ""


def test_a_destination_that_refuses_everything_is_as_severe_as_it_is_told() -> None:
    """PagerDuty shows an incident then: as a change event it would seem to call nobody."""
    now = datetime(2026, 3, 1, 14, 2, tzinfo=UTC)
    told = sample(NotificationKind.META, destination="oncall", receiver="r", cluster="c", now=now)
    assert (told.severity, told.content.severity) == (Severity.CRITICAL, Severity.CRITICAL)
