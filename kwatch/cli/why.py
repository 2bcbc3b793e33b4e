"""`kwatch why`: why an alert or an object was told, or not, asked of the running kwatch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kwatch.cli import control
from kwatch.cli.control import attempted, instant
from kwatch.cli.exits import Exit
from kwatch.telemetry import strip_controls


@click.command(short_help="Say why something was told, or not.")
@click.argument("subject", metavar="FINGERPRINT|KIND/[NAMESPACE/]NAME")
@control.state_option
@control.json_option
@click.option("--all", "shows_all", is_flag=True, help="Also why each rule on objects does not match.")
def why(subject: str, state: Path, as_json: bool, shows_all: bool) -> None:
    """Say of an alert (its fingerprint) or an object (Pod/shop/web-1, Node/n1) why it is told, or not.

    Of an object: what each rule says of it, and the alerts about it. Of an alert: its state and why, its rate, what
    holds it back and until when, whom it was told in which group, every delivery with its attempts, and what comes
    next. Instants are in UTC.
    """
    reasons = control.read(state, f"/api/v1/why/{quote(subject)}")
    lines = _lines(reasons, shows_all=shows_all)
    click.echo(json.dumps(reasons, indent=2) if as_json else "\n".join(map(strip_controls, lines)))
    click.get_current_context().exit(Exit.NO_MATCH if reasons["problem"] else Exit.OK)


def _lines(reasons: dict[str, Any], *, shows_all: bool) -> Iterator[str]:
    yield reasons["subject"]
    if reasons["problem"]:
        yield f"  {reasons['problem']}"
    elif not reasons["alerts"]:
        yield "  in no alert"
    for alert in reasons["alerts"]:
        yield ""
        yield from _alert(alert)
    yield from _rules(reasons["rules"], shows_all=shows_all)


def _rules(rules: list[dict[str, Any]], *, shows_all: bool) -> Iterator[str]:
    """Yield the rules on objects that match or may, each condition with its value; the others by name, or alike."""
    others = []
    for verdict in rules:
        if verdict["truth"] == "false" and not shows_all:
            others.append(verdict["rule"])
            continue
        yield ""
        yield f"rule {verdict['rule']} ({verdict['origin']}): {_SAYS[verdict['truth']]}"
        yield from (f"  {line}" for line in verdict["says"])
    if others:
        yield ""
        yield f"rules on objects that do not match: {', '.join(others)} (--all says why)"


_SAYS = {"true": "matches", "false": "does not match", "unknown": "cannot be said"}


def _alert(alert: dict[str, Any]) -> Iterator[str]:
    because = f" ({alert['reason'] or alert['end_reason']})" if alert["reason"] or alert["end_reason"] else ""
    names = " ".join(filter(None, alert["key"].values()))
    yield f"{alert['rule']} {names}  {alert['fingerprint']}"
    yield f"  {alert['state']}{because}, {alert['severity']}, episode {alert['episode']}{_span(alert)}"
    yield from (f"  {fact}" for fact in _facts(alert))
    for member in alert["objects"]:
        seen = "" if member["is_observed"] else ", its own state is not known"
        lost = ", its watch is not in sync" if member["is_frozen"] else ""
        yield f"  {member['object']}: {member['truth']} since {instant(member['since_at'])}{seen}{lost}"
    yield from (f"  {fact}" for fact in (*_answers(alert), *_fate(alert)))
    for telling in alert["told"]:
        yield from _telling(telling, is_acked=bool(alert["acked_by"]))


def _span(alert: dict[str, Any]) -> str:
    if not alert["episode"]:
        return ""
    ended = f" to {instant(alert['ends_at'])}" if alert["ends_at"] else ""
    return f", {'from' if ended else 'since'} {instant(alert['starts_at'])}{ended}"


def _facts(alert: dict[str, Any]) -> Iterator[str]:
    """Yield what its state comes from, and how long it lasts."""
    if alert["rate_count"]:
        yield f"rate: {alert['in_window']} of {alert['rate_count']} in the window"
    if alert["due_at"]:
        yield f"judged again {instant(alert['due_at'])}, or when something is heard"
    if alert["throttled"]:
        yield "source throttled, end not observable"
    if alert["quiet_at"]:
        yield f"ends {instant(alert['quiet_at'])} if nothing more is heard"
    if alert["stable_at"]:
        yield f"flapping: held open until it is steady, {instant(alert['stable_at'])} at the earliest"
    if notice := alert["notice"]:
        dropped = f", {notice['dropped']} dropped since" if notice["dropped"] else ""
        again = f"not again before {instant(notice['repeats_from'])}"
        yield f"last noticed {instant(notice['noticed_at'])}, {again}{dropped}"


def _answers(alert: dict[str, Any]) -> Iterator[str]:
    """Yield what its owner asks for, what holds it back, who takes care of it, and who is told otherwise."""
    for asked in alert["annotations"]:
        ignored = f" (ignored: {asked['ignored']})" if asked["ignored"] else ""
        yield f"annotation of {asked['object']}: {asked['annotation']}: {asked['value']}{ignored}"
    if alert["hold"]:
        yield _hold(alert["hold"])
    if alert["acked_by"]:
        comment = f": {alert['ack_comment']}" if alert["ack_comment"] else ""
        yield f"acknowledged by {alert['acked_by']} {instant(alert['acked_at'])}{comment}"
    for receiver in alert["escalated_to"]:
        yield f"escalated to {receiver}"
    for step in alert["escalation"]:
        due = "suspended" if step["is_suspended"] else instant(step["due_at"])
        yield f"escalates to {step['receiver']}: {due}, unless it is acknowledged"


def _fate(alert: dict[str, Any]) -> Iterator[str]:
    """Yield why who was not told was not."""
    if alert["drop"]:
        yield f"told to nobody: {alert['drop']}"
    elif not alert["told"]:
        yield "told" if alert["notice"] and alert["notice"]["is_told"] else "told to nobody yet"
    for drop in alert["drops"]:
        yield f"{drop['destination']}: not told ({drop['reason']}: {drop['severity']} at least)"


def _hold(hold: dict[str, Any]) -> str:
    until = "" if hold["until"] is None else f", ends {instant(hold['until'])}"
    return f"{hold['says']} ({hold['reason']}{until})"


def _telling(telling: dict[str, Any], *, is_acked: bool) -> Iterator[str]:
    labels = " ".join(f"{name}={value or '-'}" for name, value in telling["group_labels"].items())
    last = f", last {instant(telling['last_at'])}" if telling["last_at"] else ""
    told = f"told{last}" if telling["is_told"] else "not told"
    yield f"  {telling['destination']}{f' ({labels})' if labels else ''}: {told}{_coming(telling, is_acked=is_acked)}"
    if telling["hold"]:
        yield f"    {_hold(telling['hold'])}"
    if telling["queue"]:
        yield f"    {telling['queue']}"
    for delivery in telling["deliveries"]:
        yield from _delivery(delivery)


def _coming(telling: dict[str, Any], *, is_acked: bool) -> str:
    """Say when the destination is spoken to next; what is acknowledged is not repeated."""
    if not (telling["is_told"] or telling["next_at"] or telling["hold"]):
        return ", until it is wrong again"
    if not telling["next_at"] or (telling["is_repeat"] and is_acked and not telling["is_digest"]):
        return ""
    what = "next digest" if telling["is_digest"] else "repeats" if telling["is_repeat"] else "next"
    return f", {what} {instant(telling['next_at'])}"


def _delivery(delivery: dict[str, Any]) -> Iterator[str]:
    reason = f" ({delivery['reason']})" if delivery["reason"] else ""
    due = f", due {instant(delivery['due_at'])}" if delivery["due_at"] else ""
    said = f"{delivery['kind']}: {delivery['state']}{reason}{due}"
    yield f"    {instant(delivery['created_at'])}  {said}  {delivery['id']}"
    yield from (f"      {attempted(attempt)}" for attempt in delivery["tries"])
