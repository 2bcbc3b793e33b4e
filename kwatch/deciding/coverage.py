"""Since when the watches have shown everything: what a list shows may be older, and is then no news.

What the first lists after a start show to be wrong, and was not before, began in the gap in which nobody watched. Where
nothing on the object says when, or only the time of something before, it is dated to the end of the gap: it is late for
certain, and of `for` nothing has passed that nobody has seen.
"""

from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from kwatch.model.decisions import Checkpoint
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.watch.counting import is_newer

#: A watch that goes on brings what it has missed within this time.
_CATCHING_UP = timedelta(seconds=1)
_FAR = datetime.max.replace(tzinfo=UTC)


class Gap(NamedTuple):
    """From the last instant that was watched until the start, or until a source is in sync again."""

    since: datetime
    until: datetime

    def date(self, finding: Finding) -> Finding:
        """Return what a first list shows as having begun in the gap."""
        if not finding.is_initial or finding.kind is not FindingKind.STATE or finding.truth is not Truth.TRUE:
            return finding
        if self.since <= finding.since_at <= self.until:
            return finding
        return msgspec.structs.replace(finding, since_at=self.until)


class Coverage:
    """Of every source how far it was heard before this run, and since when without a break.

    `watched_until` is the last instant at which every source was in sync, but for those that were `refused`.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Checkpoint],
        *,
        started_at: datetime,
        watched_until: datetime | None = None,
        refused: Container[str] = (),
    ) -> None:
        self._covered_from = {source: point.covered_at for source, point in checkpoints.items()}
        self._heard_until = {source: point.resource_version for source, point in checkpoints.items()}
        #: That of sources that were never heard.
        self.others_covered_from = max(self._covered_from.values(), default=started_at)
        self._gaps = {
            source: Gap(_second_of(at if source in refused else max(at, watched_until or at)), started_at)
            for source, at in self._covered_from.items()
        }
        self._breaks: dict[str, Gap] = {}  # the last one of each source that was lost since the start

    def begin(self, source_id: str, now: datetime) -> None:
        """A source is watched from now on."""
        self._covered_from[source_id] = now
        self._heard_until.pop(source_id, None)
        self.close_gap(source_id, now)

    def covered_from(self, source_id: str) -> datetime:
        """Return since when every change of a source has been seen."""
        return self._covered_from.get(source_id, self.others_covered_from)

    def is_beyond(self, source_id: str, resource_version: str) -> bool:
        """Whether a version lies beyond the checkpoint: it is as new as if the watch had brought it."""
        heard_until = self._heard_until.get(source_id, "")
        return heard_until.isdecimal() and is_newer(resource_version, heard_until)

    def gap(self, source_id: str) -> Gap | None:
        """Return the gap before what a source lists; None: nobody watched it before, or its first list is over."""
        return self._gaps.get(source_id)

    def jump(self, by: timedelta) -> None:
        """The clock was set: what the gaps date has begun before the start by the new time, too."""
        back = min(by, timedelta(0))
        self._gaps = {source: Gap(gap.since + back, gap.until + back) for source, gap in self._gaps.items()}

    def lose(self, source_id: str, now: datetime) -> None:
        """A source is out of sync."""
        self._breaks[source_id] = Gap(self.lost_since(source_id, now) or now, _FAR)

    def lost_since(self, source_id: str, now: datetime) -> datetime | None:
        """Return since when what a source shows now may have been so unseen; None: it is shown as it happens."""
        lost = self._breaks.get(source_id)
        return lost.since if lost is not None and now <= lost.until else None

    def close_gap(self, source_id: str, now: datetime) -> None:
        """A source is in sync."""
        self._gaps.pop(source_id, None)
        if source_id in self._breaks:
            self._breaks[source_id] = Gap(self._breaks[source_id].since, now + _CATCHING_UP)


def _second_of(at: datetime) -> datetime:
    """Return the time that Kubernetes, which has seconds, gives an instant."""
    return at.replace(microsecond=0)
