"""Which destinations an alert goes to, and how it is grouped there: a walk over the routing tree (S-106 to S-110)."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.model import beat
from kwatch.model.matching import LabelPredicate, label_predicate
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Severity
from kwatch.model.windows import Schedule

#: The receiver that drops, and counts.
NONE = "none"

_LABEL = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


class Match(msgspec.Struct, frozen=True):
    """One receiver that is to be told, and the route that says how."""

    receiver: str
    route: Route
    destinations: tuple[Destination, ...]

    def group(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels that make the group of an alert; one that is absent counts as empty."""
        return {name: labels.get(name, "") for name in self.route.group_by}


class Routing(msgspec.Struct, frozen=True):
    """Where an alert goes. Each receiver is named once, by the first route that leads to it (S-108).

    No word allows it twice: who wants two messages in one place gives it in two receivers.
    """

    matches: tuple[Match, ...]
    is_dropped: bool  # a route to `none` took it, and no other matched
    fallbacks: int  # receivers that their labels did not name

    @property
    def named(self) -> list[tuple[Match, Destination]]:
        """The destinations that the routes lead to, whatever severity they want."""
        return [(match, destination) for match in self.matches for destination in match.destinations]

    def wanting(self, severity: Severity) -> list[tuple[Match, Destination]]:
        """Return those of them that want what is so bad."""
        return [(match, destination) for match, destination in self.named if severity >= destination.severity]

    def drop(self, severity: Severity) -> str:
        """Return the reason code of what goes nowhere; empty: it goes somewhere."""
        if self.is_dropped:
            return fates.DROPPED_BY_ROUTE
        if not self.named:
            return fates.NO_DESTINATION
        return "" if self.wanting(severity) else fates.MUTED_SEVERITY


class _Node:
    """A route with its matchers compiled."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.matches: LabelPredicate = label_predicate(route.match)
        self.children = tuple(map(_Node, route.children))


class Router:
    """The routing tree and the receivers that it leads to."""

    def __init__(self, root: Route, destinations: Iterable[Destination]) -> None:
        self._root = _Node(root)
        self.destinations = {destination.name: destination for destination in destinations}
        self._receivers: dict[str, tuple[Destination, ...]] = {}
        for destination in self.destinations.values():
            self._receivers[destination.receiver] = (*self._receivers.get(destination.receiver, ()), destination)

    @property
    def root_destinations(self) -> tuple[Destination, ...]:
        """The destinations that the root names: who is told of kwatch itself."""
        receiver, _ = self._receiver(self._root.route, {})
        return self._receivers.get(receiver, ())

    def route(self, labels: Mapping[str, str], chosen: str = "") -> Routing:
        """Return where an alert with these labels goes. The root takes what no child does (S-109).

        A receiver that is `chosen` is told in place of theirs, as the first of them would be; what they drop stays so.
        """
        if labels.get("rule") == beat.BEAT:
            return Routing((Match(beat.BEAT, beat.ROUTE, (beat.DESTINATION,)),), is_dropped=False, fallbacks=0)
        matches: dict[str, Match] = {}
        is_dropped, fallbacks = False, 0
        for route in _walk(self._root, labels):
            receiver, is_fallback = self._receiver(route, labels)
            fallbacks += is_fallback
            if receiver == NONE:
                is_dropped = True
            elif receiver not in matches and receiver in self._receivers:
                matches[receiver] = Match(receiver, route, self._receivers[receiver])
        found = tuple(matches.values())
        if chosen in self._receivers and found:
            found = (Match(chosen, found[0].route, self._receivers[chosen]),)
        return Routing(found, is_dropped and not matches, fallbacks)

    def step(self, labels: Mapping[str, str], receiver: str) -> Match | None:
        """Return the receiver that a route escalates to, told as that route says; None: none does (any more)."""
        for match in self.route(labels).matches:
            if receiver in self._receivers and any(step.receiver == receiver for step in match.route.escalate):
                return Match(receiver, match.route, self._receivers[receiver])
        return None

    def schedule(self, labels: Mapping[str, str], receiver: str) -> Schedule:
        """Return when a receiver may be told of an alert, as the route says that leads or escalates to it.

        One that was chosen instead is told by the first route.
        """
        match = self._leading(labels, receiver)
        return Schedule() if match is None else match.route.schedule

    def in_place(self, labels: Mapping[str, str], receiver: str, destination: Destination) -> Match:
        """Return how a destination is told in the place of a receiver: as the route says that leads to that one."""
        match = self._leading(labels, receiver)
        return Match(destination.receiver, self._root.route if match is None else match.route, (destination,))

    def _leading(self, labels: Mapping[str, str], receiver: str) -> Match | None:
        """Return how a receiver is told, by the route that leads or escalates to it; by the first, where none does."""
        matches = self.route(labels).matches
        match = next((match for match in matches if match.receiver == receiver), None)
        return match or self.step(labels, receiver) or next(iter(matches), None)

    def _receiver(self, route: Route, labels: Mapping[str, str]) -> tuple[str, bool]:
        named = _LABEL.sub(lambda label: labels.get(label[1], ""), route.receiver)
        if named == NONE or named in self._receivers:
            return named, False
        return _LABEL.sub(lambda label: labels.get(label[1], ""), route.parent_receiver), True


def _walk(node: _Node, labels: Mapping[str, str]) -> list[Route]:
    """Return the deepest matching routes: the first of the siblings, and those after it while they say `continue`."""
    found: list[Route] = []
    for child in node.children:
        if child.matches(labels):
            found += _walk(child, labels)
            if not child.route.continue_:
                break
    return found or [node.route]
