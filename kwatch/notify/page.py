"""What one message says, in the parts that every chat lays out in its own form.

A chat adds no fact of its own and leaves none out, unless the message would be over its limits: then `fitting` cuts
first what is long, then what is much. Texts are plain and untrusted: the chat encodes them. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import TypeVar

import msgspec

from kwatch.notify.context import Context
from kwatch.notify.escape import cut
from kwatch.notify.words import WORDS, Words

_T = TypeVar("_T")

#: Rows that are sentences; the others stand in columns, but for the rule, which is in the footer.
_SENTENCES = ("Cause", "Was", "Means", "Next", "Runbook", "Ended")
_IN_SECTION = 10  # alerts of each section of a digest
_COUNTS = 20  # lines of an overflow
_NAME, _TITLE = 100, 250
_WHOLE = 150  # characters of a title that each chat shows whole


class Tone(Enum):
    """The colour of a message."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    GOOD = "good"
    NEUTRAL = "neutral"


#: As people know them from traffic lights.
COLOURS: Mapping[Tone, str] = {
    Tone.CRITICAL: "#D92D20",
    Tone.WARNING: "#F79009",
    Tone.INFO: "#2E90FA",
    Tone.GOOD: "#12B76A",
    Tone.NEUTRAL: "#667085",
}


class Item(msgspec.Struct, frozen=True):
    """A line of a list: what it is about, and the rest."""

    name: str
    text: str = ""


class Listing(msgspec.Struct, frozen=True):
    """A list, under a title if it has one; `more` are not in it."""

    items: tuple[Item, ...]
    more: int = 0
    title: str = ""
    language: str = "en"

    @property
    def rest(self) -> str:
        """Return `and 3 more`, or nothing."""
        return WORDS[self.language]("and {count} more", count=self.more) if self.more else ""


class Row(msgspec.Struct, frozen=True):
    """A fact: its label and its text, which is a link that may be followed or plain."""

    label: str
    text: str
    is_link: bool = False


class OpenIncident(msgspec.Struct, frozen=True):
    """What people may answer to, and when they were told of it."""

    id: str
    told_at: datetime


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A message; what is empty is left out."""

    title: str  # with its glyph
    tone: Tone = Tone.NEUTRAL
    text: str = ""  # of the user's own template, or of the plain form; then nothing else is there
    states: tuple[str, ...] = ()  # since when; what else is to be said of the whole
    facts: tuple[Row, ...] = ()  # short ones: where, how often
    sentences: tuple[Row, ...] = ()  # cause, next step, runbook
    quote: str = ""  # what Kubernetes says
    listings: tuple[Listing, ...] = ()
    advice: tuple[Row, ...] = ()  # next steps, by rule
    footer: str = ""
    url: str = ""  # where the details are
    language: str = "en"  # of the words that a layout adds
    is_quiet: bool = False  # it calls nobody
    incident: OpenIncident | None = None  # None: there is nothing to answer to


def fact_page(title: str, context: Context) -> Page:
    """Return the built-in message."""
    say = WORDS[context["language"]]
    rows = [Row(label, text, label == say("Runbook")) for label, text in context["rows"]]
    sentences = frozenset(map(say, _SENTENCES))
    return Page(
        title=title,
        tone=_tone(context),
        states=(context["status"], *context["notes"], *_beginnings(context)),
        facts=(*_common(context), *(row for row in rows if row.label not in {*sentences, say("Rule")})),
        sentences=tuple(row for row in rows if row.label in sentences),
        quote=_quote(title, context),
        listings=_listings(context),
        advice=_advice(context),
        footer=_footer(context),
        language=context["language"],
        url=context["url"],
        is_quiet=context["is_quiet"],
    )


def text_page(title: str, text: str, context: Context) -> Page:
    """Return a text of the user's own, or the plain form, under its title."""
    return Page(title=title, tone=_tone(context), text=text, language=context["language"], is_quiet=context["is_quiet"])


def news_page(title: str, context: Context) -> Page | None:
    """Return what is worth a word of its own: an end, that it goes on or is worse, alerts that are new; or None."""
    new = [alert for alert in context["listed"] if alert["is_new"]]
    say = WORDS[context["language"]]
    if context["is_quiet"] or (context["kind"] == "update" and not new and not context["is_raised"]):
        return None
    about = new if context["kind"] == "update" else context["listed"] if context["alert_count"] > 1 else []
    how = say(", ").join(filter(None, (context["status"], *(alert["end"] for alert in context["listed"][:1]))))
    return Page(
        title=title,
        tone=_tone(context),
        language=context["language"],
        states=() if about else (how,),
        listings=(Listing(tuple(_alert_item(alert) for alert in about)),) if about else (),
    )


def _tone(context: Context) -> Tone:
    match context["kind"]:
        case "resolved":
            return Tone.GOOD
        case "firing" | "update" | "repeat" | "notice":
            return Tone(context["severity"])
        case _:
            return Tone.NEUTRAL


def _common(context: Context) -> tuple[Row, ...]:
    say = WORDS[context["language"]]
    cluster = (Row(say("Cluster"), context["cluster"]),) if context["cluster"] else ()
    is_of_alerts = context["kind"] not in {"meta", "test", "summary", "digest"}
    return (*cluster, Row(say("Severity"), say(context["severity"]))) if is_of_alerts else cluster


def _quote(title: str, context: Context) -> str:
    """Return the message: of the whole, or of a single alert that goes on, if it says more than title or cause."""
    if context["message"] or not context["rows"] or context["sections"]:
        first, _, rest = context["message"].partition("\n")
        return rest if first in title and len(title) <= _WHOLE else str(context["message"])
    alert = context["listed"][0]
    return "" if alert["end"] or alert["message"] == alert["cause"] else str(alert["message"])


def _listings(context: Context) -> tuple[Listing, ...]:
    if context["report"]:
        return _report(context)
    if context["rows"]:
        return ()
    language = context["language"]
    counts = Listing(tuple(Item(count) for count in context["counts"][:_COUNTS]), language=language)
    item = _line_item if context["kind"] == "overflow" else _alert_item
    alerts = Listing(tuple(map(item, context["listed"])), context["more"], language=language)
    return tuple(listing for listing in (counts, alerts) if listing.items)


def _beginnings(context: Context) -> tuple[str, ...]:
    """Return the shape of a digest's period, if anything began in it."""
    report = context["report"]
    if not report or not report["began"]:
        return ()
    say = WORDS[context["language"]]
    text = "{count} began, by the {slot}; most at {busiest}"
    return (report["sparkline"], say(text, count=report["began"], slot=report["slot"], busiest=report["busiest"]))


def _report(context: Context) -> tuple[Listing, ...]:
    """Return the lists of a digest, what asks for something first."""
    report, sections, say = context["report"], context["sections"], WORDS[context["language"]]
    problems = Listing(tuple(map(Item, report["undelivered"])), title=say("Delivery problems"))
    groups = Listing(
        tuple(Item(group["name"], f" · {_counted(say, group, sections)}") for group in report["groups"]),
        title=say("By {group}", group=report["group_word"].lower()),
    )
    untold = Listing(tuple(map(Item, report["suppressed"])), title=say("Not told"))
    listings = (problems, *(_section(section, context) for section in sections), groups, untold)
    return tuple(listing for listing in listings if listing.items)


def _counted(say: Words, group: Context, sections: Iterable[Context]) -> str:
    """Return `2 new, 1 ended`."""
    counts = [(group[each["name"]], each["title"]) for each in sections if group[each["name"]]]
    return say(", ").join(say("{count} {what}", count=count, what=what) for count, what in counts)


def _section(section: Context, context: Context) -> Listing:
    """Return a part of a digest: some of its alerts in a line each; what came and went by rule and namespace."""
    say, language = WORDS[context["language"]], context["language"]
    title = f"{section['title'].capitalize()} ({section['count']})"
    if section["name"] == "came_and_went":
        gone = context["report"]["came_and_went"]
        items = tuple(Item(each["rule"], f" · {each['often']} · {each['places']}") for each in gone)
        return Listing(items, section["count"] - sum(each["count"] for each in gone), title, language)
    shown = section["alerts"][:_IN_SECTION]
    items = tuple(Item(alert["rule"], f" · {alert['where']} · {_how_it_is(say, alert)}") for alert in shown)
    return Listing(items, section["count"] - len(shown), title, language)


def _how_it_is(say: Words, alert: Context) -> str:
    return say(", ").join(filter(None, (alert["status"], alert["muted_by"])))


def _line_item(alert: Context) -> Item:
    """Return how it is, in one line."""
    return Item(alert["rule"], f" · {alert['where']} · {alert['status']}")


def _alert_item(alert: Context) -> Item:
    """Return how it is and what is wrong; once it has ended, why."""
    often = f" ({alert['how_often']})" if alert["how_often"] else ""
    said = alert["end"] or f"{alert['cause']}{often}"
    return Item(alert["rule"], f" · {alert['where']} · {alert['status']}\n{said}")


def _advice(context: Context) -> tuple[Row, ...]:
    if context["rows"] or context["sections"]:
        return ()
    say = WORDS[context["language"]]
    return tuple(
        Row(say("Next for {rule}", rule=item["rule"]), f"{item['next_step']} {item['runbook']}")
        for item in context["advice"]
    )


def _footer(context: Context) -> str:
    if context["alert_count"] != 1 or not context["listed"]:
        return f"kwatch · {context['cluster']}"
    alert, say = context["listed"][0], WORDS[context["language"]]
    return " · ".join(
        filter(None, (say("rule {rule}", rule=alert["rule"]), alert["continuity"], alert["fingerprint"][:8]))
    )


# Sizes


class _Bounds(msgspec.Struct, frozen=True):
    """How much of a page is shown: characters of its parts, and how many there are."""

    quote: int
    row: int
    facts: int
    items: int


_BOUNDS = (
    _Bounds(2500, 1000, 30, 100),
    _Bounds(2500, 1000, 30, 50),
    _Bounds(2500, 1000, 30, 20),
    _Bounds(1200, 300, 24, 10),
    _Bounds(600, 200, 16, 6),
    _Bounds(300, 100, 8, 3),
    _Bounds(100, 40, 4, 1),
)


def fitting(page: Page, build: Callable[[Page], _T], fits: Callable[[_T], bool]) -> _T:
    """Return what `build` makes of as much of the page as fits; of the shortest form, whether that fits or not."""
    built = build(_bounded(page, _BOUNDS[0]))
    for bounds in _BOUNDS[1:]:
        if fits(built):
            return built
        built = build(_bounded(page, bounds))
    return built


def _bounded(page: Page, bounds: _Bounds) -> Page:
    left = len(page.facts) - bounds.facts
    say = WORDS[page.language]
    unseen = (Row(say("More"), say("{count} facts that found no room", count=left)),) if left > 0 else ()
    return msgspec.structs.replace(
        page,
        title=cut(page.title, _TITLE),
        text=cut(page.text, bounds.quote),
        states=tuple(cut(state, bounds.row) for state in page.states[: bounds.facts]),
        facts=(*_cut_rows(page.facts[: bounds.facts], bounds.row), *unseen),
        sentences=_cut_rows(page.sentences, bounds.row),
        quote=cut(page.quote, bounds.quote),
        listings=tuple(_bounded_listing(listing, bounds) for listing in page.listings),
        advice=_cut_rows(page.advice, bounds.row),
        footer=cut(page.footer, bounds.row),
    )


def _cut_rows(rows: tuple[Row, ...], characters: int) -> tuple[Row, ...]:
    """Cut texts; a link that would be cut is none any more."""
    return tuple(
        Row(cut(row.label, _NAME), cut(row.text, characters), row.is_link and len(row.text) <= characters)
        for row in rows
    )


def _bounded_listing(listing: Listing, bounds: _Bounds) -> Listing:
    kept = listing.items[: bounds.items]
    items = tuple(Item(cut(item.name, _NAME), cut(item.text, bounds.row)) for item in kept)
    more = listing.more + len(listing.items) - len(kept)
    return msgspec.structs.replace(listing, items=items, more=more, title=cut(listing.title, _NAME))
