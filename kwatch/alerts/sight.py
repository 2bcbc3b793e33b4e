"""Whether the cluster is seen: what was wrong before kwatch looked is no news; unwatched, nobody knows what fires."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Watched

#: The key of the row that says until when the cluster was watched.
WATCHED = "watched"


class Sight:
    """What is seen now, and until when it certainly was."""

    def __init__(self, ledger: Ledger) -> None:
        self.is_first_list = False  # what is found to be wrong already is told as such
        self.is_blind = False  # nobody knows what still fires: repeats and steps of escalations wait
        self._watched = Watched()
        self._ledger = ledger

    def load(self, kept: Iterable[Watched], *, is_first: bool) -> None:
        """Begin: nothing is seen yet."""
        self.is_first_list, self.is_blind = is_first, True
        self._watched = next(iter(kept), self._watched)

    def row(self, key: str) -> Watched | None:
        """Return what must survive a restart, by the key of its row."""
        return self._watched if key == WATCHED else None

    def note_watched(self, now: datetime) -> None:
        """Every source is in sync now."""
        self._watched = Watched(now)
        self._ledger.touch_group(WATCHED)

    @property
    def watched_until(self) -> datetime | None:
        """When that was said last, also before this start."""
        return self._watched.until

    def jump(self, by: timedelta) -> None:
        """The clock was set."""
        if self._watched.until is not None:
            self._watched.until += by
