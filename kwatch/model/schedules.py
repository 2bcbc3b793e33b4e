"""Schedules: the instants of a cron expression in a time zone (S-98 to S-101, D12). Pure.

As Debian's cron does: an expression with a fixed minute and hour runs once in a repeated hour, and at the first instant
after a gap for what the gap has swallowed; where one of the two begins with a star it runs by what the clock shows.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

_FIELDS = 5
_ANY = datetime(2026, 1, 1, tzinfo=UTC)
#: Slots that are looked at one by one; behind so many the newest is looked for from near the end.
_MOST = 1000
_NEAR = timedelta(days=2)


class CronSchedule(msgspec.Struct, frozen=True):
    """When a digest is due: a cron expression of five fields, and the zone whose clock it means."""

    cron: str
    zone: str

    def after(self, at: datetime) -> datetime:
        """Return the first slot after an instant, in UTC. ValueError: there is none, or the expression is wrong."""
        try:
            slots = CronSim(self.cron, at.astimezone(ZoneInfo(self.zone)))
            return next(slot for each in slots if (slot := each.astimezone(UTC)) > at)
        except CronSimError as error:
            raise ValueError(str(error).lower()) from None
        except StopIteration:
            raise ValueError("no day is ever like that") from None

    def passed(self, since: datetime, until: datetime) -> tuple[datetime | None, int]:
        """Return the newest slot after `since` and not after `until`, and how many there were, as far as counted."""
        newest, count = None, 0
        at = self.after(since)
        while at <= until:
            newest, count = at, count + 1
            at = self.after(at if count < _MOST else max(at, until - _NEAR))
        return newest, count


def check_cron(text: str) -> str:
    """Return a cron expression. ValueError: it is none, or never comes."""
    if len(text.split()) != _FIELDS:
        raise ValueError("five fields are asked for: minute, hour, day of the month, month, day of the week")
    CronSchedule(text, "UTC").after(_ANY)
    return text
