"""What `kwatch render` shows of a rendered message."""

from email.message import EmailMessage

from kwatch.cli.preview import html_of, text_of
from kwatch.model.notifications import Message


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
