"""`kwatch ack` and `kwatch unack`: who takes care of an alert, told to the running kwatch."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kwatch.cli import control
from kwatch.telemetry import strip_controls


@click.command(short_help="Say that you take care of an alert.")
@click.argument("target", metavar="FINGERPRINT|INCIDENT")
@click.option("--comment", default="", help="What you do about it.")
@control.state_option
@control.json_option
def ack(target: str, comment: str, state: Path, as_json: bool) -> None:
    """Say that you take care of an alert, by its fingerprint, or of all that an incident tells of (kw/…/…).

    Who was told is told so. Until the alert ends or becomes worse it is neither repeated nor escalated.
    """
    _report(control.change(state, "POST", _path(target), {"comment": comment}), "acknowledged", as_json=as_json)


@click.command(short_help="Say that you do not any more.")
@click.argument("target", metavar="FINGERPRINT|INCIDENT")
@control.state_option
@control.json_option
def unack(target: str, state: Path, as_json: bool) -> None:
    """Take an acknowledgement back: the alert is repeated again, and its escalation begins anew."""
    _report(control.change(state, "DELETE", _path(target)), "not acknowledged any more", as_json=as_json)


def _path(target: str) -> str:
    return f"/api/v1/alerts/{quote(target)}/ack"


def _report(answer: dict[str, Any], done: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for alert in answer["alerts"]:
        where = "/".join(filter(None, (alert["labels"].get("namespace"), alert["labels"].get("workload"))))
        click.echo(strip_controls(" ".join(filter(None, (alert["rule"], where, alert["fingerprint"]))) + f": {done}"))
