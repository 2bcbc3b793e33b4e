"""How often something may be told: so many a minute, and so many at once."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """A token bucket's size: `burst` tokens, of which `per_minute` come back in a minute."""

    per_minute: int
    burst: int

    @property
    def interval(self) -> timedelta:
        """How long one token takes to come back."""
        return timedelta(minutes=1) / self.per_minute

    @property
    def memory(self) -> timedelta:
        """How long an empty bucket takes to be full: what was before is of no account."""
        return self.interval * self.burst


class Paces(msgspec.Struct, frozen=True):
    """The paces that were asked for, by destination and by rule; what has none is told as it comes."""

    destinations: Mapping[str, Pace] = {}
    rules: Mapping[str, Pace] = {}
