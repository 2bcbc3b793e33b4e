"""When windows are open (S-84 to S-87), and when they open and close: compared with every minute."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from kwatch.alerts.windows import Windows, is_open, next_edge
from kwatch.model.windows import Window

BERLIN = ZoneInfo("Europe/Berlin")


def window(**words: object) -> Window:
    return Window(**{"name": "w", "zone": UTC, **words})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def hours(hour: int, minute: int = 0) -> int:
    return hour * 60 + minute


def edges(one: Window, begin: str, end: str) -> list[str]:
    """Every opening and closing between two instants."""
    found, now = [], at(begin)
    while (edge := next_edge(one, now)) is not None and edge < at(end):
        found.append(f"{edge:%m-%d %H:%M} {'opens' if is_open(one, edge) else 'closes'}")
        now = edge
    return found


NIGHTS = window(zone=BERLIN, days=frozenset(range(5)), start=hours(22), end=hours(6))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-01-03T03:00:00+01:00", True),  # Saturday
        ("2026-01-03T05:59:59+01:00", True),
        ("2026-01-03T06:00:00+01:00", False),
        ("2026-01-03T22:00:00+01:00", False),
        ("2026-01-05T03:00:00+01:00", False),  # Monday: Sunday is none of its days
        ("2026-01-05T21:59:59+01:00", False),
        ("2026-01-05T22:00:00+01:00", True),
    ],
)
def test_S84_a_night_belongs_to_the_day_on_which_it_begins(instant: str, expected: bool) -> None:
    assert is_open(NIGHTS, at(instant)) is expected


def test_S85_an_hour_that_comes_twice_is_in_it_twice() -> None:
    autumn = window(zone=BERLIN, start=hours(2), end=hours(3))
    assert edges(autumn, "2026-10-24T12:00Z", "2026-10-25T12:00Z") == ["10-25 00:00 opens", "10-25 02:00 closes"]


def test_S85_half_of_such_an_hour_too() -> None:
    autumn = window(zone=BERLIN, start=hours(2, 15), end=hours(2, 45))
    assert edges(autumn, "2026-10-24T12:00Z", "2026-10-25T12:00Z") == [
        "10-25 00:15 opens",
        "10-25 00:45 closes",
        "10-25 01:15 opens",
        "10-25 01:45 closes",
    ]


def test_S86_an_hour_that_is_skipped_is_in_nothing() -> None:
    spring = window(zone=BERLIN, start=hours(2), end=hours(3))
    assert edges(spring, "2027-03-27T12:00Z", "2027-03-29T12:00Z") == ["03-29 00:00 opens", "03-29 01:00 closes"]


def test_S86_a_window_over_a_skipped_hour_closes_when_the_clock_is_put_forward() -> None:
    spring = window(zone=BERLIN, start=hours(1, 30), end=hours(2, 30))
    assert edges(spring, "2027-03-27T12:00Z", "2027-03-28T12:00Z") == ["03-28 00:30 opens", "03-28 01:00 closes"]


def test_S87_the_last_day_of_a_february() -> None:
    last = window(days_of_month=frozenset({-1}), months=frozenset({2}))
    assert edges(last, "2028-01-01T00:00Z", "2028-12-31T00:00Z") == ["02-29 00:00 opens", "03-01 00:00 closes"]
    assert edges(last, "2027-01-01T00:00Z", "2027-12-31T00:00Z") == ["02-28 00:00 opens", "03-01 00:00 closes"]


def test_the_29th_of_february_is_found_over_the_turn_of_a_century() -> None:
    leap = window(days_of_month=frozenset({29}), months=frozenset({2}))
    assert next_edge(leap, at("2096-03-01T00:00Z")) == at("2104-02-29T00:00Z")


def test_a_window_that_is_always_open_has_no_edge() -> None:
    assert is_open(window(), at("2026-01-01T00:00Z"))
    assert next_edge(window(), at("2026-01-01T00:00Z")) is None


def test_whether_a_window_is_open_is_looked_up_anew_after_each_edge() -> None:
    windows = Windows([NIGHTS])
    instants = ("2026-01-05T21:00Z", "2026-01-06T04:59Z", "2026-01-06T05:00Z", "2026-01-05T21:00Z")
    assert [windows.open_of(("other", "w"), at(instant)) for instant in instants] == ["w", "w", None, "w"]
    assert windows.edge_after("w", at("2026-01-05T21:00Z")) == at("2026-01-06T05:00Z")


#: Zones with unusual changes: half hours, midnight, a whole day skipped (Apia, earlier), Ramadan, both hemispheres.
ZONES = (
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "America/Nuuk",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Antarctica/Troll",
)
SHAPES = (
    {"start": hours(22), "end": hours(6), "days": frozenset(range(5))},
    {"start": hours(1, 45), "end": hours(2, 20)},
    {"start": hours(0), "end": hours(0, 30)},
    {"start": hours(23, 30), "end": hours(24), "days_of_month": frozenset({-1, 1})},
    {"start": hours(3), "end": hours(2)},
    {"days": frozenset({5, 6}), "months": frozenset({3, 4, 10, 11})},
)


def oracle(shape: dict[str, object], local: datetime, before: datetime) -> bool:
    """Say what the words of a window mean at a minute; `before` is the same time of the day before."""
    start, end = shape.get("start", 0), shape.get("end", 24 * 60)
    minute = local.hour * 60 + local.minute
    days = [(local, start <= minute < end)] if start < end else [(local, minute >= start), (before, minute < end)]
    return any(is_in and _is_day(shape, day) for day, is_in in days)


def _is_day(shape: dict[str, object], day: datetime) -> bool:
    is_last = (day + timedelta(days=1)).day == 1
    of_month = shape.get("days_of_month")
    return (
        day.weekday() in shape.get("days", range(7))
        and day.month in shape.get("months", range(1, 13))
        and (of_month is None or day.day in of_month or (is_last and -1 in of_month))
    )


def transitions(zone: tzinfo) -> list[datetime]:
    """The hours of 2026 to 2030 in which the clock is put forward or back."""
    now, found = at("2026-01-01T00:00Z"), []
    while now.year <= 2030:
        later = now + timedelta(hours=1)
        if now.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            found.append(now)
        now = later
    return found


@pytest.mark.parametrize("name", ZONES)
def test_every_minute_around_every_change_is_as_the_wall_clock_says(name: str) -> None:
    """Two days around each change of 2026 to 2030, minute by minute, by another way than the code's."""
    zone = ZoneInfo(name)
    for index, change in enumerate(transitions(zone)):
        shape = SHAPES[index % len(SHAPES)]
        one = window(zone=zone, **shape)
        begin = change - timedelta(hours=24)
        edge, was_open = next_edge(one, begin), is_open(one, begin)
        for minute in range(1, 2 * 24 * 60):
            now = begin + timedelta(minutes=minute)
            local = now.astimezone(zone).replace(tzinfo=None)
            expected = oracle(shape, local, local - timedelta(days=1))
            assert is_open(one, now) is expected, (name, now)
            if expected is not was_open:
                assert edge == now, (name, shape)
                edge, was_open = next_edge(one, now), expected
        assert edge is None or edge >= begin + timedelta(days=2), (name, shape)
