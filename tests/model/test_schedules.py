"""Schedules against a scan of every minute, around every change of the clocks from 2026 to 2030 in every zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from kwatch.model.schedules import CronSchedule, check_cron

MINUTE = timedelta(minutes=1)
AROUND = timedelta(hours=26)
#: By what the clock shows, as minute or hour begins with a star; then those that run once a day.
STARRED = {"*/30 * * * *": (range(0, 60, 30), range(24)), "*/20 1 * * *": (range(0, 60, 20), (1,))}
FIXED = {"30 2 * * *": ((30,), (2,)), "0 0,1,2,3 * * *": ((0,), (0, 1, 2, 3)), "45 23 * * *": ((45,), (23,))}

#: What the clock of a zone shows at each instant.
Shown = list[tuple[datetime, datetime]]


def changes(zone: ZoneInfo) -> list[datetime]:
    """Return the instants from which the clock has another offset, to the minute."""
    found, at = [], datetime(2026, 1, 1, tzinfo=UTC)
    while at < datetime(2031, 1, 1, tzinfo=UTC):
        low, high = at, at + timedelta(days=1)
        offset = low.astimezone(zone).utcoffset()
        if high.astimezone(zone).utcoffset() != offset:
            while high - low > MINUTE:
                middle = low + (high - low) // 2 // MINUTE * MINUTE
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
            found.append(high)
        at += timedelta(days=1)
    return found


def shown_by(zone: ZoneInfo, change: datetime) -> Shown:
    minutes = range(-int(AROUND / MINUTE) - 180, int(AROUND / MINUTE))
    return [(at, at.astimezone(zone).replace(tzinfo=None)) for n in minutes for at in [change + n * MINUTE]]


def scanned(shown: Shown, cron: str, begin: datetime) -> list[datetime]:
    """Return the slots from `begin` on: starred by what is shown, fixed at the first instant that is not before."""
    if cron in STARRED:
        minutes, hours = STARRED[cron]
        return [at for at, local in shown if at >= begin and local.minute in minutes and local.hour in hours]
    minutes, hours = FIXED[cron]
    found, furthest = [], shown[0][1]
    for at, local in shown:
        passed = []
        while furthest < local:
            furthest += MINUTE
            passed.append(furthest.minute in minutes and furthest.hour in hours)
        if any(passed) and at >= begin:
            found.append(at)
    return found


def scheduled(cron: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    schedule, found, at = CronSchedule(cron, zone), [], begin - MINUTE
    while (at := schedule.after(at)) < end:
        found.append(at)
    return found


def zones() -> dict[tuple[tuple[datetime, ...], str], list[str]]:
    """Return the zones that change their clocks, those together whose clocks show the same."""
    alike: dict[tuple[tuple[datetime, ...], str], list[str]] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        if found := changes(zone):
            offsets = [at.astimezone(zone).strftime("%z") for at in found]
            alike.setdefault((tuple(found), " ".join(offsets)), []).append(name)
    return alike


def test_every_zone_that_changes_its_clocks_from_2026_to_2030() -> None:
    alike, differences = zones(), []
    for (found, _), names in alike.items():
        for change in found[:2] + found[-2:]:
            shown, begin, end = shown_by(ZoneInfo(names[0]), change), change - AROUND, change + AROUND
            differences += [
                (names[0], change, cron)
                for cron in (*STARRED, *FIXED)
                if scheduled(cron, names[0], begin, end) != scanned(shown, cron, begin)
            ]
    assert differences == []
    assert sum(map(len, alike.values())) > 150, "the time zone database is there"


def test_the_scan_sees_a_wrong_slot() -> None:
    """The negative control: a clock that does not change is another one."""
    change = datetime(2026, 10, 25, 1, tzinfo=UTC)
    shown, begin, end = shown_by(ZoneInfo("Europe/Berlin"), change), change - AROUND, change + AROUND
    assert scheduled("30 2 * * *", "Europe/Berlin", begin, end) == scanned(shown, "30 2 * * *", begin)
    assert scheduled("30 2 * * *", "Africa/Lagos", begin, end) != scanned(shown, "30 2 * * *", begin)


def test_an_instant_in_the_second_of_two_equal_hours_is_not_followed_by_a_slot_before_it() -> None:
    at = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15 for the second time
    assert CronSchedule("30 2 * * *", "Europe/Berlin").after(at) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_slots_that_have_passed_are_counted_and_the_newest_is_named() -> None:
    schedule, begin = CronSchedule("0 * * * *", "UTC"), datetime(2026, 1, 1, tzinfo=UTC)
    assert schedule.passed(begin, begin + timedelta(minutes=59)) == (None, 0)
    assert schedule.passed(begin, begin + timedelta(hours=3)) == (datetime(2026, 1, 1, 3, tzinfo=UTC), 3)


def test_a_year_of_minutes_is_not_walked_through() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    newest, count = CronSchedule("* * * * *", "UTC").passed(begin, begin + timedelta(days=365))
    assert newest == begin + timedelta(days=365)
    assert 1000 <= count < 5000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 8 * *", "five fields are asked for: minute, hour, day of the month, month, day of the week"),
        ("0 0 8 * * 1", "five fields are asked for: minute, hour, day of the month, month, day of the week"),
        ("0 25 * * *", "bad hour"),
        ("61 * * * *", "bad minute"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 8 * * MON-FIR", "bad day-of-week"),
    ],
)
def test_what_is_no_schedule_says_why(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_cron(text)
