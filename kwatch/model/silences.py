"""A silence: what somebody has asked not to be told of for a while."""

from datetime import datetime

import msgspec

from kwatch.model.conditions import Condition


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that `match` are not announced in `[starts_at, ends_at)`.

    `ends_at` None: only with the last alert that it holds, which `is_until_resolved` then says.
    """

    id: str
    match: Condition  # sees alert labels
    asked: str  # the match as people read it
    starts_at: datetime
    ends_at: datetime | None
    owner: str
    comment: str
    created_at: datetime
    is_by_length: bool = False  # it was asked for as a length: of a clock that is set, its end takes no notice
    is_until_resolved: bool = False  # it ends when the last open alert that it matches has ended

    @property
    def title(self) -> str:
        """One line that says how long, by whom and why."""
        until = "it is resolved" if self.ends_at is None else f"{self.ends_at:%Y-%m-%d %H:%M} UTC"
        return f"silenced until {until} by {self.owner}" + (f": {self.comment}" if self.comment else "")
