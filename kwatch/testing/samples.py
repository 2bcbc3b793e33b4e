"""Samples of what flows, complete and valid, for tests to vary."""

from datetime import UTC, datetime

from kwatch.model.notifications import Content, Notification, NotificationKind
from kwatch.model.rules import Severity

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def notification(
    sequence: int,
    kind: NotificationKind = NotificationKind.FIRING,
    *,
    incident: str = "kw/group/1",
    destination: str = "hook",
    severity: Severity = Severity.WARNING,
    created_at: datetime = START,
    thread_of: str = "",
) -> Notification:
    """Return a notification without alerts; its id is `<incident>/<destination>/<sequence>`."""
    content = Content(
        kind=kind,
        cluster="prod",
        receiver="team",
        severity=severity,
        group_labels={},
        alerts=(),
        alert_count=0,
        firing_count=0,
        starts_at=created_at,
    )
    return Notification(
        id=f"{incident}/{destination}/{sequence}",
        destination=destination,
        incident=incident,
        sequence=sequence,
        kind=kind,
        severity=severity,
        content=content,
        created_at=created_at,
        thread_of=thread_of,
    )
