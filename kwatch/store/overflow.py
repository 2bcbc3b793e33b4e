"""The overflow: one notification in the stead of those for which there was no room (S-91 to S-93). Pure.

It is opened with the first that is folded into it, takes in whatever follows until it leaves, and lists all of it then.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.alerts.announcing import ALERTS
from kwatch.alerts.views import order_of
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.identity import incident_id, notification_id
from kwatch.model.notifications import Content, Notification, NotificationKind, tally
from kwatch.model.rules import Severity

#: How long an overflow waits for company (spec 2.5).
WAIT: Final = timedelta(seconds=60)
#: What is older when it is folded could not be told: it is said to be late.
LATE: Final = timedelta(minutes=5)
#: The group part of its incident.
OVERFLOW: Final = "overflow"


def open_overflow(first: Notification, at: datetime) -> Notification:
    """Return the empty overflow that `first` will be folded into."""
    incident = incident_id(OVERFLOW, int(at.timestamp() * 1000))
    content = Content(
        kind=NotificationKind.OVERFLOW,
        cluster=first.content.cluster,
        receiver=first.content.receiver,
        severity=Severity.INFO,
        group_labels={},
        alerts=(),
        alert_count=0,
        firing_count=0,
        starts_at=at,
        public_url=first.content.public_url,
    )
    return Notification(
        id=notification_id(incident, first.destination, 1),
        destination=first.destination,
        incident=incident,
        sequence=1,
        kind=NotificationKind.OVERFLOW,
        severity=Severity.INFO,
        content=content,
        created_at=at,
    )


def list_overflow(overflow: Notification, folded: Iterable[Notification]) -> Notification:
    """Return the overflow as it leaves; of an alert that was folded several times it says the last."""
    begun_at = overflow.created_at
    views: dict[tuple[str, int, datetime], AlertView] = {}
    number, dropped, severity, came_and_went = 0, 0, Severity.INFO, dict[str, None]()
    for each in folded:
        number, dropped = number + 1, dropped + each.content.notices_dropped
        severity, begun_at = max(severity, each.severity), min(begun_at, each.created_at)
        views |= {_identity(view): view for view in each.content.alerts}
        came_and_went |= dict.fromkeys(each.content.came_and_went)
    ordered = sorted(views.values(), key=order_of)
    content = msgspec.structs.replace(
        overflow.content,
        starts_at=begun_at,
        is_late=begun_at < overflow.created_at - LATE,
        severity=severity,
        alerts=tuple(ordered[:ALERTS]),
        alert_count=len(ordered),
        firing_count=sum(view.state is AlertState.FIRING for view in ordered),
        folded=number,
        counts=tally(ordered),
        came_and_went=tuple(came_and_went)[:ALERTS],
        notices_dropped=dropped,
    )
    return msgspec.structs.replace(overflow, severity=severity, content=content)


def _identity(view: AlertView) -> tuple[str, int, datetime]:
    """Name an episode; of notices, which have none, the moment."""
    return view.fingerprint, view.episode, view.starts_at
