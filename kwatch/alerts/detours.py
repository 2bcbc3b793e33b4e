"""Who is told in the place of a destination that cannot be told. It keeps nothing: what it tells is the groups'.

What goes on joins the fallback's own groups, as by an escalation: there it is told once, by whatever way it came, then
what becomes of it, and its end, whoever else can be told meanwhile. So a fallback of a fallback is one as well, and two
that are each other's tell nothing twice. What stands for itself is told as it is, and its id ends a circle.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from kwatch.alerts.announcing import ALERTS, Address, Announcer, Remarks
from kwatch.alerts.directory import Directory
from kwatch.alerts.groups import Groups
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.membership import Membership
from kwatch.alerts.records import Alert
from kwatch.alerts.register import Register
from kwatch.alerts.summaries import Summaries
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.decisions import Detour
from kwatch.model.notifications import Content, Notification, NotificationKind, Untold
from kwatch.model.routes import Destination
from kwatch.model.rules import Severity

_LASTING = frozenset({NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.REPEAT})
_LISTS = frozenset({NotificationKind.SUMMARY, NotificationKind.OVERFLOW})
_ALONE = frozenset({NotificationKind.NOTICE, NotificationKind.DIGEST, NotificationKind.META})


class Detours:
    """Tells fallbacks."""

    def __init__(
        self,
        register: Register,
        directory: Directory,
        groups: Groups,
        membership: Membership,
        summaries: Summaries,
        *,
        announcer: Announcer,
        ledger: Ledger,
    ) -> None:
        self._alerts = register.alerts
        self._directory = directory
        self._groups = groups
        self._membership = membership
        self._summaries = summaries
        self._announcer = announcer
        self._ledger = ledger

    def take(self, untold: Untold, fallbacks: tuple[str, ...], now: datetime) -> None:
        """Tell these destinations what they do not know of it yet."""
        for name in fallbacks:
            if name in self._directory.destinations:
                self._tell(untold, self._directory.destinations[name], now)
        self._ledger.detours.append(Detour(untold.ids, fallbacks))

    def _tell(self, untold: Untold, destination: Destination, now: datetime) -> None:
        notification = untold.notification
        if notification.kind in _LISTS and destination.digest is None:
            self._summarise(untold, destination, now)
        elif notification.kind in _LISTS | _LASTING and not notification.content.is_quiet:
            self._escalate(untold, destination, now)
        if notification.kind in _LISTS:
            self._tell_notices(untold, destination, now)
        elif notification.kind in _ALONE:
            self._tell_alone(notification, destination, now)

    def _escalate(self, untold: Untold, destination: Destination, now: datetime) -> None:
        content = untold.notification.content
        for alert in self._going_on(untold):
            match = self._directory.router.in_place(alert.labels, content.receiver, destination)
            self._membership.escalate(alert, match, now, meant_for=_origin(untold.notification))

    def _summarise(self, untold: Untold, destination: Destination, now: datetime) -> None:
        """Tell in one message what goes on of a list, and name what is over; nobody hears of that a third time."""
        content, severity = untold.notification.content, destination.severity
        matched = [
            (alert, self._directory.router.in_place(alert.labels, content.receiver, destination))
            for alert in self._going_on(untold)
            if alert.severity >= severity
        ]
        over = [] if content.meant_for else [*content.came_and_went, *self._over(untold, destination)]
        remarks = Remarks(came_and_went=tuple(over), meant_for=_origin(untold.notification))
        self._summaries.stand_in(destination, matched, remarks, now)

    def _going_on(self, untold: Untold) -> Iterator[Alert]:
        """Yield what a message tells of and still fires, once each."""
        content = untold.notification.content
        if untold.notification.kind in _LASTING and content.alert_count > len(content.alerts):
            yield from map(self._alerts.__getitem__, self._groups.told_in(untold.notification.incident))
            return
        for view in {view.fingerprint: view for view in _views(untold)}.values():
            alert = self._alerts.get(view.fingerprint)
            if alert is not None and _fires(alert, view):
                yield alert

    def _over(self, untold: Untold, destination: Destination) -> Iterator[str]:
        """Yield the titles of what is over, and a destination has heard nothing of."""
        for view in {(view.fingerprint, view.episode): view for view in _views(untold)}.values():
            alert = self._alerts.get(view.fingerprint)
            is_same = alert is not None and alert.episode == view.episode
            if view.severity < destination.severity or self._hears_itself(view, destination):
                continue
            if alert is None or not (_fires(alert, view) or (is_same and destination.name in alert.told_in)):
                yield _title(view)

    def _tell_notices(self, untold: Untold, destination: Destination, now: datetime) -> None:
        """Tell the notices of an overflow in one message."""
        notices = [each for each in untold.folded if each.kind is NotificationKind.NOTICE]
        if notices:
            contents = [each.content for each in notices]
            content = msgspec.structs.replace(
                contents[0],
                alerts=tuple(view for each in contents for view in each.alerts),
                alert_count=sum(each.alert_count for each in contents),
                notices_dropped=sum(each.notices_dropped for each in contents),
                starts_at=min(each.starts_at for each in contents),
            )
            self._tell_alone(msgspec.structs.replace(notices[0], content=content), destination, now)

    def _tell_alone(self, notification: Notification, destination: Destination, now: datetime) -> None:
        """Tell what stands for itself; but never to whom it was meant, nor call people for what can wait."""
        content = self._wanted(notification, destination)
        is_back = destination.name == notification.content.meant_for
        if content is None or is_back or (destination.pages and _can_wait(content)):
            return
        address = Address(
            destination=destination.name,
            receiver=destination.receiver,
            incident=notification.incident,
            sequence=notification.sequence,
        )
        content = msgspec.structs.replace(content, receiver=destination.receiver, meant_for=_origin(notification))
        self._announcer.post(address, content, now)

    def _wanted(self, notification: Notification, destination: Destination) -> Content | None:
        """Return what is severe enough for a destination, and no notice that the routes bring it; None: nothing is."""
        content = notification.content
        views = [view for view in content.alerts if view.severity >= destination.severity]
        if notification.kind is NotificationKind.NOTICE:
            views = [view for view in views if not self._hears_itself(view, destination)]
        severity = max((view.severity for view in views), default=content.severity)
        if severity < destination.severity or (content.alerts and not views):
            return None
        count = content.alert_count - len(content.alerts) + len(views)
        return msgspec.structs.replace(content, severity=severity, alerts=tuple(views[:ALERTS]), alert_count=count)

    def _hears_itself(self, view: AlertView, destination: Destination) -> bool:
        """Whether the routes lead to a destination anyway."""
        wanting = self._directory.routing_of(view).wanting(view.severity)
        return any(each.name == destination.name for _, each in wanting)


def _views(untold: Untold) -> Iterable[AlertView]:
    """Return the alerts that it tells of, oldest word first; of an overflow those in whose stead it stands."""
    if untold.notification.kind is not NotificationKind.OVERFLOW:
        return untold.notification.content.alerts
    return [view for each in untold.folded if each.kind is not NotificationKind.NOTICE for view in each.content.alerts]


def _can_wait(content: Content) -> bool:
    """Whether it is for who reads in the morning: the destination itself is told it as soon as it can be."""
    is_meta = content.kind is NotificationKind.META
    return content.kind is NotificationKind.DIGEST or (is_meta and content.severity is Severity.INFO)


def _fires(alert: Alert, view: AlertView) -> bool:
    return alert.state is AlertState.FIRING and alert.episode == view.episode


def _origin(notification: Notification) -> str:
    return notification.content.meant_for or notification.destination


def _title(view: AlertView) -> str:
    """Return one line that names an alert, as its own title does."""
    name = view.labels.get("workload") or view.labels.get("name", "")
    values = ", ".join(filter(None, (view.labels.get("namespace"), name)))
    return f"{view.rule} ({values})" if values else view.rule
