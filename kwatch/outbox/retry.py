"""What becomes of a delivery after an attempt (spec 3.2 and 3.3). Pure: time and chance are arguments.

sent        the destination took it
queued      it did not count: the destination asked to wait, or refuses everything; or it is rendered again, plain
retry_wait  it failed, or its fate is unknown: the same bytes again, after a back-off
dead        it is refused for good, or too old
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.errors import Failure, SendError
from kwatch.model.notifications import Delivery, DeliveryState, Receipt

#: The back-off before attempt n + 1 is drawn from [0, min(CEILING, BASE * 2 ** (n - 1))): full jitter, so that what
#: failed together does not come back together.
BACKOFF_BASE: Final = timedelta(seconds=1)
BACKOFF_CEILING: Final = timedelta(minutes=5)

TOO_OLD: Final = "too_old"


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery from now on."""

    state: DeliveryState
    due_at: datetime  # counts while the state is not final
    attempts: int
    is_ambiguous: bool
    is_degraded: bool
    is_rendered_again: bool = False
    reason: str = ""


def is_too_old(delivery: Delivery, at: datetime, max_age: timedelta) -> bool:
    """Say whether the delivery has nothing to tell any more at that instant."""
    return at - delivery.notification.created_at > max_age


def too_old(delivery: Delivery, now: datetime) -> Next:
    """Give the delivery up for its age."""
    return _next(delivery, DeliveryState.DEAD, now, reason=TOO_OLD)


def backoff(attempts: int, jitter: float) -> timedelta:
    """Return how long to wait after the `attempts`-th attempt has failed; `jitter` is drawn from [0, 1)."""
    doublings = min(attempts - 1, 10)  # far beyond the ceiling; bounds the number
    ceiling = min(BACKOFF_CEILING, BACKOFF_BASE * (1 << doublings))
    return ceiling * jitter


def after_attempt(
    delivery: Delivery, outcome: Receipt | SendError, now: datetime, *, jitter: float, max_age: timedelta
) -> Next:
    """Decide what follows from the attempt that `delivery.attempts` counts already; `jitter` is drawn from [0, 1)."""
    if isinstance(outcome, Receipt):
        return _next(delivery, DeliveryState.SENT, now)
    reason = outcome.reason.value
    match outcome.failure:
        case Failure.PACE | Failure.DESTINATION:
            uncounted = msgspec.structs.replace(delivery, attempts=delivery.attempts - 1)
            return _next(uncounted, DeliveryState.QUEUED, now, reason=reason)
        case Failure.MESSAGE if not delivery.is_degraded:
            degraded = msgspec.structs.replace(delivery, is_degraded=True)
            return _next(degraded, DeliveryState.QUEUED, now, reason=reason, is_rendered_again=True)
        case Failure.MESSAGE:
            return _next(delivery, DeliveryState.DEAD, now, reason=reason)
        case Failure.RETRY:
            pause = max(backoff(delivery.attempts, jitter), timedelta(seconds=outcome.retry_after or 0))
            return _wait(delivery, reason, now, pause=pause, max_age=max_age)
        case Failure.AMBIGUOUS:
            doubtful = msgspec.structs.replace(delivery, is_ambiguous=True)
            return _wait(doubtful, reason, now, pause=backoff(delivery.attempts, jitter), max_age=max_age)


def _wait(delivery: Delivery, reason: str, now: datetime, *, pause: timedelta, max_age: timedelta) -> Next:
    """Pause, unless it would be too old by then."""
    due_at = now + pause
    if is_too_old(delivery, due_at, max_age):
        return too_old(delivery, now)
    return _next(delivery, DeliveryState.RETRY_WAIT, due_at, reason=reason)


def _next(
    delivery: Delivery, state: DeliveryState, due_at: datetime, *, reason: str = "", is_rendered_again: bool = False
) -> Next:
    return Next(
        state=state,
        due_at=due_at,
        attempts=delivery.attempts,
        is_ambiguous=delivery.is_ambiguous,
        is_degraded=delivery.is_degraded,
        is_rendered_again=is_rendered_again,
        reason=reason,
    )
