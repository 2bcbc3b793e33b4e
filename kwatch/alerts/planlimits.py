"""How long a planned change may last, and until when what begins is its doing."""

from datetime import datetime, timedelta

from kwatch.alerts.records import PlannedChange
from kwatch.model.planned import PlannedKind, PlannedStep

#: How long a change may hold anything without getting further, where the object has no deadline of its own; and at all.
LIMIT = timedelta(minutes=10)
LONGEST = timedelta(hours=1)
#: After it is done: the least until it is said to have gone well, and the most until nothing may be wrong.
SETTLE = timedelta(seconds=30)
PATIENCE = timedelta(minutes=2)


def is_past(change: PlannedChange, at: datetime) -> bool:
    """Return whether a change explains nothing that begins then; what a drain moved starts when its Node is empty."""
    settling = SETTLE if change.kind is PlannedKind.DRAIN else timedelta(0)
    return change.done_at is not None and change.done_at + settling < at


def go_on(change: PlannedChange, step: PlannedStep, now: datetime) -> None:
    """Give a change that has begun, or gets further, its time anew."""
    if change.is_over:
        return
    if step.kind is PlannedKind.ROLLOUT:
        change.pods = step.pods or 0
    achieved = step.achieved if step.kind is PlannedKind.ROLLOUT else change.pods
    if achieved > change.achieved or step.revision != change.revision:
        change.until = min(now + (step.limit or LIMIT), change.counts_from + LONGEST)
    change.achieved, change.revision = achieved, step.revision
