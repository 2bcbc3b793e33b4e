"""What another configuration means for the groups that there are. What it leaves as it was is not touched."""

from collections.abc import Mapping

from kwatch.alerts.records import Alert, Group
from kwatch.alerts.routing import Router
from kwatch.model.routes import Route


def route_of(group: Group, alerts: Mapping[str, Alert], router: Router) -> Route | None:
    """Return the route that would make this group now; None: no route does, and it keeps the timings that it has."""
    for alert in (alerts[fingerprint] for fingerprint in group.members):
        for match in router.route(alert.labels).matches:
            if match.receiver == group.receiver and set(match.route.group_by) == set(group.labels):
                return match.route
    return None


def apply_timings(group: Group, route: Route) -> bool:
    """Give a group the timings of a route; return whether they are others."""
    before = _timings(group)
    group.wait, group.critical_wait = route.group_wait, route.critical_wait
    group.interval, group.repeat = route.group_interval, route.repeat_interval
    group.schedule = route.schedule
    return before != _timings(group)


def _timings(group: Group) -> tuple[object, ...]:
    return group.wait, group.critical_wait, group.interval, group.repeat, group.schedule


def lose(alert: Alert, key: str) -> None:
    """Note that where an alert was to be told is no more; who takes its place is told when all has been heard."""
    alert.groups = [each for each in alert.groups if each != key]
    alert.held_back_by.pop(key, None)
    alert.awaits_summary = True
