"""When windows are open (S-84 to S-87): the wall clock of their zone, and nothing else.

A window is open while the wall clock shows a time in it, so of an hour that comes twice it covers both, and of one that
is skipped nothing. It can open or close only when the clock shows its start or its end, and when the clock is put
forward or back; these instants are what `next_edge` looks at.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import msgspec

from kwatch.model.windows import DAY, Window

#: Days that are looked through: a 29th of February comes again within eight years.
_HORIZON = 9 * 366
_ONE_DAY = timedelta(days=1)
#: No zone changes its offset twice in so short a time.
_STEP = timedelta(hours=3)
#: After the last edge.
_NEVER = datetime.max.replace(tzinfo=UTC)


class _Phase(msgspec.Struct, frozen=True):
    """A time in which nothing changes."""

    since: datetime
    until: datetime
    is_open: bool


class Windows:
    """The windows of a configuration. Whether one is open is looked up once between two edges."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self.use(windows)

    def use(self, windows: Iterable[Window]) -> None:
        """Go by these from now on."""
        self.by_name: Mapping[str, Window] = {window.name: window for window in windows}
        self._phases: dict[str, _Phase] = {}

    def open_of(self, names: Iterable[str], now: datetime) -> str | None:
        """Return the first of some windows that is open; a name that is not known any more is none."""
        return next((name for name in names if name in self.by_name and self._phase(name, now).is_open), None)

    def knows(self, names: Iterable[str]) -> bool:
        """Return whether one of the names is a window."""
        return any(name in self.by_name for name in names)

    def edge_after(self, name: str, now: datetime) -> datetime | None:
        """Return when a window opens or closes next; None: not in sight."""
        until = self._phase(name, now).until
        return None if until == _NEVER else until

    def edges_between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield when windows open and close after the one instant and before the other."""
        for name in self.by_name:
            at = self.edge_after(name, since)
            while at is not None and at < until:
                yield at
                at = self.edge_after(name, at)

    def next_opening(self, names: Iterable[str], now: datetime) -> datetime | None:
        """Return when the first of some windows opens that are all closed; None: not in sight."""
        edges = (self.edge_after(name, now) for name in names if name in self.by_name)
        return min((at for at in edges if at is not None), default=None)

    def _phase(self, name: str, now: datetime) -> _Phase:
        phase = self._phases.get(name)
        if phase is None or not phase.since <= now < phase.until:
            window = self.by_name[name]
            phase = _Phase(now, next_edge(window, now) or _NEVER, is_open(window, now))
            self._phases[name] = phase
        return phase


def is_open(window: Window, now: datetime) -> bool:
    """Return whether the wall clock of the window's zone shows a time in it."""
    local = now.astimezone(window.zone)
    return has_minute(window, local.date(), local.hour * 60 + local.minute)


def has_minute(window: Window, day: date, minute: int) -> bool:
    """Return whether the window is open on a day when the clock shows a minute of it."""
    if window.start < window.end:
        return window.start <= minute < window.end and has_day(window, day)
    if minute >= window.start:
        return has_day(window, day)
    return minute < window.end and has_day(window, _before(day))


def has_day(window: Window, day: date) -> bool:
    """Return whether the window opens on a day."""
    if day.weekday() not in window.days or day.month not in window.months:
        return False
    from_end = day.day - _length(day) - 1
    return not window.days_of_month or day.day in window.days_of_month or from_end in window.days_of_month


def next_edge(window: Window, now: datetime) -> datetime | None:
    """Return when the window opens or closes next; None: not within nine years."""
    was_open = is_open(window, now)
    first = _before(now.astimezone(window.zone).date())
    for day in (first + _ONE_DAY * number for number in range(_HORIZON)):
        if was_open or has_day(window, day):  # what is closed opens on a day of its own, or on the morning after
            found = next(
                (at for at in _edges_from(window, day) if at > now and is_open(window, at) is not was_open), None
            )
            if found is not None:
                return found
    return None


def _edges_from(window: Window, day: date) -> list[datetime]:
    """Return what could be an edge of a day and of the next, in order; none of those in between is missing."""
    end = _midnight(window, day + 2 * _ONE_DAY)
    possible = {at for number in range(3) for at in _candidates(window, day + number * _ONE_DAY)}
    return sorted(at for at in possible if at < end)


def _candidates(window: Window, day: date) -> Iterable[datetime]:
    """Yield every instant of a day at which the window could open or close."""
    for minutes in (window.start, window.end % DAY):
        wall = datetime.combine(day, time(minutes // 60, minutes % 60), window.zone)
        yield from (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    begin = _midnight(window, day)
    for early, late in pairwise([begin + _STEP * step for step in range(10)]):
        if _offset(window, early) != _offset(window, late):
            yield _change(window, early, late)


def _change(window: Window, early: datetime, late: datetime) -> datetime:
    """Return the instant between two at which the offset changes."""
    before = _offset(window, early)
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
        early, late = (middle, late) if _offset(window, middle) == before else (early, middle)
    return late


def _midnight(window: Window, day: date) -> datetime:
    return datetime.combine(day, time(), window.zone).astimezone(UTC)


def _offset(window: Window, at: datetime) -> timedelta | None:
    return at.astimezone(window.zone).utcoffset()


def _before(day: date) -> date:
    return day - _ONE_DAY


def _length(day: date) -> int:
    """Return the number of days of a day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1).toordinal() - day.replace(day=1).toordinal()
