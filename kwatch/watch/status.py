"""How a source is, for people and for `/readyz`."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class SourceState(Enum):
    """What a stream is doing."""

    LISTING = "listing"
    WATCHING = "watching"
    WAITING = "waiting"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How one source is, for `/readyz`. `error`: why it waits.

    `last_frame_at`: when it was heard last, be it a bookmark or an answer of the discovery; None: not yet.
    """

    source_id: str
    state: SourceState
    since: datetime
    last_frame_at: datetime | None = None
    error: str = ""


class Shown:
    """What a source shows of itself."""

    def __init__(self, source_id: str, now: datetime) -> None:
        self.last_frame_at: datetime | None = None
        self._source_id = source_id
        self._state = SourceState.LISTING
        self._since = now
        self._error = ""

    def show(self, state: SourceState, now: datetime, error: str = "") -> None:
        """It is so from now on, if it was not before."""
        if state is not self._state:
            self._since = now
        self._state = state
        self._error = error

    @property
    def status(self) -> SourceStatus:
        """How it is now."""
        return SourceStatus(
            source_id=self._source_id,
            state=self._state,
            since=self._since,
            last_frame_at=self.last_frame_at,
            error=self._error,
        )
