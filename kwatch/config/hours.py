"""Routes whose windows leave no time at which anything is told. Pure.

Only what is plain is refused: the same names on both sides, and windows of one zone.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from itertools import product

from kwatch.alerts.windows import has_minute
from kwatch.config.parse import Node
from kwatch.config.problems import Problems
from kwatch.config.windows import CYCLE, KEYS
from kwatch.model.routes import Route
from kwatch.model.windows import DAY, Window


def check_hours(node: Node, route: Route, windows: Mapping[str, Window], problems: Problems) -> None:
    """Refuse each route of a tree that says when it tells, and never does."""
    given = [node.mapping[key].place for key in KEYS if key in node.mapping]
    hours = route.schedule
    if given and not _is_time_left(hours.active_in, hours.mute_in, windows):
        where = "inside active_in and outside mute_in" if hours.active_in else "outside mute_in"
        mend = "change one of its windows, or write receiver: none for what is not to be told"
        problems.add(given[0], f"nothing is ever told here: no time is {where}: {mend}")
    elif given and not _is_time_left((), hours.hold_in, windows):
        problems.add(given[0], "what hold_in collects is never told: its windows cover all time: change one of them")
    children = node.mapping["routes"].items if "routes" in node.mapping else ()
    for child, its in zip(children, route.children, strict=True):
        check_hours(child, its, windows, problems)


def _is_time_left(active_in: Collection[str], closed_in: Collection[str], windows: Mapping[str, Window]) -> bool:
    """Return whether there may be a time inside the ones, where there are any, and outside the others."""
    named = {*active_in, *closed_in}
    if not closed_in or not named <= windows.keys():
        return True
    if active_in and set(active_in) <= set(closed_in):
        return False
    if len({windows[name].zone for name in named}) > 1:
        return True
    active, closed = ([windows[name] for name in names] for names in (active_in, closed_in))
    return any(
        not any(has_minute(window, day, minute) for window in closed)
        and (not active or any(has_minute(window, day, minute) for window in active))
        for day, minute in product(map(date.fromordinal, CYCLE), _edges((*active, *closed)))
    )


def _edges(windows: Iterable[Window]) -> frozenset[int]:
    """Return the minutes of a day at which one of some windows may open or close: between them nothing changes."""
    return frozenset({0}.union(*({window.start, window.end % DAY} for window in windows)))
