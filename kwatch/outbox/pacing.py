"""How much one destination is told: a token bucket with a reserve, and storms (S-91 to S-96, I7). Pure and immutable.

Every attempt takes a token. The reserve is a fifth on top of the bucket: for what is critical, and for ends, which must
not wait for the noise before them. What is told for the first time and finds no token is folded into an overflow, and
begins a storm: until it is over, all but the critical is folded though tokens are there, so that nobody is told a
random part of it. A storm is over when in one window fewer came than half of what the pace lets through: two
thresholds, so that it neither flickers nor latches on to a trickle (T04).

All instants are those of a clock that nobody sets: a bucket is never fuller or emptier for the time on the wall.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import msgspec

from kwatch.model.pace import Pace

#: How long a storm is looked at before it is decided whether it goes on.
WINDOW: Final = timedelta(minutes=1)
#: The reserve is one part in so many of the bucket.
RESERVE: Final = 5


class Bucket(msgspec.Struct, frozen=True):
    """Tokens, kept as the instant at which all of them are back: exact, and right after any rest."""

    burst: int
    interval: timedelta  # in which one token comes back
    full_at: datetime

    @classmethod
    def starting(cls, burst: int, interval: timedelta, now: datetime) -> "Bucket":
        """Return a bucket with one token: nobody knows what was sent just before (S-96)."""
        return cls(burst, interval, now + interval * (burst - 1))

    def spent(self, number: int, now: datetime) -> "Bucket":
        """Return the bucket of which so many tokens are gone at most; one is there (S-96)."""
        return Bucket(self.burst, self.interval, now + self.interval * min(number, self.burst - 1))

    def wait(self, now: datetime) -> timedelta:
        """Return how long until there is a token; 0: there is one."""
        return max(timedelta(0), self._full_at(now) + self.interval - self.burst * self.interval - now)

    def take(self, now: datetime) -> "Bucket":
        """Return the bucket with a token less."""
        return Bucket(self.burst, self.interval, self._full_at(now) + self.interval)

    def _full_at(self, now: datetime) -> datetime:
        return max(self.full_at, now)


class Storm(msgspec.Struct, frozen=True):
    """More comes than may be told: since when, and what came in the window that runs."""

    since: datetime
    window_ends_at: datetime
    count: int = 0


class Folding(Enum):
    """What is folded now."""

    NOTHING = "nothing"
    ORDINARY = "ordinary"  # all that is not critical
    EVERYTHING = "everything"


class Pacer(msgspec.Struct, frozen=True):
    """One destination's pace; each step gives the next one."""

    pace: Pace
    bucket: Bucket
    reserve: Bucket
    storm: Storm | None = None

    @classmethod
    def starting(cls, pace: Pace, now: datetime) -> "Pacer":
        """Return the pacer of a process that has just begun."""
        reserved = -(-pace.burst // RESERVE)
        return cls(
            pace,
            Bucket.starting(pace.burst, pace.interval, now),
            Bucket.starting(reserved, pace.interval * RESERVE, now),
        )

    def resumed(self, attempts: int, now: datetime) -> "Pacer":
        """Return the pacer of a process before which so many attempts were made while the bucket filled up."""
        return msgspec.structs.replace(self, bucket=self.bucket.spent(attempts, now))

    def at(self, now: datetime) -> "Pacer":
        """Return the pacer once the windows that have ended are judged."""
        storm = self.storm
        while storm is not None and now >= storm.window_ends_at:
            is_over = 2 * storm.count < self.pace.per_minute
            storm = None if is_over else Storm(storm.since, storm.window_ends_at + WINDOW)
        return msgspec.structs.replace(self, storm=storm)

    def folding(self, now: datetime) -> Folding:
        """Return what is not told by itself now."""
        is_empty = bool(self.bucket.wait(now))
        if is_empty and self.reserve.wait(now):
            return Folding.EVERYTHING
        return Folding.ORDINARY if is_empty or self.storm is not None else Folding.NOTHING

    def folded(self, number: int, now: datetime) -> "Pacer":
        """Count what was folded; the first of it begins a storm."""
        storm = self.storm or Storm(now, now + WINDOW)
        return msgspec.structs.replace(self, storm=msgspec.structs.replace(storm, count=storm.count + number))

    def wait(self, now: datetime, *, is_urgent: bool) -> timedelta:
        """Return how long until an attempt may be made; 0: now."""
        wait = self.bucket.wait(now)
        return min(wait, self.reserve.wait(now)) if is_urgent else wait

    def take(self, now: datetime) -> "Pacer":
        """Return the pacer after an attempt, which takes of the reserve only what the bucket has not."""
        if self.bucket.wait(now):
            return msgspec.structs.replace(self, reserve=self.reserve.take(now))
        return msgspec.structs.replace(self, bucket=self.bucket.take(now))


class RuleBuckets:
    """The paces of rules at one destination: a bucket for each rule that has one."""

    def __init__(self, paces: Mapping[str, Pace], now: datetime) -> None:
        self._paces: Mapping[str, Pace] = {}
        self._buckets: dict[str, Bucket] = {}
        self.use(paces, now)

    def use(self, paces: Mapping[str, Pace], now: datetime) -> None:
        """Go by other paces; the bucket of a rule whose pace is as it was stays as full as it is."""
        before, self._paces = self._paces, paces
        self._buckets = {
            rule: self._buckets[rule] if before.get(rule) == pace else Bucket.starting(pace.burst, pace.interval, now)
            for rule, pace in paces.items()
        }

    def take(self, rules: Iterable[str], now: datetime) -> bool:
        """Take a token of each rule that something new is about; False when none of them has one.

        A rule without a pace always has.
        """
        named = set(rules)
        ready = {rule for rule in named if rule not in self._buckets or not self._buckets[rule].wait(now)}
        for rule in ready & self._buckets.keys():
            self._buckets[rule] = self._buckets[rule].take(now)
        return bool(ready) or not named
