"""What holds for destinations and their fallbacks, whatever fails, is renamed or dies in between (I1 to I3).

Each episode is told somewhere, or a row says what has become of it; who was told that it began is told that it ended;
nobody is told either twice. Plays are made at random; each ends with hours in which all is well.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, DeliveryState
from kwatch.store.state import State
from kwatch.testing.stage import Stage
from tests.scenarios.plays import Pods
from tests.scenarios.test_detours import A, B, C, configured

PACED = A.replace("fallback", "pace: {per_minute: 2, burst: 2}, fallback")
CHAIN = B.replace("}", ", fallback: cc}")
CIRCLE = C.replace("}", ", fallback: team}")
#: The first is the one in the beginning; from the last on, nothing changes.
CONFIGS = (
    configured(PACED, CHAIN),
    configured(PACED, CHAIN, CIRCLE),
    configured(PACED, CHAIN.replace("name: b", "name: b2").replace("/b", "/b2")),
    configured(PACED.replace("bb", "cc"), CHAIN),
    configured(PACED.replace(", fallback: bb", ""), CHAIN),
    configured(PACED.replace("name: a", "name: a2").replace("/a", "/a2"), CHAIN),
)
#: Seconds: what goes wrong does so before TROUBLED, and what is asked at the END must hold.
TROUBLED, END = 7200, 18_000
#: What lasts so long is told somewhere: five minutes of patience with each of two that do not answer, and their waits.
LONG = 1200

Span = tuple[int, int]
#: A fingerprint, and when it began: what is forgotten counts from one again.
Episode = tuple[str, datetime]


class Play(msgspec.Struct, frozen=True):
    """What happens, all instants in seconds."""

    broken: tuple[tuple[str, Span], ...] = ()  # Pods, and when
    refusing: tuple[tuple[str, int, Span], ...] = ()  # destinations, by which status, and when
    loaded: tuple[tuple[int, int], ...] = ()  # when, and which of CONFIGS
    away: Span | None = None


def _spans(shortest: int, longest: int) -> st.SearchStrategy[Span]:
    begins, lengths = st.integers(0, 150), st.integers(shortest // 40, longest // 40)
    return st.tuples(begins, lengths).map(lambda span: (40 * span[0], min(40 * (span[0] + span[1]) + 20, TROUBLED)))


def _apart(spans: Sequence[tuple[str, Span]]) -> tuple[tuple[str, Span], ...]:
    """Leave out what begins while another of the same name goes on."""
    kept: list[tuple[str, Span]] = []
    for name, span in sorted(spans, key=lambda each: each[1]):
        if all(other != name or span[0] > end + 60 for other, (_, end) in kept):
            kept.append((name, span))
    return tuple(kept)


PLAYS = st.builds(
    Play,
    broken=st.lists(st.tuples(st.sampled_from("pqrs"), _spans(40, 4000)), min_size=2, max_size=8).map(_apart),
    refusing=st.lists(
        st.tuples(
            st.sampled_from(("a", "a", "b", "c", "b2", "a2")), st.sampled_from((401, 503, 400)), _spans(400, 6000)
        ),
        min_size=1,
        max_size=5,
    ).map(tuple),
    loaded=st.lists(
        st.tuples(st.integers(12, 170).map(lambda n: 40 * n + 7), st.integers(0, len(CONFIGS) - 1)), max_size=3
    ).map(lambda loads: tuple(sorted(loads))),
    away=st.none() | _spans(40, 400).map(lambda span: (span[0] + 13, span[1] + 13)),
)


def run(play: Play, state_type: type[State] = State) -> tuple[Stage, tuple[Delivery, ...]]:
    """Play it; return what was told, and all that is in the outbox at the end."""
    stage = Stage(Path(tempfile.mkdtemp(prefix="kwatch-detours-")), CONFIGS[0])
    stage.state_type = state_type
    pods, kept = Pods(stage), list[Delivery]()

    def answer(request: httpx.Request) -> httpx.Response:
        name, now = request.url.path[1:], stage.now()
        statuses = [status for each, status, (begin, end) in play.refusing if each == name and begin <= now < end]
        return httpx.Response(statuses[0] if statuses else 200)

    stage.answer = answer
    for name, (begin, end) in play.broken:
        pods.phase(begin, name)
        pods.phase(end, name, "Running")
    for at, number in play.loaded:
        if play.away is None or not play.away[0] - 1 <= at <= play.away[1] + 1:
            stage.reload(at, CONFIGS[number])
    if play.away is not None:
        stage.absent(*play.away)

    async def look() -> None:
        assert stage.app is not None
        kept.extend(await stage.app.state.newest((), 100_000))

    stage.at(END, look)
    stage.run(until=END + 1)
    return stage, tuple(kept)


def told(stage: Stage) -> Iterator[tuple[str, str, Episode, Any]]:
    """Yield what each destination was told of each episode, in order: whether it begins or ends, or neither."""
    for message in stage.told:
        for alert in message.document["alerts"]:
            episode = alert["fingerprint"], datetime.fromisoformat(alert["starts_at"])
            yield message.destination, alert["state"], episode, message


def violations(play: Play, stage: Stage, deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Say what does not hold."""
    opened = defaultdict[tuple[str, Episode], list[str]](list)
    for destination, state, episode, message in told(stage):
        begins = state == "firing" and message.kind in ("firing", "summary", "overflow")
        if begins or state != "firing":
            opened[destination, episode].append("begun" if begins else "ended")
    for (destination, episode), said in opened.items():
        twice = sum(before == after for before, after in pairwise(said))
        if twice > (play.away is not None):
            yield f"I3: {destination} was told twice of {episode}: {said}"
        if said[-1] == "begun" and not _ends_in_rows(destination, episode, deliveries):
            yield f"I2: {destination} was not told the end of {episode}"
    known = {episode for (_, episode), said in opened.items() if "begun" in said}
    lasting = sum(end - begin >= LONG for _, (begin, end) in play.broken)
    if _can_tell(play) and len(known) < lasting:
        yield f"I1: of {lasting} episodes that lasted {len(known)} were told"
    known |= {episode for _, episode in opened} | set(_accounted(deliveries))
    if len(known) < len(play.broken) - _unseen(play):
        yield f"I1: of {len(play.broken)} episodes {len(known)} are accounted for"
    waiting = {each.notification.destination for each in deliveries if not each.state.is_final}
    if waiting & _configured(play):
        yield f"I2: something waits for {waiting}"


def _can_tell(play: Play) -> bool:
    """Whether the last of the chain can be told all the time."""
    return not play.loaded and play.away is None and all(name != "c" for name, _, _ in play.refusing)


def _unseen(play: Play) -> int:
    """Return how many episodes began and ended while kwatch was away."""
    if play.away is None:
        return 0
    begin, end = play.away
    return sum(begin <= began and ended <= end + 60 for _, (began, ended) in play.broken)


def _configured(play: Play) -> set[str]:
    number = play.loaded[-1][1] if play.loaded else 0
    return {name for name in ("a", "a2", "b", "b2", "c") if f"name: {name}," in CONFIGS[number]}


def _ends_in_rows(destination: str, episode: Episode, deliveries: Sequence[Delivery]) -> bool:
    """Whether a row says what has become of the end: of a destination that is gone it may have been given up."""
    return any(
        each.notification.destination == destination
        and (each.notification.kind.closes or each.state is DeliveryState.DEAD)
        and any((view.fingerprint, view.starts_at) == episode for view in each.notification.content.alerts)
        and each.state is not DeliveryState.SENT
        for each in deliveries
    )


def _accounted(deliveries: Sequence[Delivery]) -> Iterator[Episode]:
    for each in deliveries:
        if each.state.is_final:
            yield from ((view.fingerprint, view.starts_at) for view in each.notification.content.alerts)


SETTINGS = settings(
    max_examples=30, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate]
)


@SETTINGS
@given(PLAYS)
def test_each_is_told_somewhere_once_and_its_end_where_it_began(play: Play) -> None:
    stage, deliveries = run(play)
    assert list(violations(play, stage, deliveries)) == []


class Silent(State):
    """What is told in another's place has no row."""

    async def commit(self, decision: Decision) -> None:
        kept = tuple(each for each in decision.notifications if not each.content.meant_for)
        await super().commit(msgspec.structs.replace(decision, notifications=kept))


class Endless(State):
    """A fallback is told no ends."""

    async def commit(self, decision: Decision) -> None:
        kept = tuple(each for each in decision.notifications if each.destination == "a" or not each.kind.closes)
        await super().commit(msgspec.structs.replace(decision, notifications=kept))


class Stuttering(State):
    """What is told in another's place is told again."""

    async def commit(self, decision: Decision) -> None:
        again = tuple(
            msgspec.structs.replace(each, id=f"{each.id}-again", incident=f"{each.incident}-again")
            for each in decision.notifications
            if each.content.meant_for
        )
        notifications = (*decision.notifications, *again)
        await super().commit(msgspec.structs.replace(decision, notifications=notifications))


PLAIN = Play(broken=(("p", (400, 3000)),), refusing=(("a", 401, (0, 3600)),))


@pytest.mark.parametrize(
    ("saboteur", "said"),
    [(State, []), (Silent, ["I1"]), (Endless, ["I2"]), (Stuttering, ["I3"])],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_saboteur_is_noticed(saboteur: type[State], said: list[str]) -> None:
    stage, deliveries = run(PLAIN, saboteur)
    assert [each.partition(":")[0] for each in violations(PLAIN, stage, deliveries)] == said
