"""Making notifications: who, in which incident, what; each with an id that no other will ever have."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import IncidentNumbers
from kwatch.alerts.views import order_of
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.identity import incident_id, notification_id
from kwatch.model.notifications import Content, Notification, NotificationKind
from kwatch.model.routes import Destination
from kwatch.model.rules import Severity

#: The key of the row that holds the highest episode.
NUMBERS = "episodes"
#: The group part of the incidents that tell of kwatch itself.
ITSELF = "kwatch"
#: Alerts in a notification; the counts beside them are of all.
ALERTS = 1000


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a notification belongs."""

    destination: str
    receiver: str
    incident: str
    sequence: int = 1
    labels: Mapping[str, str] = {}
    thread_of: str = ""


class Remarks(msgspec.Struct, frozen=True, kw_only=True):
    """What is said beside the alerts; see `Content`."""

    severity_before: Severity | None = None  # None: nothing was told before
    came_and_went: tuple[str, ...] = ()
    notices_dropped: int = 0
    held_in: str = ""
    is_quiet: bool = False
    meant_for: str = ""


_NO_REMARKS = Remarks()


class Announcer:
    """Put views into notifications, and those into the ledger."""

    def __init__(self, ledger: Ledger, *, cluster: str, public_url: str) -> None:
        self.cluster = cluster
        self.public_url = public_url
        self._numbers = IncidentNumbers()
        self._ledger = ledger

    def load(self, kept: Iterable[IncidentNumbers]) -> None:
        """Take back what was kept."""
        self._numbers = next(iter(kept), self._numbers)

    def row(self, key: str) -> IncidentNumbers | None:
        """Return what must survive a restart, by the key of its row."""
        return self._numbers if key == NUMBERS else None

    def new_incident(self, group: str, now: datetime) -> str:
        """Name an incident as none was named before: by its milliseconds, for it must not come back once forgotten."""
        self._numbers.last = max(self._numbers.last + 1, int(now.timestamp() * 1000))
        self._ledger.touch_group(NUMBERS)
        return incident_id(group, self._numbers.last)

    def announce(
        self,
        address: Address,
        kind: NotificationKind,
        views: Iterable[AlertView],
        now: datetime,
        remarks: Remarks = _NO_REMARKS,
    ) -> Severity:
        """Tell one destination of some alerts; return how bad it was said to be."""
        ordered = sorted(views, key=order_of)
        firing = [view for view in ordered if view.state is AlertState.FIRING]
        severity = max((view.severity for view in firing or ordered), default=Severity.INFO)
        ends = [view.ends_at for view in ordered if view.ends_at is not None and kind.closes]
        content = Content(
            kind=kind,
            cluster=self.cluster,
            receiver=address.receiver,
            severity=severity,
            group_labels=address.labels,
            alerts=tuple(ordered[:ALERTS]),
            alert_count=len(ordered),
            firing_count=len(firing),
            starts_at=min((view.starts_at for view in ordered), default=now),
            ends_at=max(ends, default=None),
            came_and_went=remarks.came_and_went,
            notices_dropped=remarks.notices_dropped,
            held_in=remarks.held_in,
            is_quiet=remarks.is_quiet,
            meant_for=remarks.meant_for,
            is_late=any(view.is_late and view.is_new for view in ordered),
            is_raised=remarks.severity_before is not None and severity > remarks.severity_before,
            public_url=self.public_url,
        )
        self.post(address, content, now)
        return severity

    def standing(self, views: Iterable[AlertView], now: datetime) -> Content:
        """Return the facts of all that goes on, in no group and of any number."""
        ordered = tuple(sorted(views, key=order_of))
        return Content(
            kind=NotificationKind.UPDATE,
            cluster=self.cluster,
            receiver="",
            severity=max((view.severity for view in ordered), default=Severity.INFO),
            group_labels={},
            alerts=ordered,
            alert_count=len(ordered),
            firing_count=len(ordered),
            starts_at=min((view.starts_at for view in ordered), default=now),
            public_url=self.public_url,
        )

    def tell_about_itself(self, destination: Destination, text: str, severity: Severity, now: datetime) -> None:
        """Tell one destination something about kwatch; the first line of the text stands for the whole."""
        incident = self.new_incident(ITSELF, now)
        address = Address(destination=destination.name, receiver=destination.receiver, incident=incident)
        content = Content(
            kind=NotificationKind.META,
            cluster=self.cluster,
            receiver=address.receiver,
            severity=severity,
            group_labels={},
            alerts=(),
            alert_count=0,
            firing_count=0,
            starts_at=now,
            text=text,
            public_url=self.public_url,
        )
        self.post(address, content, now)

    def post(self, address: Address, content: Content, now: datetime) -> None:
        """Tell one destination this."""
        self._ledger.notifications.append(
            Notification(
                id=notification_id(address.incident, address.destination, address.sequence),
                destination=address.destination,
                incident=address.incident,
                sequence=address.sequence,
                kind=content.kind,
                severity=content.severity,
                content=content,
                created_at=now,
                thread_of=address.thread_of,
            )
        )
