"""A rendered message, for a terminal and for a browser. Pure."""

import email
import email.policy
import json
from email.message import EmailMessage

from kwatch.model.notifications import Message

_MAIL = "message/rfc822"
_MAIL_HEADERS = ("From", "To", "Subject", "Message-ID", "In-Reply-To")


def text_of(message: Message) -> str:
    """Return what people would read: a mail's headers and text, JSON indented, other texts as they are."""
    if message.content_type == _MAIL:
        mail = _mail(message)
        headers = [f"{name}: {mail[name].strip()}" for name in _MAIL_HEADERS if mail[name]]
        return "\n".join([*headers, "", _part(mail, "plain")])
    text = message.body.decode(errors="replace")
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if "json" in message.content_type else text


def html_of(message: Message) -> str:
    """Return the HTML part of a mail; empty for what has none."""
    return _part(_mail(message), "html") if message.content_type == _MAIL else ""


def _mail(message: Message) -> EmailMessage:
    return email.message_from_bytes(message.body, policy=email.policy.default)


def _part(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    return str(part.get_content()) if part else ""
