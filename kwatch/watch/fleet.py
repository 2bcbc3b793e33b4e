"""All watches together: which there must be, in which order they start, and those that come later.

Kinds start in waves, so that what is told of one kind can be understood by what is known of another: owners (metadata
only) first, then objects, then Events. A wave is over when each of its watches has listed once or was refused, or after
a while. A kind that the server does not know (its CRD may come) is asked for again from time to time.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from kwatch.clock import Clock
from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.errors import ClusterError
from kwatch.model.objects import Batch, Resource, Source, WatchEventType
from kwatch.watch.stream import SourceState, SourceStatus, Stream

log = logging.getLogger(__name__)

#: Seconds that a wave waits for its slowest watch before the next one starts all the same.
WAVE_SECONDS = 30.0
#: Seconds between two looks at kinds that were not there.
DISCOVERY_SECONDS = 30.0

EVENT_TOKENS = ("Event.events.k8s.io", "Event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A kind to watch, as the configuration names it: `Pod`, `Certificate.cert-manager.io`."""

    token: str
    metadata_only: bool = False


class Fleet:
    """Run a stream per kind (and per namespace, where only some are watched by name).

    `namespaces` are plain names, or empty for one watch over the whole cluster. `resume` gives the resource version at
    which the watch of Events goes on. `on_started` is called once, when every wave is over.
    """

    def __init__(
        self,
        client: KubeClient,
        discovery: Discovery,
        *,
        wants: Iterable[Want],
        namespaces: tuple[str, ...],
        resume: Mapping[str, str],
        clock: Clock,
        rng: random.Random,
        put: Callable[[Batch], Awaitable[None]],
        on_started: Callable[[], None],
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._wants = tuple(wants)
        self._namespaces = namespaces
        self._resume = resume
        self._clock = clock
        self._rng = rng
        self._put = put
        self._on_started = on_started
        self._streams: list[Stream] = []
        self._synced: dict[str, asyncio.Event] = {}
        self._missing: tuple[Want, ...] = ()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return what each watch is doing."""
        return tuple(stream.status for stream in self._streams)

    @property
    def missing(self) -> tuple[str, ...]:
        """The kinds that the server does not know (yet)."""
        return tuple(want.token for want in self._missing)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            owners = [want for want in self._wants if want.metadata_only]
            objects = [want for want in self._wants if not want.metadata_only]
            await self._start_wave(tasks, await self._resolve(owners))
            await self._start_wave(tasks, await self._resolve(objects))
            await self._start_wave(tasks, await self._events())
            self._on_started()
            while True:
                await self._clock.sleep(DISCOVERY_SECONDS)
                await self._start_late(tasks)

    async def _events(self) -> list[Source]:
        for token in EVENT_TOKENS:
            resource = await self._find(token)
            if resource is not None:
                return self._sources(resource, metadata_only=False)
        raise ClusterError("the API server serves no Events")

    async def _resolve(self, wants: Iterable[Want]) -> list[Source]:
        sources: list[Source] = []
        for want in wants:
            resource = await self._find(want.token)
            if resource is None:
                log.warning("kind not served", extra={"kind": want.token})
                self._missing = (*self._missing, want)
            else:
                sources += self._sources(resource, metadata_only=want.metadata_only)
        return sources

    async def _find(self, token: str) -> Resource | None:
        """Ask for a kind until the server answers: nothing can be watched before."""
        seconds = 1.0
        while True:
            try:
                return await self._discovery.resolve(token)
            except ClusterError as error:
                log.warning("API server does not answer", extra={"error": str(error)})
            await self._clock.sleep(seconds * (0.5 + self._rng.random()))
            seconds = min(seconds * 2, DISCOVERY_SECONDS)

    def _sources(self, resource: Resource, *, metadata_only: bool) -> list[Source]:
        if not resource.namespaced or not self._namespaces:
            return [Source(resource, metadata_only=metadata_only)]
        return [Source(resource, namespace, metadata_only) for namespace in self._namespaces]

    async def _start_wave(self, tasks: asyncio.TaskGroup, sources: Iterable[Source]) -> None:
        started = [self._start(tasks, source) for source in sources]
        until = self._clock.monotonic() + WAVE_SECONDS
        while self._clock.monotonic() < until and not all(self._has_settled(stream) for stream in started):
            await self._clock.sleep(0.02)

    def _has_settled(self, stream: Stream) -> bool:
        return self._synced[stream.source.id].is_set() or stream.status.state is SourceState.FORBIDDEN

    def _start(self, tasks: asyncio.TaskGroup, source: Source) -> Stream:
        stream = Stream(self._client, source, clock=self._clock, rng=self._rng)
        self._streams.append(stream)
        self._synced[source.id] = asyncio.Event()
        resume_from = self._resume.get(source.id, "") if source.resource.kind == "Event" else ""
        tasks.create_task(stream.run(resume_from, self._put_and_note), name=f"watch {source.id}")
        return stream

    async def _put_and_note(self, batch: Batch) -> None:
        await self._put(batch)
        if any(event.type is WatchEventType.SYNCED for event in batch.events):
            self._synced[batch.source.id].set()

    async def _start_late(self, tasks: asyncio.TaskGroup) -> None:
        if not self._missing:
            return
        wants, self._missing = self._missing, ()
        await self._discovery.refresh()
        for source in await self._resolve(wants):
            self._start(tasks, source)
