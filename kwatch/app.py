"""The composition root: a configuration and the ports to the world in, a running kwatch out.

Start: state folder → engine and counts as they were → outbox and web → watches, in waves → (first start) the summary.
Stop: watches end → what was decided is committed → deliveries in flight end, within a grace → the folder is given back.
Everything that waits or sends is a task of one `TaskGroup`; what ends one ends all.
"""

import asyncio
import logging
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from typing import TextIO

import httpx

from kwatch import __version__
from kwatch.alerts.engine import Engine
from kwatch.alerts.settings import EngineSettings
from kwatch.board import LiveBoard
from kwatch.clock import Clock, SteadyClock, SystemClock
from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.cluster.wire import Wire
from kwatch.config.config import Config
from kwatch.config.files import ConfigFiles
from kwatch.control import LiveControl
from kwatch.decider import Decider
from kwatch.enrich.lookup import Lookup
from kwatch.heartbeat import Heartbeat
from kwatch.model.beat import BEAT
from kwatch.model.notifications import NotificationKind, Untold
from kwatch.model.objects import Batch, ObjectRef
from kwatch.model.rules import Rule
from kwatch.namespaces import NamespaceFilter
from kwatch.notify.base import Channel, ChannelConfig, Connection, Secret, Tools, secrets_in
from kwatch.notify.clicks import Clicks
from kwatch.notify.heartbeat import Ping
from kwatch.notify.http import system_transport
from kwatch.notify.render import TemplateEngine
from kwatch.outbox.outbox import DestinationStatus, Outbox
from kwatch.outbox.ports import Elsewhere
from kwatch.outbox.reconciler import Reconciler
from kwatch.pipeline import Pipeline
from kwatch.pulse import Pulse
from kwatch.redaction import Redactor
from kwatch.reload import Reloader
from kwatch.reporter import Reporter
from kwatch.rules.compile import RuleSet
from kwatch.rules.fresh import fresh
from kwatch.rules.teams import TEAM
from kwatch.store.state import Snapshot, State
from kwatch.telemetry import Counters
from kwatch.timekeeper import Timekeeper
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import Projection, projection_of
from kwatch.watch.fleet import Fleet, Plan
from kwatch.watch.moves import Moves, Want
from kwatch.web.routes import create_app
from kwatch.web.server import serve

log = logging.getLogger(__name__)

#: Seconds that a failing store has at a stop to take what was decided.
COMMIT_SECONDS = 5.0
#: Seconds that deliveries in flight have then to end. Together less than the 30 that Kubernetes gives a Pod.
DRAIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, as far as kwatch touches it: injected, so that all of it runs in virtual time."""

    wire: Wire  # to the API server
    cluster: str  # what it is called where the configuration does not say
    clock: Clock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.Random)
    transport: Callable[[Connection], httpx.AsyncBaseTransport] = system_transport
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    redactor: Redactor = field(default_factory=Redactor)  # of what is kept and told
    files: ConfigFiles = field(default_factory=ConfigFiles)  # read again while kwatch runs
    follow: Callable[[Config], None] = lambda _: None  # lets what is outside follow the configuration: the log


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What follows from a configuration: swapped whole when another one is loaded."""

    config: Config
    rules: RuleSet
    engine: EngineSettings
    namespaces: NamespaceFilter
    channels: Mapping[str, Channel]

    def plan(self, resume: Mapping[str, str] = {}) -> Plan:
        """Return what has to be watched."""
        return Plan(
            wants=_wants(self.config, self.rules),
            namespaces=self.namespaces.names,
            event_kinds=self.rules.event_kinds(),
            resume=resume,
        )


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
        self._tools = self._tools_of(snapshot.instance)
        self.pulse = Pulse(self.clock, state.token, self._put)
        self.parts = self._parts(config)
        self.engine = self._engine(snapshot)
        self.reporter = Reporter(self, snapshot)
        self.lookup = Lookup(client, discovery, self.cache, counters=counters, found=self._found)
        self.decider = self._decider(snapshot)
        self.outbox = Outbox(
            state,
            self.parts.channels,
            clock=self.clock,
            rng=ports.rng,
            counters=counters,
            on_ended=self._delivery_ended,
            policies=config.policies,
            elsewhere=Elsewhere(self.reporter.report, self._detour),
        )
        self.reconciler = Reconciler(
            self.parts.channels,
            lambda name: self.engine.insight.told_at(name, self.clock.now()),
            clock=ports.clock,
            counters=counters,
        )
        self.clicks = Clicks(self.parts.channels, LiveControl(self), clock=ports.clock, counters=counters)
        self.pipeline = Pipeline(
            self.decider,
            state,
            clock=self.clock,
            counters=counters,
            wake=self.outbox.wake,
            heed_clock=self._heed_clock,
        )
        self.fleet = Fleet(
            client,
            discovery,
            self.cache,
            self.parts.plan(_resume(snapshot)),
            clock=ports.clock,
            rng=ports.rng,
            counters=counters,
            put=self.pipeline.put,
        )
        self.reloader = Reloader(
            ports.files, config, clock=ports.clock, counters=counters, use=self.use, tell=self.reporter.tell
        )
        self.timekeeper = Timekeeper(
            self.clock, self.engine, self.decider, self.pipeline, self.outbox, self.fleet, counters=counters
        )
        self.heartbeat = Heartbeat(
            self._ping(config),
            clock=ports.clock,
            counters=counters,
            is_in_sync=lambda: self.started.is_set() and self.timekeeper.is_in_sync(),
            go_through=self._go_through,
            status=self.destinations,
            store_error=lambda: self.pipeline.store_error,
        )
        self._watched_until = self.engine.watched_until

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self.parts.config

    async def use(self, config: Config) -> None:
        """Go by another configuration, between two observations; raise where it cannot be used, and change nothing."""
        before, parts = self.parts, self._parts(config, self.parts)
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
            await self.heartbeat.use(self._ping(config))
        self.fleet.begin(moves, lambda: self.pipeline.submit(self.decider.start_complete))

    def _swap(self, before: Parts, parts: Parts, moves: Moves, now: datetime) -> None:
        config, labels = parts.config, frozenset(parts.config.watch.labels)
        other_labels = labels ^ frozenset(before.config.watch.labels)
        other_labels |= {TEAM} if config.teams != before.config.teams else set()
        self.parts = parts
        self.engine.reconfigure(parts.engine, parts.namespaces.is_named, now)
        is_same_service = config.self_service == before.config.self_service
        known = before.config.rules if is_same_service else ()  # by another one others may be watched
        new = self._rules(config, fresh(known, config.rules, other_labels=other_labels))
        self.decider.use(parts.rules, new, parts.namespaces, moves=moves, now=now)
        self.outbox.use(parts.channels, config.policies)
        self.reconciler.use(parts.channels)
        self.clicks.use(parts.channels)

    def _parts(self, config: Config, before: Parts | None = None) -> Parts:
        secrets = secrets_in((*config.receivers.values(), config.heartbeat))
        self.ports.redactor.heed(config.redact, [secret.read() for secret in secrets])
        chosen = config.watch.namespaces
        return Parts(
            config=config,
            rules=self._rules(config, config.rules),
            engine=replace(
                config.engine, rules={**config.engine.rules, **{rule.id: rule for rule in self._own_rules(config)}}
            ),
            namespaces=NamespaceFilter(
                include=chosen.include,
                exclude=chosen.exclude,
                selector=chosen.selector,
                labels_of=self._labels_of_namespace,
            ),
            channels=self._channels(config, before),
        )

    def _rules(self, config: Config, rules: Iterable[Rule]) -> RuleSet:
        return RuleSet(
            rules,
            cluster=self.cluster,
            label_names=config.watch.labels,
            teams=config.teams,
            redact=self.ports.redactor.clean,
            own=self._own_rules(config),
        )

    def _own_rules(self, config: Config) -> tuple[Rule, ...]:
        return () if config.heartbeat is None else (self.pulse.rule,)

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
            covered_from=snapshot.covered_until or self.started_at,
            checkpoints=snapshot.checkpoints,
        )
        decider.load(snapshot.rows)
        return decider

    def _tools_of(self, instance: str) -> Tools:
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

    def _channels(self, config: Config, before: Parts | None) -> Mapping[str, Channel]:
        """Return a channel per destination: the one that it has where nothing of it is other."""
        known = {} if before is None else {each.name: each for each in before.config.entries}
        channels = {
            each.name: before.channels[each.name]
            if before is not None and known.get(each.name) == each
            else create_channel(each, self._tools)
            for each in config.entries
        }
        return channels if config.heartbeat is None else {**channels, BEAT: self.pulse}

    def _ping(self, config: Config) -> Ping | None:
        return None if config.heartbeat is None else Ping(config.heartbeat, self._tools)

    async def run(self, stop: asyncio.Event, listener: socket.socket | None = None) -> None:
        """Run until `stop` is set, and stop in order. Without a listener there is no web."""
        async with self._wire(), asyncio.TaskGroup() as tasks:
            web = self._serve(tasks, listener)
            outbox = tasks.create_task(self.outbox.run(), name="outbox")
            pipeline = tasks.create_task(self.pipeline.run(), name="pipeline")
            lookup = tasks.create_task(self.lookup.run(), name="lookup")
            tasks.create_task(self.outbox.note_version(__version__), name="version")
            watches = tasks.create_task(self.fleet.run(self._on_started), name="watches")
            reload = tasks.create_task(self._follow_configuration(), name="reload")
            timekeeper = tasks.create_task(self.timekeeper.run(), name="timekeeper")
            reconciler = tasks.create_task(self.reconciler.run(), name="reconciler")
            clicks = tasks.create_task(self.clicks.run(), name="clicks")
            heartbeat = tasks.create_task(self.heartbeat.run(), name="heartbeat")
            await stop.wait()
            self.is_stopping = True
            log.info("stopping")
            await _cancel(heartbeat, clicks, reconciler, timekeeper, reload, watches, lookup)
            await _cancel(pipeline)
            await self.reporter.stopped(COMMIT_SECONDS)
            self.outbox.stop(DRAIN_SECONDS)
            await outbox
            await self.reporter.name_left()
            await _cancel(*web)

    @asynccontextmanager
    async def _wire(self) -> AsyncIterator[None]:
        """Close the way to the API server at the end, however it comes."""
        try:
            yield
        finally:
            await self.ports.wire.close()

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

    async def _go_through(self) -> None:
        """Let a beat go the whole way, and keep until when the cluster was watched for certain."""
        await self.pipeline.perform(self.engine.note_watched)
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

    async def _detour(self, untold: tuple[Untold, ...], fallbacks: tuple[str, ...]) -> bool:
        return await self.pipeline.perform(lambda now: self.engine.detour(untold, fallbacks, now))

    def _labels_of_namespace(self, name: str) -> Mapping[str, str] | None:
        state = self.cache.get(ObjectRef(kind="Namespace", name=name))
        return None if state is None else state.labels


#: Whose annotations speak to kwatch, beside those of what is watched anyway.
ANNOTATED = ("Namespace", "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "CronJob.batch", "Job.batch")


def _wants(config: Config, rules: RuleSet) -> tuple[Want, ...]:
    """Return the kinds that rules need, those that the configuration names, and those whose words count."""
    wants = [
        Want(token=token, projection=projection_of(need), metadata_only=not need.full)
        for token, need in rules.needs().items()
    ]
    wants += [Want(token=token) for token in config.watch.resources]
    if config.watch.namespaces.selector is not None:
        wants.append(Want(token="Namespace", metadata_only=True))  # noqa: S106 - a kind
    if config.self_service is not None:
        projection = Projection(self_service=True)
        wants += [Want(token=token, metadata_only=True) for token in ANNOTATED]
        wants = [replace(want, projection=want.projection | projection) for want in wants]
    return tuple(wants)


def _resume(snapshot: Snapshot) -> Mapping[str, str]:
    return {source: point.resource_version for source, point in snapshot.checkpoints.items()}


def create_channel(config: ChannelConfig, tools: Tools) -> Channel:
    """Make the channel of a destination: `type: slack` is `kwatch/notify/channels/slack.py`."""
    module = import_module(f"kwatch.notify.channels.{config.type}")
    channel: Channel = module.create(config, tools)
    return channel


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """End tasks and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
