"""The messages of all destinations side by side, as one HTML file that needs nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

from kwatch.cli.channels import Way
from kwatch.cli.preview import html_of, text_of
from kwatch.clock import SystemClock
from kwatch.model.notifications import NotificationKind, Thread
from kwatch.notify.chat import Chat
from kwatch.notify.page import Page, Row
from kwatch.notify.render import TemplateEngine
from kwatch.notify.words import WORDS
from kwatch.telemetry import strip_controls


def gallery(ways: Iterable[Way], kinds: Iterable[NotificationKind]) -> str:
    """Return a page with a section for each kind, and in it what each destination would be told."""
    ways = tuple(ways)
    sections = [{"kind": kind.value, "cards": [_card(way, kind) for way in ways]} for kind in kinds]
    context = {"cluster": ways[0].cluster, "sections": sections, "language": "en"}
    return TemplateEngine(SystemClock()).for_message().render_built_in("preview/gallery.html.j2", context)


def _card(way: Way, kind: NotificationKind) -> Mapping[str, Any]:
    """Return one message: as a mail is shown, as a chat lays it out, or as the text that is sent."""
    notification = way.sample(kind)
    message = way.channel.render(notification, Thread(), degraded=False)
    return {
        "name": way.name,
        "type": way.type,
        "problem": message.fallback_reason,
        "html": html_of(message),
        "page": _page(way.channel.page(notification)) if isinstance(way.channel, Chat) else None,
        "text": strip_controls(text_of(message)).rstrip(),
    }


def _page(page: Page) -> Mapping[str, Any]:
    """Return a page as plain values."""

    def rows(facts: Iterable[Row]) -> list[Mapping[str, object]]:
        return [{"label": row.label, "text": row.text, "is_link": row.is_link} for row in facts]

    return {
        **{name: getattr(page, name) for name in ("title", "text", "states", "quote", "footer", "url")},
        **{name: rows(getattr(page, name)) for name in ("facts", "sentences", "advice")},
        "tone": page.tone.value,
        "details": WORDS[page.language]("details"),
        "listings": [{"title": each.title, "items_": each.items, "rest": each.rest} for each in page.listings],
    }
