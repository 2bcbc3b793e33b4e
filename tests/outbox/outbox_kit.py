"""A destination to look into, and an outbox on a real state file in virtual time.

Cuts are wrappers: `CutState` and `Sink` raise `Crash` at a named step; no `Exception`, so that nothing handles it, as
nothing handles the end of a process. What the next `Machine` finds is what the file holds.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kwatch.clock import Clock
from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.model.pace import Paces
from kwatch.model.routes import Handling, Policies
from kwatch.outbox.gate import Gate
from kwatch.outbox.outbox import Outbox
from kwatch.outbox.ports import Channel
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import START
from kwatch.testing.virtual import InlineExecutor, VirtualClock, run


class Crash(BaseException):
    """The process ends here."""


class Request(NamedTuple):
    """What arrived at the destination."""

    at: float  # seconds since the start
    id: str
    kind: str
    body: bytes


#: How the destination answers: an error to raise, or a receipt.
Answer = SendError | Receipt | Crash | Exception

OK = Receipt()
REFUSED = RetryableSendError(Failure.RETRY, Reason.REFUSED, "refused")
SERVER = RetryableSendError(Failure.AMBIGUOUS, Reason.SERVER, "500")
REJECTED = PermanentSendError(Failure.MESSAGE, Reason.REJECTED, "400")
TOO_LARGE = PermanentSendError(Failure.MESSAGE, Reason.TOO_LARGE, "413")
UNAUTHORIZED = PermanentSendError(Failure.DESTINATION, Reason.UNAUTHORIZED, "401")
GONE = PermanentSendError(Failure.DESTINATION, Reason.GONE, "410")


def paced(retry_after: float | None) -> SendError:
    return RetryableSendError(Failure.PACE, Reason.RATE_LIMITED, "429", retry_after=retry_after)


class Sink:
    """A destination with its channel: answers as told, then always OK; remembers what arrived."""

    def __init__(
        self,
        clock: Clock,
        answers: Iterable[Answer] = (),
        *,
        concurrency: int = 1,
        seconds: float = 0.0,
        max_age: timedelta = timedelta(hours=6),
    ) -> None:
        self.concurrency = concurrency
        self.max_age = max_age
        self.timeout = 30.0
        self.requests: list[Request] = []
        self.threads: list[Thread] = []
        self.renders = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._clock = clock
        self._answers = iter(answers)
        self._seconds = seconds

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        self.renders += 1
        return Message(f"{notification.kind.value} {'plain' if degraded else 'rich'} {self.renders}".encode())

    async def close(self) -> None:
        pass

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        notification = delivery.notification
        at = (self._clock.now() - START).total_seconds()
        self.requests.append(Request(at, notification.id, notification.kind.value, message.body))
        self.threads.append(delivery.thread)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self._seconds:
                await self._clock.sleep(self._seconds)
        finally:
            self.in_flight -= 1
        answer = next(self._answers, OK)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def kinds(self) -> list[str]:
        return [request.kind for request in self.requests]

    @property
    def times(self) -> list[float]:
        return [request.at for request in self.requests]


class CutState:
    """A state that ends the process before or after one step, the n-th time it is taken."""

    def __init__(self, state: State, step: str, *, is_before: bool, nth: int = 1) -> None:
        self._state = state
        self._step = step
        self._is_before = is_before
        self._left = nth

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    async def commit(self, decision: Decision) -> None:
        await self._cut("commit", self._state.commit, decision)

    async def lease(self, delivery: Delivery, message: Message) -> bool:
        return bool(await self._cut("lease", self._state.lease, delivery, message))

    async def settle(self, settlement: Settlement) -> None:
        await self._cut("settle", self._state.settle, settlement)

    async def _cut(self, step: str, method: Callable[..., Any], *arguments: Any) -> Any:
        self._left -= step == self._step
        is_here = step == self._step and self._left == 0
        if is_here and self._is_before:
            raise Crash
        result = await method(*arguments)
        if is_here:
            raise Crash
        return result


class Machine:
    """One process after the other on one folder, in the time of the running loop."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 1,
        paces: Paces = Paces(),  # noqa: B008 - frozen
        handlings: Mapping[str, Handling] = {},
        state_type: type[State] = State,
        sink_type: type[Sink] = Sink,
        gate: Gate = Gate(),  # noqa: B008 - frozen
    ) -> None:
        self.clock = VirtualClock(START, asyncio.get_running_loop())
        self.counters = Counters()
        self.sent: list[tuple[str, NotificationKind, datetime]] = []
        self._folder = folder
        self._paces = paces
        self._handlings = handlings
        self._state_type = state_type
        self._sink_type = sink_type
        self._gate = gate
        self._rng = random.Random(seed)
        self.state: Any = None
        self.open()

    def open(self) -> None:
        self.state = self._state_type.open(self._folder, InlineExecutor(), self.counters)

    def close(self) -> None:
        self.state.close()

    def cut(self, step: str, *, is_before: bool, nth: int = 1) -> None:
        """End the process at that step."""
        self.state = CutState(self.state, step, is_before=is_before, nth=nth)

    def outbox(self, channels: Mapping[str, Channel]) -> Outbox:
        outbox = Outbox(
            self.state,
            channels,
            clock=self.clock,
            rng=self._rng,
            counters=self.counters,
            on_ended=self._on_ended,
            policies=Policies(self._paces, self._handlings),
        )
        for worker in outbox._workers.values():
            worker.gate = self._gate
        return outbox

    def sink(self, answers: Iterable[Answer] = (), **words: Any) -> Sink:
        """Return a destination of this machine's kind."""
        return self._sink_type(self.clock, answers, **words)

    def _on_ended(self, destination: str, incident: str, kind: NotificationKind, at: datetime) -> None:
        self.sent.append((incident, kind, at))

    async def commit(self, *notifications: Notification, outbox: Outbox | None = None) -> None:
        await self.state.commit(Decision(notifications=notifications))
        if outbox is not None:
            outbox.wake({notification.destination for notification in notifications})

    async def run(self, seconds: float, *, grace: float = 0.0, **channels: Channel) -> bool:
        """Deliver for so long, then stop. Return False and restart when the process ended by a crash."""
        outbox, has_crashed = self.outbox(channels), False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(outbox.run())
                await self.clock.sleep(seconds)
                outbox.stop(grace)
        except* Crash:
            has_crashed = True
            self.close()
            self.open()
        return not has_crashed

    async def states(self) -> dict[str, str]:
        """Return `incident/sequence` → state; incidents without their path."""
        rows = await self.state.newest((), 10_000)
        return {_short(row.notification): row.state.value for row in rows}

    def counted(self, name: str, label: str) -> dict[str, int]:
        """Return a counter by one of its labels."""
        found: dict[str, int] = {}
        for (metric, labels), value in self.counters.read().items():
            if metric == name:
                key = dict(labels)[label]
                found[key] = found.get(key, 0) + value
        return found


def _short(notification: Notification) -> str:
    return f"{notification.incident.removeprefix('kw/group/')}/{notification.sequence}"


def at(seconds: float, notification: Notification) -> Notification:
    """Return the notification as decided so long after the start."""
    return msgspec.structs.replace(notification, created_at=START + timedelta(seconds=seconds))


#: Plays a scene, and returns what it returned.
Play = Callable[[Callable[[Machine], Awaitable[Any]]], Any]


def play_on(folder: Path, **words: Any) -> Play:
    """Return what plays scenes on a machine with that folder."""

    def play(scene: Callable[[Machine], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            machine = Machine(folder, **words)
            try:
                return await scene(machine)
            finally:
                machine.close()

        return run(main())

    return play
