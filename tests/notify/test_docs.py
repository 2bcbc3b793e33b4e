"""The documented surface is the one that is there."""

import re
from pathlib import Path

import pytest

from kwatch.config.receivers import channel_config, channel_types
from kwatch.model.notifications import NotificationKind, Part, Section
from kwatch.notify import language
from kwatch.notify.context import annotation_variables, context_of
from kwatch.notify.render import TemplateEngine
from tests.notify.samples import StillClock, alert, content, ended, notification

DOCS = Path(__file__).parents[2] / "docs"


def first_cells(markdown: str) -> set[str]:
    """Return the names in the first column of all tables."""
    cells = re.findall(r"^\|([^|]*)\|", markdown, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_template_variable_is_documented_and_no_other() -> None:
    text = (DOCS / "templates.md").read_text()
    general, alerts = text.partition("## The variables")[2].split("Of each alert:")
    context = context_of(notification(), "UTC", TemplateEngine(StillClock()).for_message()).context
    assert first_cells(general) == set(context)
    assert first_cells(alerts) == set(context["alerts"][0])


def test_every_kind_is_documented_and_no_other() -> None:
    text = (DOCS / "templates.md").read_text()
    assert names_in_row(text, "kind") == {"kind", *(kind.value for kind in NotificationKind)}


def test_the_filters_and_bounds_of_the_language_are_documented() -> None:
    text = " ".join((DOCS / "templates.md").read_text().split())
    assert text.partition("Filters: ")[2].partition(".")[0].split() == sorted(language._FILTERS)
    said = "16 KiB and 4,000 parts of template, 64 KiB of output and of any text, 1,000 items of any list, 20,000 steps"
    assert said in text
    bounds = (language._MAX_SOURCE, language._MAX_NODES, language.MAX_SIZE, language._MAX_ITEMS, language._MAX_STEPS)
    assert bounds == (16 * 1024, 4000, 64 * 1024, 1000, 20_000)
    assert "one more for each 256 characters that it reads or writes); and 250 ms for all templates of one mess" in text
    assert (language._CHARACTERS, language.MAX_SECONDS) == (256, 0.25)


def test_the_variables_of_a_digest_are_documented_and_no_other() -> None:
    text = (DOCS / "templates.md").read_text()
    views = (alert(), ended(alert()))
    parts = (Section(Part.NEW, 1, 1), Section(Part.CAME_AND_WENT, 1, 1))
    told = notification(content(*views, kind=NotificationKind.DIGEST, sections=parts))
    context = context_of(told, "UTC", TemplateEngine(StillClock()).for_message()).context
    assert names_in_row(text, "sections") - {part.value for part in Part} == {"sections", *context["sections"][0]}
    assert names_in_row(text, "report") == {"report", *context["report"], *context["report"]["slots"][0], "name"}


def test_the_variables_of_annotations_are_documented_and_no_other() -> None:
    text = (DOCS / "templates.md").read_text()
    variables = set(annotation_variables(alert()))
    assert names_in_row(text, "annotations:` | ") == variables - set(alert().labels) | {"annotations:"}


def names_in_row(markdown: str, start: str) -> set[str]:
    """Return the names in the only row of a table that begins so."""
    (row,) = re.findall(rf"^\|[^|]*`{re.escape(start)}.*$", markdown, re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", row))


@pytest.mark.parametrize("type_", channel_types())
def test_every_key_of_a_channel_is_documented(type_: str) -> None:
    keys = {field.alias or name for name, field in channel_config(type_).model_fields.items()}
    assert keys <= first_cells((DOCS / "channels.md").read_text())
