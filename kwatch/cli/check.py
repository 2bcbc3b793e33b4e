"""`kwatch check`: every mistake of the configuration at once, or what would run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kwatch.cli.options import config_option

if TYPE_CHECKING:
    from kwatch.config.config import Config


@click.command(short_help="List every mistake of the configuration.")
@config_option
def check(config: Path | None) -> None:
    """Check the configuration: list every mistake, or say what would run."""
    import os

    from kwatch.config.load import load

    loaded = load(config, environ=os.environ)
    for line in _summary(loaded):
        click.echo(line)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}")
    click.echo(f"{config or 'the built-in configuration'}: ok")


def _summary(config: "Config") -> tuple[str, ...]:
    """Return the rules, the kinds that are watched, and the receivers, a line each."""
    from kwatch.rules.compile import RuleSet

    needs = RuleSet(config.rules, cluster="", label_names=config.watch.labels).needs()
    kinds = sorted({token.partition(".")[0] for token in (*needs, *config.watch.resources)})
    receivers = [
        f"  {receiver}: {', '.join(f'{entry.name} ({entry.type})' for entry in entries)}"
        for receiver, entries in config.receivers.items()
    ]
    return (
        f"rules      {len(config.rules)}: {', '.join(sorted(rule.name for rule in config.rules))}",
        f"watches    Event, {', '.join(kinds)}",
        "receivers",
        *receivers,
    )
