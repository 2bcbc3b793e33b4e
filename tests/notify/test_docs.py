"""The documented surface is the one that is there."""

import re
from pathlib import Path

import pytest

from kwatch.notify.channels import (
    discord,
    googlechat,
    matrix,
    mattermost,
    slack,
    smtp,
    stdout,
    teams,
    telegram,
    webhook,
)
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


@pytest.mark.parametrize(
    "module", [stdout, slack, discord, googlechat, matrix, mattermost, telegram, teams, webhook, smtp]
)
def test_every_key_of_a_channel_is_documented(module: object) -> None:
    keys = {field.alias or name for name, field in module.Config.model_fields.items()}  # type: ignore[attr-defined]
    assert keys <= first_cells((DOCS / "channels.md").read_text())
