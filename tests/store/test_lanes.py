"""What a notification makes of its lane: literal tables of spec 3.2."""

import pytest

from kwatch.model.notifications import DeliveryState, NotificationKind
from kwatch.store.lanes import Admission, Ending, Lane, LaneRow, admit, bury

FIRING, UPDATE, REPEAT = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.REPEAT
RESOLVED, EXPIRED, NOTICE = NotificationKind.RESOLVED, NotificationKind.EXPIRED, NotificationKind.NOTICE


def fresh(sequence: int, kind: NotificationKind, thread_of: str = "") -> LaneRow:
    return LaneRow(f"n{sequence}", sequence, kind, is_fresh=True, thread_of=thread_of)


def tried(sequence: int, kind: NotificationKind) -> LaneRow:
    return LaneRow(f"n{sequence}", sequence, kind, is_fresh=False, thread_of="")


def superseded(id_: str, by: str) -> Ending:
    return Ending(id_, DeliveryState.SUPERSEDED, f"by {by}")


def cancelled(id_: str, reason: str) -> Ending:
    return Ending(id_, DeliveryState.CANCELLED, reason)


@pytest.mark.parametrize("kind", list(NotificationKind))
def test_the_first_of_a_lane_is_queued_as_it_is(kind: NotificationKind) -> None:
    assert admit("n1", 1, kind, "", Lane()) == Admission(kind, "")


@pytest.mark.parametrize("kind", [UPDATE, REPEAT])
def test_a_newer_state_takes_the_place_of_a_trigger_that_was_never_attempted(kind: NotificationKind) -> None:
    assert admit("n2", 2, kind, "", Lane([fresh(1, FIRING)])) == Admission(FIRING, "", (superseded("n1", "n2"),))


def test_a_newer_update_supersedes_all_that_were_never_attempted() -> None:
    lane = Lane([tried(1, FIRING), fresh(2, UPDATE), fresh(3, REPEAT)])
    assert admit("n4", 4, UPDATE, "", lane) == Admission(UPDATE, "", (superseded("n2", "n4"), superseded("n3", "n4")))


def test_what_takes_the_place_goes_on_in_the_same_thread() -> None:
    lane = Lane([fresh(1, FIRING, thread_of="kw/g/1")])
    assert admit("n2", 2, UPDATE, "", lane).thread_of == "kw/g/1"


@pytest.mark.parametrize("kind", [RESOLVED, EXPIRED])
def test_an_end_cancels_a_trigger_that_was_never_attempted(kind: NotificationKind) -> None:
    assert admit("n2", 2, kind, "", Lane([fresh(1, FIRING)])) == Admission(
        kind, "", (cancelled("n1", "came_and_went"),), "came_and_went"
    )


def test_an_end_stays_behind_a_trigger_that_was_attempted() -> None:
    assert admit("n2", 2, RESOLVED, "", Lane([tried(1, FIRING)])) == Admission(RESOLVED, "")


def test_an_end_supersedes_only_the_updates_when_the_trigger_was_sent() -> None:
    lane = Lane([tried(2, UPDATE), fresh(3, UPDATE)], is_told=True)
    assert admit("n4", 4, RESOLVED, "", lane) == Admission(RESOLVED, "", (superseded("n3", "n4"),))


def test_f_29_an_end_whose_trigger_is_dead_is_cancelled() -> None:
    assert admit("n2", 2, RESOLVED, "", Lane(is_trigger_dead=True)).cancelled == "trigger_dead"


def test_f_30_an_end_whose_dead_trigger_may_have_arrived_is_queued() -> None:
    assert admit("n2", 2, RESOLVED, "", Lane(is_told=True, is_trigger_dead=True)).cancelled == ""


def test_an_update_after_a_dead_trigger_opens_the_incident() -> None:
    assert admit("n2", 2, UPDATE, "", Lane(is_trigger_dead=True)).kind is FIRING


def test_an_end_without_a_trigger_of_its_own_is_sent_for_the_summary_announced_it() -> None:
    lane = Lane([fresh(1, UPDATE, thread_of="kw/summary")])
    assert admit("n2", 2, RESOLVED, "", lane) == Admission(RESOLVED, "kw/summary", (superseded("n1", "n2"),))


def test_a_notice_stands_for_itself() -> None:
    assert admit("n2", 2, NOTICE, "", Lane([fresh(1, NOTICE)])) == Admission(NOTICE, "")


def test_a_notice_is_not_superseded() -> None:
    assert admit("n2", 2, UPDATE, "", Lane([fresh(1, NOTICE)])).endings == ()


def test_an_older_one_ends_nothing_that_is_newer() -> None:
    assert admit("n2", 2, UPDATE, "", Lane([fresh(3, UPDATE)])).endings == ()


def test_f_29_the_death_of_the_trigger_cancels_the_end_that_waits() -> None:
    assert bury(Lane([fresh(2, RESOLVED)], is_trigger_dead=True)) == (cancelled("n2", "trigger_dead"),)


def test_f_30_the_death_of_a_trigger_that_may_have_arrived_cancels_nothing() -> None:
    assert bury(Lane([fresh(2, RESOLVED)], is_told=True, is_trigger_dead=True)) == ()


def test_the_death_of_an_update_cancels_nothing() -> None:
    assert bury(Lane([fresh(2, RESOLVED)])) == ()


def test_a_death_cancels_no_end_that_has_something_to_end() -> None:
    assert bury(Lane([fresh(2, UPDATE), fresh(3, RESOLVED)], is_trigger_dead=True)) == ()


@pytest.mark.parametrize("kind", [RESOLVED, EXPIRED])
@pytest.mark.parametrize("is_told", [True, False])
def test_s_93_an_end_of_what_was_only_folded_is_folded(kind: NotificationKind, is_told: bool) -> None:
    lane = Lane([fresh(2, UPDATE)], is_told=is_told, is_only_folded=True)
    assert admit("n3", 3, kind, "", lane) == Admission(kind, "", (superseded("n2", "n3"),), is_folded=True)


def test_an_end_stays_behind_an_update_that_was_attempted_after_the_trigger_was_folded() -> None:
    lane = Lane([tried(2, FIRING)], is_only_folded=True)
    assert admit("n3", 3, RESOLVED, "", lane) == Admission(RESOLVED, "")


def test_news_of_what_is_folded_and_not_listed_yet_opens_the_incident() -> None:
    assert admit("n2", 2, UPDATE, "", Lane(is_only_folded=True)) == Admission(FIRING, "")
    assert admit("n2", 2, UPDATE, "", Lane(is_only_folded=True, is_told=True)) == Admission(UPDATE, "")
