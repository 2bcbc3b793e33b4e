"""One destination's worker: what is due is rendered, leased, sent and settled (spec 3.2).

Lanes go in parallel up to the channel's concurrency, each lane in its order: `State.due` shows only the first open row
of a lane, and a lease hides the rest. Nothing is sent that is not leased durably, and no outcome is forgotten: while
the store fails, the worker waits and asks again. What is in flight at a crash is sent again, marked ambiguous. What
finds no room in the destination's pace or its rule's is folded into an overflow (`pacing`, `kwatch.store.folds`).
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

import msgspec

from kwatch.clock import Clock
from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError, StateError
from kwatch.model.notifications import (
    Attempt,
    Delivery,
    DeliveryState,
    Message,
    Notification,
    NotificationKind,
    Receipt,
    Thread,
)
from kwatch.model.pace import Paces
from kwatch.outbox.gate import Gate
from kwatch.outbox.retry import Next, after_attempt, is_too_old, too_old
from kwatch.outbox.throttle import Throttle
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Called after a delivery is settled as sent or as dead, and will not be sent again: destination, incident, kind, when.
OnEnded = Callable[[str, str, NotificationKind, datetime], None]

#: How long to wait before the store is asked again, and after a bug, in seconds.
STORE_RETRY_SECONDS: Final = 1.0

#: How many deliveries to read at once, for each that may be in flight: few, as what is read may be overtaken by what
#: is more urgent, and enough to spare most of the reads.
READ_AHEAD: Final = 4


class Channel(Protocol):
    """What the worker needs of a channel; `kwatch.notify.base` describes it to those who write one."""

    @property
    def concurrency(self) -> int:
        """How many messages may be in flight."""
        ...

    @property
    def max_age(self) -> timedelta:
        """How old a notification may be and still be worth telling."""
        ...

    @property
    def timeout(self) -> float:
        """How long one attempt may take in all, in seconds."""
        ...

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the bytes to send."""
        ...

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Send them once; raise a `SendError` when that failed."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class Tools(msgspec.Struct, frozen=True):
    """What all workers share."""

    state: State
    clock: Clock
    rng: random.Random
    counters: Counters
    on_ended: OnEnded
    paces: Paces


class Worker:
    """Send what is due to one destination, until told to stop."""

    def __init__(self, destination: str, channel: Channel, tools: Tools) -> None:
        self.gate = Gate()
        self.throttle = Throttle(destination, tools.paces, tools.state, tools.counters, tools.clock.now())
        self._destination = destination
        self._channel = channel
        self._tools = tools
        self._ahead: deque[Delivery] = deque()
        self._in_flight: set[str] = set()  # the ids of deliveries whose outcome is not stored yet
        self._sending: set[str] = set()  # those of them that the destination may still have to do with
        self._is_stopping = False
        self._changed = asyncio.Event()

    def use(self, paces: Paces) -> None:
        """Go by other paces."""
        self.throttle.use(paces, self._tools.clock.now())
        self._changed.set()

    def wake(self) -> None:
        """Look again: something was committed, and may be more urgent than what was read ahead."""
        self._ahead.clear()
        self._changed.set()

    def stop(self) -> None:
        """Lease nothing more; `run` returns when what is in flight has ended."""
        self._is_stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Work until `stop`. Cancel it to leave what is in flight to the next start."""
        await self._stored(lambda: self.throttle.resume(self._tools.clock.now()))
        async with asyncio.TaskGroup() as sends:
            while not self._is_stopping:
                try:
                    await self._step(sends)
                except Exception:
                    log.exception("outbox worker failed", extra={"destination": self._destination})
                    self._tools.counters.add("outbox_errors", destination=self._destination)
                    await self._tools.clock.sleep(STORE_RETRY_SECONDS)

    async def _step(self, sends: asyncio.TaskGroup) -> None:
        """Start one delivery, or wait until that may be possible."""
        self._changed.clear()
        now = self._tools.clock.now()
        wait = self.gate.wait(now)
        width = 1 if self.gate.is_narrow() else self._channel.concurrency
        if wait is None or len(self._sending) >= width:
            await self._wait(None)
        elif wait:
            await self._wait(wait)
        elif await self._stored(lambda: self.throttle.fold_rest(now, self._in_flight)):
            self._ahead.clear()
        else:
            await self._take_next(now, sends)

    async def _take_next(self, now: datetime, sends: asyncio.TaskGroup) -> None:
        """Start what is most urgent as soon as the pace has room for it."""
        delivery = await self._next(now)
        if delivery is None:
            await self._wait(await self._until_due(now))
        elif wait := self.throttle.wait(delivery, now):
            self._ahead.appendleft(delivery)
            await self._wait(wait)
        elif await self._stored(lambda: self.throttle.fold_by_rule(delivery, now)) is False:
            self.throttle.take(now)
            self._start(delivery, sends)

    async def _wait(self, wait: timedelta | None) -> None:
        """Wait that long, or until something has changed."""
        try:
            async with asyncio.timeout(None if wait is None else wait.total_seconds()):
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
        self._sending.discard(_id(delivery))
        self._changed.set()

    async def _guard(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except Exception:
            log.exception("delivery failed by a bug", extra=self._facts(delivery))
            self._tools.counters.add("outbox_errors", destination=self._destination)

    async def _deliver(self, delivery: Delivery) -> None:
        """Take one delivery through one attempt."""
        now = self._tools.clock.now()
        if is_too_old(delivery, now, self._channel.max_age):
            await self._settle(delivery, too_old(delivery, now), None, None)
            return
        if delivery.attempts == 0:
            completed = await self._stored(lambda: self._tools.state.complete(delivery.notification))
            if completed is None:
                return
            delivery = msgspec.structs.replace(delivery, notification=completed)
        try:
            message = delivery.message or self._render(delivery)
        except SendError as error:
            await self._settle(delivery, self._following(delivery, error, now), None, None)
            return
        if not await self._stored(lambda: self._tools.state.lease(delivery, message)):
            return
        self._changed.set()  # from now on the store no longer shows it as due
        leased = msgspec.structs.replace(
            delivery, state=DeliveryState.LEASED, attempts=delivery.attempts + 1, message=message
        )
        started_at = self._tools.clock.now()
        await self._conclude(leased, await self._send(message, leased), started_at)

    def _render(self, delivery: Delivery) -> Message:
        """Render; a template engine that fails against its promise is a refusal of this message."""
        try:
            return self._channel.render(delivery.notification, delivery.thread, degraded=delivery.is_degraded)
        except Exception as error:
            log.exception("rendering failed by a bug", extra=self._facts(delivery))
            raise PermanentSendError(Failure.MESSAGE, Reason.TEMPLATE, type(error).__name__) from error

    async def _send(self, message: Message, delivery: Delivery) -> Receipt | SendError:
        """Make one attempt, cut at the channel's timeout; what cannot be told apart from success is ambiguous."""
        try:
            async with asyncio.timeout(self._channel.timeout):
                return await self._channel.send(message, delivery)
        except SendError as error:
            return error
        except TimeoutError:
            return RetryableSendError(Failure.AMBIGUOUS, Reason.TIMEOUT, f"no answer in {self._channel.timeout:g} s")
        except Exception as error:
            log.exception("channel failed by a bug", extra=self._facts(delivery))
            return RetryableSendError(Failure.AMBIGUOUS, Reason.OTHER, type(error).__name__)

    async def _conclude(self, delivery: Delivery, outcome: Receipt | SendError, started_at: datetime) -> None:
        """Draw the consequences of an attempt, for the gate and for the delivery."""
        now = self._tools.clock.now()
        self._pass_gate(outcome, now)
        attempt = _attempt(delivery.attempts, outcome, started_at, now)
        self._tools.counters.add(
            "attempts", destination=self._destination, outcome=attempt.outcome, reason=attempt.reason
        )
        following = self._following(delivery, outcome, now)
        is_paced = isinstance(outcome, SendError) and outcome.failure is Failure.PACE
        receipt = outcome if isinstance(outcome, Receipt) else None
        # The next one may start: its lease is stored after this outcome, in the same commit if they meet.
        self._sending.discard(_id(delivery))
        self._changed.set()
        await self._settle(delivery, following, None if is_paced else attempt, receipt)

    def _following(self, delivery: Delivery, outcome: Receipt | SendError, now: datetime) -> Next:
        return after_attempt(delivery, outcome, now, jitter=self._tools.rng.random(), max_age=self._channel.max_age)

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
            log.warning("delivery dead", extra={**self._facts(delivery), "reason": following.reason})
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
        except StateError:
            self._store_failed()
            return False
        return True

    async def _stored(self, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """Ask the store until it answers; None when told to stop before."""
        while not self._is_stopping:
            try:
                return await ask()
            except StateError:
                self._store_failed()
                await self._tools.clock.sleep(STORE_RETRY_SECONDS)
        return None

    def _store_failed(self) -> None:
        self._tools.counters.add("outbox_store_errors", destination=self._destination)

    def _facts(self, delivery: Delivery) -> dict[str, str]:
        """What a log line may say of a delivery: names, never a URL or a body."""
        return {
            "destination": self._destination,
            "receiver": delivery.notification.content.receiver,
            "delivery": _id(delivery),
        }


def _id(delivery: Delivery) -> str:
    return delivery.notification.id


def _attempt(number: int, outcome: Receipt | SendError, started_at: datetime, ended_at: datetime) -> Attempt:
    if isinstance(outcome, Receipt):
        return Attempt(number=number, started_at=started_at, ended_at=ended_at, outcome="sent")
    return Attempt(
        number=number,
        started_at=started_at,
        ended_at=ended_at,
        outcome=outcome.failure.value,
        reason=outcome.reason.value,
        detail=outcome.detail,
    )
