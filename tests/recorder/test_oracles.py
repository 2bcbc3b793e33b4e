"""Counting and observable quiet against the truth, over random mixes of reasons, rates, texts and stop times."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from math import floor

from tests.recorder.listener import End, LevelIgnored, Listener
from tests.recorder.mixes import Mix, mix
from tests.recorder.recorder import Frame

SEEDS = range(600)


@cache
def mixes() -> tuple[Mix, ...]:
    return tuple(mix(seed) for seed in SEEDS)


@dataclass(frozen=True)
class Heard:
    """What one kwatch made of a mix. `miscounted`: the writes after which it had another count than was told."""

    ends: list[End]
    miscounted: list[tuple[Frame, dict[str, int]]]


@cache
def heard(seed: int) -> Heard:
    listener = Listener(mixes()[seed])
    counts = [(frame, listener.totals(frame.at)) for frame in listener.play()]
    return Heard(listener.ends, [(frame, found) for frame, found in counts if found != numbers(frame)])


def numbers(frame: Frame) -> dict[str, int]:
    """Return how many occurrences of each reason writes had told of."""
    return {reason: number for reason, (number, _) in frame.told.items()}


def false_ends(seed: int, ends: list[End]) -> list[End]:
    """Return the ends that were told although it had happened within `quiet`."""
    played = mixes()[seed]
    return [
        end for end in ends if end.is_resolved and end.at - _last(played, end) < played.quiet.total_seconds() - 0.001
    ]


def _last(played: Mix, end: End) -> float:
    happened = played.occurrences[end.reason]
    return happened[bisect_right(happened, end.at) - 1]


def test_every_occurrence_is_counted_when_it_is_told() -> None:
    for seed in SEEDS:
        assert heard(seed).miscounted == [], seed
    assert sum(len(played.frames) for played in mixes()) > 20_000


def test_no_end_is_false() -> None:
    ends = happened = 0
    for seed in SEEDS:
        found = heard(seed).ends
        assert false_ends(seed, found) == [], seed
        ends += len({end.reason for end in found if end.is_resolved})
        happened += len(mixes()[seed].occurrences)
    # What cannot be seen to end is left open; that is not most of it.
    assert ends > happened / 2


def test_an_end_is_dated_to_the_last_occurrence_that_was_told() -> None:
    for seed, played in zip(SEEDS, mixes(), strict=True):
        for end in heard(seed).ends:
            told = [frame.told.get(end.reason, (0, 0.0))[1] for frame in played.frames if frame.at <= end.at]
            assert floor(end.ends_at) == floor(max(told)), (seed, end)


def test_a_fixed_time_of_quiet_tells_false_ends() -> None:
    """The negative control: with the level ignored the same mixes catch it."""
    caught = 0
    for seed in SEEDS[:200]:
        listener = Listener(mixes()[seed], LevelIgnored)
        for _ in listener.play():
            pass
        caught += bool(false_ends(seed, listener.ends))
    assert caught > 50
