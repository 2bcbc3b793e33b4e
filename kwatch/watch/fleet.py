"""All watches together: which there must be, in which order they start, and those that come later.

Kinds start in waves, so that what is told of one kind can be understood by what is known of another: Namespaces first,
then owners (metadata only), then the workloads and Nodes whose planned changes explain what is wrong with others, then
the other objects, then Events. A wave is over when each of its watches has listed once or was
refused, or after a while. A kind that the server does not know (its CRD may come), or knows no more, is asked for from
time to time. Nothing that the server answers, or fails to answer, ends `run`.

Another plan is followed in three steps: `replan` says what it means, `stop` ends what is not wanted as it is any more,
and, when whoever takes the batches is ready for it, `begin` lets the new ones start, in waves too.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Never, TypeVar

from kwatch.clock import Clock
from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.errors import ClusterError
from kwatch.model.objects import Batch, Resource, Source, WatchEventType
from kwatch.rules.planned import CHANGING
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection
from kwatch.watch.frames import EVENTS, objects
from kwatch.watch.moves import Moves, Want, moves
from kwatch.watch.status import SourceState, SourceStatus
from kwatch.watch.stream import Stream, StreamSettings

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
        self._wanted: dict[Source, Want] = {}  # what runs, or is about to
        self._streams: dict[str, Stream] = {}
        self._tasks: dict[str, asyncio.Task[Never]] = {}
        self._replanned: asyncio.Queue[tuple[Moves, Callable[[], None]]] = asyncio.Queue()
        self._missing: list[Want] = []
        self._is_started = False
        self._changed_at = clock.now()  # when the discovery's state last changed
        self._answered_at: datetime | None = None
        self._error = ""  # why nothing is known of the kinds; empty: the server answers

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return what each watch is doing, and before them how far the discovery of the kinds is."""
        return (self._discovery_status(), *(stream.status for stream in self._streams.values()))

    async def run(self, on_started: Callable[[], None]) -> None:
        """Watch until cancelled; `on_started` is called once, when every wave is over."""
        async with asyncio.TaskGroup() as tasks:
            self._missing = list(self._plan.wants)
            await self._start(tasks, self._want(self._sources(await self._resolve())))
            await self._start(tasks, self._want(self._event_sources(await self._ask(self._events))))
            self._is_started = True
            self._changed_at = self._clock.now()
            on_started()
            await self._follow(tasks)

    def replan(self, plan: Plan) -> Moves:
        """Take another plan, once all was started, and return what it means; what runs goes on for now."""
        self._plan = plan
        self._missing = list(plan.wants)
        wanted = self._sources(self._known())
        events = [source.resource for source in self._wanted if source.resource.kind == "Event"]
        found = moves(self._wanted, {**wanted, **self._event_sources(events[0])})
        self._wanted = dict(found.wanted)
        return found

    async def stop(self, found: Moves) -> None:
        """End the watches that are not wanted as they are: nothing more of them is put."""
        tasks = [self._tasks.pop(source.id) for source in found.stopped if source.id in self._tasks]
        for source in found.stopped:
            self._streams.pop(source.id, None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, found: Moves, on_heard: Callable[[], None]) -> None:
        """Let the new watches start; `on_heard` is called when each has listed once, or is given up."""
        if not found.started:
            on_heard()
        self._replanned.put_nowait((found, on_heard))

    def _want(self, sources: Mapping[Source, Want]) -> Mapping[Source, Want]:
        """Note what is to run from now on beside the rest, and return it."""
        new = {source: want for source, want in sources.items() if source.id not in self._streams}
        self._wanted |= new
        return new

    async def _follow(self, tasks: asyncio.TaskGroup) -> Never:
        """Start what other plans want, and look from time to time for kinds that were not there."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + DISCOVERY_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(look_at):
                    found, on_heard = await self._replanned.get()
            except TimeoutError:
                look_at = loop.time() + DISCOVERY_SECONDS
                await self._start_late(tasks)
            else:
                if found.started:
                    await self._start(tasks, found.started)
                    on_heard()
                look_at = loop.time() if self._missing else look_at

    async def resync(self) -> None:
        """Open every watch anew; return when they are in sync, or have had as long as at a start."""
        streams = tuple(self._streams.values())
        for stream in streams:
            stream.doubt()
        await self._wave(streams)

    def _discovery_status(self) -> SourceStatus:
        states = (SourceState.WAITING, SourceState.WATCHING if self._is_started else SourceState.LISTING)
        missing = ", ".join(sorted({want.token for want in self._missing}))
        return SourceStatus(
            source_id=DISCOVERY,
            state=states[not self._error],
            since=self._changed_at,
            last_frame_at=self._answered_at,
            error=self._error or (f"not served (yet): {missing}" if missing else ""),
        )

    async def _resolve(self) -> dict[Resource, Want]:
        """Return what the server knows of what is missing, once it has said what it serves."""
        if self._missing:
            await self._ask(partial(self._discovery.resolve, self._missing[0].token))
        return self._known()

    def _known(self) -> dict[Resource, Want]:
        """Return what the server knows of what is missing, two names of one kind as one; the rest stays missing."""
        resolved: dict[Resource, Want] = {}
        missing: list[Want] = []
        for want in self._missing:
            resource = self._discovery.known(want.token)
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

    def _sources(self, resolved: Mapping[Resource, Want]) -> dict[Source, Want]:
        """Return a watch per kind, and per namespace where only some are watched by name."""
        return {
            Source(resource, namespace, want.metadata_only): want
            for resource, want in resolved.items()
            for namespace in (resource.namespaced and self._plan.namespaces) or ("",)
        }

    def _event_sources(self, events: Resource) -> dict[Source, Want]:
        return {Source(events, each): Want(token=events.kind) for each in self._event_namespaces() or ("",)}

    def _event_namespaces(self) -> tuple[str, ...]:
        """Return where Events are watched by name: also where those about objects without a namespace are."""
        namespaces = self._plan.namespaces
        if not namespaces or CLUSTER_EVENTS in namespaces:
            return namespaces
        kinds = map(self._discovery.known, self._plan.event_kinds)
        is_needed = any(resource is not None and not resource.namespaced for resource in kinds)
        return (*namespaces, CLUSTER_EVENTS) if is_needed else namespaces

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
        now = self._clock.now()
        if bool(error) is not bool(self._error):
            self._changed_at = now
        if not error:
            self._answered_at = now
        self._error = error

    async def _start(self, tasks: asyncio.TaskGroup, started: Mapping[Source, Want]) -> None:
        """Start watches, a wave when the one before is heard."""
        for wave in _Wave:
            await self._wave(
                self._launch(tasks, {each: want for each, want in started.items() if _wave_of(each) is wave})
            )

    def _launch(self, tasks: asyncio.TaskGroup, started: Mapping[Source, Want]) -> list[Stream]:
        """Start those watches that are still wanted."""
        asked = {each: want for each, want in started.items() if self._wanted.get(each) == want}
        for source, want in asked.items():
            if not _is_of_events(source):
                self._cache.keep(source.resource, want.projection)
        return [self._start_stream(tasks, source, want.projection) for source, want in asked.items()]

    def _start_stream(self, tasks: asyncio.TaskGroup, source: Source, projection: Projection) -> Stream:
        stream = Stream(
            self._client,
            source,
            clock=self._clock,
            rng=self._rng,
            decode=EVENTS if _is_of_events(source) else objects(projection),
            settings=StreamSettings(),
            counters=self._counters,
        )

        async def put(batch: Batch) -> None:
            await self._put(batch)
            if any(event.type is WatchEventType.SYNCED for event in batch.events):
                stream.settled.set()

        # Objects are always listed: what is known of them is not kept over a restart.
        resume_from = self._plan.resume.get(source.id, "") if _is_of_events(source) else ""
        self._tasks[source.id] = tasks.create_task(stream.run(resume_from, put), name=f"watch {source.id}")
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
        """Start what was not served before, also in place of what is not served any more, or by another version."""
        unserved = [source for source in self._wanted if self._is_unserved(source)]
        if not self._missing and not unserved:
            return
        await self._ask(self._discovery.refresh)
        for source in unserved:
            want = self._wanted[source]
            if self._discovery.known(want.token) != source.resource:
                await self._let_go(source)
                self._missing += [want] if want not in self._missing else []
        self._launch(tasks, self._want(self._sources(await self._resolve())))

    def _is_unserved(self, source: Source) -> bool:
        stream = self._streams.get(source.id)
        return stream is not None and stream.is_unserved and not _is_of_events(source)

    async def _let_go(self, source: Source) -> None:
        """End a watch; what it has shown stays, as nobody has said that it is gone."""
        del self._wanted[source], self._streams[source.id]
        task = self._tasks.pop(source.id)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Wave(Enum):
    """What is heard before the next is started, in this order."""

    NAMESPACES = "namespaces"
    OWNERS = "owners"
    CHANGING = "changing"
    OBJECTS = "objects"
    EVENTS = "events"


def _wave_of(source: Source) -> _Wave:
    if (source.resource.kind, source.resource.group) == ("Namespace", ""):
        return _Wave.NAMESPACES
    if source.metadata_only:
        return _Wave.OWNERS
    if (source.resource.kind, source.resource.group) in CHANGING:
        return _Wave.CHANGING
    return _Wave.EVENTS if _is_of_events(source) else _Wave.OBJECTS


def _is_of_events(source: Source) -> bool:
    return source.resource.kind == "Event"
