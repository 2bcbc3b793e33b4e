"""The gate of a destination: pause, suspension, breaker."""

from datetime import timedelta

import pytest

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Receipt
from kwatch.outbox.gate import Gate
from kwatch.testing.samples import START

OK = Receipt()
REFUSED = RetryableSendError(Failure.RETRY, Reason.REFUSED, "")
SERVER = RetryableSendError(Failure.AMBIGUOUS, Reason.SERVER, "")
UNAUTHORIZED = PermanentSendError(Failure.DESTINATION, Reason.UNAUTHORIZED, "")
GONE = PermanentSendError(Failure.DESTINATION, Reason.GONE, "")
REJECTED = PermanentSendError(Failure.MESSAGE, Reason.REJECTED, "")


def paced(retry_after: float | None) -> SendError:
    return RetryableSendError(Failure.PACE, Reason.RATE_LIMITED, "", retry_after=retry_after)


def through(*outcomes: Receipt | SendError, gate: Gate | None = None) -> Gate:
    gate = gate or Gate()
    for outcome in outcomes:
        gate = gate.after(outcome, START)
    return gate


def wait(gate: Gate, seconds: float = 0) -> float | None:
    """Return the seconds to wait, asked so long after the start."""
    left = gate.wait(START + timedelta(seconds=seconds))
    return None if left is None else left.total_seconds()


def test_a_new_gate_is_open() -> None:
    assert wait(Gate()) == 0
    assert not Gate().is_narrow()


def test_f_16_a_pause_holds_the_whole_destination_until_its_end() -> None:
    gate = through(paced(120))
    assert [wait(gate), wait(gate, 119.5), wait(gate, 120)] == [120, 0.5, 0]
    assert not gate.is_narrow()


def test_f_18_pauses_without_a_word_double_up_to_an_hour() -> None:
    gate, waits = Gate(), []
    for _ in range(9):
        gate = Gate(pauses=gate.pauses).after(paced(None), START)
        waits.append(wait(gate))
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_pause_is_not_shortened_by_a_later_one() -> None:
    assert wait(through(paced(120), paced(1))) == 120


def test_an_answer_ends_the_doubling_and_not_the_pause() -> None:
    gate = through(paced(None), paced(None), OK)
    assert (wait(gate), gate.pauses) == (60, 0)


def test_f_18_a_pause_is_not_a_failure() -> None:
    assert through(*[paced(1)] * 20).breaker.open_until is None


def test_f_22_a_refusal_of_everything_suspends_and_is_probed_every_15_minutes() -> None:
    gate = through(UNAUTHORIZED)
    assert gate.suspended is Reason.UNAUTHORIZED
    assert (wait(gate), gate.is_narrow()) == (900, True)
    assert wait(through(OK, gate=gate)) == 0


def test_f_22_a_probe_that_fails_otherwise_leaves_the_suspension() -> None:
    gate = through(REFUSED, gate=through(UNAUTHORIZED))
    assert (gate.suspended, wait(gate)) == (Reason.UNAUTHORIZED, 900)


def test_f_24_gone_is_never_probed() -> None:
    assert wait(through(GONE), 1e9) is None
    assert wait(through(GONE, REFUSED), 1e9) is None


def test_a_refused_message_is_an_answer() -> None:
    assert through(UNAUTHORIZED, REJECTED).suspended is None
    assert through(*[REFUSED] * 4, REJECTED, REFUSED).breaker.open_until is None


@pytest.mark.parametrize("failure", [REFUSED, SERVER])
def test_f_10_the_breaker_opens_on_five_failures_in_a_row(failure: SendError) -> None:
    assert wait(through(*[failure] * 4)) == 0
    assert wait(through(*[failure] * 5)) == 30


def test_a_mailbox_that_takes_nothing_for_now_is_an_answer_of_the_server() -> None:
    refused = RetryableSendError(Failure.RETRY, Reason.RECIPIENT, "", retry_after=60)
    assert wait(through(*[refused] * 20)) == 0


def test_the_breaker_opens_on_half_of_the_last_twenty() -> None:
    assert wait(through(*[OK, REFUSED] * 9, OK, OK)) == 0
    assert wait(through(*[OK, REFUSED] * 9, OK)) == 0
    assert wait(through(*[OK, REFUSED] * 10)) == 30


def test_a_half_open_breaker_lets_one_through_and_doubles_up_to_five_minutes() -> None:
    gate, opened, waits = through(*[REFUSED] * 5), START, []
    for _ in range(6):
        assert gate.breaker.open_until is not None
        assert gate.is_narrow()
        waits.append((gate.breaker.open_until - opened).total_seconds())
        opened = gate.breaker.open_until
        assert gate.wait(opened) == timedelta(0)
        gate = gate.after(REFUSED, opened)
    assert waits == [30, 60, 120, 240, 300, 300]


def test_a_failure_that_was_under_way_when_it_opened_does_not_double() -> None:
    assert wait(through(*[REFUSED] * 9)) == 30


def test_the_one_that_succeeds_closes_the_breaker_for_good() -> None:
    gate = through(*[REFUSED] * 5, OK)
    assert gate == Gate()
    assert wait(through(*[REFUSED] * 4, gate=gate)) == 0


def test_a_clock_that_is_set_neither_shortens_nor_lengthens_a_pause() -> None:
    gate = through(paced(60), UNAUTHORIZED, *[REFUSED] * 5).moved(timedelta(hours=-1))
    assert (gate.paused_until, gate.probe_at, gate.breaker.open_until) == (
        START + timedelta(seconds=60) - timedelta(hours=1),
        START + timedelta(minutes=-45),
        START + timedelta(seconds=30) - timedelta(hours=1),
    )
    assert Gate().moved(timedelta(hours=1)) == Gate()
