"""How a mail is built: names that follow from the notification alone, headers that nothing gets into, bounded bodies.

Headers: RFC 5322 (Message-ID, References), RFC 2919 (List-Id), RFC 3834 (Auto-Submitted); X-Auto-Response-Suppress is
Exchange's word for it (MS-OXCMAIL 2.2.3.2.14). Pure.
"""

import hashlib
import re
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

from kwatch.model.notifications import Notification
from kwatch.notify.escape import cut, fit, header

#: Characters of a subject; phones show less.
SUBJECT: Final = 120
#: Bytes of each body: Gmail hides what is beyond 102 KB.
BODY: Final = 100_000

#: The patch level from which on the interpreter refuses line breaks in headers itself (CVE-2024-6923, CVE-2026-1299).
_FIXED: Mapping[tuple[int, int], int] = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}


def weakness(version: tuple[int, int, int]) -> str:
    """Return what is wrong with how this Python writes mails, or nothing; kwatch's own headers are safe with any."""
    fixed = _FIXED.get(version[:2], 0)
    if version[2] >= fixed:
        return ""
    number = ".".join(map(str, version))
    return f"Python {number} can be made to write headers of its own into mails; use {version[0]}.{version[1]}.{fixed}"


def subject(text: str) -> str:
    """Return a subject: one line of at most 120 characters."""
    return fit(text, SUBJECT, header)


def domain_of(name: str) -> str:
    """Return the text as something that may stand on the right of a Message-ID."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip(".-") or "kwatch"


def message_id(notification: Notification, instance: str) -> str:
    """Return `<fingerprint.episode.sequence@…>`: the same for every attempt, and another for each destination."""
    local = re.sub(r"[^A-Za-z0-9]+", ".", notification.incident.removeprefix("kw/")).strip(".")
    destination = re.sub(r"[^A-Za-z0-9]+", "-", notification.destination).strip("-")
    return f"<{local}.{notification.sequence}@{destination}.{domain_of(instance)}>"


def list_id(cluster: str, sender: str) -> str:
    """Return `<prod-eu.kwatch.example.com>`: what people file mails by, the same for the life of a cluster."""
    return f"<{domain_of(cluster)}.kwatch.{sender.rpartition('@')[2]}>"


def build(headers: Mapping[str, Any], plain: str, html: str, name: str) -> bytes:
    """Return the bytes of a mail; without HTML it is text alone. `name` decides the boundary."""
    mail = EmailMessage(policy=SMTP)
    for key, value in headers.items():
        mail[key] = value
    mail.set_content(bounded(plain), cte="quoted-printable")
    if html:
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        mail.set_boundary(hashlib.sha256(name.encode()).hexdigest()[:32])
    return mail.as_bytes()


def size(text: str) -> int:
    """Return the bytes of a body."""
    return len(text.encode())


def bounded(text: str) -> str:
    """Return the text in at most 100 KB, saying how much is missing."""
    return text if size(text) <= BODY else cut(text, BODY // 4)  # at most four bytes for each character
