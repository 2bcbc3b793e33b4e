"""An alert of which nothing is known yet."""

from datetime import datetime

from kwatch.alerts.records import Alert, Member
from kwatch.model.rules import Severity


def blank_alert(seen_at: datetime, *members: Member, is_moment: bool = True) -> Alert:
    """Return one with these members, by their places."""
    return Alert(
        fingerprint="f",
        rule_id="backoff",
        rule="backoff",
        is_moment=is_moment,
        severity=Severity.WARNING,
        key_values=(),
        labels={},
        annotations={},
        message="",
        details={},
        seen_at=seen_at,
        members={str(number): each for number, each in enumerate(members)},
    )
