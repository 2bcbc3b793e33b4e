"""Since when the watches have shown everything: what a list shows may be older, and is then no news."""

from collections.abc import Mapping
from datetime import datetime

from kwatch.model.decisions import Checkpoint
from kwatch.watch.counting import is_newer


class Coverage:
    """Of every source how far it was heard before this run, and since when without a break."""

    def __init__(self, checkpoints: Mapping[str, Checkpoint], *, covered_from: datetime) -> None:
        self._covered_from = {source: point.covered_at for source, point in checkpoints.items()}
        self._heard_until = {source: point.resource_version for source, point in checkpoints.items()}
        self._others_covered_from = covered_from  # sources that were never heard

    def begin(self, source_id: str, now: datetime) -> None:
        """A source is watched from now on."""
        self._covered_from[source_id] = now
        self._heard_until.pop(source_id, None)

    def covered_from(self, source_id: str) -> datetime:
        """Return since when every change of a source has been seen."""
        return self._covered_from.get(source_id, self._others_covered_from)

    def is_beyond(self, source_id: str, resource_version: str) -> bool:
        """Whether a version lies beyond the checkpoint: it is as new as if the watch had brought it."""
        heard_until = self._heard_until.get(source_id, "")
        return heard_until.isdecimal() and is_newer(resource_version, heard_until)
