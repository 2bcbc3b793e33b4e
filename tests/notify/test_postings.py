"""What goes on at an Alertmanager, and what has ended there."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from kwatch.notify.postings import Key, Posting, Standing, document
from kwatch.testing.contract.samples import NOW

MINUTE = timedelta(minutes=1)
NOTHING: tuple[frozenset[Key], frozenset[Key]] = (frozenset(), frozenset())


def posted(name: str, **changes: object) -> Posting:
    made = Posting(labels={"alertname": name}, annotations={}, starts_at=NOW - MINUTE)
    return msgspec.structs.replace(made, **changes)


def fires(*names: str) -> Mapping[Key, Posting]:
    return {made.key: made for made in map(posted, names)}


def said(postings: tuple[Posting, ...]) -> list[str]:
    return [
        f"{made.labels['alertname']} {'fires' if made.ends_at is None else made.ends_at - NOW}" for made in postings
    ]


def test_what_fires_is_posted_again_and_again() -> None:
    standing = Standing()
    for _ in range(3):
        assert said(standing.settle(fires("a", "b"), standing.snapshot(), NOW, ends=True)) == ["a fires", "b fires"]


def test_what_fires_no_more_ends_then_and_for_another_15_minutes() -> None:
    standing = Standing()
    standing.settle(fires("a"), standing.snapshot(), NOW, ends=True)
    ended = [
        said(standing.settle({}, standing.snapshot(), NOW + minutes * MINUTE, ends=True)) for minutes in (1, 2, 15, 16)
    ]
    assert ended == [["a 0:01:00"], ["a 0:01:00"], ["a 0:01:00"], []]


def test_the_end_that_was_told_counts() -> None:
    standing = Standing()
    standing.settle(fires("a"), standing.snapshot(), NOW, ends=True)
    standing.note([posted("a", ends_at=NOW)], NOW + MINUTE)
    assert said(standing.settle({}, standing.snapshot(), NOW + MINUTE, ends=True)) == ["a 0:00:00"]


def test_where_no_ends_are_wanted_it_is_posted_no_more() -> None:
    standing = Standing()
    standing.settle(fires("a"), standing.snapshot(), NOW, ends=False)
    assert said(standing.settle({}, standing.snapshot(), NOW + MINUTE, ends=False)) == []


def test_what_fires_again_is_not_posted_as_ended_too() -> None:
    standing = Standing()
    standing.note([posted("a", ends_at=NOW)], NOW)
    assert said(standing.settle(fires("a"), standing.snapshot(), NOW + MINUTE, ends=True)) == ["a fires"]


def test_a_moment_does_not_go_on() -> None:
    standing = Standing()
    standing.note([posted("a", is_moment=True)], NOW)
    assert said(standing.settle({}, standing.snapshot(), NOW, ends=True)) == []


def test_what_began_and_ended_between_two_rounds_is_posted_as_ended() -> None:
    standing = Standing()
    standing.note([posted("a")], NOW)
    standing.note([posted("a", ends_at=NOW)], NOW)
    assert said(standing.settle({}, standing.snapshot(), NOW, ends=True)) == ["a 0:00:00"]


def test_what_was_posted_after_the_snapshot_stays() -> None:
    standing = Standing()
    since = standing.snapshot()
    standing.note([posted("new")], NOW)
    assert said(standing.settle(fires("a"), since, NOW, ends=True)) == ["a fires", "new fires"]


def test_what_ended_after_the_snapshot_does_not_fire_again() -> None:
    standing = Standing()
    standing.settle(fires("a"), standing.snapshot(), NOW, ends=True)
    since = standing.snapshot()
    standing.note([posted("a", ends_at=NOW)], NOW)
    assert said(standing.settle(fires("a"), since, NOW, ends=True)) == ["a 0:00:00"]


@pytest.mark.parametrize(
    ("changes", "ends_at"),
    [({}, NOW + 4 * MINUTE), ({"ends_at": NOW}, NOW), ({"starts_at": NOW + 9 * MINUTE}, NOW + 9 * MINUTE)],
)
def test_an_alert_says_until_when_it_is_sure(changes: dict[str, object], ends_at: object) -> None:
    assert document(posted("a", **changes), NOW + 4 * MINUTE)["endsAt"] == ends_at
