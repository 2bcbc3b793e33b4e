"""`self_service` of the YAML: what annotations of objects may do, against the receivers that there are. Pure."""

from collections.abc import Collection

from kwatch.config.parse import Node
from kwatch.config.problems import Problems, did_you_mean, listed
from kwatch.config.schema import SelfServiceWords
from kwatch.config.validate import check
from kwatch.model.rules import Severity
from kwatch.model.self_service import SelfService, Wish


def read_self_service(main: Node, receivers: Collection[str], problems: Problems) -> SelfService | None:
    """Return what is allowed; None: nothing is, since nobody asked for it."""
    node = main.mapping.get("self_service")
    if node is None:
        return None
    words = check(node, SelfServiceWords, problems)
    _check_receivers(node, receivers, problems)
    if words is None:
        return None
    allowed = SelfService(
        longest_mute=words.longest_mute,
        runbook=words.runbook,
        receivers=frozenset(words.receivers),
        severities=frozenset(words.severities),
        lower_critical=words.lower_critical,
        watch=words.watch,
    )
    if not any(allowed.allows(wish) for wish in Wish):
        problems.add(node.place, "allows nothing: leave `self_service` out")
    if allowed.lower_critical and not allowed.severities - {Severity.CRITICAL}:
        place = node.mapping["lower_critical"].key_place
        problems.add(place, "lower_critical: `severities` offers nothing that is less: add warning or info")
    return allowed


def chosen_receivers(main: Node) -> tuple[str, ...]:
    """Return the receivers that annotations may choose, so that they need no route."""
    node = main.mapping.get("self_service")
    given = node.mapping.get("receivers") if node is not None else None
    return tuple(each.text for each in given.items) if given is not None else ()


def _check_receivers(node: Node, receivers: Collection[str], problems: Problems) -> None:
    for each in node.mapping["receivers"].items if "receivers" in node.mapping else ():
        if each.text not in receivers:
            hint = did_you_mean(each.text, receivers) or f"; there is {listed(receivers)}"
            problems.add(each.place, f"receivers: there is no receiver {each.text!r}{hint}")
