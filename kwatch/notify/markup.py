"""A page as lines of text, in the markup of one chat."""

from collections.abc import Callable, Iterator

import msgspec

from kwatch.notify.escape import clean, fenced, markdown
from kwatch.notify.page import Page, Row


class Markup(msgspec.Struct, frozen=True):
    """How a chat writes what is untrusted (`text`, `quote`, `link`), and what is encoded already (`bold`)."""

    text: Callable[[str], str] = clean
    bold: Callable[[str], str] = str
    quote: Callable[[str], str] = clean
    link: Callable[[str], str] = str
    bullet: str = "• "
    newline: str = "\n"


#: For who reads Markdown and takes a backslash before its marks.
MARKDOWN = Markup(text=markdown, bold=lambda text: f"**{text}**", quote=lambda text: f"```\n{fenced(text)}\n```")
#: Nothing is marked: for fields where nothing is parsed.
PLAIN = Markup()


def whole_text(page: Page, markup: Markup) -> str:
    """Return title and everything else, a line each."""
    return markup.newline.join([markup.bold(markup.text(page.title)), *below_title(page, markup)])


def below_title(page: Page, markup: Markup) -> list[str]:
    """Return all but the title."""
    footer = [markup.text(page.footer)] if page.footer else []
    details = [markup.link(page.url)] if page.url else []
    return [*body(page, markup), *rows(page.facts, markup), *footer, *details]


def body(page: Page, markup: Markup) -> list[str]:
    """Return all but title, facts and footer."""
    lines = [markup.text(text) for text in (page.text, *page.states) if text]
    lines += rows(page.sentences, markup)
    lines += [markup.quote(page.quote)] if page.quote else []
    lines += _listed(page, markup)
    return lines + rows(page.advice, markup)


def rows(facts: tuple[Row, ...], markup: Markup) -> list[str]:
    """Return a line for each fact."""
    return [f"{markup.bold(markup.text(row.label))} {linked(row, markup)}" for row in facts]


def linked(row: Row, markup: Markup) -> str:
    """Return the text of a fact."""
    return markup.link(row.text) if row.is_link else markup.text(row.text)


def _listed(page: Page, markup: Markup) -> Iterator[str]:
    for listing in page.listings:
        if listing.title:
            yield markup.bold(markup.text(listing.title))
        for item in listing.items:
            yield f"{markup.bullet}{markup.bold(markup.text(item.name))}{markup.text(item.text)}"
        if listing.rest:
            yield listing.rest
