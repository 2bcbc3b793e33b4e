"""The documented surface is the one that is there."""

import re
from pathlib import Path

import pytest

from kwatch.config.receivers import channel_config, channel_types
from kwatch.notify.context import context_of
from kwatch.notify.render import TemplateEngine
from tests.notify.samples import StillClock, notification

DOCS = Path(__file__).parents[2] / "docs"


def first_cells(markdown: str) -> set[str]:
    """Return the names in the first column of all tables."""
    cells = re.findall(r"^\|([^|]*)\|", markdown, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_template_variable_is_documented_and_no_other() -> None:
    text = (DOCS / "templates.md").read_text()
    general, alerts = text.partition("## The variables")[2].split("Of each alert:")
    context = context_of(notification(), "UTC", TemplateEngine(StillClock())).context
    assert first_cells(general) == set(context)
    assert first_cells(alerts) == set(context["alerts"][0])


@pytest.mark.parametrize("type_", channel_types())
def test_every_key_of_a_channel_is_documented(type_: str) -> None:
    keys = {field.alias or name for name, field in channel_config(type_).model_fields.items()}
    assert keys <= first_cells((DOCS / "channels.md").read_text())
