"""All watches together: which there must be, in which order they start, and those that come later.

Kinds start in waves, so that what is told of one kind can be understood by what is known of another: owners (metadata
only) first, then objects, then Events. A wave is over when each of its watches has listed once or was refused, or after
a while. A kind that the server does not know (its CRD may come) is asked for again from time to time. Nothing that the
server answers, or fails to answer, ends `run`.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from kwatch.clock import Clock
from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.errors import ClusterError
from kwatch.model.objects import Batch, Resource, Source, WatchEventType
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from kwatch.watch.frames import EVENTS, objects
from kwatch.watch.stream import SourceState, SourceStatus, Stream, StreamSettings

log = logging.getLogger(__name__)

#: Seconds that a wave waits for its slowest watch before the next one starts all the same.
WAVE_SECONDS = 30.0
#: Seconds between two looks at kinds that were not there, and the longest pause while the server does not answer.
DISCOVERY_SECONDS = 30.0
#: What the discovery of kinds is called among the sources.
DISCOVERY = "discovery"
#: Where Events about objects without a namespace are stored.
CLUSTER_EVENTS = "default"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A kind to watch, as the configuration names it (`Pod`, `Certificate.cert-manager.io`), and what to keep of it."""

    token: str
    projection: Projection = field(default_factory=Projection)
    metadata_only: bool = False

    def __or__(self, other: "Want") -> "Want":
        projection = self.projection | other.projection
        return Want(token=self.token, projection=projection, metadata_only=self.metadata_only and other.metadata_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the fleet has to watch.

    `namespaces` are plain names, or empty for one watch over the whole cluster. `event_kinds` are those about which
    Events are of interest. `resume` gives the resource version at which the watch of Events goes on, by source id.
    """

    wants: tuple[Want, ...]
    namespaces: tuple[str, ...] = ()
    event_kinds: frozenset[str] = frozenset()
    resume: Mapping[str, str]


class Fleet:
    """Run a stream per kind, and per namespace where only some are watched by name."""

    def __init__(
        self,
        client: KubeClient,
        discovery: Discovery,
        cache: ObjectCache,
        plan: Plan,
        *,
        clock: Clock,
        rng: random.Random,
        counters: Counters,
        put: Callable[[Batch], Awaitable[None]],
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._cache = cache
        self._plan = plan
        self._clock = clock
        self._rng = rng
        self._counters = counters
        self._put = put
        self._streams: dict[str, Stream] = {}
        self._missing: list[Want] = []
        self._is_started = False
        self._changed_at = clock.now()  # when the discovery's state last changed
        self._error = ""  # why nothing is known of the kinds; empty: the server answers

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return what each watch is doing, and before them how far the discovery of the kinds is."""
        return (self._discovery_status(), *(stream.status for stream in self._streams.values()))

    async def run(self, on_started: Callable[[], None]) -> None:
        """Watch until cancelled; `on_started` is called once, when every wave is over."""
        async with asyncio.TaskGroup() as tasks:
            resolved = await self._resolve(self._plan.wants)
            owners = {resource: want for resource, want in resolved.items() if want.metadata_only}
            objects = {resource: want for resource, want in resolved.items() if not want.metadata_only}
            await self._wave(self._start(tasks, owners))
            await self._wave(self._start(tasks, objects))
            events = await self._ask(self._events)
            await self._wave(self._start_events(tasks, events, await self._event_namespaces()))
            self._is_started = True
            self._changed_at = self._clock.now()
            on_started()
            while True:
                await self._clock.sleep(DISCOVERY_SECONDS)
                await self._start_late(tasks)

    async def resync(self) -> None:
        """Open every watch anew; return when they are in sync, or have had as long as at a start."""
        streams = tuple(self._streams.values())
        for stream in streams:
            stream.doubt()
        await self._wave(streams)

    def _discovery_status(self) -> SourceStatus:
        states = (SourceState.WAITING, SourceState.WATCHING if self._is_started else SourceState.LISTING)
        missing = ", ".join(want.token for want in self._missing)
        return SourceStatus(
            source_id=DISCOVERY,
            state=states[not self._error],
            since=self._changed_at,
            error=self._error or (f"not served (yet): {missing}" if missing else ""),
        )

    async def _resolve(self, wants: Iterable[Want]) -> dict[Resource, Want]:
        """Return what the server knows, two names of one kind as one; note what it does not know."""
        resolved: dict[Resource, Want] = {}
        missing: list[Want] = []
        for want in wants:
            resource = await self._ask(partial(self._discovery.resolve, want.token))
            if resource is None:
                missing.append(want)
            else:
                resolved[resource] = resolved[resource] | want if resource in resolved else want
        self._missing = missing
        return resolved

    async def _events(self) -> Resource:
        resource = await self._discovery.events()
        if resource is None:
            await self._discovery.refresh()  # for the next time
            raise ClusterError("the API server serves no Events")
        return resource

    async def _event_namespaces(self) -> tuple[str, ...]:
        """Return where Events are watched by name: also where those about objects without a namespace are."""
        namespaces = self._plan.namespaces
        if not namespaces or CLUSTER_EVENTS in namespaces:
            return namespaces
        for kind in sorted(self._plan.event_kinds):
            resource = await self._ask(partial(self._discovery.resolve, kind))
            if resource is not None and not resource.namespaced:
                return (*namespaces, CLUSTER_EVENTS)
        return namespaces

    async def _ask(self, question: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until the server answers: nothing can be watched before."""
        pause = 1.0
        while True:
            try:
                answer = await question()
            except (ClusterError, TimeoutError) as error:
                log.warning("API server does not answer", extra={"error": str(error)})
                self._note(str(error) or "no answer in time")
            except Exception as error:  # the bulkhead
                log.exception("discovery failed by a bug")
                self._counters.add("watch_errors", source=DISCOVERY)
                self._note(str(error) or type(error).__name__)
            else:
                self._note("")
                return answer
            await self._clock.sleep(self._rng.uniform(pause / 2, pause))
            pause = min(pause * 2, DISCOVERY_SECONDS)

    def _note(self, error: str) -> None:
        if bool(error) is not bool(self._error):
            self._changed_at = self._clock.now()
        self._error = error

    def _start(self, tasks: asyncio.TaskGroup, resolved: Mapping[Resource, Want]) -> list[Stream]:
        for resource, want in resolved.items():
            self._cache.keep(resource, want.projection)
        return [
            self._start_stream(tasks, Source(resource, namespace, want.metadata_only), want.projection)
            for resource, want in resolved.items()
            for namespace in (resource.namespaced and self._plan.namespaces) or ("",)
        ]

    def _start_events(self, tasks: asyncio.TaskGroup, events: Resource, namespaces: tuple[str, ...]) -> list[Stream]:
        return [self._start_stream(tasks, Source(events, each), Projection()) for each in namespaces or ("",)]

    def _start_stream(self, tasks: asyncio.TaskGroup, source: Source, projection: Projection) -> Stream:
        stream = Stream(
            self._client,
            source,
            clock=self._clock,
            rng=self._rng,
            decode=EVENTS if source.resource.kind == "Event" else objects(projection),
            settings=StreamSettings(),
            counters=self._counters,
        )

        async def put(batch: Batch) -> None:
            await self._put(batch)
            if any(event.type is WatchEventType.SYNCED for event in batch.events):
                stream.settled.set()

        # Objects are always listed: what is known of them is not kept over a restart.
        resume_from = self._plan.resume.get(source.id, "") if source.resource.kind == "Event" else ""
        tasks.create_task(stream.run(resume_from, put), name=f"watch {source.id}")
        self._streams[source.id] = stream
        return stream

    async def _wave(self, streams: Iterable[Stream]) -> None:
        try:
            async with asyncio.timeout(WAVE_SECONDS):
                for stream in streams:
                    await stream.settled.wait()
        except TimeoutError:
            log.warning("some watches are not in sync yet, going on without them")

    async def _start_late(self, tasks: asyncio.TaskGroup) -> None:
        if not self._missing:
            return
        await self._ask(self._discovery.refresh)
        self._start(tasks, await self._resolve(self._missing))
