"""What is wrong with a destination, and what is said of it."""

from datetime import timedelta

import pytest

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.model.rules import Severity
from kwatch.outbox.gate import Gate
from kwatch.outbox.trouble import Report, Trouble, failing, given_up, look, recovered
from kwatch.testing.samples import START

REFUSED = RetryableSendError(Failure.RETRY, Reason.REFUSED, "")
MINUTE = timedelta(minutes=1)


def suspended(reason: Reason) -> Gate:
    return Gate().after(PermanentSendError(Failure.DESTINATION, reason, ""), START)


def paused(seconds: float) -> Gate:
    return Gate().after(RetryableSendError(Failure.PACE, Reason.RATE_LIMITED, "", retry_after=seconds), START)


def silent() -> Gate:
    gate = Gate()
    for _ in range(5):
        gate = gate.after(REFUSED, START)
    return gate


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Gate(), None),
        (Gate().after(REFUSED, START), None),
        (suspended(Reason.UNAUTHORIZED), Trouble("unauthorized", START)),
        (suspended(Reason.GONE), Trouble("gone", START)),
        (paused(299), Trouble("rate_limited", START, START + timedelta(seconds=299))),
        (paused(300), Trouble("rate_limited", START, START + timedelta(seconds=300))),
        (silent(), Trouble("no_answer", START)),
    ],
)
def test_a_gate_that_lets_nothing_through_for_long_is_a_trouble(gate: Gate, expected: Trouble | None) -> None:
    assert look(None, gate, 0, START) == expected


def test_one_that_changes_its_reason_goes_on() -> None:
    before = Trouble("no_answer", START, is_told=True)
    after = look(before, suspended(Reason.NOT_FOUND), 0, START + MINUTE)
    assert after == Trouble("not_found", START, is_told=True)


def test_what_was_told_is_over_when_something_was_taken() -> None:
    before = Trouble("rate_limited", START, START + MINUTE, is_told=True, taken=7)
    idle = look(before, paused(60), 7, START + MINUTE)
    assert idle == Trouble("rate_limited", START, START + MINUTE, START + MINUTE, is_told=True, taken=7)
    assert look(idle, paused(60), 7, START + 1000 * MINUTE) == idle
    assert look(idle, paused(60), 8, START + 1000 * MINUTE) is None


def test_another_channel_counts_from_nothing() -> None:
    before = Trouble("gone", START, is_told=True, taken=7)
    idle = look(before, Gate(), 0, START + MINUTE)
    assert idle == Trouble("gone", START, idle_since=START + MINUTE, is_told=True, taken=0)
    assert look(idle, Gate(), 1, START + 2 * MINUTE) is None


def test_what_nobody_heard_of_is_over_after_a_while() -> None:
    idle = look(Trouble("rate_limited", START, START), Gate(), 0, START)
    assert look(idle, Gate(), 0, START + 5 * MINUTE - timedelta(microseconds=1)) == idle
    assert look(idle, Gate(), 0, START + 5 * MINUTE) is None


def test_what_comes_and_goes_is_over_when_it_stays_so() -> None:
    before = Trouble("gone", START, is_told=True, is_again=True)
    idle = look(before, Gate(), 1, START)
    assert idle == Trouble("gone", START, idle_since=START, is_told=True, is_again=True)
    assert look(idle, Gate(), 2, START + 15 * MINUTE - timedelta(microseconds=1)) == idle
    assert look(idle, Gate(), 2, START + 15 * MINUTE) is None
    assert look(idle, suspended(Reason.GONE), 2, START + MINUTE) == Trouble(
        "gone", START, is_told=True, is_again=True, taken=2
    )


def test_silence_is_waited_for_and_a_refusal_is_not() -> None:
    almost = START + timedelta(minutes=5) - timedelta(microseconds=1)
    assert not Trouble("no_answer", START).is_failing(almost)
    assert Trouble("no_answer", START).is_failing(START + 5 * MINUTE)
    assert Trouble("unauthorized", START).is_failing(START)
    assert Trouble("rate_limited", START, START + 5 * MINUTE).is_failing(START)
    assert not Trouble("rate_limited", START, START + 5 * MINUTE - timedelta(microseconds=1)).is_failing(START)
    assert not Trouble("unauthorized", START, idle_since=START).is_failing(START)


MEND = "Mend its configuration or its secret. It is asked again "


@pytest.mark.parametrize(
    ("reason", "queued", "first", "second"),
    [
        (
            "unauthorized",
            1,
            "refuses every message (unauthorized); 1 is waiting.",
            f"{MEND}every 15 min and when the configuration is loaded (SIGHUP).",
        ),
        (
            "gone",
            3,
            "refuses every message (gone); 3 are waiting.",
            f"{MEND}when the configuration is loaded (SIGHUP).",
        ),
        ("no_answer", 2, "does not answer since 09:00 UTC; 2 are waiting.", "It is tried again every few minutes."),
        ("rate_limited", 0, "asks to wait for long; 0 are waiting.", "It is told again then."),
    ],
)
def test_others_are_told_what_is_wrong_and_what_helps(reason: str, queued: int, first: str, second: str) -> None:
    text = f"The destination chat {first}\n{second}"
    assert failing("chat", Trouble(reason, START), queued) == Report("chat", text, Severity.CRITICAL)


def test_others_are_told_what_it_said() -> None:
    said = PermanentSendError(Failure.DESTINATION, Reason.NOT_FOUND, "Slack says is_archived")
    trouble = look(None, Gate().after(said, START), 0, START)
    assert trouble is not None
    assert failing("chat", trouble, 2).text == (
        "The destination chat refuses every message (not found); 2 are waiting.\n"
        "Why: Slack says is_archived.\n"
        f"{MEND}every 15 min and when the configuration is loaded (SIGHUP)."
    )


def test_its_end_says_how_long_it_was() -> None:
    text = "The destination chat takes messages again, after 34 min."
    assert recovered("chat", Trouble("gone", START), START + 34 * MINUTE) == Report("chat", text, Severity.INFO)
    idle = Trouble("gone", START, idle_since=START + 34 * MINUTE)
    assert recovered("chat", idle, START + 60 * MINUTE) == Report("chat", text, Severity.INFO)


@pytest.mark.parametrize(("count", "messages"), [(1, "1 message was"), (7, "7 messages were")])
def test_what_was_given_up_is_counted(count: int, messages: str) -> None:
    text = f"{messages} not delivered to chat (rejected).\nWhich: kwatch deliveries list --in dead"
    assert given_up("chat", count, "rejected") == Report("chat", text, Severity.WARNING)
