"""How many occurrences one observation of an Event stands for (spec 2.3, rows C1 to C13). Pure.

An Event object is written when its recorder thinks fit, not when something happens: repeats raise its count, a spam
filter drops writes but not counts, series are refreshed each 30 minutes, and an object that died of age is made again
under a new uid with the accumulated count. So occurrences are differences of counts, per namespace and name of the
Event object, spread over the time since the last one.

C11 is the work of `normalise`. C14 (older than a rule's window) is for whoever keeps windows: contributions keep their
true instants here, however old.
"""

import heapq
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from kwatch.model.observations import Contribution, KubeEvent

FUTURE_LIMIT = timedelta(seconds=30)  # C13: a clock may be this much ahead
#: How long a deleted Event's count waits for its recreation (C12). Other reasons may starve one for hours, and a count
#: that was forgotten is counted twice.
KEEP_DELETED = timedelta(hours=24)
KEPT = 200_000  # counts in all, as many Events as an API server has at a time in a large cluster
KEPT_DELETED = 20_000  # of these; some 500 bytes each
KEEP_UNSEEN = timedelta(hours=25)  # longer than API servers keep Events: only what was deleted unseen gets this old
SECOND = timedelta(seconds=1)


class CountCase(Enum):
    """Which row of the specification decided."""

    C1 = "first occurrence"
    C2 = "first seen with a count, inside the coverage"
    C3 = "first seen, older than the coverage"
    C4 = "count rose"
    C5 = "count unchanged"
    C6 = "count was reset"
    C7 = "older than what is known"
    C8 = "recreated with its count"
    C9 = "another Event of the same name"
    C10 = "series of an old recorder"


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of one Event object, by its namespace and name."""

    uid: str
    first_at: datetime
    last_at: datetime
    count: int
    is_series: bool
    resource_version: str
    seen_at: datetime
    deleted_at: datetime | None = None


class Count(msgspec.Struct, frozen=True, gc=False):
    """The answer. `state` is the given one, unchanged, where nothing has to be remembered anew (C7)."""

    contribution: Contribution | None
    state: Counted
    case: CountCase
    is_clamped: bool = False  # C13: the Event's time was in the future


def count(
    event: KubeEvent, last: Counted | None, *, covered_from: datetime | None, is_listed: bool, now: datetime
) -> Count:
    """Count one observation.

    `covered_from`: since when every change has been seen without a break; None: always. `is_listed`: it came with a
    list, so it may be old; what a watch brings is new by itself.
    """
    at = event.last_at if event.last_at <= now + FUTURE_LIMIT else now
    case, n, since = _classify(event, last, at, covered_from, is_listed)
    if case is CountCase.C7 and last is not None:
        return Count(None, last, case, at is not event.last_at)
    state = Counted(
        uid=event.ref.uid,
        first_at=event.first_at,
        last_at=at,
        count=_total(event, last),
        is_series=event.is_series,
        resource_version=event.resource_version,
        seen_at=now,
    )
    contribution = Contribution(n, min(since, at), at) if n else None
    return Count(contribution, state, case, at is not event.last_at)


def end(last: Counted, now: datetime) -> Counted:
    """Return the state after the Event object was deleted: age, not an end of what it tells (C12)."""
    return msgspec.structs.replace(last, deleted_at=now)


def stale(counts: Mapping[str, Counted], now: datetime) -> list[str]:
    """Return the keys of the states that can be forgotten, or must be: the oldest beyond `KEPT_DELETED`."""
    gone = {key for key, last in counts.items() if is_stale(last, now)}
    ended = [(last.deleted_at, key) for key, last in counts.items() if last.deleted_at is not None and key not in gone]
    surplus = len(ended) - KEPT_DELETED
    oldest = heapq.nsmallest(surplus, ended) if surplus > 0 else []
    return [*gone, *(key for _, key in oldest)]


def is_stale(last: Counted, now: datetime) -> bool:
    """Tell whether a state can be forgotten."""
    if last.deleted_at is not None:
        return now - last.deleted_at > KEEP_DELETED
    return now - last.seen_at > KEEP_UNSEEN


def _classify(
    event: KubeEvent, last: Counted | None, at: datetime, covered_from: datetime | None, is_listed: bool
) -> tuple[CountCase, int, datetime]:
    """Return the row, the number of occurrences and since when."""
    if last is None:
        return _unseen(event, at, covered_from, is_listed)
    if event.ref.uid == last.uid:
        return _same(event, last, at)
    if event.first_at == last.first_at and event.count >= last.count:
        return CountCase.C8, event.count - last.count, last.last_at
    _, n, since = _unseen(event, at, covered_from, is_listed)
    return CountCase.C9, n, since


def _unseen(
    event: KubeEvent, at: datetime, covered_from: datetime | None, is_listed: bool
) -> tuple[CountCase, int, datetime]:
    if event.count == 1 and not (is_listed and _is_before(at, covered_from)):
        return CountCase.C1, 1, at
    if event.count > 1 and not _is_before(event.first_at, covered_from):
        return CountCase.C2, event.count, event.first_at
    return CountCase.C3, 0 if _is_before(at, covered_from) else 1, at


def _same(event: KubeEvent, last: Counted, at: datetime) -> tuple[CountCase, int, datetime]:
    total = _total(event, last)
    if not is_newer(event.resource_version, last.resource_version) or at < last.last_at:
        return CountCase.C7, 0, at
    if total > last.count:
        case = CountCase.C10 if total != event.count else CountCase.C4
        return case, total - last.count, last.last_at
    if total == last.count:
        return CountCase.C5, 0, at
    if at > last.last_at:
        return CountCase.C6, total, last.last_at
    return CountCase.C7, 0, at


def _total(event: KubeEvent, last: Counted | None) -> int:
    """Return the count, as it is meant: recorders of client-go 0.26 start a series at 1 for the second occurrence."""
    is_second = last is not None and last.uid == event.ref.uid and last.count == 1 and not last.is_series
    return 2 if is_second and event.is_series and event.count == 1 else event.count


def _is_before(at: datetime, covered_from: datetime | None) -> bool:
    """Tell whether `at` is certainly not after the start of the coverage.

    Instants without a fraction were cut to the second, so the true one is anywhere in it.
    """
    if covered_from is None:
        return False
    return at <= (covered_from if at.microsecond else covered_from - SECOND)


def is_newer(version: str, known: str) -> bool:
    """Compare resource versions of one resource of one server, which are ordered as integers."""
    return int(version) > int(known) if version.isdecimal() and known.isdecimal() else version != known
