"""What a message says in every chat: a digest in lists."""

from datetime import timedelta
from typing import Any

import pytest

from kwatch.model.notifications import Content, NotificationKind, Part, Section, Suppressed, Undelivered
from kwatch.notify.context import context_of
from kwatch.notify.page import Item, Listing, Page, fact_page
from kwatch.notify.render import TemplateEngine
from tests.notify.samples import NOW, StillClock, alert, content, ended, notification


def page_of(facts: Content) -> Page:
    context = context_of(notification(facts), "UTC", TemplateEngine(StillClock()).for_message()).context
    return fact_page(f"{context['glyph']} {context['title']}", context)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("chat refuses every message.\nWhy: it is archived.\nMend it.", "Why: it is archived.\nMend it."),
        ("kwatch started.", ""),
        (f"{'x' * 160}\nMend it.", f"{'x' * 160}\nMend it."),
    ],
    ids=["several lines", "one line", "a line that a title has no room for"],
)
def test_what_the_title_says_is_not_said_again(text: str, quote: str) -> None:
    page = page_of(content(kind=NotificationKind.META, alerts=(), alert_count=0, text=text))
    assert page.quote == quote


def test_a_title_of_ones_own_leaves_the_text_whole() -> None:
    facts = content(kind=NotificationKind.META, alerts=(), alert_count=0, text="kwatch started.\nAll is well.")
    context = context_of(notification(facts), "UTC", TemplateEngine(StillClock()).for_message()).context
    assert fact_page("hear, hear", context).quote == "kwatch started.\nAll is well."


def digest(**changes: Any) -> Content:
    """Return a digest of the last day: one new, one still open, two that came and went."""
    here = {"namespace": "shop", "workload": "Deployment/web", "team": "shop"}
    gone = tuple(
        ended(alert(rule="readiness", labels={**here, "workload": f"Deployment/{name}"})) for name in ("api", "cart")
    )
    old = alert(
        rule="node-not-ready",
        labels={"workload": "Node/n-4"},
        starts_at=NOW - timedelta(hours=30),
        muted_by="silenced by ann",
    )
    sections = (Section(Part.NEW, 1, 1), Section(Part.STILL_OPEN, 1, 1), Section(Part.CAME_AND_WENT, 7, 2))
    facts = {"sections": sections, "alert_count": 9, "starts_at": NOW - timedelta(days=1)}
    return content(alert(labels=here), old, *gone, kind=NotificationKind.DIGEST, **{**facts, **changes})


def test_a_digest_is_told_in_lists_with_its_shape_above_them() -> None:
    page = page_of(
        digest(
            suppressed=(Suppressed("the silence of ann", 12),),
            undelivered=(Undelivered("oncall-webhook", "unauthorized", 3, True),),
        )
    )
    assert page.title == "🗞️ DIGEST · 1 new, 1 still open, 7 came and went · prod-eu"
    assert page.states == (
        "DIGEST of 2026-02-28 14:14 UTC to 2026-03-01 14:14 UTC (1 d)",
        "▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█",
        "3 began, by the hour; most at 13:14 (3)",
    )
    assert page.listings == (
        Listing((Item("oncall-webhook: 3 given up (unauthorized)"),), title="Delivery problems"),
        Listing(
            (Item("crash-loop", " · shop/Deployment/web · firing since 14:02 UTC (12 m)"),),
            title="New (1)",
        ),
        Listing(
            (Item("node-not-ready", " · Node/n-4 · firing since 2026-02-28 08:14 UTC (1 d 6 h), silenced by ann"),),
            title="Still open (1)",
        ),
        Listing(
            (Item("readiness", " · 2 times, the longest 12 m · Deployment/api, Deployment/cart"),),
            more=5,
            title="Came and went (7)",
        ),
        Listing(
            (Item("shop", " · 1 new, 2 came and went"), Item("no team", " · 1 still open")),
            title="By team",
        ),
        Listing((Item("12 by the silence of ann"),), title="Not told"),
    )


def test_a_digest_in_which_nothing_happened_says_so() -> None:
    page = page_of(digest(alerts=(), sections=(), alert_count=0))
    assert page.title == "🗞️ DIGEST · nothing happened · prod-eu"
    assert page.listings == ()
    assert page.states == ("DIGEST of 2026-02-28 14:14 UTC to 2026-03-01 14:14 UTC (1 d)",)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_the_details_of_one_alert_are_its_place_on_the_status_page(scheme: str) -> None:
    """Of `http` too: whoever runs kwatch without TLS inside a network wrote it so."""
    page = page_of(content(public_url=f"{scheme}://kwatch.example.com"))
    assert page.url == f"{scheme}://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij"
    page = page_of(content(alert(), alert(fingerprint="f2"), public_url=f"{scheme}://kwatch.example.com"))
    assert page.url == f"{scheme}://kwatch.example.com"
