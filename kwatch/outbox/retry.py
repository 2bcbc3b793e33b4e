"""What becomes of a delivery after an attempt (spec 3.2 and 3.3). Pure: time and chance are arguments.

sent        the destination took it
queued      it did not count: the destination asked to wait, or refuses everything; or it is rendered again, plain
retry_wait  it failed, or its fate is unknown: the same bytes again, after a back-off
folded      too old to be told by itself, it is listed in what is told late
dead        it is refused for good; or too old, and the destination calls people, who need no old news
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.errors import Failure, SendError
from kwatch.model.notifications import Attempt, Delivery, DeliveryState, NotificationKind, Receipt

#: The back-off before attempt n + 1 is drawn from [0, min(CEILING, BASE * 2 ** (n - 1))): full jitter, so that what
#: failed together does not come back together.
BACKOFF_BASE: Final = timedelta(seconds=1)
BACKOFF_CEILING: Final = timedelta(minutes=5)

TOO_OLD: Final = "too_old"
#: What stands for others waits for as long as those can be looked up.
OVERFLOW_AGE: Final = timedelta(days=7)
#: What tells of alerts, and can be told of in a list.
_LISTABLE: Final = frozenset(
    {
        NotificationKind.FIRING,
        NotificationKind.UPDATE,
        NotificationKind.REPEAT,
        NotificationKind.RESOLVED,
        NotificationKind.EXPIRED,
        NotificationKind.NOTICE,
        NotificationKind.SUMMARY,
    }
)


class Patience(msgspec.Struct, frozen=True):
    """How long a destination's notifications are worth telling, and whether they are listed afterwards."""

    max_age: timedelta
    lists_late: bool = True  # False: it calls people


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery from now on."""

    state: DeliveryState
    due_at: datetime  # counts while the state is not final
    attempts: int
    is_ambiguous: bool
    is_degraded: bool
    is_rendered_again: bool = False
    reason: str = ""


def is_too_old(delivery: Delivery, at: datetime, patience: Patience) -> bool:
    """Say whether the delivery has nothing to tell by itself any more at that instant."""
    is_overflow = delivery.notification.kind is NotificationKind.OVERFLOW
    begun_at = delivery.renewed_at or delivery.notification.created_at
    return at - begun_at > (OVERFLOW_AGE if is_overflow else patience.max_age)


def too_old(delivery: Delivery, now: datetime, patience: Patience) -> Next:
    """Let the delivery be listed among what is told late, or give it up."""
    is_listed = patience.lists_late and delivery.notification.kind in _LISTABLE
    return _next(delivery, DeliveryState.FOLDED if is_listed else DeliveryState.DEAD, now, reason=TOO_OLD)


def backoff(attempts: int, jitter: float) -> timedelta:
    """Return how long to wait after the `attempts`-th attempt has failed; `jitter` is drawn from [0, 1)."""
    doublings = min(attempts - 1, 10)  # far beyond the ceiling; bounds the number
    ceiling = min(BACKOFF_CEILING, BACKOFF_BASE * (1 << doublings))
    return ceiling * jitter


def attempt_of(number: int, outcome: Receipt | SendError, started_at: datetime, ended_at: datetime) -> Attempt:
    """Return what is kept of an attempt."""
    if isinstance(outcome, Receipt):
        return Attempt(number=number, started_at=started_at, ended_at=ended_at, outcome="sent", detail=outcome.note)
    return Attempt(
        number=number,
        started_at=started_at,
        ended_at=ended_at,
        outcome=outcome.failure.value,
        reason=outcome.reason.value,
        detail=outcome.detail,
    )


def after_attempt(
    delivery: Delivery, outcome: Receipt | SendError, now: datetime, *, jitter: float, patience: Patience
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
            return _wait(delivery, reason, now, pause=pause, patience=patience)
        case Failure.AMBIGUOUS:
            doubtful = msgspec.structs.replace(delivery, is_ambiguous=True)
            return _wait(doubtful, reason, now, pause=backoff(delivery.attempts, jitter), patience=patience)


def _wait(delivery: Delivery, reason: str, now: datetime, *, pause: timedelta, patience: Patience) -> Next:
    """Pause, unless it would be too old by then."""
    due_at = now + pause
    if is_too_old(delivery, due_at, patience):
        return too_old(delivery, now, patience)
    return _next(delivery, DeliveryState.RETRY_WAIT, due_at, reason=reason)


def _next(
    delivery: Delivery, state: DeliveryState, due_at: datetime, *, reason: str = "", is_rendered_again: bool = False
) -> Next:
    """Return the delivery as it is next; an overflow that surely did not arrive takes in what has come since."""
    is_open = delivery.notification.kind is NotificationKind.OVERFLOW and not delivery.is_ambiguous
    return Next(
        state=state,
        due_at=due_at,
        attempts=delivery.attempts,
        is_ambiguous=delivery.is_ambiguous,
        is_degraded=delivery.is_degraded,
        is_rendered_again=is_rendered_again or (is_open and not state.is_final),
        reason=reason,
    )
