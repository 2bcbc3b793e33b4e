"""Alerts that begin and end again and again: two thresholds hold one incident open over it (S-115, S-116).

    steady    every begin and every end is a transition; `transitions` of them `within`   → flapping
    flapping  stays firing, whatever the verdict; what would be an end or a begin is a transition and nothing else
              no transition for `stable`, and it is over                                  → the end that was held back
              no transition for `stable`, and it is not                                   → steady, still firing

What is unknown is no transition, and ends no flapping: it waits until it is known.
"""

from datetime import datetime

import msgspec

from kwatch.alerts.lifecycle import Verdict
from kwatch.alerts.records import Alert
from kwatch.model.alerts import AlertState
from kwatch.model.findings import Truth
from kwatch.model.rules import Flapping


def steady(alert: Alert, flapping: Flapping, verdict: Verdict, now: datetime) -> Verdict:
    """Note a transition that a verdict is; return the verdict, or what holds the incident open instead."""
    if not flapping.transitions:
        alert.is_flapping = alert.is_over = False
        return verdict
    if verdict.state is AlertState.FIRING or (verdict.state is AlertState.RESOLVED and alert.is_open):
        _note(alert, flapping, verdict, now)
    if not alert.is_flapping or verdict.state not in (AlertState.FIRING, AlertState.RESOLVED):
        return verdict
    return _held(alert, flapping, verdict, now)


def _note(alert: Alert, flapping: Flapping, verdict: Verdict, now: datetime) -> None:
    was_over = alert.is_over or alert.state is not AlertState.FIRING
    is_over = verdict.state is AlertState.RESOLVED or (alert.is_over and not _is_wrong(alert))
    if is_over is was_over:
        return
    alert.transitions = [*alert.transitions, now][-flapping.transitions :]
    alert.is_over = is_over
    if len(alert.transitions) == flapping.transitions and alert.transitions[0] > now - flapping.within:
        alert.is_flapping, alert.is_stable = True, False


def _held(alert: Alert, flapping: Flapping, verdict: Verdict, now: datetime) -> Verdict:
    stable_at = alert.transitions[-1] + flapping.stable
    if stable_at > now:
        due_at = stable_at if verdict.due_at is None else min(stable_at, verdict.due_at)
        return msgspec.structs.replace(verdict, state=AlertState.FIRING, due_at=due_at, reason="flapping")
    if verdict.state is AlertState.RESOLVED or _is_seen(alert):
        alert.is_flapping = False
        alert.is_stable = verdict.state is AlertState.FIRING
    return verdict


def _is_wrong(alert: Alert) -> bool:
    return any(member.truth is Truth.TRUE for member in alert.members.values())


def _is_seen(alert: Alert) -> bool:
    return any(member.truth is Truth.TRUE and not member.is_frozen for member in alert.members.values())
