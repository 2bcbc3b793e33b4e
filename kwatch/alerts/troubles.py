"""Who is told that a destination cannot be told. Pure."""

from collections.abc import Collection

from kwatch.alerts.routing import Router
from kwatch.model.routes import Destination
from kwatch.model.rules import Severity


def listeners(
    router: Router, about: str, fallbacks: Collection[str], failing: Collection[str], severity: Severity
) -> tuple[Destination, ...]:
    """Return its fallbacks; else the others of the root receiver; else the first destination that can be told.

    Nobody is called to hear that all is well again. Empty: none is left that can be told.
    """
    healthy = [each for name, each in router.destinations.items() if name != about and name not in failing]
    wanted = [each for each in healthy if severity > Severity.INFO or not each.pages]
    chosen = [each for each in wanted if each.name in fallbacks]
    if not chosen:
        wanted = [each for each in wanted if severity >= each.severity]
        chosen = [each for each in wanted if each in router.root_destinations] or wanted[:1]
    return tuple([each for each in chosen if each.digest is None] or chosen)
