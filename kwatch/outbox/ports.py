"""What a worker stands between: the channel that it sends through, and what all workers share."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import msgspec

from kwatch.clock import Clock
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt, Thread, Untold
from kwatch.model.routes import Policies
from kwatch.outbox.pool import Pool
from kwatch.outbox.trouble import Report
from kwatch.store.state import State
from kwatch.telemetry import Counters

#: Called after a delivery is settled as sent or as dead, and will not be sent again: destination, incident, kind, when.
OnEnded = Callable[[str, str, NotificationKind, datetime], None]
#: Lets these destinations be told what another could not be told; False: not now. May raise StateError.
Detour = Callable[[tuple[Untold, ...], tuple[str, ...]], Awaitable[bool]]


async def _nobody(_: tuple[Untold, ...], __: tuple[str, ...]) -> bool:
    return False


class Elsewhere(msgspec.Struct, frozen=True):
    """What is done elsewhere about a destination that cannot be told: others are told, and somebody mends it."""

    report: Callable[[Report], None] = lambda _: None
    detour: Detour = _nobody
    is_mended: Callable[[str], bool] = lambda _: False  # it has other secrets than those that it was asked with


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


@runtime_checkable
class Reconciling(Protocol):
    """A channel that can look whether an attempt without an answer has arrived."""

    async def find(self, message: Message, delivery: Delivery) -> Receipt | None:
        """Return what the destination has of the delivery; None: it has nothing, or does not say."""
        ...


class Tools(msgspec.Struct, frozen=True):
    """What all workers share."""

    state: State
    clock: Clock
    rng: random.Random
    counters: Counters
    on_ended: OnEnded
    policies: Policies
    pool: Pool
    on_trouble: Callable[[], None]  # something happened that others may have to be told of
    on_pause: Callable[[str, datetime], None]  # a limit asks all whom it counts to wait until then
    is_mended: Callable[[str], bool]  # as of `Elsewhere`
