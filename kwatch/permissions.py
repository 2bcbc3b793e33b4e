"""Tells people of what kwatch may not watch (T39): they would take its silence for a cluster that is well."""

import logging
from collections.abc import Callable, Collection
from typing import Final, Never

from kwatch.clock import Clock
from kwatch.watch.status import SourceState, SourceStatus

log = logging.getLogger(__name__)

#: Seconds between two looks.
LOOK_SECONDS: Final = 30.0
#: How many are named in one message.
TOLD_SOURCES: Final = 5


class Permissions:
    """Look at the watches now and then; each refusal is told once in a run, and so is its end."""

    def __init__(
        self, statuses: Callable[[], tuple[SourceStatus, ...]], *, clock: Clock, tell: Callable[[str], None]
    ) -> None:
        self._statuses = statuses
        self._clock = clock
        self._tell = tell
        self._refused: frozenset[str] = frozenset()  # what people take for refused

    async def run(self) -> Never:
        """Look until cancelled."""
        while True:
            self._look()
            await self._clock.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        statuses = {status.source_id: status for status in self._statuses()}
        watching = {each for each, status in statuses.items() if status.state is SourceState.WATCHING}
        refused = {each: status.error for each, status in statuses.items() if status.state is SourceState.FORBIDDEN}
        new = {each: error for each, error in refused.items() if each not in self._refused}
        granted = self._refused & watching
        self._refused = (self._refused & statuses.keys()) - watching | new.keys()
        if new:
            log.warning("watches are refused", extra={"sources": ", ".join(sorted(new))})
            errors = list(dict.fromkeys(new.values()))[:TOLD_SOURCES]
            mend = "Grant `list` and `watch` to its account; it is tried again each minute."
            self._tell("\n".join((f"kwatch may not watch {_names(new)}: what needs it is missed", *errors, mend)))
        if granted:
            log.info("watches are granted", extra={"sources": ", ".join(sorted(granted))})
            self._tell(f"kwatch may watch {_names(granted)} now")


def _names(sources: Collection[str]) -> str:
    named = sorted(sources)[:TOLD_SOURCES]
    more = len(sources) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
