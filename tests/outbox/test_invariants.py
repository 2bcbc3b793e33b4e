"""I1 to I3 of spec 3.7, over random notifications, answers and crashes; judged by what the destination recorded."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_kit import OK, REFUSED, SERVER, Answer, Crash, Machine, Sink, at, paced

from kwatch.clock import Clock
from kwatch.model.notifications import Delivery, Message, NotificationKind, Receipt
from kwatch.testing.samples import notification
from kwatch.testing.virtual import run

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


class Reply(NamedTuple):
    """What the destination does with a message, and what it says of it."""

    is_accepted: bool
    answer: Answer


class Recorder(Sink):
    """A sink that records what it accepted, whatever it answers."""

    def __init__(self, clock: Clock, replies: list[Reply]) -> None:
        super().__init__(clock, concurrency=3)
        self.accepted: list[tuple[str, int, bytes]] = []
        self._replies = iter(replies)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        reply = next(self._replies, Reply(True, OK))
        if reply.is_accepted:
            self.accepted.append((delivery.notification.incident, delivery.notification.sequence, message.body))
        if isinstance(reply.answer, BaseException):
            raise reply.answer
        return reply.answer

    def lane(self, incident: str) -> list[int]:
        return [sequence for name, sequence, _ in self.accepted if name == incident]


class Cut(NamedTuple):
    """Where the process ends."""

    step: str
    is_before: bool
    nth: int


REPLIES = st.sampled_from(
    [
        Reply(True, OK),
        Reply(False, REFUSED),
        Reply(False, paced(5)),
        Reply(True, SERVER),
        Reply(False, SERVER),
        Reply(True, Crash()),
        Reply(False, Crash()),
    ]
)
CUTS = st.builds(Cut, st.sampled_from(["lease", "settle"]), st.booleans(), st.integers(1, 3))
LANES = st.lists(
    st.sampled_from([[FIRING], [FIRING, UPDATE], [FIRING, RESOLVED], [FIRING, UPDATE, UPDATE, RESOLVED]]),
    min_size=1,
    max_size=3,
)


class Plan(NamedTuple):
    """What happens; each cut is one life of the process, `pauses` are the seconds between the decisions."""

    lanes: list[list[NotificationKind]]
    replies: list[Reply]
    cuts: list[Cut]
    pauses: list[float]


PLANS = st.builds(
    Plan,
    LANES,
    st.lists(REPLIES, max_size=8),
    st.lists(CUTS, max_size=3),
    st.lists(st.sampled_from([0.0, 0.4, 20.0]), min_size=4, max_size=4),
)


class Outcome(NamedTuple):
    """What is left when all is quiet."""

    sink: Recorder
    states: dict[str, str]
    crashes: int


def play(plan: Plan) -> Outcome:
    """Let the plan happen, and then an hour without faults."""

    async def main(folder: Path) -> Outcome:
        machine = Machine(folder)
        sink = Recorder(machine.clock, plan.replies)
        cuts, crashes, now = list(plan.cuts), 0, 0.0
        for turn, pause in enumerate(plan.pauses, 1):
            due = [
                at(now, notification(turn, kinds[turn - 1], incident=f"lane{n}"))
                for n, kinds in enumerate(plan.lanes)
                if turn <= len(kinds)
            ]
            for _ in range(2):  # a replay is harmless
                await machine.commit(*due)
            if cuts:
                cut = cuts.pop()
                machine.cut(cut.step, is_before=cut.is_before, nth=cut.nth)
            crashes += not await machine.run(pause, hook=sink)
            now = machine.clock.monotonic()
        while not await machine.run(3600, hook=sink):
            crashes += 1
        states = await machine.states()
        machine.close()
        return Outcome(sink, states, crashes)

    with TemporaryDirectory() as folder:
        return run(main(Path(folder)))


@settings(max_examples=150)
@given(plan=PLANS)
def test_i1_i2_i3_nothing_is_lost_overtaken_or_repeated_without_a_cause(plan: Plan) -> None:
    outcome = play(plan)
    doubts = sum(reply.answer is SERVER and reply.is_accepted for reply in plan.replies)
    assert set(outcome.states.values()) <= {"sent", "superseded", "cancelled"}
    for n, kinds in enumerate(plan.lanes):
        told = outcome.sink.lane(f"lane{n}")
        if outcome.states[f"lane{n}/{len(kinds)}"] == "cancelled":
            assert told == []  # came and went
        else:
            assert told[-1] == len(kinds)  # I1: the last word arrived
        assert told == sorted(told)  # I2: nothing came after something newer
        assert len(told) - len(set(told)) <= outcome.crashes + doubts  # I3


def test_i3_the_recorder_sees_a_repeat_when_there_is_one() -> None:
    """The negative control: a lost acknowledgement is a duplicate, with the same bytes."""
    outcome = play(Plan([[FIRING]], [Reply(True, SERVER)], [], [20.0] * 4))
    assert outcome.sink.lane("lane0") == [1, 1]
    assert len(set(outcome.sink.accepted)) == 1


@pytest.mark.parametrize("is_accepted", [True, False])
def test_i1_a_crash_while_sending_is_at_most_one_repeat(is_accepted: bool) -> None:
    outcome = play(Plan([[FIRING, RESOLVED]], [Reply(is_accepted, Crash())], [], [20.0] * 4))
    assert outcome.sink.lane("lane0") == ([1, 1, 2] if is_accepted else [1, 2])
