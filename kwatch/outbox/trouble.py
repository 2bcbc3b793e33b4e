"""What is wrong with a destination, since when, and what is said of it. Pure and immutable.

A destination that refuses everything, or asks to wait for long, cannot be told from that instant on; one that does not
answer only after a while, as most come back by themselves. Each trouble is told once, and so is its end: when it has
taken something. One that comes and goes is said to be over only once it stays so, for what people heard last must hold.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.errors import Reason
from kwatch.model.rules import Severity
from kwatch.outbox.gate import PROBE_INTERVAL, Gate

#: How long a destination may be silent, or ask to wait, before others are told of it and in its place.
PATIENCE: Final = timedelta(minutes=5)
#: Dead letters are told of at most once in this time; a destination that fails anew within it comes and goes.
TOLD_EVERY: Final = timedelta(hours=1)
#: How long one that comes and goes has to be well to be said to be.
STEADY: Final = timedelta(minutes=15)

NO_ANSWER: Final = "no_answer"


class Trouble(msgspec.Struct, frozen=True):
    """Why a destination cannot be told, and since when."""

    reason: str
    since: datetime
    until: datetime | None = None  # it asked to wait until then
    idle_since: datetime | None = None  # since when nothing keeps it from being tried again; None: something does
    is_told: bool = False
    is_again: bool = False  # it was said to be over shortly before
    taken: int = 0  # how much the destination had taken when it was there last
    detail: str = ""  # what it says, where it refuses everything

    def is_failing(self, now: datetime) -> bool:
        """Whether it goes on for long enough to be told elsewhere."""
        if self.idle_since is not None:
            return False
        if self.until is not None:
            return self.until - self.since >= PATIENCE
        return self.reason != NO_ANSWER or now - self.since >= PATIENCE

    def moved(self, by: timedelta) -> "Trouble":
        """Return it by a clock that was set."""
        return msgspec.structs.replace(
            self,
            since=self.since + by,
            until=None if self.until is None else self.until + by,
            idle_since=None if self.idle_since is None else self.idle_since + by,
        )


class Report(msgspec.Struct, frozen=True):
    """What is to be told of a destination, to others."""

    destination: str
    text: str
    severity: Severity


def look(before: Trouble | None, gate: Gate, taken: int, now: datetime) -> Trouble | None:
    """Return the trouble that a destination has now, which has taken so many messages; None: it has none.

    One that changes its reason goes on, and so does one that is not known to be over.
    """
    reason = _reason(gate, now)
    if reason is None:
        return None if before is None else _idle(before, taken, now)
    before = before or Trouble(reason, now)
    until = gate.paused_until if reason == Reason.RATE_LIMITED.value else None
    return msgspec.structs.replace(before, reason=reason, until=until, idle_since=None, taken=taken, detail=gate.detail)


def _reason(gate: Gate, now: datetime) -> str | None:
    if gate.suspended is not None:
        return gate.suspended.value
    if gate.paused_until is not None and gate.paused_until > now:
        return Reason.RATE_LIMITED.value
    return NO_ANSWER if gate.breaker.open_until is not None else None


def _idle(before: Trouble, taken: int, now: datetime) -> Trouble | None:
    """Return what is left of a trouble when the destination may be tried again, by another channel maybe."""
    idle_since = before.idle_since or now
    if taken > before.taken:
        is_over = not (before.is_told and before.is_again) or now - idle_since >= STEADY
    else:
        is_over = not before.is_told and now - idle_since >= PATIENCE
    return None if is_over else msgspec.structs.replace(before, idle_since=idle_since, taken=min(before.taken, taken))


def failing(destination: str, trouble: Trouble, queued: int) -> Report:
    """Return what is told when a destination cannot be told."""
    waiting = f"{queued} {'is' if queued == 1 else 'are'} waiting"
    match trouble.reason:
        case "no_answer":
            what, next_step = f"does not answer since {trouble.since:%H:%M} UTC", "It is tried again every few minutes."
        case "rate_limited":
            what, next_step = "asks to wait for long", "It is told again then."
        case reason:
            what, next_step = f"refuses every message ({_in_words(reason)})", _why(trouble) + _next_step(reason)
    return Report(destination, f"The destination {destination} {what}; {waiting}.\n{next_step}", Severity.CRITICAL)


def _why(trouble: Trouble) -> str:
    return f"Why: {trouble.detail}.\n" if trouble.detail else ""


def _next_step(reason: str) -> str:
    minutes = PROBE_INTERVAL // timedelta(minutes=1)
    again = "" if reason == Reason.GONE.value else f"every {minutes} min and "
    return f"Mend its configuration or its secret. It is asked again {again}when the configuration is loaded (SIGHUP)."


def recovered(destination: str, trouble: Trouble, now: datetime) -> Report:
    """Return what is told when it can be told again."""
    minutes = max(1, round(((trouble.idle_since or now) - trouble.since) / timedelta(minutes=1)))
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
