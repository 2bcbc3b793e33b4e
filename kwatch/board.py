"""What the running kwatch lets the web show of it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kwatch import __version__
from kwatch.alerts.story import AlertStory
from kwatch.config.problems import did_you_mean
from kwatch.errors import StateError
from kwatch.model.decisions import AuditEntry
from kwatch.model.notifications import Attempt, Delivery, DeliveryState, Folded
from kwatch.outbox.outbox import DestinationStatus
from kwatch.rules.verdicts import Verdict
from kwatch.telemetry import Series
from kwatch.watch.status import SourceStatus
from kwatch.web.reasons import Reasons, incidents_of
from kwatch.web.views import ConfigurationView, DestinationView, Overview, SourceState, SourceView, StoreView

if TYPE_CHECKING:
    from kwatch.app import App


_UNKNOWN = "no alert that is open, or was within the last hour, has this fingerprint; objects are KIND/NAMESPACE/NAME"
_GONE = "there is no such object; ask of one that is gone by its workload, as Deployment/shop/web, or fingerprint"


class LiveBoard:
    """A `kwatch.web.views.Board` over an `App`."""

    def __init__(self, app: "App") -> None:
        self._app = app

    async def overview(self) -> Overview:
        """Return the state of this instant."""
        app = self._app
        now = app.ports.clock.now()
        destinations, error = await self._destinations()
        return Overview(
            version=__version__,
            cluster=app.cluster,
            now=now,
            started_at=app.started_at,
            alerts=app.engine.insight.alerts(now),
            sources=tuple(_source(status) for status in app.fleet.statuses()),
            destinations=destinations,
            store=StoreView(path=str(app.state.folder), error=app.pipeline.store_error or error),
            silences=app.engine.insight.silences(),
            configuration=ConfigurationView(loaded_at=app.reloader.loaded_at, error=app.reloader.error),
            is_stopping=app.is_stopping,
        )

    async def _destinations(self) -> tuple[tuple[DestinationView, ...], str]:
        """Return how each destination is doing; none, and why, while the store cannot be read."""
        types = {destination.name: destination.type for destination in self._app.config.destinations}
        try:
            statuses = await self._app.destinations()
        except StateError as error:
            return (), str(error)
        return tuple(_destination(status, types.get(status.destination, "")) for status in statuses), ""

    def degraded(self) -> str:
        """Return why what happens may be told to nobody now, without asking the store; empty: it is told."""
        app = self._app
        configured = {each.name for each in app.config.destinations}
        if app.pipeline.store_error:
            return "the state cannot be written"
        return "no destination can be told" if configured and configured <= app.outbox.closed else ""

    def muted(self) -> Mapping[str, str]:
        """Return what holds back each open alert that something does, by fingerprint."""
        return self._app.engine.insight.muted(self._app.ports.clock.now())

    def counters(self) -> Mapping[Series, int]:
        """Return all counters."""
        return self._app.counters.read()

    async def deliveries(
        self, states: Iterable[DeliveryState], limit: int, destination: str = ""
    ) -> tuple[Delivery, ...]:
        """Return the newest deliveries in these states and to this destination (in all, to all), newest first."""
        return await self._app.state.newest(states, limit, destination)

    async def delivery(self, delivery_id: str) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts; None when there is no such id."""
        return await self._app.state.find(delivery_id)

    async def folded(self, delivery_id: str, limit: int) -> tuple[Folded, ...]:
        """Return what an overflow stands for, oldest first; nothing for other deliveries."""
        return await self._app.state.folded(delivery_id, limit)

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """Return the newest changes that were made by hand, newest first."""
        return await self._app.state.audit(limit)

    async def delivery_counts(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        """Return how many deliveries there are, by destination and state."""
        return await self._app.state.counts()

    async def why(self, subject: str) -> Reasons:
        """Return why a subject is told, or not: a fingerprint, or an object as `Kind/namespace/name`."""
        app, now = self._app, self._app.ports.clock.now()
        if "/" not in subject:
            story = app.engine.insight.story(subject, now)
            problem = "" if story is not None else _UNKNOWN
            return await self._reasons(subject, problem, (), () if story is None else (story,))
        kind, _, rest = subject.partition("/")
        namespace, _, name = rest.rpartition("/")
        judged = app.decider.judged(kind, namespace, name, now)
        held = [
            fingerprint for ref, _ in judged for each in app.engine.open_alerts(ref).values() for fingerprint in each
        ]
        held += app.engine.insight.about(namespace, f"{kind}/{name}")
        stories = [story for each in dict.fromkeys(held) if (story := app.engine.insight.story(each, now)) is not None]
        problem = "" if judged or stories else self._why_unknown(kind, namespace)
        reasons = await self._reasons(subject, problem, [verdict for _, each in judged for verdict in each], stories)
        asked = dict.fromkeys(asked for ref, _ in judged for asked in app.decider.asked(ref))
        return replace(reasons, asked=tuple(asked))

    def _why_unknown(self, kind: str, namespace: str) -> str:
        tokens = (*self._app.decider.kinds(), *self._app.config.watch.resources)
        kinds = {token.partition(".")[0] for token in tokens}
        if kind not in kinds:
            hint = did_you_mean(kind, kinds)
            return f"{kind} is not watched: no rule asks for it{hint}; watched are {', '.join(sorted(kinds))}"
        if not self._app.decider.is_watched(namespace):
            return f"namespace {namespace} is not watched: `watch.namespaces` leaves it out"
        return _GONE

    async def _reasons(
        self, subject: str, problem: str, verdicts: Iterable[Verdict], stories: Iterable[AlertStory]
    ) -> Reasons:
        stories = tuple(stories)
        tellings = [telling for story in stories for telling in story.tellings]
        lanes = dict.fromkeys((each.destination, name) for each in tellings for name in incidents_of(each))
        destinations, error = await self._destinations()
        return Reasons(
            subject=subject,
            problem=problem or error,
            now=self._app.ports.clock.now(),
            verdicts=tuple(verdicts),
            stories=stories,
            deliveries={lane: [told async for told in self._told(*lane)] for lane in lanes},
            destinations={each.name: each for each in destinations},
        )

    async def _told(self, destination: str, incident: str) -> AsyncIterator[tuple[Delivery, tuple[Attempt, ...]]]:
        for delivery_id in await self._app.state.of_incident(destination, incident):
            if (found := await self._app.state.find(delivery_id)) is not None:
                yield found


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
        failing=status.failing,
        paused_until=status.paused_until,
        silent_until=status.breaker_open_until,
        storm_since=status.storm_since,
    )
