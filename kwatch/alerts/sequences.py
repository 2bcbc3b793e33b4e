"""One thing after another: an Event of the rule's `match`, and then one of `then.match`, within a time (`then`).

The order is that of the Events' own times, not that of their arrival: each step waits for the other, and equal times
are in order. Some recorders write whole seconds, so a second step without fractions follows anything of its second. Of
an update that stands for several occurrences the last one counts, whose time is known. What made a sequence is used up.
"""

from datetime import datetime, timedelta
from operator import attrgetter

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Alert, Step
from kwatch.model.findings import Finding
from kwatch.model.observations import Contribution
from kwatch.model.rules import Then

#: Steps that wait per fingerprint; beyond, the oldest are let go, and counted.
KEPT = 64

#: How much later than its time a step may arrive and still find the other one.
LATENESS = timedelta(minutes=5)

_at = attrgetter("at")


def complete(alert: Alert, finding: Finding, now: datetime, ledger: Ledger) -> Finding | None:
    """Take a step; return the second one of the sequence that it completes, None while the other one is missing.

    A rule that asks for no sequence is content with each finding.
    """
    then = finding.rule.then
    if then is None:
        return finding
    step = Step(
        at=min(finding.since_at, now),
        heard_at=now,
        ref=finding.member,
        is_first=finding.is_first,
        is_second=finding.is_second,
    )
    alert.steps = [kept for kept in alert.steps if waits_until(kept, then) > now]
    second = _second(alert, step, then)
    if second is None:
        _wait(alert, step, ledger)
        return None
    alert.steps = [kept for kept in alert.steps if kept.at > second.at]
    once = Contribution(1, second.at, second.at)
    return msgspec.structs.replace(finding, member=second.ref, since_at=second.at, contribution=once)


def waits_until(step: Step, then: Then) -> datetime:
    """Return until when the other step may still arrive."""
    return step.heard_at + then.within + LATENESS


def _second(alert: Alert, step: Step, then: Then) -> Step | None:
    if step.is_second and any(_follows(kept, step, then) for kept in alert.steps if kept.is_first):
        return step
    seconds = [kept for kept in alert.steps if kept.is_second] if step.is_first else []
    return min((kept for kept in seconds if _follows(step, kept, then)), key=_at, default=None)


def _follows(first: Step, second: Step, then: Then) -> bool:
    at = first.at if second.at.microsecond else first.at.replace(microsecond=0)
    return at <= second.at <= first.at + then.within


def _wait(alert: Alert, step: Step, ledger: Ledger) -> None:
    steps = sorted((*alert.steps, step), key=_at)
    ledger.count(fates.STEP_DROPPED, max(0, len(steps) - KEPT))
    alert.steps = steps[-KEPT:]
