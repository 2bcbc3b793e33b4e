"""How often in the last while: an exact sliding log of contributions, in integers (spec 2.3)."""

from collections.abc import Iterable
from datetime import datetime

from kwatch.model.observations import Contribution
from kwatch.model.rules import Rate

#: Contributions kept per fingerprint at least, so that the number shown stays near the truth above the threshold.
KEPT = 64


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

    Each contribution inside counts at least one, so `rate.count` of them always suffice to decide; the two oldest
    become one when there are more than that and more than `KEPT`.
    """
    lo = now - rate.within
    if window and window[0].t1 <= lo:
        window[:] = [kept for kept in window if kept.t1 > lo]
    is_inside = contribution.t1 > lo
    if is_inside:
        window.append(contribution)
    if len(window) > max(rate.count, KEPT):
        first, second = window[:2]
        window[:2] = [Contribution(first.n + second.n, min(first.t0, second.t0), max(first.t1, second.t1))]
    return is_inside
