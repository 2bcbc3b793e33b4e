"""A database that cannot be read is put aside, because somebody asked for that: nothing is deleted (F-09)."""

from datetime import datetime
from pathlib import Path

from kwatch.errors import DamagedError, StateError
from kwatch.store.state import FILE_NAME, State
from kwatch.telemetry import Counters


def open_anew(folder: Path, counters: Counters, now: datetime) -> tuple[State, Path | None]:
    """Open the state folder; where its database is damaged, a new one. Return where the old one is, None: in use."""
    try:
        return State.open(folder, counters=counters), None
    except DamagedError:
        kept = _put_aside(folder, now)
    return State.open(folder, counters=counters), kept


def _put_aside(folder: Path, now: datetime) -> Path:
    kept = folder / f"{FILE_NAME}.damaged-{now:%Y%m%dT%H%M%SZ}"
    try:
        for suffix in ("", "-wal", "-shm"):
            part = folder / f"{FILE_NAME}{suffix}"
            if part.exists():
                part.rename(f"{kept}{suffix}")
    except OSError as error:
        raise StateError(f"{folder / FILE_NAME} cannot be put aside: {error.strerror}") from error
    return kept
