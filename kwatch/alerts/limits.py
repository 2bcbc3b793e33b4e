"""Limits of memory that the cluster's sending has reached: each time counted, and told once in a while.

Whoever keeps something lets go of it, the idle longest first; here is only noted that it did.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from kwatch.alerts import ledger as fates
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import LimitsTold

#: The key of the row that says when limits were told of.
LIMITS = "limits"
#: How long nothing more is said of limits after it was.
TELL_EVERY = timedelta(hours=1)

_WORDS = {
    fates.BEYOND_LIMIT: "new alerts are not opened while 50,000 are open",
    fates.IDLE_DROPPED: "of more than 20,000 alerts that are not open the oldest are forgotten",
    fates.THREAD_DROPPED: "of more than 20,000 groups that are over the oldest are forgotten",
    fates.AWAITED_DROPPED: "absences of more than 10,000 values of keys are not watched",
    fates.PLANNED_DROPPED: "planned changes beyond 1,000 at a time hold nothing",
    fates.NOTICE_HURRIED: "of more than 20,000 notices that wait for company the oldest go out at once",
    fates.COUNT_DROPPED: "of more than 200,000 counts of Events the oldest are forgotten",
}


class Limits:
    """Which limits were reached since that was told last."""

    def __init__(self, ledger: Ledger) -> None:
        self._told = LimitsTold()
        self._ledger = ledger

    def load(self, kept: Iterable[LimitsTold]) -> None:
        """Take back when that was."""
        self._told = next(iter(kept), self._told)

    def row(self, key: str) -> LimitsTold | None:
        """Return what must survive a restart, by the key of its row."""
        return self._told if key == LIMITS else None

    def text(self, now: datetime) -> str:
        """Return what has to be told now of limits that were reached; empty: it is too soon."""
        told_at = self._told.at
        if told_at is not None and now < told_at + TELL_EVERY:
            return ""
        self._told.at = now
        self._ledger.touch_group(LIMITS)
        words = [_WORDS[fate] for fate in sorted(self._ledger.limits)]
        self._ledger.limits.clear()
        return "\n".join(("the cluster sends more than memory is for", *words))
