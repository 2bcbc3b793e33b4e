"""Windows of the YAML, and whether routes use them. A zone is looked up here; what decides is only given it."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kwatch.alerts.windows import has_day, is_open
from kwatch.config.parse import Node
from kwatch.config.problems import Problems, did_you_mean, listed
from kwatch.config.schema import WindowWords
from kwatch.config.validate import check
from kwatch.model.windows import DAY, Window

#: The keys of a route that name windows.
KEYS = ("active_in", "mute_in", "hold_in")

#: A whole cycle of weekdays and leap years.
CYCLE = range(date(2000, 1, 1).toordinal(), date(2028, 1, 1).toordinal())


def check_zones(main: Node, problems: Problems) -> None:
    """Refuse a machine that knows no zone, not even the UTC of messages."""
    try:
        ZoneInfo("UTC")
    except ZoneInfoNotFoundError:
        problems.add(main.place, "this machine knows no time zones: install tzdata")


def read_windows(main: Node, problems: Problems) -> tuple[Window, ...]:
    """Return the entries of `windows`."""
    given = main.mapping.get("windows")
    entries = given.mapping if given is not None else {}
    used = set(_used(main.mapping["route"])) if "route" in main.mapping else set()
    for name, node in entries.items():
        if name not in used:
            problems.add(
                node.key_place,
                f"no route uses the window {name!r}: name it in active_in, mute_in or hold_in, or remove it",
            )
    return tuple(found for name, node in entries.items() if (found := _window(name, node, problems)) is not None)


def check_names(node: Node, windows: Collection[str], problems: Problems) -> None:
    """Refuse names of windows that do not exist, at one of a route's keys."""
    for each in node.items:
        if each.text not in windows:
            there = f"; there is {listed(windows)}" if windows else "; `windows` has none"
            problems.add(each.place, f"there is no window {each.text!r}{did_you_mean(each.text, windows) or there}")


def _window(name: str, node: Node, problems: Problems) -> Window | None:
    words = check(node, WindowWords, problems)
    if words is None:
        return None
    window = Window(
        name=name,
        zone=_zone(words.timezone),
        start=words.start,
        end=words.end or DAY,
        days=frozenset(day for days in words.days for day in days) or frozenset(range(7)),
        months=frozenset(month for months in words.months for month in months) or frozenset(range(1, 13)),
        days_of_month=frozenset(day for days in words.days_of_month for day in days),
    )
    days = [has_day(window, date.fromordinal(day)) for day in CYCLE]
    if window.start == window.end:
        problems.add(node.place, "never open: it ends when it starts; leave out both for whole days")
    elif not any(days):
        problems.add(node.place, "never open: no day is one of these days, in one of these months")
    elif not any(_opens(window, date.fromordinal(day)) for day, is_one in zip(CYCLE, days, strict=True) if is_one):
        problems.add(node.place, "never open: on these days the clock is put forward over these hours")
    elif all(days) and window.end - window.start == DAY:
        problems.add(node.place, "always open: name days, months or hours")
    return window


def _opens(window: Window, day: date) -> bool:
    """Return whether the clock shows the first minute of a window that begins on a day, or the last, or one between."""
    first = datetime.combine(day, time(window.start // 60, window.start % 60), window.zone)
    length = timedelta(minutes=(window.end - window.start - 1) % DAY)
    return any(is_open(window, wall.astimezone(UTC)) for wall in (first, first + length))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC  # `check_zones` has told


def _used(route: Node) -> Iterator[str]:
    """Yield the windows that a tree of routes names."""
    for key in KEYS:
        if key in route.mapping:
            yield from (each.text for each in route.mapping[key].items)
    for child in route.mapping["routes"].items if "routes" in route.mapping else ():
        yield from _used(child)
