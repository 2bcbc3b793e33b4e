"""Working with a state on a real SQLite file."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from kwatch.model.notifications import (
    Delivery,
    DeliveryState,
    Message,
    NotificationKind,
)
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import START
from kwatch.testing.virtual import InlineExecutor, run

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED
MESSAGE = Message(b"body \x00\xff")


def open_state(folder: Path, counters: Counters | None = None) -> State:
    return State.open(folder, InlineExecutor(), counters)


def settled(delivery: Delivery, state: DeliveryState, **facts: Any) -> Settlement:
    return Settlement(
        delivery=delivery, state=state, at=START, **{"due_at": START, "attempts": delivery.attempts + 1, **facts}
    )


async def lease_next(state: State, destination: str = "hook") -> Delivery:
    (delivery,) = await state.due(destination, START, 1)
    assert await state.lease(delivery, MESSAGE)
    return delivery


async def states(state: State) -> dict[str, str]:
    """Return id → state, ids cut to their sequence."""
    return {d.notification.id.rsplit("/", 1)[1]: d.state.value for d in await state.newest((), 100)}


def in_state(folder: Path, work: Any) -> Any:
    """Run `work(state)` on a state that is opened for it alone."""
    state = open_state(folder)
    try:
        made: Coroutine[Any, Any, Any] = work(state)
        return run(made)
    finally:
        state.close()
