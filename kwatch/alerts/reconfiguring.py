"""What another configuration means for the groups that there are. What it leaves as it was is not touched."""

from collections.abc import Iterable, Mapping

from kwatch.alerts.records import Alert, Group
from kwatch.alerts.routing import Router
from kwatch.model.alerts import AlertState
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


def orphans(alerts: Iterable[Alert], groups: Mapping[str, Group]) -> list[Alert]:
    """Return the firing alerts whose every destination was removed: nobody would be told of them any more."""
    return [
        alert
        for alert in alerts
        if alert.state is AlertState.FIRING and alert.groups and not any(key in groups for key in alert.groups)
    ]
