"""`kwatch deliveries`: what became of every notification, asked of the running kwatch."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kwatch.cli import control
from kwatch.cli.exits import Exit
from kwatch.cli.tables import print_table
from kwatch.telemetry import strip_controls

#: The values of `DeliveryState`, which would take long to import.
_STATES = ("queued", "leased", "retry_wait", "sent", "superseded", "folded", "cancelled", "dead", "dropped")


@click.group()
def deliveries() -> None:
    """Say of every notification where it is now."""


@deliveries.command("list", short_help="List the newest deliveries.")
@control.state_option
@click.option("--in", "words", type=click.Choice(_STATES), multiple=True, help="Only those in this state; repeatable.")
@click.option("--destination", default="", help="Only those to this one [default: all].")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, newest first.")
@control.json_option
def list_(state: Path, words: tuple[str, ...], destination: str, limit: int, as_json: bool) -> None:
    """List the newest deliveries."""
    query = "".join(f"&state={word}" for word in words) + f"&destination={quote(destination, safe='')}"
    rows = control.read(state, f"/api/v1/deliveries?limit={limit}{query}")["deliveries"]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print_table(rows)


@deliveries.command()
@click.argument("delivery_id", metavar="ID")
@control.state_option
@control.json_option
def show(delivery_id: str, state: Path, as_json: bool) -> None:
    """Show one delivery: every attempt, and what was sent."""
    story = control.read(state, _path(delivery_id))
    if as_json:
        click.echo(json.dumps(story, indent=2))
    else:
        _print_story(story)


@deliveries.command(short_help="Try deliveries again now.")
@click.argument("delivery_ids", metavar="ID...", nargs=-1, required=True)
@control.state_option
@control.json_option
def retry(delivery_ids: tuple[str, ...], state: Path, as_json: bool) -> None:
    """Attempt deliveries now: what waits, or was given up and nothing was told after."""
    _each(delivery_ids, lambda each: control.change(state, "POST", f"{_path(each)}/retry"), as_json=as_json)


@deliveries.command(short_help="Do not tell them any more.")
@click.argument("delivery_ids", metavar="ID...", nargs=-1, required=True)
@control.state_option
@control.json_option
def drop(delivery_ids: tuple[str, ...], state: Path, as_json: bool) -> None:
    """End deliveries that wait or were given up: they are not told, and not counted as dead any more."""
    _each(delivery_ids, lambda each: control.change(state, "DELETE", _path(each)), as_json=as_json)


def _each(ids: tuple[str, ...], change: Callable[[str], Mapping[str, str]], *, as_json: bool) -> None:
    """Change one after the other, say what each is now or why not, and end with 1 where one was refused."""
    refused = 0
    for each in ids:
        try:
            _say(change(each), as_json=as_json)
        except click.ClickException as refusal:
            if refusal.exit_code != Exit.PROBLEM:
                raise
            refused += 1
            click.echo(strip_controls(f"Error: {each}: {refusal.message}"), err=True)
    if refused:
        raise click.exceptions.Exit(Exit.PROBLEM)


def _say(changed: Mapping[str, str], *, as_json: bool) -> None:
    """Say what a delivery is now: `{"queued": ID}`."""
    ((word, delivery_id),) = changed.items()
    click.echo(json.dumps(changed) if as_json else strip_controls(f"{delivery_id}: {word}"))


def _path(delivery_id: str) -> str:
    return f"/api/v1/deliveries/{quote(delivery_id, safe='')}"


def _print_table(rows: list[dict[str, Any]]) -> None:
    cells = [
        (row["id"], control.instant(row["created_at"]), row["state"], row["kind"], row["destination"], row["title"])
        for row in rows
    ]
    columns = ("id", "created", "state", "kind", "destination", "about")
    print_table(columns, cells, nothing="no deliveries")


def _print_story(story: dict[str, Any]) -> None:
    lines = [
        f"{story['id']}: {story['title']}",
        f"  {story['kind']} to {story['destination']}, incident {story['incident']} #{story['sequence']}",
        f"  {story['state']}{' (' + story['reason'] + ')' if story['reason'] else ''}",
        f"  {control.instant(story['created_at'])}  created",
    ]
    lines += [f"  {control.attempted(attempt)}" for attempt in story["tries"]]
    lines += [f"  stands for {each['id']}  {each['kind']} of {each['incident']}" for each in story["folded"]]
    if story["due_at"]:
        lines.append(f"  {control.instant(story['due_at'])}  next attempt")
    if story["message"]:
        if story["message"]["fallback_reason"]:
            lines.append(f"  not as your template has it: {story['message']['fallback_reason']}")
        lines.append(f"\n{story['message']['body']}")
    click.echo(strip_controls("\n".join(lines)))
