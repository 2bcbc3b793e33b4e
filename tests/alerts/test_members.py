"""Members of one alert are bounded: who is well makes room for who is wrong, and is still counted."""

from datetime import UTC, datetime

from kwatch.alerts.members import prune
from kwatch.alerts.records import Alert, Member
from kwatch.model.findings import Truth
from kwatch.model.objects import ObjectRef
from tests.alerts.blank import blank_alert

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def holding(well: int, wrong: int) -> Alert:
    """Return an alert of that many Pods that are well, and that are wrong."""
    truths = [Truth.FALSE] * well + [Truth.TRUE] * wrong
    return blank_alert(NOW, *(member(f"p{number}", truth) for number, truth in enumerate(truths)), is_moment=False)


def member(name: str, truth: Truth) -> Member:
    return Member(ref=ObjectRef("Pod", name, "shop"), truth=truth, since_at=NOW, seen_at=NOW, is_observed=True)


def test_a_thousand_are_kept_whatever_they_are() -> None:
    alert = holding(well=500, wrong=500)
    assert prune(alert, keep_wrong=True) == []


def test_the_first_beyond_takes_the_place_of_one_that_is_well() -> None:
    alert = holding(well=500, wrong=501)
    assert [member.ref.name for member in prune(alert, keep_wrong=True)] == ["p0"]
    assert (len(alert.members), alert.unlisted) == (1000, 1)


def test_all_that_are_wrong_stay_and_room_is_looked_for_with_each_hundred() -> None:
    alert = holding(well=200, wrong=900)
    assert prune(alert, keep_wrong=True) == []
    alert = holding(well=200, wrong=901)
    assert len(prune(alert, keep_wrong=True)) == 101
    alert = holding(well=50, wrong=1051)
    assert len(prune(alert, keep_wrong=True)) == 50
    assert (len(alert.members), alert.unlisted) == (1051, 50)


def test_of_moments_the_oldest_make_room_each_time() -> None:
    alert = holding(well=1, wrong=1002)
    assert [member.ref.name for member in prune(alert, keep_wrong=False)] == ["p0", "p1", "p2"]
