"""Spec 2.3 and the rows S-08 to S-23 of 2.6: how many occurrences an observation of an Event stands for.

Instants are seconds from `T`. The coverage starts at 0 unless said.
"""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Contribution, KubeEvent
from kwatch.watch.counting import CountCase, Counted, count, end, is_newer, is_stale, stale

T = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def event(
    n: int, last: float, *, first: float = 0, uid: str = "a", version: int = 10, series: bool = False
) -> KubeEvent:
    return KubeEvent(
        ref=ObjectRef("Event", "web.1", "shop", "", uid),
        regarding=ObjectRef("Pod", "web", "shop"),
        type="Warning",
        reason="BackOff",
        message="",
        is_combined=False,
        component="kubelet",
        host="node-1",
        count=n,
        is_series=series,
        first_at=at(first),
        last_at=at(last),
        resource_version=str(version),
    )


def known(n: int, last: float, *, first: float = 0, uid: str = "a", version: int = 9, series: bool = False) -> Counted:
    return Counted(uid, at(first), at(last), n, series, str(version), at(last))


def points(n: int, t0: float, t1: float) -> Contribution:
    return Contribution(n, at(t0), at(t1))


CASES = [
    # id, last, event, now, is_listed, case, contribution
    ("C1", None, event(1, 5), 6, False, CountCase.C1, points(1, 5, 5)),
    ("C1-late-but-live", None, event(1, -300, first=-300), 6, False, CountCase.C1, points(1, -300, -300)),
    ("C2", None, event(7, 60, first=10), 61, False, CountCase.C2, points(7, 10, 60)),
    ("C3-after", None, event(57, 60, first=-2400), 61, False, CountCase.C3, points(1, 60, 60)),
    ("C3-before", None, event(57, -10, first=-2400), 61, False, CountCase.C3, None),
    ("C4", known(1, 0), event(12, 100), 101, False, CountCase.C4, points(11, 0, 100)),
    ("C5", known(12, 100), event(12, 100), 101, False, CountCase.C5, None),
    ("C6", known(12, 100), event(2, 200), 201, False, CountCase.C6, points(2, 100, 200)),
    ("C7-version", known(12, 100, version=11), event(13, 200), 201, False, CountCase.C7, None),
    ("C7-time", known(12, 100), event(13, 99), 201, False, CountCase.C7, None),
    (
        "C7-integers",
        known(12, 100, version=9),
        event(13, 110, version=10),
        201,
        False,
        CountCase.C4,
        points(1, 100, 110),
    ),
    ("C7-fewer", known(12, 100), event(5, 100), 201, False, CountCase.C7, None),
    ("C8", known(50, 100), event(57, 200, uid="b"), 201, False, CountCase.C8, points(7, 100, 200)),
    ("C8-nothing-new", known(50, 100), event(50, 200, uid="b"), 201, False, CountCase.C8, None),
    ("C9", known(40, 100), event(1, 200, first=200, uid="b"), 201, False, CountCase.C9, points(1, 200, 200)),
    ("C9-count", known(40, 100), event(3, 200, uid="b"), 201, False, CountCase.C9, points(3, 0, 200)),
    ("C9-before", known(40, 100), event(3, -10, first=-60, uid="b"), 201, True, CountCase.C9, None),
    ("C10", known(1, 0), event(1, 60, series=True), 61, False, CountCase.C10, points(1, 0, 60)),
    ("C13", known(1, 0), event(2, 640), 40, False, CountCase.C4, points(1, 0, 40)),
    ("C14", known(1, -7200, first=-7200), event(3, -3600, first=-7200), 0, True, CountCase.C4, points(2, -7200, -3600)),
    ("S-08", None, event(57, -10, first=-2400), 1, True, CountCase.C3, None),
    ("S-08-next", known(57, -10, first=-2400), event(58, 5, first=-2400), 6, False, CountCase.C4, points(1, -10, 5)),
    ("S-09", None, event(57, 1, first=-2400), 2, True, CountCase.C3, points(1, 1, 1)),
    ("S-10", known(50, -60), event(57, 5), 6, True, CountCase.C4, points(7, -60, 5)),
    ("S-11", known(50, 10), event(57, 20, uid="b"), 21, False, CountCase.C8, points(7, 10, 20)),
    ("S-12", known(40, 10), event(1, 20, first=20, uid="b"), 21, False, CountCase.C9, points(1, 20, 20)),
    ("S-13", known(5, 10, version=10), event(5, 10), 21, True, CountCase.C7, None),
    ("S-14", known(5, 10), event(5, 10, version=11), 21, False, CountCase.C5, None),
    ("S-15", known(40, 10), event(2, 20), 21, False, CountCase.C6, points(2, 10, 20)),
    ("S-16", known(1, 10), event(1, 20, series=True), 21, False, CountCase.C10, points(1, 10, 20)),
    ("S-17", known(1, 10), event(2, 20, series=True), 21, False, CountCase.C4, points(1, 10, 20)),
    ("S-18", known(2, 0, series=True), event(512, 1560, series=True), 1800, False, CountCase.C4, points(510, 0, 1560)),
    ("S-21", None, event(1, 600, first=600), 0, False, CountCase.C1, points(1, 0, 0)),
    ("S-23", known(5, 10, version=12), event(5, 10, version=11), 21, False, CountCase.C7, None),
    ("D1", known(25, 10), event(61, 700), 701, False, CountCase.C4, points(36, 10, 700)),
    ("D3", known(2, 0, series=True), event(180, 1780, series=True), 1790, False, CountCase.C4, points(178, 0, 1780)),
    ("D5", known(40, 10), event(3, 4000, first=3900, uid="b"), 4001, False, CountCase.C9, points(3, 3900, 4000)),
    ("T22", known(5, 10), event(500, 20), 21, False, CountCase.C4, points(495, 10, 20)),
    ("T42", None, event(1, -4000, first=-4000), 1, True, CountCase.C3, None),
    ("same-second-as-the-start", None, event(1, 0), 1, True, CountCase.C1, points(1, 0, 0)),
]


@pytest.mark.parametrize(
    ("last", "observed", "now", "is_listed", "case", "contribution"),
    [row[1:] for row in CASES],
    ids=[row[0] for row in CASES],
)
def test_each_row_of_the_specification(
    last: Counted | None,
    observed: KubeEvent,
    now: float,
    is_listed: bool,
    case: CountCase,
    contribution: Contribution | None,
) -> None:
    counted = count(observed, last, covered_from=at(0), is_listed=is_listed, now=at(now))
    assert (counted.case, counted.contribution) == (case, contribution)


def test_C3_remembers_the_count_that_it_did_not_tell() -> None:
    counted = count(event(57, -10, first=-2400), None, covered_from=at(0), is_listed=True, now=at(1))
    assert counted.state == Counted("a", at(-2400), at(-10), 57, False, "10", at(1))


def test_C7_keeps_the_state_as_it_is() -> None:
    last = known(12, 100, version=11)
    assert count(event(13, 200), last, covered_from=at(0), is_listed=False, now=at(201)).state is last


def test_C10_remembers_two() -> None:
    counted = count(event(1, 60, series=True), known(1, 0), covered_from=at(0), is_listed=False, now=at(61))
    assert counted.state.count == 2
    again = count(event(1, 60, series=True, version=11), counted.state, covered_from=at(0), is_listed=False, now=at(62))
    assert (again.case, again.contribution) == (CountCase.C7, None)


def test_C12_a_deletion_keeps_the_count_for_a_day() -> None:
    last = end(known(50, 10), at(100))
    assert not is_stale(last, at(100 + 86400))
    assert is_stale(last, at(100 + 86401))
    back = count(event(57, 200, uid="b"), last, covered_from=at(0), is_listed=False, now=at(201))
    assert back.contribution == points(7, 10, 200)
    assert back.state.deleted_at is None


@pytest.mark.parametrize(("ahead", "is_clamped"), [(0, False), (30, False), (31, True)])
def test_C13_clamps_more_than_30_seconds_ahead(ahead: int, is_clamped: bool) -> None:
    counted = count(event(1, ahead), None, covered_from=at(-60), is_listed=False, now=at(0))
    assert counted.is_clamped is is_clamped


def test_a_time_with_a_fraction_is_compared_exactly() -> None:
    start = T + timedelta(milliseconds=500)
    early = count(event(1, 0.4, first=0.4), None, covered_from=start, is_listed=True, now=at(1))
    assert early.contribution is None
    cut = count(event(1, 0), None, covered_from=start, is_listed=True, now=at(1))
    assert cut.contribution == points(1, 0, 0)


def test_without_a_bound_everything_counts() -> None:
    counted = count(event(57, -10, first=-2400), None, covered_from=None, is_listed=True, now=at(1))
    assert counted.contribution == points(57, -2400, -10)


def test_F_39_a_relist_changes_no_sum() -> None:
    states = [known(n, 10, version=n) for n in range(1, 101)]
    relisted = [
        count(event(n, 10, version=n), state, covered_from=at(0), is_listed=True, now=at(60))
        for n, state in enumerate(states, start=1)
    ]
    assert [counted.contribution for counted in relisted] == [None] * 100
    assert [counted.state for counted in relisted] == states


def test_F39_without_what_was_known_a_relist_counts_everything_again() -> None:
    relisted = [count(event(n, 10, version=n), None, covered_from=at(0), is_listed=True, now=at(60)) for n in (1, 2, 3)]
    assert [counted.contribution and counted.contribution.n for counted in relisted] == [1, 2, 3]


def test_F41_without_what_was_known_the_sum_is_another() -> None:
    frames = [event(n, 10 * n, version=100 + n) for n in (1, 2, 2, 1, 4, 3, 3, 4, 5, 5)]
    counted = [count(frame, None, covered_from=at(0), is_listed=False, now=at(100)) for frame in frames]
    assert sum(each.contribution.n for each in counted if each.contribution) == 30


def test_F_41_everything_twice_and_out_of_order_gives_the_same_sum() -> None:
    frames = [event(n, 10 * n, version=100 + n) for n in (1, 2, 2, 1, 4, 3, 3, 4, 5, 5)]
    state: Counted | None = None
    total = 0
    for frame in frames:
        counted = count(frame, state, covered_from=at(0), is_listed=False, now=at(100))
        state = counted.state
        total += counted.contribution.n if counted.contribution else 0
    assert total == 5


def test_a_state_that_nobody_saw_for_longer_than_Events_live_is_stale() -> None:
    assert not is_stale(known(1, 0), at(25 * 3600))
    assert is_stale(known(1, 0), at(25 * 3600 + 1))


def test_states_that_are_stale_are_forgotten_and_the_others_kept() -> None:
    counts = {"old": known(1, 0), "new": known(1, 3600), "deleted": end(known(1, 0), at(7200))}
    assert stale(counts, at(25 * 3600)) == []
    assert stale(counts, at(25 * 3600 + 1)) == ["old"]
    assert sorted(stale(counts, at(26 * 3600 + 1))) == ["deleted", "new", "old"]


def test_of_too_many_that_were_deleted_the_oldest_are_forgotten() -> None:
    counts = {f"e{n}": end(known(1, 0), at(n)) for n in range(20_002)}
    counts |= {"there": known(1, 0), "gone": end(known(1, 0), at(-90_000))}
    assert stale(counts, at(100)) == ["gone", "e0", "e1"]


@pytest.mark.parametrize(
    ("version", "known_", "newer"),
    [("10", "9", True), ("9", "9", False), ("9", "10", False), ("a", "9", True), ("9", "a", True), ("a", "a", False)],
)
def test_versions_are_ordered_as_integers_where_they_are_some(version: str, known_: str, newer: bool) -> None:
    assert is_newer(version, known_) is newer


@pytest.mark.parametrize(("last", "observed"), [(None, event(1, 31)), (known(5, 10, version=12), event(5, 31))])
def test_C13_says_that_it_clamped_whatever_it_counted(last: Counted | None, observed: KubeEvent) -> None:
    assert count(observed, last, covered_from=at(-60), is_listed=False, now=at(0)).is_clamped
    assert not count(observed, last, covered_from=at(-60), is_listed=False, now=at(1)).is_clamped


def test_a_state_survives_encoding() -> None:
    state = end(known(3, 10.5), at(20))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Counted) == state


@pytest.mark.parametrize(
    ("edge", "case"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), CountCase.C3),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), CountCase.C2),
    ],
)
def test_instants_at_the_ends_of_time_are_counted(edge: datetime, case: CountCase) -> None:
    seen = msgspec.structs.replace(event(2, 0), first_at=edge, last_at=edge)
    assert count(seen, None, covered_from=at(0), is_listed=True, now=at(1)).case is case
