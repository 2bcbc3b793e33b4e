"""How a mail is built: names, subjects, bounds, and what an old Python cannot do by itself."""

import re
import sys
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from kwatch.model.notifications import Content, NotificationKind, Part, Section
from kwatch.notify import mail
from kwatch.notify.channels import smtp
from tests.notify.samples import ALONE, NOW, alert, content, notification, tools_for
from tests.notify.test_escape import HEADERS


@pytest.mark.parametrize(
    ("version", "is_weak"),
    [
        ((3, 11, 14), True),
        ((3, 11, 15), False),
        ((3, 12, 12), True),
        ((3, 12, 13), False),
        ((3, 13, 11), True),
        ((3, 13, 12), False),
        ((3, 14, 2), True),
        ((3, 14, 3), False),
        ((3, 15, 0), False),
    ],
)
def test_cve_2024_6923_and_cve_2026_1299_are_named_below_the_patch_level_that_mends_them(
    version: tuple[int, int, int], is_weak: bool
) -> None:
    assert bool(mail.weakness(version)) is is_weak


def test_the_warning_says_what_to_use() -> None:
    said = "Python 3.11.7 can be made to write headers of its own into mails; use 3.11.15"
    assert mail.weakness((3, 11, 7)) == said


@pytest.mark.parametrize("attack", HEADERS)
def test_X03_a_subject_of_attacks_alone_is_at_most_120_characters(attack: str) -> None:
    assert len(mail.subject(attack * 20)) <= 120
    assert "=?" not in mail.subject(attack * 20)


@pytest.mark.parametrize(
    ("cluster", "sender", "name"),
    [
        ("prod-eu", "kwatch@example.com", "<prod-eu.kwatch.example.com>"),
        ("arn:aws:eks:eu/prod eu\r\nBcc: x", "a@b.example.org", "<arn-aws-eks-eu-prod-eu-Bcc-x.kwatch.b.example.org>"),
        ("集群", "a@b", "<kwatch.kwatch.b>"),
    ],
)
def test_a_list_has_one_name_for_the_life_of_a_cluster(cluster: str, sender: str, name: str) -> None:
    assert mail.list_id(cluster, sender) == name


def rendered(facts: Content, **keys: Any) -> tuple[bytes, str, str]:
    """Return the bytes of a mail, its text and its HTML (empty when it has none)."""
    config = {"type": "smtp", "host": "localhost", "from": "kwatch@example.com", "to": "a@example.com", **keys}
    channel = smtp.create(smtp.Config.model_validate(config), tools_for())
    body = channel.render(notification(facts), ALONE, degraded=False).body
    parsed = message_from_bytes(body, policy=policy.default)
    plain, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert plain is not None
    return body, plain.get_content(), html.get_content() if html else ""


def digest_of(number: int, **labels: str) -> Content:
    """Return a digest of five sections with so many alerts in each."""
    views = tuple(
        alert(fingerprint=f"f{n}", rule=labels.get("rule", "crash-loop"), labels={**alert().labels, **labels})
        for n in range(5 * number)
    )
    sections = tuple(Section(part, number, number) for part in Part)
    return content(*views, kind=NotificationKind.DIGEST, sections=sections, starts_at=NOW - timedelta(days=1))


@pytest.mark.parametrize("number", [1, 50, 1000])
def test_no_body_of_a_digest_is_larger_than_what_gmail_shows(number: int) -> None:
    _, plain, html = rendered(digest_of(number, namespace="&" * 500, workload="&" * 500, rule="&" * 500))
    assert len(plain.encode()) <= 100_000
    assert 0 < len(html.encode()) <= 100_000


def test_a_digest_of_thousands_counts_what_it_does_not_list() -> None:
    _, plain, html = rendered(digest_of(1000))
    assert "and 980 more" in plain
    assert "and 980 more" in html


def test_an_overflow_names_every_alert_in_the_text_and_those_that_have_room_in_the_html() -> None:
    views = tuple(alert(fingerprint=f"f{n}", rule=f"rule-{n:03}") for n in range(498))
    _, plain, html = rendered(content(*views, kind=NotificationKind.OVERFLOW, folded=498))
    assert len(set(re.findall(r"rule-\d{3} ·", plain))) == 498
    assert len(set(re.findall(r"<b>rule-\d{3}</b>", html))) == 150
    assert "and 348 more" in html
    assert len(html.encode()) <= 100_000


def test_a_text_of_the_users_that_would_be_too_much_html_is_sent_as_text_alone() -> None:
    text = "{% for n in alerts %}{% for m in alerts %}{{ '&&&&&&&&&&&&' }}{% endfor %}{% endfor %}"
    views = tuple(alert(fingerprint=f"f{n}") for n in range(70))
    body, plain, html = rendered(content(*views), template={"text": text})
    assert plain.count("&") == 12 * 70 * 70
    assert html == ""
    assert message_from_bytes(body).get_content_type() == "text/plain"


KINDS = [
    content(),
    content(alert(), alert(rule="other")),
    content(kind=NotificationKind.RESOLVED),
    content(kind=NotificationKind.TEST, alerts=(), alert_count=0, text="a test"),
    digest_of(2),
]


@pytest.mark.parametrize("facts", KINDS, ids=["alert", "alerts", "resolved", "test", "digest"])
def test_the_html_loads_nothing_and_links_by_https_alone(facts: Content) -> None:
    html = rendered(facts)[2]
    assert re.findall(r"(?i)\b(?:src|background|srcset)\s*=|url\(|@import|<link|<script|<img|<style|class=", html) == []
    assert set(re.findall(r'href="([^"]*)"', html)) <= {"https://runbooks.example.com/crash-loop"}


@pytest.mark.parametrize("facts", KINDS, ids=["alert", "alerts", "resolved", "test", "digest"])
def test_the_html_is_at_most_600_pixels_wide(facts: Content) -> None:
    html = rendered(facts)[2]
    assert 'width="600"' in html
    assert "max-width:600px" in html
    assert max(int(width) for width in re.findall(r'width="(\d+)"', html)) == 600


def test_the_operator_is_warned_of_the_python_that_runs_and_only_of_one_that_is_weak() -> None:
    keys = {"type": "smtp", "host": "h", "from": "a@b", "to": "c@d"}
    major, minor, micro, *_ = sys.version_info
    said = mail.weakness((major, minor, micro))
    assert smtp.Config.model_validate(keys).warnings() == ((said,) if said else ())
