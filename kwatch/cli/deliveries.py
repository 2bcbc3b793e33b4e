"""`kwatch deliveries`: what became of every notification, asked of the running kwatch."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kwatch.cli.exits import Exit
from kwatch.telemetry import strip_controls

_TIMEOUT_SECONDS = 10
_PIPE_WIDTH = 1000  # columns: a line each, for grep and the like
#: The values of `DeliveryState`, which would take long to import.
_STATES = ("queued", "leased", "retry_wait", "held", "sent", "superseded", "folded", "cancelled", "dead", "dropped")

_state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("kwatch-state"),
    show_default=True,
    help="The state folder of the running kwatch.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class _Unreachable(click.ClickException):
    exit_code = Exit.UNREACHABLE


@click.group()
def deliveries() -> None:
    """Say of every notification where it is now."""


@deliveries.command("list", short_help="List the newest deliveries.")
@_state_option
@click.option("--in", "words", type=click.Choice(_STATES), multiple=True, help="Only those in this state; repeatable.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, newest first.")
@_json_option
def list_(state: Path, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the newest deliveries."""
    query = "".join(f"&state={word}" for word in words)
    rows = _ask(state, f"/api/v1/deliveries?limit={limit}{query}")["deliveries"]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print_table(rows)


@deliveries.command()
@click.argument("delivery_id", metavar="ID")
@_state_option
@_json_option
def show(delivery_id: str, state: Path, as_json: bool) -> None:
    """Show one delivery: every attempt, and what was sent."""
    from urllib.parse import quote

    story = _ask(state, f"/api/v1/deliveries/{quote(delivery_id, safe='')}")
    if as_json:
        click.echo(json.dumps(story, indent=2))
    else:
        _print_story(story)


def _ask(state: Path, path: str) -> Any:
    """Get JSON from the kwatch that runs on this state folder. Never through a proxy: it is on this machine."""
    import http.client
    from urllib.parse import urlsplit

    from kwatch.web import address

    url = address.find(state)
    if url is None:
        raise _Unreachable(f"no kwatch is running on the state folder {state}")
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Unreachable(f"the kwatch of the state folder {state} does not answer at {url}: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise click.ClickException(answer["error"])
    return answer


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=max((len(row["id"]) for row in rows), default=0))  # to be copied
    for column in ("created", "state", "kind", "destination", "about"):
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = (row["id"], _instant(row["created_at"]), row["state"], row["kind"], row["destination"], row["title"])
        table.add_row(*(Text(strip_controls(cell)) for cell in cells))
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(table if rows else "no deliveries")


def _print_story(story: dict[str, Any]) -> None:
    lines = [
        f"{story['id']}: {story['title']}",
        f"  {story['kind']} to {story['destination']}, incident {story['incident']} #{story['sequence']}",
        f"  {story['state']}{' (' + story['reason'] + ')' if story['reason'] else ''}",
        f"  {_instant(story['created_at'])}  created",
    ]
    for attempt in story["tries"]:
        said = ": ".join(filter(None, (attempt["outcome"], attempt["reason"], attempt["detail"])))
        lines.append(f"  {_instant(attempt['ended_at'])}  attempt {attempt['number']}: {said}")
    lines += [f"  stands for {each['id']}  {each['kind']} of {each['incident']}" for each in story["folded"]]
    if story["due_at"]:
        lines.append(f"  {_instant(story['due_at'])}  next attempt")
    if story["message"]:
        lines.append(f"\n{story['message']['body']}")
    click.echo(strip_controls("\n".join(lines)))


def _instant(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
