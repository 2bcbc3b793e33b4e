"""A window: times of the wall clock of a place, as `mon-fri from 22:00 to 06:00 in Berlin`."""

from datetime import tzinfo

import msgspec

#: Minutes of a day.
DAY = 24 * 60


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Days, and a time of day on each of them. What is past midnight belongs to the day on which it began (S-84)."""

    name: str
    zone: tzinfo
    start: int = 0  # minutes since midnight
    end: int = DAY  # at or before `start`: on the day after
    days: frozenset[int] = frozenset(range(7))  # Monday is 0
    months: frozenset[int] = frozenset(range(1, 13))
    days_of_month: frozenset[int] = frozenset()  # -1 is the last; empty: every one


class Schedule(msgspec.Struct, frozen=True):
    """The windows of a route, by name."""

    active_in: tuple[str, ...] = ()  # outside all of them nothing is told
    mute_in: tuple[str, ...] = ()  # inside one of them nothing is told
    hold_in: tuple[str, ...] = ()  # inside one of them it is collected, but for what is critical, and told at the end
