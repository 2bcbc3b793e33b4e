"""Who is told of an alert: where its labels lead, and what its owner asks for by annotation."""

from collections.abc import Mapping

from kwatch.alerts.annotated import Annotations
from kwatch.alerts.records import Alert
from kwatch.alerts.routing import Match, Router, Routing
from kwatch.model.alerts import AlertView
from kwatch.model.identity import group_id
from kwatch.model.routes import Destination


class Directory:
    """The routes in use, and the destinations that there are."""

    def __init__(self, router: Router, annotations: Annotations, *, cluster: str) -> None:
        self.router = router
        self._annotations = annotations
        self._cluster = cluster

    def use(self, router: Router) -> None:
        """Go by other routes."""
        self.router = router

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """The destinations of the configuration, by name."""
        return self.router.destinations

    def routing_of(self, alert: Alert | AlertView) -> Routing:
        """Return where an alert goes."""
        return self.router.route(alert.labels, self._annotations.receiver_of(alert.labels))

    def group_of(self, match: Match, alert: Alert | AlertView) -> tuple[str, dict[str, str]]:
        """Return the id of an alert's group at a receiver, and the labels that make it."""
        labels = match.group(alert.labels)
        return group_id(self._cluster, match.receiver, labels), labels
