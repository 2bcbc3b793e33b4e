"""The bucket, the reserve and storms, as pure steps (S-91 to S-96, I7)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kwatch.model.pace import Pace
from kwatch.outbox.pacing import Bucket, Folding, Pacer, RuleBuckets, Storm

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
PACE = Pace(per_minute=5, burst=5)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seconds(span: timedelta) -> float:
    return span.total_seconds()


def emptied(pacer: Pacer, now: datetime) -> Pacer:
    while not pacer.bucket.wait(now):
        pacer = pacer.take(now)
    return pacer


def test_a_bucket_begins_with_one_token_and_fills_up() -> None:
    bucket = Bucket.starting(5, timedelta(seconds=12), START)
    assert seconds(bucket.wait(START)) == 0
    assert seconds(bucket.take(START).wait(START)) == 12
    waits = []
    for _ in range(6):
        waits.append(seconds(bucket.wait(at(48))))
        bucket = bucket.take(at(48))
    assert waits == [0, 0, 0, 0, 0, 12]


def test_a_bucket_goes_on_with_what_is_not_spent_and_with_one_at_least() -> None:
    bucket = Bucket.starting(5, timedelta(seconds=12), START)
    assert [seconds(bucket.spent(number, START).full_at - START) for number in (0, 3, 4, 50)] == [0, 36, 48, 48]


def test_the_reserve_is_for_the_urgent_and_a_fifth() -> None:
    pacer = emptied(Pacer.starting(Pace(30, 10), START), at(600))
    assert seconds(pacer.wait(at(600), is_urgent=False)) == 2
    assert seconds(pacer.wait(at(600), is_urgent=True)) == 0
    pacer = pacer.take(at(600)).take(at(600))
    assert seconds(pacer.wait(at(600), is_urgent=True)) == 2


def test_what_is_folded_follows_from_what_is_left() -> None:
    pacer = Pacer.starting(PACE, START)
    assert pacer.folding(at(600)) is Folding.NOTHING
    pacer = emptied(pacer, at(600))
    assert pacer.folding(at(600)) is Folding.ORDINARY
    assert pacer.take(at(600)).folding(at(600)) is Folding.EVERYTHING


def test_a_storm_folds_though_there_are_tokens_and_ends_after_a_window_below_half_the_pace() -> None:
    pacer = emptied(Pacer.starting(PACE, START), START).folded(10, START)
    assert pacer.at(at(59.9)).folding(at(59.9)) is Folding.ORDINARY
    pacer = pacer.at(at(60))
    assert pacer.storm == Storm(START, at(120))
    assert pacer.folded(3, at(70)).at(at(120)).storm == Storm(START, at(180)), "3 of 5 a minute is not below half"
    assert pacer.folded(2, at(70)).at(at(120)).storm is None
    assert pacer.at(at(86_400)).storm is None


def test_rules_have_buckets_of_their_own() -> None:
    buckets = RuleBuckets({"noisy": Pace(1, 1)}, START)
    assert [buckets.take({"noisy"}, START), buckets.take({"noisy"}, START)] == [True, False]
    assert buckets.take({"noisy", "other"}, START), "what one rule may tell goes with the whole message"
    assert [buckets.take({"other"}, START), buckets.take((), START)] == [True, True]
    assert buckets.take({"noisy"}, at(60))


@given(
    pace=st.builds(Pace, st.integers(1, 600), st.integers(1, 50)),
    steps=st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=80),
)
def test_i7_never_more_than_the_pace_and_a_fifth(pace: Pace, steps: list[tuple[float, bool]]) -> None:
    pacer, now, sent = Pacer.starting(pace, START), 0.0, []
    for pause, is_urgent in steps:
        now += pause
        if not pacer.wait(at(now), is_urgent=is_urgent):
            pacer = pacer.take(at(now))
            sent.append(now)
    for i, begin in enumerate(sent):
        for j, end in enumerate(sent[i:], 1):
            allowed = pace.burst + pace.per_minute * (end - begin) / 60
            reserved = -(-pace.burst // 5) + pace.per_minute * (end - begin) / 300
            assert j <= allowed + reserved + 0.01
