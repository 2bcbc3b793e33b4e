"""How often, or how many different ones, in the last while: an exact sliding log, in integers (spec 2.3)."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter

from kwatch.alerts import ledger as fates
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Alert
from kwatch.model.findings import Finding
from kwatch.model.observations import Contribution
from kwatch.model.rules import Rate

#: Contributions, and values, kept per fingerprint at least, so that the number shown stays near the truth above the
#: threshold.
KEPT = 64

#: Labels that name an object only together with its namespace.
_NAMESPACED = ("name", "workload")

_last = attrgetter("t1")


def reaches(alert: Alert, finding: Finding, now: datetime, ledger: Ledger) -> bool:
    """Count an occurrence and return whether the rule's rate is reached; a rule without one is content with it.

    What is older than the window opens nothing: whatever else is in there was judged when it came.
    """
    rate, contribution = finding.rule.rate, finding.contribution
    if rate is None or contribution is None:
        return True
    if not add(alert.window, contribution, rate, now):
        ledger.count(fates.LATE)
        return alert.is_open
    if rate.distinct:
        note(alert.values, value_of(rate.distinct, finding.labels), contribution.t1, rate)
        return alert.is_open or distinct_in(alert.values, rate, now) >= rate.count
    return alert.is_open or window_sum(alert.window, rate, now) >= rate.count


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


def value_of(label: str, labels: Mapping[str, str]) -> str:
    """Return the value that is told apart; empty when the label is absent, which is no value."""
    value = labels.get(label, "")
    return f"{labels.get('namespace', '')}/{value}" if value and label in _NAMESPACED else value


def distinct_in(values: Mapping[str, datetime], rate: Rate, now: datetime) -> int:
    """Return how many values were seen in `(now − within, now]`."""
    lo = now - rate.within
    return sum(at > lo for at in values.values())


def note(values: dict[str, datetime], value: str, at: datetime, rate: Rate) -> None:
    """Keep the newest time of a value, of the newest values: `rate.count` of them always suffice to decide."""
    if value:
        values[value] = max(at, values.pop(value, at))
    if len(values) > max(rate.count, KEPT):
        del values[min(values, key=lambda each: values[each])]
