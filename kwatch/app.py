"""The composition root: a configuration and the ports to the world in, a running kwatch out.

Start: state folder → engine and counts as they were → outbox and web → watches, in waves → (first start) the summary.
Stop: watches end → what was decided is committed → deliveries in flight end, within a grace → the folder is given back.
Everything that waits or sends is a task of one `TaskGroup`; what ends one ends all.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from datetime import datetime

from kwatch import __version__
from kwatch.alerts.engine import Engine
from kwatch.board import LiveBoard
from kwatch.clock import SteadyClock
from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.config.config import Config
from kwatch.control import LiveControl
from kwatch.deciding.coverage import Coverage
from kwatch.deciding.decider import Decider
from kwatch.enrich.lookup import Lookup
from kwatch.heartbeat import Heartbeat
from kwatch.model.beat import BEAT
from kwatch.model.notifications import Content, NotificationKind, Untold
from kwatch.model.objects import Batch, ObjectRef
from kwatch.notify.base import Secret, Tools
from kwatch.notify.clicks import Clicks
from kwatch.notify.render import TemplateEngine
from kwatch.outbox.outbox import DestinationStatus, Outbox
from kwatch.outbox.ports import Elsewhere
from kwatch.outbox.reconciler import Reconciler
from kwatch.parts import Builder, Parts
from kwatch.permissions import Permissions
from kwatch.pipeline import Pipeline
from kwatch.ports import Ports
from kwatch.pulse import Pulse
from kwatch.reload import Reloader
from kwatch.reporter import Reporter
from kwatch.store.state import Snapshot, State
from kwatch.telemetry import Counters
from kwatch.timekeeper import Timekeeper
from kwatch.watch.cache import ObjectCache
from kwatch.watch.fleet import Fleet
from kwatch.watch.moves import Moves
from kwatch.web.routes import create_app
from kwatch.web.server import serve

log = logging.getLogger(__name__)

#: Seconds that a failing store has at a stop to take what was decided.
COMMIT_SECONDS = 5.0
#: Seconds that deliveries in flight have then to end. Together less than the 30 that Kubernetes gives a Pod.
DRAIN_SECONDS = 20.0


class App:
    """One kwatch: built once, run once."""

    def __init__(self, config: Config, ports: Ports, state: State, counters: Counters) -> None:
        self.ports = ports
        self.state = state
        self.counters = counters
        snapshot = state.load()
        self.clock = SteadyClock(ports.clock, not_before=snapshot.covered_until)
        self.started_at = self.clock.now()
        self.cluster = config.cluster or ports.cluster
        self.started = asyncio.Event()  # every watch has listed once, or was refused
        self.is_stopping = False
        client = KubeClient(ports.wire)
        discovery = Discovery(client)
        self.cache = ObjectCache()
        tools = self._tools(snapshot.instance)
        self.pulse = Pulse(self.clock, state.token, self._put)
        self._builder = Builder(ports.redactor, tools, self.pulse, self._labels_of_namespace, cluster=self.cluster)
        self.parts = self._builder.build(config)
        self.engine = self._engine(snapshot)
        self.reporter = Reporter(self, snapshot)
        self.lookup = Lookup(client, discovery, self.cache, counters=counters, found=self._found)
        self.decider = self._decider(snapshot)
        self.outbox = self._outbox()
        self.reconciler = Reconciler(self.parts.channels, self._told_at, clock=ports.clock, counters=counters)
        self.clicks = Clicks(self.parts.channels, LiveControl(self), clock=ports.clock, counters=counters)
        self.pipeline = self._pipeline()
        self.fleet = self._fleet(client, discovery, snapshot)
        self.reloader = Reloader(
            ports.files, config, clock=ports.clock, counters=counters, use=self.use, tell=self.reporter.tell
        )
        self.timekeeper = Timekeeper(
            self.clock, self.engine, self.decider, self.pipeline, self.outbox, self.fleet, counters=counters
        )
        self.permissions = Permissions(self.fleet.statuses, clock=ports.clock, tell=self.reporter.tell)
        self.heartbeat = self._heartbeat()
        self._watched_until = self.engine.watched_until

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self.parts.config

    async def use(self, config: Config) -> None:
        """Go by another configuration, between two observations; raise where it cannot be used, and change nothing."""
        before, parts = self.parts, self._builder.build(config, self.parts)
        self.ports.follow(config)
        moves = self.fleet.replan(parts.plan())
        await self.fleet.stop(moves)
        is_done = asyncio.Event()

        def swap(now: datetime) -> None:
            try:
                self._swap(before, parts, moves, now)
            finally:
                is_done.set()

        self.pipeline.submit(swap)
        await is_done.wait()
        if config.heartbeat != before.config.heartbeat:
            await self.heartbeat.use(self._builder.ping(config))
        self.fleet.begin(moves, lambda: self.pipeline.submit(self.decider.start_complete))

    def _swap(self, before: Parts, parts: Parts, moves: Moves, now: datetime) -> None:
        self.parts = parts
        self.engine.reconfigure(parts.engine, parts.namespaces.is_named, now)
        new = self._builder.fresh_rules(parts.config, before.config)
        self.decider.use(parts.rules, new, parts.namespaces, moves=moves, now=now)
        self.outbox.use(parts.channels, parts.config.policies)
        self.reconciler.use(parts.channels)
        self.clicks.use(parts.channels)

    def _engine(self, snapshot: Snapshot) -> Engine:
        engine = Engine(self.parts.engine, cluster=self.cluster)
        engine.load(snapshot.rows, snapshot.incidents, started_at=self.started_at, covered_until=snapshot.covered_until)
        return engine

    def _decider(self, snapshot: Snapshot) -> Decider:
        decider = Decider(
            rules=self.parts.rules,
            cache=self.cache,
            engine=self.engine,
            counters=self.counters,
            namespaces=self.parts.namespaces,
            look_up=self.lookup.request,
            coverage=Coverage(
                snapshot.checkpoints,
                started_at=self.started_at,
                watched_until=self.engine.watched_until,
                refused=self.engine.refused,
            ),
        )
        decider.load(snapshot.rows)
        return decider

    def _tools(self, instance: str) -> Tools:
        return Tools(
            clock=self.ports.clock,
            templates=TemplateEngine(self.ports.clock, self.ports.redactor.clean),
            transport=self.ports.transport,
            instance=instance,
            secret=self.state.token,
            stdout=self.ports.stdout,
            read=self._read,
        )

    def _read(self, secret: Secret) -> str:
        """Read a secret, which may have been rotated, and redact it from now on."""
        value = secret.read()
        self.ports.redactor.learn(value)
        return value

    def _outbox(self) -> Outbox:
        return Outbox(
            self.state,
            self.parts.channels,
            clock=self.clock,
            rng=self.ports.rng,
            counters=self.counters,
            on_ended=self._delivery_ended,
            policies=self.config.policies,
            elsewhere=Elsewhere(self.reporter.report, self._detour, self._builder.used_secrets.are_others),
        )

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self.decider,
            self.state,
            clock=self.clock,
            counters=self.counters,
            wake=self.outbox.wake,
            heed_clock=self._heed_clock,
        )

    def _fleet(self, client: KubeClient, discovery: Discovery, snapshot: Snapshot) -> Fleet:
        resume = {source: point.resource_version for source, point in snapshot.checkpoints.items()}
        return Fleet(
            client,
            discovery,
            self.cache,
            self.parts.plan(resume),
            clock=self.ports.clock,
            rng=self.ports.rng,
            counters=self.counters,
            put=self.pipeline.put,
        )

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._builder.ping(self.config),
            clock=self.ports.clock,
            counters=self.counters,
            is_in_sync=lambda: self.started.is_set() and self.timekeeper.is_in_sync(),
            go_through=self._go_through,
            status=self.destinations,
            store_error=lambda: self.pipeline.store_error,
        )

    async def run(self, stop: asyncio.Event, listener: socket.socket | None = None) -> None:
        """Run until `stop` is set, and stop in order. Without a listener there is no web."""
        async with asyncio.TaskGroup() as tasks:
            web = self._serve(tasks, listener)
            outbox = tasks.create_task(self.outbox.run(), name="outbox")
            pipeline = tasks.create_task(self.pipeline.run(), name="pipeline")
            lookup = tasks.create_task(self.lookup.run(), name="lookup")
            tasks.create_task(self.outbox.note_version(__version__), name="version")
            watches = tasks.create_task(self.fleet.run(self._on_started), name="watches")
            reload = tasks.create_task(self._follow_configuration(), name="reload")
            permissions = tasks.create_task(self._follow_permissions(), name="permissions")
            timekeeper = tasks.create_task(self.timekeeper.run(), name="timekeeper")
            reconciler = tasks.create_task(self.reconciler.run(), name="reconciler")
            clicks = tasks.create_task(self.clicks.run(), name="clicks")
            heartbeat = tasks.create_task(self.heartbeat.run(), name="heartbeat")
            await stop.wait()
            self.is_stopping = True
            log.info("stopping")
            await _cancel(heartbeat, clicks, reconciler, timekeeper, permissions, reload, watches, lookup)
            await _cancel(pipeline)
            await self.reporter.stopped(COMMIT_SECONDS)
            self.outbox.stop(DRAIN_SECONDS)
            await outbox
            await self.reporter.name_left()
            await _cancel(*web)

    def _serve(self, tasks: asyncio.TaskGroup, listener: socket.socket | None) -> tuple[asyncio.Task[None], ...]:
        if listener is None:
            return ()
        return (tasks.create_task(serve(create_app(LiveBoard(self), LiveControl(self)), listener), name="web"),)

    def _heed_clock(self) -> None:
        self.timekeeper.heed()

    async def _follow_configuration(self) -> None:
        """Load it anew where that is due; from the end of the start on, when it is known what is watched."""
        await self.started.wait()
        await self.reloader.run()

    async def _follow_permissions(self) -> None:
        """Say what may not be watched; from the end of the start on, all of it at once."""
        await self.started.wait()
        await self.permissions.run()

    async def _go_through(self) -> None:
        """Let a beat go the whole way, and keep until when the cluster was watched for certain."""
        await self.pipeline.perform(self.timekeeper.note_watched)
        await self.pulse.beat()

    async def _put(self, batch: Batch) -> None:
        await self.pipeline.put(batch)

    async def destinations(self) -> tuple[DestinationStatus, ...]:
        """Return how each destination is doing, but for that of beats."""
        return tuple(each for each in await self.outbox.status() if each.destination != BEAT)

    def _on_started(self) -> None:
        self.pipeline.submit(self._complete_start)

    def _complete_start(self, now: datetime) -> None:
        self.decider.start_complete(now)
        if self._watched_until is not None:
            self.timekeeper.say_if_blind(self._watched_until, now)
        self.reporter.started(now)
        self.started.set()
        log.info("watching", extra={"cluster": self.cluster, "sources": len(self.fleet.statuses())})

    def _found(self, ref: ObjectRef) -> None:
        self.pipeline.submit(lambda now: self.decider.found(ref, now))

    def _delivery_ended(self, destination: str, incident: str, kind: NotificationKind, at: datetime) -> None:
        if self.engine.heeds_end_of(kind):
            self.pipeline.submit(lambda _: self.engine.ended(destination, incident, kind, at))

    def _told_at(self, destination: str) -> Content:
        return self.engine.insight.told_at(destination, self.clock.now())

    async def _detour(self, untold: tuple[Untold, ...], fallbacks: tuple[str, ...]) -> bool:
        return await self.pipeline.perform(lambda now: self.engine.detour(untold, fallbacks, now))

    def _labels_of_namespace(self, name: str) -> Mapping[str, str] | None:
        state = self.cache.get(ObjectRef(kind="Namespace", name=name))
        return None if state is None else state.labels


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """End tasks and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
