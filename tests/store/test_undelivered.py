"""What a digest learns of deliveries that failed, when it leaves."""

from datetime import timedelta

import msgspec

from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState, Message, Notification, NotificationKind, Undelivered
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import run

MINUTE = timedelta(minutes=1)
END = START + timedelta(hours=1)


def digest() -> Notification:
    """Return a digest of the hour after START."""
    made = notification(1, NotificationKind.DIGEST, incident="kw/digest/1", destination="paper", created_at=END)
    content = msgspec.structs.replace(made.content, starts_at=START, ends_at=END)
    return msgspec.structs.replace(made, content=content)


async def end(state: State, destination: str, into: DeliveryState, reason: str, minutes: float) -> None:
    """Let a delivery that was decided so long after START come to this state at once."""
    at = START + minutes * MINUTE
    of = notification(1, incident=f"kw/{destination}/{minutes}", destination=destination, created_at=at)
    await state.commit(Decision(notifications=(of,)))
    (found,) = [each for each in await state.due(destination, at, 10) if each.notification.id == of.id]
    assert await state.lease(found, Message(b""))
    await state.settle(Settlement(delivery=found, state=into, at=at, due_at=at, attempts=1, reason=reason))


def told(state: State) -> tuple[Undelivered, ...]:
    return run(state.complete(digest())).content.undelivered


def test_what_was_given_up_in_the_period_and_what_waits_is_counted_by_destination_and_reason(state: State) -> None:
    async def main() -> None:
        for minutes in (1, 2, 60):
            await end(state, "oncall", DeliveryState.DEAD, "unauthorized", minutes)
        await end(state, "oncall", DeliveryState.DEAD, "too_old", 3)
        await end(state, "chat", DeliveryState.RETRY_WAIT, "reset", 4)
        await end(state, "chat", DeliveryState.SENT, "", 5)

    run(main())
    assert told(state) == (
        Undelivered(destination="oncall", reason="unauthorized", count=3, is_dead=True),
        Undelivered(destination="oncall", reason="too_old", count=1, is_dead=True),
        Undelivered(destination="chat", reason="reset", count=1, is_dead=False),
    )


def test_what_failed_in_another_period_or_waits_for_a_moment_is_no_problem_of_this_one(state: State) -> None:
    async def main() -> None:
        await end(state, "oncall", DeliveryState.DEAD, "unauthorized", 0)
        await end(state, "oncall", DeliveryState.DEAD, "unauthorized", 61)
        await end(state, "chat", DeliveryState.RETRY_WAIT, "reset", 46)

    run(main())
    assert told(state) == ()


def test_other_notifications_leave_as_they_were_decided(state: State) -> None:
    assert run(state.complete(notification(1))) == notification(1)
