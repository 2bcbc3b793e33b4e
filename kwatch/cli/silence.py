"""`kwatch silence`: what is not to be told of for a while, asked of the running kwatch."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from kwatch.cli import control
from kwatch.cli.tables import print_table
from kwatch.telemetry import strip_controls

#: Between a label and its value; the longer ones first.
_SIGNS = ("=~", "!~", "!=", "=")


@click.group()
def silence() -> None:
    """Do not tell of some alerts for a while."""


@silence.command(short_help="Do not tell of alerts for a while.")
@click.argument("matchers", metavar="LABEL=VALUE", nargs=-1, required=True)
@click.option("--for", "for_", metavar="DURATION", help="How long, as 2h or 1d.")
@click.option("--until", metavar="INSTANT", help="Until when, as 2026-03-01T18:00:00+01:00.")
@click.option("--resolved", is_flag=True, help="Until the last alert that it holds is over, --for or --until at most.")
@click.option("--starts", metavar="INSTANT", help="From when on [default: now].")
@click.option("--owner", help="Whose it is [default: the user of this command].")
@click.option("--comment", default="", help="Why.")
@control.state_option
@control.json_option
def add(matchers: tuple[str, ...], state: Path, as_json: bool, **words: Any) -> None:
    """Make a silence of alerts whose labels are as given.

    LABEL=VALUE is a glob, LABEL=~VALUE a regular expression, != and !~ are their opposites. Of one label given several
    times any value counts; all labels must match.
    """
    if words["for_"] and words["until"]:
        raise click.UsageError("give --for or --until, not both")
    if not (words["for_"] or words["until"] or words["resolved"]):
        raise click.UsageError("say how long: --for 2h, --until an instant with its zone, or --resolved")
    asked = {
        "match": match_of(matchers),
        "for": words["for_"],
        "until": words["until"],
        "until_resolved": words["resolved"],
        "starts_at": words["starts"],
        "owner": words["owner"] or control.user(),
        "comment": words["comment"],
    }
    body = {key: value for key, value in asked.items() if value is not None}
    answer = control.change(state, "POST", "/api/v1/silences", body)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(answer["silence"]["id"])
    count = answer["matching"]
    click.echo(f"It matches {count} open alert{'' if count == 1 else 's'} now." if count else _NOTHING_NOW, err=True)


_NOTHING_NOW = "It matches no open alert now; it is made, and holds for what is to come."


@silence.command("list", short_help="List the silences.")
@control.state_option
@control.json_option
def list_(state: Path, as_json: bool) -> None:
    """List the silences that are in force or will be, the next to end first.

    What the annotations of an object mute is not among them: `kwatch why` names these.
    """
    rows = control.read(state, "/api/v1/silences")["silences"]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    cells = [
        (row["id"], row["match"], control.instant(row["starts_at"]), _end(row), row["owner"], row["comment"])
        for row in rows
    ]
    print_table(("id", "match", "from", "until", "owner", "comment"), cells, nothing="no silences")


@silence.command(short_help="End a silence now.")
@click.argument("silence_id", metavar="ID")
@control.state_option
def expire(silence_id: str, state: Path) -> None:
    """End a silence now; what it held and still goes on is told."""
    from urllib.parse import quote

    control.change(state, "DELETE", f"/api/v1/silences/{quote(silence_id, safe='')}")
    click.echo(f"{strip_controls(silence_id)} is over")


def match_of(matchers: Iterable[str]) -> dict[str, Any]:
    """Return the matchers of the command line as the mapping that the API takes."""
    wanted: dict[str, list[Any]] = {}
    refused: list[dict[str, Any]] = []
    for matcher in matchers:
        label, sign, value = _split(matcher)
        asked = {"regex": value} if sign.endswith("~") else value
        if sign.startswith("!"):
            refused.append({label: asked})
        else:
            wanted.setdefault(label, []).append(asked)
    match: dict[str, Any] = {label: values[0] if len(values) == 1 else values for label, values in wanted.items()}
    if refused:
        match["not"] = refused[0] if len(refused) == 1 else {"any": refused}
    return match


def _split(matcher: str) -> tuple[str, str, str]:
    signs = [(matcher.find(sign), -len(sign), sign) for sign in _SIGNS if sign in matcher]
    if not signs:
        raise click.UsageError(f"{matcher!r} is not LABEL=VALUE")
    at, _, sign = min(signs)
    return matcher[:at], sign, matcher[at + len(sign) :]


def _end(row: dict[str, Any]) -> str:
    until = control.instant(row["ends_at"]) if row["ends_at"] else ""
    return " or ".join(filter(None, (until, "resolved" if row["until_resolved"] else "")))
