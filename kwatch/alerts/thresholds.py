"""How often in the last while: an exact sliding log of contributions, in integers (spec 2.3)."""

from bisect import bisect_right, insort
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

from kwatch.model.observations import Contribution
from kwatch.model.rules import Rate

#: Contributions kept per fingerprint at least, so that the number shown stays near the truth above the threshold.
KEPT = 64

_last = attrgetter("t1")


def share(contribution: Contribution, lo: datetime) -> int:
    """Return how many occurrences of a contribution lie after `lo`; its last one is certain to be at `t1`."""
    if contribution.t1 <= lo:
        return 0
    if contribution.n == 1 or contribution.t0 >= lo:
        return contribution.n
    return max(1, contribution.n * (contribution.t1 - lo) // (contribution.t1 - contribution.t0))


def window_sum(window: Iterable[Contribution], rate: Rate, now: datetime) -> int:
    """Return the occurrences in `(now − within, now]`."""
    lo = now - rate.within
    return sum(share(contribution, lo) for contribution in window)


def add(window: list[Contribution], contribution: Contribution, rate: Rate, now: datetime) -> bool:
    """Put a contribution into the window, let go of what has left it, and return whether this one is inside (C14).

    The window is in the order of the last times. Each contribution inside counts at least one; so while `rate.count`
    newer ones are kept, the two oldest may become one: where that one is inside, the others reach the threshold.
    """
    lo = now - rate.within
    del window[: bisect_right(window, lo, key=_last)]
    is_inside = contribution.t1 > lo
    if is_inside:
        insort(window, contribution, key=_last)
    if len(window) > max(rate.count + 1, KEPT):
        first, second = window[:2]
        window[:2] = [Contribution(first.n + second.n, min(first.t0, second.t0), second.t1)]
    return is_inside
