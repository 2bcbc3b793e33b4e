"""What is wrong with a destination, since when, and what is said of it. Pure and immutable.

A destination that refuses everything, or asks to wait for long, cannot be told from that instant on; one that does not
answer only after a while, as most come back by themselves. Each trouble is told once, and so is its end.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.errors import Reason
from kwatch.model.rules import Severity
from kwatch.outbox.gate import PROBE_INTERVAL, Gate

#: How long a destination may be silent, or ask to wait, before others are told of it and in its place.
PATIENCE: Final = timedelta(minutes=5)
#: A destination that fails again and again is told of at most once in this time.
TOLD_EVERY: Final = timedelta(hours=1)

NO_ANSWER: Final = "no_answer"


class Trouble(msgspec.Struct, frozen=True):
    """Why a destination cannot be told, and since when."""

    reason: str
    since: datetime
    is_told: bool = False

    def is_failing(self, now: datetime) -> bool:
        """Whether it goes on for long enough to be told elsewhere."""
        return self.reason != NO_ANSWER or now - self.since >= PATIENCE


class Report(msgspec.Struct, frozen=True):
    """What is to be told of a destination, to others."""

    destination: str
    text: str
    severity: Severity


def look(before: Trouble | None, gate: Gate, now: datetime) -> Trouble | None:
    """Return the trouble that a destination has now; one that changes its reason goes on."""
    reason = _reason(gate, now)
    if reason is None:
        return None
    if before is None:
        return Trouble(reason, now)
    return msgspec.structs.replace(before, reason=reason)


def _reason(gate: Gate, now: datetime) -> str | None:
    if gate.suspended is not None:
        return gate.suspended.value
    if gate.paused_until is not None and gate.paused_until - now >= PATIENCE:
        return Reason.RATE_LIMITED.value
    return NO_ANSWER if gate.breaker.open_until is not None else None


def failing(destination: str, trouble: Trouble, queued: int) -> Report:
    """Return what is told when a destination cannot be told."""
    waiting = f"{queued} {'is' if queued == 1 else 'are'} waiting"
    match trouble.reason:
        case "no_answer":
            what, next_step = f"does not answer since {trouble.since:%H:%M} UTC", "It is tried again every few minutes."
        case "rate_limited":
            what, next_step = "asks to wait for long", "It is told again then."
        case reason:
            what, next_step = f"refuses every message ({_in_words(reason)})", _next_step(reason)
    return Report(destination, f"The destination {destination} {what}; {waiting}.\n{next_step}", Severity.CRITICAL)


def _next_step(reason: str) -> str:
    minutes = PROBE_INTERVAL // timedelta(minutes=1)
    again = "" if reason == Reason.GONE.value else f"every {minutes} min and "
    return f"Mend its configuration or its secret. It is asked again {again}when the configuration is loaded (SIGHUP)."


def recovered(destination: str, trouble: Trouble, now: datetime) -> Report:
    """Return what is told when it can be told again."""
    minutes = max(1, round((now - trouble.since) / timedelta(minutes=1)))
    return Report(
        destination, f"The destination {destination} takes messages again, after {minutes} min.", Severity.INFO
    )


def given_up(destination: str, count: int, reason: str) -> Report:
    """Return what is told of dead letters."""
    messages = "1 message was" if count == 1 else f"{count} messages were"
    text = f"{messages} not delivered to {destination} ({_in_words(reason)})."
    by_hand = "\nIncidents stay open there: close them by hand." if reason == Reason.ORPHANED.value else ""
    return Report(destination, f"{text}{by_hand}\nWhich: kwatch deliveries list --in dead", Severity.WARNING)


def _in_words(reason: str) -> str:
    """Return `too large`, as people read it."""
    return reason.replace("_", " ")
