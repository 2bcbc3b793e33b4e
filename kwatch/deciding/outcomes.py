"""What became of observations, and the bulkhead between one and the next."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import ParamSpec

from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

_Observed = ParamSpec("_Observed")


class Outcomes:
    """Counts what each observation came to; `seen` is counted into, `report` once per batch: most of it is the same."""

    def __init__(self, counters: Counters) -> None:
        self.seen: Counter[str] = Counter()
        self._counters = counters

    def guard(self, observe: Callable[_Observed, None], *args: _Observed.args, **words: _Observed.kwargs) -> None:
        """Observe; a bug that one object brings to light costs this object's frame, and no other (the bulkhead)."""
        try:
            observe(*args, **words)
        except Exception:
            log.exception("an observation could not be decided")
            self.seen["failed"] += 1

    def report(self) -> None:
        """Let the counters have what was counted."""
        for outcome, number in self.seen.items():
            self._counters.add("observations", number, outcome=outcome)
        self.seen.clear()
