"""What the running kwatch lets the web show of it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kwatch import __version__
from kwatch.errors import StateError
from kwatch.model.notifications import Attempt, Delivery, DeliveryState, Folded
from kwatch.outbox.outbox import DestinationStatus
from kwatch.telemetry import Series
from kwatch.watch.stream import SourceStatus
from kwatch.web.views import DestinationView, Overview, SourceState, SourceView, StoreView

if TYPE_CHECKING:
    from kwatch.app import App


class LiveBoard:
    """A `kwatch.web.views.Board` over an `App`."""

    def __init__(self, app: "App") -> None:
        self._app = app

    async def overview(self) -> Overview:
        """Return the state of this instant."""
        app = self._app
        destinations, error = await self._destinations()
        return Overview(
            version=__version__,
            cluster=app.cluster,
            now=app.ports.clock.now(),
            started_at=app.started_at,
            alerts=app.engine.alerts(),
            sources=tuple(_source(status) for status in app.fleet.statuses()),
            destinations=destinations,
            store=StoreView(path=str(app.config.state), error=app.pipeline.store_error or error),
            is_stopping=app.is_stopping,
        )

    async def _destinations(self) -> tuple[tuple[DestinationView, ...], str]:
        """Return how each destination is doing; none, and why, while the store cannot be read."""
        types = {destination.name: destination.type for destination in self._app.config.destinations}
        try:
            statuses = await self._app.outbox.status()
        except StateError as error:
            return (), str(error)
        return tuple(_destination(status, types.get(status.destination, "")) for status in statuses), ""

    def counters(self) -> Mapping[Series, int]:
        """Return all counters."""
        return self._app.counters.read()

    async def deliveries(self, states: Iterable[DeliveryState], limit: int) -> tuple[Delivery, ...]:
        """Return the newest deliveries in these states (in all, when none is given), newest first."""
        return await self._app.state.newest(states, limit)

    async def delivery(self, delivery_id: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts; None when there is no such id."""
        return await self._app.state.find(delivery_id)

    async def folded(self, delivery_id: str, limit: int) -> tuple[Folded, ...]:
        """Return what an overflow stands for, oldest first; nothing for other deliveries."""
        return await self._app.state.folded(delivery_id, limit)

    async def delivery_counts(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        """Return how many deliveries there are, by destination and state."""
        return await self._app.state.counts()


def _source(status: SourceStatus) -> SourceView:
    return SourceView(
        id=status.source_id,
        state=SourceState(status.state.value),
        since=status.since,
        last_frame_at=status.last_frame_at,
        error=status.error,
    )


def _destination(status: DestinationStatus, channel_type: str) -> DestinationView:
    return DestinationView(
        name=status.destination,
        type=channel_type,
        queued=status.queued,
        oldest_at=status.oldest_at,
        suspended=status.suspended,
        paused_until=status.paused_until,
        silent_until=status.breaker_open_until,
        storm_since=status.storm_since,
    )
