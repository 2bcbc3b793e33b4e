"""What becomes of a delivery: the classes of spec 3.3 as tables."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Attempt, Delivery, DeliveryState, NotificationKind, Receipt
from kwatch.outbox.retry import Next, Patience, after_attempt, attempt_of, backoff, is_too_old, too_old
from kwatch.testing.samples import START, notification

MAX_AGE = timedelta(hours=6)
CHAT, PAGER = Patience(MAX_AGE), Patience(MAX_AGE, lists_late=False)
DELIVERY = Delivery(notification=notification(1), state=DeliveryState.LEASED, due_at=START, attempts=2)
NOW = START + timedelta(minutes=1)
SOON = NOW + timedelta(seconds=2)

SENT, QUEUED, WAIT = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.RETRY_WAIT


def after(outcome: Receipt | SendError, delivery: Delivery = DELIVERY, patience: Patience = CHAT) -> Next:
    return after_attempt(delivery, outcome, NOW, jitter=1.0, patience=patience)


def failed(failure: Failure, reason: Reason = Reason.OTHER) -> SendError:
    is_permanent = failure in {Failure.MESSAGE, Failure.DESTINATION}
    return (PermanentSendError if is_permanent else RetryableSendError)(failure, reason, "")


@pytest.mark.parametrize(
    ("outcome", "state", "due_at", "attempts", "reason"),
    [
        (Receipt(), SENT, NOW, 2, ""),
        (failed(Failure.PACE, Reason.RATE_LIMITED), QUEUED, NOW, 1, "rate_limited"),
        (failed(Failure.RETRY, Reason.REFUSED), WAIT, SOON, 2, "refused"),
        (failed(Failure.AMBIGUOUS, Reason.TIMEOUT), WAIT, SOON, 2, "timeout"),
        (failed(Failure.MESSAGE, Reason.TOO_LARGE), QUEUED, NOW, 2, "too_large"),
        (failed(Failure.DESTINATION, Reason.UNAUTHORIZED), QUEUED, NOW, 1, "unauthorized"),
    ],
)
def test_each_class_has_its_consequence(
    outcome: Receipt | SendError, state: DeliveryState, due_at: object, attempts: int, reason: str
) -> None:
    following = after(outcome)
    assert (following.state, following.due_at, following.attempts, following.reason) == (
        state,
        due_at,
        attempts,
        reason,
    )


def test_only_an_unknown_outcome_is_ambiguous() -> None:
    assert [failure for failure in Failure if after(failed(failure)).is_ambiguous] == [Failure.AMBIGUOUS]


def test_f_20_a_refused_message_is_rendered_again_plain() -> None:
    assert [f for f in Failure if after(failed(f)).is_rendered_again] == [Failure.MESSAGE]
    assert [f for f in Failure if after(failed(f)).is_degraded] == [Failure.MESSAGE]


def test_a_plain_message_that_is_refused_too_is_dead() -> None:
    degraded = msgspec.structs.replace(DELIVERY, is_degraded=True)
    following = after(failed(Failure.MESSAGE, Reason.REJECTED), degraded)
    assert (following.state, following.reason) == (DeliveryState.DEAD, "rejected")


def test_a_doubt_is_never_forgotten() -> None:
    doubtful = msgspec.structs.replace(DELIVERY, is_ambiguous=True)
    assert all(after(failed(failure), doubtful).is_ambiguous for failure in Failure)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (10_000, 300)]
)
def test_the_back_off_doubles_up_to_five_minutes(attempts: int, seconds: int) -> None:
    assert backoff(attempts, 1.0) == timedelta(seconds=seconds)


def test_what_asks_for_more_time_gets_it_and_never_less_than_the_back_off() -> None:
    for asked, seconds in [(60.0, 60), (1.0, 2)]:
        later = RetryableSendError(Failure.RETRY, Reason.RECIPIENT, "", retry_after=asked)
        assert after(later).due_at == NOW + timedelta(seconds=seconds)


def test_the_back_off_has_full_jitter() -> None:
    assert [backoff(9, jitter).total_seconds() for jitter in (0.0, 0.25, 1.0)] == [0, 64, 256]


ALMOST = msgspec.structs.replace(
    DELIVERY, notification=notification(1, created_at=NOW - MAX_AGE + timedelta(seconds=1))
)


def test_f_19_what_would_be_too_old_at_its_next_attempt_is_listed_late_at_once() -> None:
    following = after(failed(Failure.AMBIGUOUS), ALMOST)
    assert (following.state, following.reason, following.is_ambiguous) == (DeliveryState.FOLDED, "too_old", True)


def test_f_19_nobody_is_called_for_old_news() -> None:
    following = after(failed(Failure.AMBIGUOUS), ALMOST, PAGER)
    assert (following.state, following.reason) == (DeliveryState.DEAD, "too_old")


def test_what_tells_of_no_alert_is_not_listed_late() -> None:
    given_up = [kind for kind in NotificationKind if too_old(of_kind(kind), NOW, CHAT).state is DeliveryState.DEAD]
    kinds = (NotificationKind.OVERFLOW, NotificationKind.DIGEST, NotificationKind.META, NotificationKind.TEST)
    assert given_up == list(kinds)


def test_at_the_age_limit_it_is_still_told() -> None:
    assert not is_too_old(DELIVERY, START + MAX_AGE, CHAT)
    assert is_too_old(DELIVERY, START + MAX_AGE + timedelta(microseconds=1), CHAT)


def test_what_stands_for_others_waits_for_seven_days() -> None:
    overflow = of_kind(NotificationKind.OVERFLOW)
    assert not is_too_old(overflow, START + timedelta(days=7), CHAT)
    assert is_too_old(overflow, START + timedelta(days=7, microseconds=1), CHAT)


def test_an_overflow_that_surely_did_not_arrive_is_listed_anew() -> None:
    overflow = of_kind(NotificationKind.OVERFLOW)
    anew = [failure for failure in Failure if after(failed(failure), overflow).is_rendered_again]
    assert anew == [Failure.PACE, Failure.RETRY, Failure.MESSAGE, Failure.DESTINATION]


def of_kind(kind: NotificationKind) -> Delivery:
    return msgspec.structs.replace(DELIVERY, notification=notification(1, kind))


@given(
    failure=st.sampled_from(Failure),
    reason=st.sampled_from(Reason),
    attempts=st.integers(1, 10**6),
    degraded=st.booleans(),
    jitter=st.floats(0, 1),
)
def test_every_failure_has_a_consequence_that_is_not_sent(
    failure: Failure, reason: Reason, attempts: int, degraded: bool, jitter: float
) -> None:
    delivery = msgspec.structs.replace(DELIVERY, attempts=attempts, is_degraded=degraded)
    following = after_attempt(delivery, failed(failure, reason), NOW, jitter=jitter, patience=CHAT)
    assert following.state in {DeliveryState.QUEUED, DeliveryState.RETRY_WAIT, DeliveryState.DEAD}
    assert NOW <= following.due_at <= NOW + timedelta(minutes=5)
    assert following.attempts in {attempts, attempts - 1}


def test_an_attempt_is_kept_with_how_it_ended() -> None:
    refused = RetryableSendError(Failure.AMBIGUOUS, Reason.TIMEOUT, "after 10 s")
    assert attempt_of(2, refused, START, NOW) == Attempt(
        number=2, started_at=START, ended_at=NOW, outcome="ambiguous", reason="timeout", detail="after 10 s"
    )
    assert attempt_of(3, Receipt(note="but for bob"), START, NOW) == Attempt(
        number=3, started_at=START, ended_at=NOW, outcome="sent", detail="but for bob"
    )
