"""What is due: run in the order of the instants, each as of now; what is decided late is dated so.

While nobody knows what still fires, what would say so again waits (S-119).
"""

from datetime import datetime

from kwatch.alerts.consequences import Consequences
from kwatch.alerts.parts import Parts
from kwatch.alerts.timers import Phase


class Deadlines:
    """Runs what is due, and keeps what waits until the cluster is seen again."""

    def __init__(self, parts: Parts, consequences: Consequences) -> None:
        self._consequences = consequences
        self._sight = parts.sight
        self._timers = parts.timers
        self._book = parts.book
        self._groups = parts.groups
        self._teller = parts.teller
        self._digests = parts.digests
        self._notices = parts.notices

    def run(self, until: datetime, *, inclusive: bool = False) -> None:
        """Run what is due before an instant, or at it."""
        while (due := self._timers.pop(until, inclusive=inclusive)) is not None:
            if self._sight.is_blind and self._asks_what_fires(*due, until):
                self._timers.defer(due)
            else:
                self._run(*due, until)
        if self._consequences.is_summary_due:
            self._consequences.summarise(until)

    def sighted(self, now: datetime) -> None:
        """It is known again what fires: what came due meanwhile is due now."""
        self._timers.resume(now)

    def _run(self, phase: Phase, key: str, now: datetime) -> None:
        match phase:
            case Phase.CONDITION:
                self._consequences.moved(self._book.run(key, now), now)
            case Phase.EDGE:
                self._consequences.edge_due(key, now)
            case Phase.STEP:
                self._consequences.step_due(key, now)
            case Phase.FLUSH:
                self._flush(key, now)

    def _flush(self, key: str, now: datetime) -> None:
        if key in self._groups:
            self._teller.run(key, now)
        elif key in self._digests.periods:
            self._digests.run(key, now)
        else:
            self._notices.run(key, now)
        self._consequences.told(now)

    def _asks_what_fires(self, phase: Phase, key: str, now: datetime) -> bool:
        if phase is Phase.FLUSH:
            is_digest = key in self._digests.periods
            return is_digest or self._teller.is_to_repeat(key, now) or self._teller.rests_on_unseen(key)
        return phase is Phase.STEP
