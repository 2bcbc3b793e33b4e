"""One destination's worker: what is due is rendered, leased, sent and settled (spec 3.2).

Lanes go in parallel up to the channel's concurrency, each lane in its order: `State.due` shows only the first open row
of a lane, and a lease hides the rest. Nothing is sent that is not leased durably, and no outcome is forgotten: while
the store fails, the worker asks again. A crash repeats, marked ambiguous, no more than the concurrency, as room is made
by an outcome that is stored. What finds none in a pace is folded into an overflow (`pacing`, `kwatch.store.folds`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from kwatch.errors import Failure, FencedError, SendError, StateError
from kwatch.model.notifications import (
    Attempt,
    Delivery,
    DeliveryState,
    Notification,
    NotificationKind,
    Receipt,
)
from kwatch.model.pace import Paces
from kwatch.model.routes import Handling
from kwatch.outbox.attempts import Attempts, facts_of
from kwatch.outbox.gate import Gate
from kwatch.outbox.ports import Channel, Tools
from kwatch.outbox.retry import Next, Patience, after_attempt, attempt_of, is_too_old, too_old
from kwatch.outbox.throttle import Throttle
from kwatch.store.deliveries import Settlement

log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: How long to wait before the store is asked again, and after a bug, in seconds.
STORE_RETRY_SECONDS: Final = 1.0

#: How often to look whether a secret is another, while the destination refuses everything.
LOOK_INTERVAL: Final = timedelta(seconds=5)

#: How many deliveries to read at once, for each in flight: few, as they may be overtaken; enough to spare most reads.
READ_AHEAD: Final = 4


class Worker:
    """Send what is due to one destination, until told to stop."""

    def __init__(self, destination: str, channel: Channel, tools: Tools, before: "Worker | None" = None) -> None:
        """`before`: whose place it takes, so that the destination is told no more than its pace allows."""
        handling = tools.policies.handlings.get(destination, Handling())
        self.limit = handling.limit or destination  # what its service counts requests by
        self.gate: Gate = Gate()
        self.throttle: Throttle = (
            Throttle(destination, tools.state, tools.counters, tools.clock) if before is None else before.throttle
        )
        self.throttle.use(tools.policies.paces)
        self._destination = destination
        self._channel = channel
        self._tools = tools
        self._patience = Patience(channel.max_age, lists_late=not handling.pages)
        self._attempts = Attempts(channel, tools)
        self._ahead: deque[Delivery] = deque()
        self._in_flight: set[str] = set()  # the ids of deliveries whose outcome is not stored yet
        self._sending: set[str] = set()  # those of them that the destination may still have to do with
        self._placed: set[str] = set()  # those of them that have a place in the pool
        self._undecided = asyncio.Semaphore(channel.concurrency)  # held from the request until its outcome is stored
        self.given_up = 0  # dead letters that nobody was told of
        self.given_up_for = ""  # why the last of them is one
        self.taken = 0  # messages that the destination took
        self._is_stopping = False
        self._changed = asyncio.Event()

    def use(self, paces: Paces) -> None:
        """Go by other paces."""
        self.throttle.use(paces)
        self._changed.set()

    def wake(self) -> None:
        """Look again: something was committed, and may be more urgent than what was read ahead."""
        self._ahead.clear()
        self._changed.set()

    def probe(self) -> None:
        """Ask a destination that refuses everything whether it still does: what it refuses may have been mended."""
        self.gate = self.gate.probing(self._tools.clock.now())
        self._changed.set()

    def pause(self, until: datetime) -> None:
        """Wait until then: the service has asked somebody to, and counts both together."""
        self.gate = self.gate.paused(until)
        self._changed.set()

    def pause_as(self, others: Iterable["Worker"]) -> None:
        """Wait for as long as those do whose requests the service counts together with its own."""
        for other in others:
            if other.limit == self.limit and other.gate.paused_until is not None:
                self.pause(other.gate.paused_until)

    def stop(self) -> None:
        """Lease nothing more; `run` returns when what is in flight has ended."""
        self._is_stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Work until `stop`. Cancel it to leave what is in flight to the next start."""
        await self._stored(self.throttle.resume)
        async with asyncio.TaskGroup() as sends:
            while not self._is_stopping:
                try:
                    await self._step(sends)
                except FencedError:
                    raise
                except Exception:
                    log.exception("outbox worker failed", extra={"destination": self._destination})
                    self._tools.counters.add("outbox_errors", destination=self._destination)
                    await self._tools.clock.sleep(STORE_RETRY_SECONDS)

    async def _step(self, sends: asyncio.TaskGroup) -> None:
        """Start one delivery, or wait until that may be possible."""
        self._changed.clear()
        now = self._tools.clock.now()
        if self.gate.suspended is not None and self._tools.is_mended(self._destination):
            self.gate = self.gate.probing(now)
        wait = self.gate.wait(now)
        width = 1 if self.gate.is_narrow() else self._channel.concurrency
        if len(self._sending) >= width:
            await self._wait(None)
        elif self.gate.suspended is not None and wait != timedelta(0):
            await self._wait(LOOK_INTERVAL if wait is None else min(wait, LOOK_INTERVAL))
        elif wait:
            await self._wait(wait)
        elif await self._stored(lambda: self.throttle.fold_rest(self._in_flight)):
            self._ahead.clear()
        else:
            await self._take_next(now, sends)

    async def _take_next(self, now: datetime, sends: asyncio.TaskGroup) -> None:
        """Start what is most urgent as soon as the pace has room for it."""
        delivery = await self._next(now)
        if delivery is None:
            await self._wait(await self._until_due(now))
        elif wait := self.throttle.wait(delivery):
            self._ahead.appendleft(delivery)
            await self._wait(wait)
        elif self._sending and not self._tools.pool.take(self._changed.set):
            self._ahead.appendleft(delivery)
            await self._wait(None)
        else:
            self._placed |= {_id(delivery)} if self._sending else set()
            if await self._stored(lambda: self.throttle.fold_by_rule(delivery)) is False:
                self.throttle.take()
                self._start(delivery, sends)
            else:
                self._let_go(delivery)

    async def _wait(self, wait: timedelta | None) -> None:
        """Wait that long, or until something has changed; None: until then."""
        if wait is None:
            await self._changed.wait()
            return
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _next(self, now: datetime) -> Delivery | None:
        """Return the most urgent delivery that is due and not in flight."""
        if not self._ahead:
            limit = READ_AHEAD * self._channel.concurrency
            # A row is in flight before its lease is stored: those are shown again, and are more than none.
            found = await self._stored(lambda: self._tools.state.due(self._destination, now, limit))
            self._ahead.extend(delivery for delivery in found or () if _id(delivery) not in self._in_flight)
        return self._ahead.popleft() if self._ahead else None

    async def _until_due(self, now: datetime) -> timedelta | None:
        """Return how long until the first that was not due at `now` is due; None: when something changes."""
        earliest_at = await self._stored(lambda: self._tools.state.earliest_due(self._destination))
        if earliest_at is None or earliest_at <= now:  # due and yet not found: it is in flight, its lease will wake us
            return None
        return max(timedelta(0), earliest_at - self._tools.clock.now())

    def _start(self, delivery: Delivery, sends: asyncio.TaskGroup) -> None:
        self._in_flight.add(_id(delivery))
        self._sending.add(_id(delivery))
        task = sends.create_task(self._guard(delivery), name=f"deliver {_id(delivery)}")
        task.add_done_callback(lambda _: self._ended(delivery))

    def _ended(self, delivery: Delivery) -> None:
        self._in_flight.discard(_id(delivery))
        self._let_go(delivery)

    def _let_go(self, delivery: Delivery) -> None:
        """The destination has nothing more to do with it: the next one may start."""
        self._sending.discard(_id(delivery))
        if _id(delivery) in self._placed:
            self._placed.discard(_id(delivery))
            self._tools.pool.give_back()
        self._changed.set()

    async def _guard(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except FencedError:
            raise
        except Exception:
            log.exception("delivery failed by a bug", extra=facts_of(delivery))
            self._tools.counters.add("outbox_errors", destination=self._destination)

    async def _deliver(self, delivery: Delivery) -> None:
        """Take one delivery through one attempt."""
        now = self._tools.clock.now()
        if is_too_old(delivery, now, self._patience):
            await self._settle(delivery, too_old(delivery, now, self._patience), None, None)
            return
        if delivery.message is None:
            completed = await self._stored(lambda: self._tools.state.complete(delivery.notification))
            if completed is None:
                return
            delivery = msgspec.structs.replace(delivery, notification=completed)
        try:
            message = delivery.message or self._attempts.render(delivery)
        except SendError as error:
            await self._settle(delivery, self._following(delivery, error, now), None, None)
            return
        if not await self._stored(lambda: self._tools.state.lease(delivery, message)):
            return
        self._changed.set()  # from now on the store no longer shows it as due
        leased = msgspec.structs.replace(
            delivery, state=DeliveryState.LEASED, attempts=delivery.attempts + 1, message=message
        )
        async with self._undecided:  # it is these that a crash repeats
            started_at = self._tools.clock.now()
            await self._conclude(leased, await self._attempts.send(message, leased), started_at)

    async def _conclude(self, delivery: Delivery, outcome: Receipt | SendError, started_at: datetime) -> None:
        """Draw the consequences of an attempt, for the gate and for the delivery."""
        now = self._tools.clock.now()
        self.taken += isinstance(outcome, Receipt)
        self._pass_gate(outcome, now)
        attempt = attempt_of(delivery.attempts, outcome, started_at, now)
        self._tools.counters.add(
            "attempts", destination=self._destination, outcome=attempt.outcome, reason=attempt.reason
        )
        following = self._following(delivery, outcome, now)
        is_paced = isinstance(outcome, SendError) and outcome.failure is Failure.PACE
        receipt = outcome if isinstance(outcome, Receipt) else None
        self._let_go(delivery)  # the next one's lease is stored after this outcome, in the same commit if they meet
        await self._settle(delivery, following, None if is_paced else attempt, receipt)

    def _following(self, delivery: Delivery, outcome: Receipt | SendError, now: datetime) -> Next:
        return after_attempt(delivery, outcome, now, jitter=self._tools.rng.random(), patience=self._patience)

    def _pass_gate(self, outcome: Receipt | SendError, now: datetime) -> None:
        before, self.gate = self.gate, self.gate.after(outcome, now)
        if self.gate.suspended is not None and before.suspended is None:
            log.warning(
                "destination suspended",
                extra={"destination": self._destination, "reason": self.gate.suspended.value},
            )
        if self.gate.breaker.open_until is not None and before.breaker.open_until is None:
            log.warning("destination does not answer", extra={"destination": self._destination})
            self._tools.counters.add("breaker_opened", destination=self._destination)
        if self.gate.paused_until not in {None, before.paused_until}:
            self._tools.on_pause(self.limit, self.gate.paused_until)
        if self.gate != before:
            self._tools.on_trouble()

    async def _settle(
        self, delivery: Delivery, following: Next, attempt: Attempt | None, receipt: Receipt | None
    ) -> None:
        """Store what has become of the delivery, however long that takes, and then say so."""
        now = self._tools.clock.now()
        settlement = Settlement(
            delivery=delivery,
            state=following.state,
            at=now,
            due_at=following.due_at,
            attempts=following.attempts,
            is_ambiguous=following.is_ambiguous,
            is_degraded=following.is_degraded,
            is_rendered_again=following.is_rendered_again,
            reason=following.reason,
            attempt=attempt,
            receipt=receipt,
        )
        while not await self._store_outcome(settlement):
            await self._tools.clock.sleep(STORE_RETRY_SECONDS)
        if following.state is DeliveryState.DEAD:
            log.warning("delivery dead", extra={**facts_of(delivery), "reason": following.reason})
            self._tools.counters.add("dead_letters", destination=self._destination, reason=following.reason)
            self.given_up, self.given_up_for = self.given_up + 1, following.reason
            self._tools.on_trouble()
        if following.state is DeliveryState.SENT:
            waited = (now - delivery.notification.created_at).total_seconds()
            self._tools.counters.measure("delivery_seconds", max(0.0, waited), destination=self._destination)
        if following.state in (DeliveryState.SENT, DeliveryState.DEAD):
            await self._say_ended(delivery.notification, now)

    async def _say_ended(self, notification: Notification, now: datetime) -> None:
        """Say that a notification has ended; of an overflow, that all has for which it stands."""
        self._tools.on_ended(notification.destination, notification.incident, notification.kind, now)
        if notification.kind is NotificationKind.OVERFLOW:
            for each in await self._stored(lambda: self._tools.state.folded(notification.id)) or ():
                self._tools.on_ended(notification.destination, each.incident, each.kind, now)

    async def _store_outcome(self, settlement: Settlement) -> bool:
        try:
            await self._tools.state.settle(settlement)
        except FencedError:
            raise
        except StateError:
            self._store_failed()
            return False
        return True

    async def _stored(self, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """Ask the store until it answers; None when told to stop before."""
        while not self._is_stopping:
            try:
                return await ask()
            except FencedError:
                raise
            except StateError:
                self._store_failed()
                await self._tools.clock.sleep(STORE_RETRY_SECONDS)
        return None

    def _store_failed(self) -> None:
        self._tools.counters.add("outbox_store_errors", destination=self._destination)


def _id(delivery: Delivery) -> str:
    return delivery.notification.id
