"""What must survive a restart and is not written yet: rows, and how far each source has been read."""

from collections.abc import Collection

from kwatch.model.decisions import Checkpoint, Row, Table


class Unwritten:
    """Rows and checkpoints for the next decision; of one key the newest."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Table, str], Row] = {}
        self._checkpoints: dict[str, Checkpoint] = {}

    def store(self, row: Row | None) -> None:
        """Let a row be written."""
        if row is not None:
            self._rows[row.table, row.key] = row

    def reach(self, checkpoint: Checkpoint) -> None:
        """A source has been read so far."""
        self._checkpoints[checkpoint.source] = checkpoint

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
