"""`kwatch check`: every mistake of the configuration at once, or what would run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kwatch.cli.control import json_option
from kwatch.cli.exits import Exit
from kwatch.cli.options import config_option
from kwatch.errors import ConfigError

if TYPE_CHECKING:
    from kwatch.config.config import Config


@click.command(short_help="List every mistake of the configuration.")
@config_option
@json_option
@click.pass_context
def check(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Check the configuration: list every mistake, or say what would run."""
    import os

    from kwatch.config.load import load

    try:
        loaded = load(config, environ=os.environ)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"problems": error.problems}, indent=2, ensure_ascii=False))
        context.exit(Exit.PROBLEM)
    report = _report(loaded)
    if as_json:
        click.echo(json.dumps({"problems": [], **report}, indent=2, ensure_ascii=False))
        return
    click.echo("\n".join(_lines(report)))
    click.echo(f"{config or 'the built-in configuration'}: ok")


def _report(config: "Config") -> dict[str, Any]:
    """Return the rules, the kinds that are watched, the receivers, and what is taken but looks wrong."""
    from kwatch.rules.compile import RuleSet

    needs = RuleSet(config.rules, cluster="", label_names=config.watch.labels).needs()
    kinds = {token.partition(".")[0] for token in (*needs, *config.watch.resources)}
    return {
        "rules": sorted(rule.name for rule in config.rules),
        "watches": ["Event", *sorted(kinds)],
        "receivers": {
            receiver: [{"name": entry.name, "type": entry.type} for entry in entries]
            for receiver, entries in config.receivers.items()
        },
        "warnings": list(config.warnings),
    }


def _lines(report: dict[str, Any]) -> list[str]:
    """Return the same for people."""
    return [
        f"rules      {len(report['rules'])}: {', '.join(report['rules'])}",
        f"watches    {', '.join(report['watches'])}",
        "receivers",
        *(
            f"  {receiver}: {', '.join('{name} ({type})'.format(**each) for each in entries)}"
            for receiver, entries in report["receivers"].items()
        ),
        *(f"warning: {warning}" for warning in report["warnings"]),
    ]
