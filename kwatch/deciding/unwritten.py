"""What must survive a restart and is not written yet: rows, and how far each source has been read."""

from collections.abc import Collection
from datetime import timedelta

import msgspec

from kwatch.model.decisions import Checkpoint, Row, Table


class Unwritten:
    """Rows and checkpoints for the next decision; of one key the newest."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Table, str], Row] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._clock_set_by = timedelta(0)

    def store(self, row: Row | None) -> None:
        """Let a row be written."""
        if row is not None:
            self._rows[row.table, row.key] = row

    def reach(self, checkpoint: Checkpoint) -> None:
        """A source has been read so far."""
        self._checkpoints[checkpoint.source] = checkpoint

    def jump(self, by: timedelta) -> None:
        """The clock was set: so is what was read until then, or the next start would take it to be set once more."""
        self._clock_set_by += by
        for point in list(self._checkpoints.values()):
            self.reach(msgspec.structs.replace(point, covered_at=point.covered_at + by))

    def take_clock_set_by(self) -> timedelta:
        """Return by how much it was set, once."""
        by, self._clock_set_by = self._clock_set_by, timedelta(0)
        return by

    def take_rows(self) -> tuple[Row, ...]:
        """Return the rows, once."""
        rows, self._rows = tuple(self._rows.values()), {}
        return rows

    def take_checkpoints(self, held: Collection[str]) -> tuple[Checkpoint, ...]:
        """Return the checkpoints, once, but for those of the sources that are `held`."""
        movable = tuple(point for source, point in self._checkpoints.items() if source not in held)
        for point in movable:
            del self._checkpoints[point.source]
        return movable
