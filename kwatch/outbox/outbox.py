"""All workers together: recovery at the start, a drain at the end, and what `/readyz` says of each destination."""

import asyncio
import logging
import random
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.clock import Clock
from kwatch.errors import FencedError, StateError
from kwatch.model.routes import Handling, Policies
from kwatch.outbox.pool import Pool
from kwatch.outbox.ports import Channel, Elsewhere, OnEnded, Tools
from kwatch.outbox.troubles import Troubles
from kwatch.outbox.worker import STORE_RETRY_SECONDS, Worker
from kwatch.store.deliveries import Queue
from kwatch.store.state import State
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

#: How long ended deliveries can be looked up, with what was sent.
RETENTION: Final = timedelta(days=7)
#: Seconds between two looks whether something has been told.
SETTLE_LOOK_SECONDS: Final = 0.1
#: How long what waits for a destination that was removed is kept: it may come back, under its name.
KEEP: Final = timedelta(days=2)
#: How long a destination that was removed may take to be told what is left.
LEAVE: Final = timedelta(hours=1)
#: Seconds between two looks whether it has been.
LEAVE_LOOK_SECONDS: Final = 5.0
_PRUNE_INTERVAL: Final = timedelta(hours=1)


class DestinationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one destination is doing."""

    destination: str
    queued: int
    oldest_at: datetime | None  # when the oldest that waits was decided; None: nothing waits
    suspended: str = ""  # the reason why it refuses everything; empty: it does not
    failing: str = ""  # why others are told that it cannot be told; empty: they are not
    paused_until: datetime | None = None  # it asked to wait until then
    breaker_open_until: datetime | None = None  # it does not answer; tried again then
    storm_since: datetime | None = None  # more comes than its pace allows; told in overflows alone


class Outbox:
    """Deliver what is committed, until stopped."""

    def __init__(
        self,
        state: State,
        channels: Mapping[str, Channel],
        *,
        clock: Clock,
        rng: random.Random,
        counters: Counters,
        on_ended: OnEnded,
        policies: Policies = Policies(),  # noqa: B008 - frozen
        elsewhere: Elsewhere = Elsewhere(),  # noqa: B008 - frozen
    ) -> None:
        self._tools = Tools(
            state=state,
            clock=clock,
            rng=rng,
            counters=counters,
            on_ended=on_ended,
            policies=policies,
            pool=Pool(),
            on_trouble=self._on_trouble,
            on_pause=self._on_pause,
            is_mended=elsewhere.is_mended,
        )
        self._state = state
        self._clock = clock
        self._channels = dict(channels)
        self._workers = {name: Worker(name, channel, self._tools) for name, channel in channels.items()}
        self._leaving: dict[str, Worker] = {}  # of destinations that were removed, and are told what is left
        self._troubles = Troubles(lambda: self._tools, self._workers, elsewhere)
        self._group: asyncio.TaskGroup | None = None  # while deliveries are made
        self._besides: list[asyncio.Task[None]] = []  # what ends with the deliveries
        self._tasks: set[asyncio.Task[None]] = set()  # of workers, also of those that only end what they began
        self._stopped = asyncio.Event()
        self._grace = 0.0

    async def run(self) -> None:
        """Recover what the process before us left, then work until `stop`."""
        await self._recover()
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._besides += [
                group.create_task(self._prune(), name="outbox prune"),
                group.create_task(self._troubles.run(), name="outbox troubles"),
            ]
            for name in self._workers:
                self._start(name)
            await self._stopped.wait()
            self._group = None
            for task in self._besides:
                task.cancel()
            await self._drain()

    def use(self, channels: Mapping[str, Channel], policies: Policies) -> None:
        """Deliver through these from now on; a channel that is the same goes on as it was.

        One that is replaced ends what is in flight; its queue is for the new one, which goes on at its pace, or stays.
        One that refuses everything is asked again: what was wrong with it may be no word of the configuration.
        """
        before = self._workers | self._leaving
        for name in [each for each, channel in self._channels.items() if channels.get(each) is not channel]:
            worker = self._workers.pop(name)
            if name in channels or self._group is None:
                worker.stop()
            else:
                self._leaving[name] = worker
                self._besides.append(self._group.create_task(self._see_off(name, worker), name=f"see off {name}"))
        self._channels = dict(channels)
        self._tools = msgspec.structs.replace(self._tools, policies=policies)
        for worker in self._workers.values():
            worker.use(policies.paces)
            worker.probe()
        for name, channel in channels.items():
            if name in self._leaving:
                self._leaving.pop(name).stop()
            if name not in self._workers:
                self._workers[name] = Worker(name, channel, self._tools, before.get(name))
                self._workers[name].pause_as(before.values())
                self._start(name)

    async def _see_off(self, name: str, worker: Worker) -> None:
        """Let a destination that was removed be told what is left, the ends of what it holds open above all (F-32)."""
        ends_at = self._clock.now() + LEAVE
        while self._leaving.get(name) is worker and worker.gate.suspended is None and self._clock.now() < ends_at:
            await self._clock.sleep(LEAVE_LOOK_SECONDS)
            if await self._is_told(name):
                break
        worker.stop()
        if self._leaving.get(name) is worker:
            del self._leaving[name]

    async def _is_told(self, name: str) -> bool:
        try:
            return name not in await self._state.queues()
        except FencedError:
            raise
        except StateError:
            return False

    def stop(self, grace: float) -> None:
        """Lease nothing more; let what is in flight end within `grace` seconds; the rest stays for the next start."""
        self._grace = grace
        self._stopped.set()

    def wake(self, destinations: Iterable[str]) -> None:
        """Look for what was just committed for these destinations; one without a channel keeps its queue."""
        for destination in destinations:
            worker = self._workers.get(destination) or self._leaving.get(destination)
            if worker is not None:
                worker.wake()
            if self._tools.policies.handlings.get(destination, Handling()).fallbacks:
                self._troubles.look_soon()

    @property
    def failing(self) -> frozenset[str]:
        """The destinations that cannot be told."""
        return self._troubles.failing

    @property
    def closed(self) -> frozenset[str]:
        """The destinations that take nothing, as far as is known; others are not told of each at once."""
        return self.failing | {name for name, worker in self._workers.items() if worker.gate.is_narrow()}

    def _on_trouble(self) -> None:
        self._troubles.look_soon()

    def _on_pause(self, limit: str, until: datetime) -> None:
        """Let all wait whose requests the service counts together (D7)."""
        for worker in (*self._workers.values(), *self._leaving.values()):
            if worker.limit == limit:
                worker.pause(until)

    def jump(self, by: timedelta) -> None:
        """The clock was set: pauses last as long as they should."""
        self._troubles.jump(by)
        for worker in (*self._workers.values(), *self._leaving.values()):
            worker.gate = worker.gate.moved(by)
            worker.wake()

    async def bring_forward(self, by: timedelta) -> None:
        """The clock was set: what waits does not wait twice."""
        while by < timedelta(0) and not self._stopped.is_set():
            try:
                await self._state.bring_forward(self._clock.now(), -by)
            except StateError as error:
                log.warning("deliveries wait for the old time", extra={"error": str(error)})
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                self.wake(self._workers)
                return

    async def retry(self, delivery_id: str, actor: str) -> bool:
        """Attempt a delivery now because somebody wants it; False: there is none. May raise RefusedError, StateError.

        A destination that refuses everything is asked again.
        """
        found = await self._state.find(delivery_id)
        if found is None or not await self._state.retry(delivery_id, actor, self._clock.now()):
            return False
        destination = found[0].notification.destination
        if destination in self._workers:
            self._workers[destination].probe()
        self.wake((destination,))
        return True

    async def drop(self, delivery_id: str, actor: str) -> bool:
        """End a delivery because somebody wants it; False: there is none. May raise RefusedError, StateError."""
        found = await self._state.find(delivery_id)
        if found is None or not await self._state.drop(delivery_id, actor, self._clock.now()):
            return False
        notification = found[0].notification
        self.wake((notification.destination,))
        self._tools.on_ended(notification.destination, notification.incident, notification.kind, self._clock.now())
        return True

    async def settle(self, destinations: Collection[str], seconds: float) -> None:
        """Wait until nothing waits for these destinations, at most so long."""
        ends_at = self._clock.now() + timedelta(seconds=seconds)
        while self._clock.now() < ends_at and not (await self.left()).keys().isdisjoint(destinations):
            await self._clock.sleep(SETTLE_LOOK_SECONDS)

    async def left(self) -> Mapping[str, Queue]:
        """Return what waits, by destination; nothing while the store cannot be read."""
        try:
            return await self._state.queues()
        except StateError as error:
            log.warning("what waits is not known", extra={"error": str(error)})
            return {}

    async def note_version(self, version: str) -> None:
        """Keep which kwatch runs, as soon as the store takes it."""
        while not self._stopped.is_set():
            try:
                await self._state.note_version(version)
            except FencedError:
                raise
            except StateError:
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                return

    async def status(self) -> tuple[DestinationStatus, ...]:
        """Return how each destination is doing, also those that have a queue and no channel any more."""
        queues = await self._state.queues()
        names = sorted({*self._workers, *queues})
        return tuple(self._status(name, queues.get(name)) for name in names)

    def _status(self, name: str, queue: Queue | None) -> DestinationStatus:
        queued, oldest_at = (queue.queued, queue.oldest_at) if queue else (0, None)
        if name not in self._workers:
            return DestinationStatus(destination=name, queued=queued, oldest_at=oldest_at, suspended="not_configured")
        gate, now = self._workers[name].gate, self._clock.now()
        is_paused = gate.paused_until is not None and gate.paused_until > now
        return DestinationStatus(
            destination=name,
            queued=queued,
            oldest_at=oldest_at,
            suspended=gate.suspended.value if gate.suspended else "",
            failing=self._troubles.reason(name),
            paused_until=gate.paused_until if is_paused else None,
            breaker_open_until=gate.breaker.open_until,
            storm_since=self._workers[name].throttle.storm_since,
        )

    def _start(self, name: str) -> None:
        if self._group is not None:
            work = self._work(name, self._workers[name], self._channels[name])
            task = self._group.create_task(work, name=f"outbox {name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, name: str, worker: Worker, channel: Channel) -> None:
        """Run a worker to its end; one that took its place has to look at what it left."""
        try:
            await worker.run()
        finally:
            await channel.close()
        self.wake((name,))

    async def _recover(self) -> None:
        while not self._stopped.is_set():
            try:
                recovered = await self._state.recover(self._clock.now())
            except FencedError:
                raise
            except StateError as error:
                log.warning("outbox waits for the state", extra={"error": str(error)})
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                log.info("outbox started", extra={"recovered": recovered})
                return

    async def _drain(self) -> None:
        for worker in (*self._workers.values(), *self._leaving.values()):
            worker.stop()
        _, left = await asyncio.wait(self._tasks, timeout=self._grace) if self._tasks else (set(), set())
        for task in left:
            task.cancel()

    async def _prune(self) -> None:
        while True:
            try:
                await self._give_up_removed()
                await self._state.prune(self._clock.now() - RETENTION)
            except StateError as error:
                log.warning("old deliveries are kept", extra={"error": str(error)})
            await self._clock.sleep(_PRUNE_INTERVAL.total_seconds())

    async def _give_up_removed(self) -> None:
        """End what nobody knows how to tell any more."""
        now = self._clock.now()
        for name in (await self._state.queues()).keys() - self._workers.keys() - self._leaving.keys():
            if given_up := await self._state.give_up(name, now - KEEP, now):
                facts = {"destination": name, "given_up": given_up}
                log.warning("a destination was removed: what it is owed is given up", extra=facts)
