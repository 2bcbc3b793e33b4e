"""`kwatch audit`: who changed what by hand, asked of the running kwatch."""

import json
from pathlib import Path

import click

from kwatch.cli import control
from kwatch.cli.tables import print_table


@click.command(short_help="List who changed what.")
@control.state_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, newest first.")
@control.json_option
def audit(state: Path, limit: int, as_json: bool) -> None:
    """List the changes that were made by hand, as silences are."""
    rows = control.read(state, f"/api/v1/audit?limit={limit}")["changes"]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    cells = [(control.instant(row["at"]), row["actor"], row["action"], row["subject"], row["detail"]) for row in rows]
    print_table(("at", "who", "what", "id", "detail"), cells, nothing="no changes")
