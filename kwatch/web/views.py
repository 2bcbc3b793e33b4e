"""What the pages and endpoints are given: the `Board`, and whether all is well with kwatch. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from kwatch.model.alerts import AlertView
from kwatch.model.decisions import AuditEntry
from kwatch.model.notifications import Attempt, Delivery, DeliveryState, Folded
from kwatch.model.silences import Silence
from kwatch.telemetry import Series


class SourceState(Enum):
    """What a watch is doing."""

    LISTING = "listing"
    WATCHING = "watching"
    WAITING = "waiting"  # the connection failed; it will be tried again
    FORBIDDEN = "forbidden"  # this kind cannot be watched with these credentials; the others go on


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One watch. `last_frame_at` is None before the first frame; `error` is empty while there is none."""

    id: str
    state: SourceState
    since: datetime
    last_frame_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationView:
    """One destination's queue. `oldest_at` is None when nothing waits; `suspended` is why nothing is sent, or empty."""

    name: str
    type: str
    queued: int = 0
    oldest_at: datetime | None = None
    suspended: str = ""
    failing: str = ""  # why others are told that it cannot be told, or empty
    paused_until: datetime | None = None  # it asked to wait
    silent_until: datetime | None = None  # it does not answer, and is tried again then
    storm_since: datetime | None = None  # more comes than its pace allows, and is told in overflows

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing, as far as is known: it refuses everything, or does not answer."""
        return bool(self.suspended or self.failing or self.silent_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """The state folder. `error` says why nothing can be written now, and is empty while it can."""

    path: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationView:
    """The configuration in use. `error` says why that on the disk is not, and is empty while it is."""

    loaded_at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How kwatch is at the instant `now`."""

    version: str
    cluster: str
    now: datetime
    started_at: datetime
    alerts: tuple[AlertView, ...]
    sources: tuple[SourceView, ...]
    destinations: tuple[DestinationView, ...]
    store: StoreView
    configuration: ConfigurationView
    silences: tuple[Silence, ...] = ()  # the next to end first
    is_stopping: bool = False


class Board(Protocol):
    """What the running kwatch lets its readers see."""

    async def overview(self) -> Overview:
        """Return the state of this instant; also when the store fails, which it then says."""
        ...

    def degraded(self) -> str:
        """Return why what happens may be told to nobody now, without asking the store; empty: it is told."""
        ...

    def muted(self) -> Mapping[str, str]:
        """Return what holds back each open alert that something does, by fingerprint."""
        ...

    def counters(self) -> Mapping[Series, int]:
        """Return all counters."""
        ...

    async def deliveries(
        self, states: Iterable[DeliveryState], limit: int, destination: str = ""
    ) -> tuple[Delivery, ...]:
        """Return the newest deliveries in one of the states and to a destination (in all, to all); newest first."""
        ...

    async def delivery(self, delivery_id: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts; None when there is no such id."""
        ...

    async def folded(self, delivery_id: str, limit: int) -> tuple[Folded, ...]:
        """Return what an overflow stands for, oldest first; nothing for other deliveries."""
        ...

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """Return the newest changes that were made by hand, newest first."""
        ...

    async def delivery_counts(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        """Return how many deliveries are in which state, by destination."""
        ...


class Readiness(Enum):
    """DEGRADED: a kind is forbidden, a destination is closed, a reload was refused, while the rest is told."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not ready"


def readiness(overview: Overview) -> Readiness:
    """Say whether problems are seen, kept and told now.

    Not ready: stopping, the store cannot be written, a watch is not in sync, or no destination is left to tell.
    """
    closed = [destination.is_closed for destination in overview.destinations]
    out_of_sync = any(source.state in (SourceState.LISTING, SourceState.WAITING) for source in overview.sources)
    forbidden = [source.state is SourceState.FORBIDDEN for source in overview.sources]
    told_to_nobody = bool(closed) and all(closed)
    sees_nothing = all(forbidden)
    if overview.is_stopping or overview.store.error or out_of_sync or told_to_nobody or sees_nothing:
        return Readiness.NOT_READY
    is_degraded = any(closed) or any(forbidden) or bool(overview.configuration.error)
    return Readiness.DEGRADED if is_degraded else Readiness.READY
