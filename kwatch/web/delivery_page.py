"""One delivery as a page: where it is, each attempt with its reason, what was sent. Pure."""

from dataclasses import dataclass

from kwatch.model.notifications import Attempt, Delivery, DeliveryState, Folded
from kwatch.web.reports import title_of

_WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.RETRY_WAIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """One attempt."""

    number: int
    at: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """The context of `templates/web/delivery.html`."""

    id: str
    title: str
    kind: str
    destination: str
    incident: str
    sequence: int
    state: str
    reason: str
    created_at: str
    next_at: str  # empty: it is not attempted any more
    attempts: tuple[AttemptLine, ...]
    folded: tuple[Folded, ...]
    body: str  # empty: nothing was rendered yet
    can_retry: bool
    can_drop: bool


def delivery_page(delivery: Delivery, attempts: tuple[Attempt, ...], folded: tuple[Folded, ...]) -> DeliveryPage:
    """Return the page of one delivery."""
    notification, state = delivery.notification, delivery.state
    return DeliveryPage(
        id=notification.id,
        title=title_of(delivery),
        kind=notification.kind.value,
        destination=notification.destination,
        incident=notification.incident,
        sequence=notification.sequence,
        state=state.value,
        reason=delivery.reason,
        created_at=f"{notification.created_at:%Y-%m-%d %H:%M:%S} UTC",
        next_at="" if state.is_final else f"{delivery.due_at:%Y-%m-%d %H:%M:%S} UTC",
        attempts=tuple(_line(attempt) for attempt in attempts),
        folded=folded,
        body=delivery.message.body.decode(errors="replace") if delivery.message is not None else "",
        can_retry=state in _WAITING or state in (DeliveryState.DEAD, DeliveryState.DROPPED),
        can_drop=state in _WAITING or state is DeliveryState.DEAD,
    )


def _line(attempt: Attempt) -> AttemptLine:
    return AttemptLine(
        number=attempt.number,
        at=f"{attempt.ended_at:%Y-%m-%d %H:%M:%S} UTC",
        outcome=attempt.outcome,
        why=": ".join(filter(None, (attempt.reason.replace("_", " "), attempt.detail))),
    )
