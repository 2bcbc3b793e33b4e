"""The routing tree, with everything inherited filled in. Pure."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta

import msgspec

from kwatch.config.matching import KnownNames, check_labels, read_label_match
from kwatch.config.parse import Node
from kwatch.config.problems import Place, Problems, did_you_mean, listed
from kwatch.config.schema import RouteWords
from kwatch.config.validate import check, is_mapping
from kwatch.config.windows import KEYS as WINDOW_KEYS
from kwatch.config.windows import check_names as check_windows
from kwatch.model.conditions import AllOf, Condition, LabelIs, Text
from kwatch.model.matching import any_of
from kwatch.model.routes import Escalation, Route

#: The receiver that drops, and counts.
NONE = "none"

_LABEL = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


class RouteReader:
    """Reads a tree. `known` None: a file is broken, any name may be."""

    def __init__(
        self, receivers: Collection[str], windows: Collection[str], known: KnownNames | None, problems: Problems
    ) -> None:
        self._receivers = receivers
        self._windows = windows
        self._known = known
        self._problems = problems
        self._siblings: list[tuple[tuple[Node, ...], tuple[Route, ...]]] = []
        self._misread: set[Place] = set()  # routes that lost what is wrong in them: of those nothing can be said

    def root(self, node: Node) -> Route:
        """Return the tree. The root takes what no other route does: it has a receiver, and no match."""
        if not is_mapping(node, self._problems):
            return Route(receiver="")
        for key in ("match", "continue"):
            if key in node.mapping:
                place = node.mapping[key].key_place
                self._problems.add(
                    place, f"{key}: the root of the routes takes everything; put it into an entry of `routes`"
                )
        receiver = node.mapping.get("receiver")
        if receiver is None:
            self._problems.add(node.place, "'receiver' is missing: the root needs one for what no other route takes")
        elif "{{" in receiver.text:
            self._problems.add(
                receiver.place, "receiver: the root needs a plain name, for when a name with labels is none"
            )
        route = self._route(node, Route(receiver=""))
        for nodes, routes in self._siblings:
            self._check_reachable(nodes, routes)
        return route

    def _route(self, node: Node, parent: Route) -> Route:
        before = len(self._problems)
        words = check(node, RouteWords, self._problems) or RouteWords()
        match = self._match(node)
        if len(self._problems) > before:
            self._misread.add(node.place)
        receiver = node.mapping.get("receiver")
        if receiver is not None and receiver.text:
            self._check_receiver(receiver)
        given = {
            "receiver": words.receiver,
            "group_by": words.group_by,
            "group_wait": words.group_wait,
            "group_interval": words.group_interval,
            "repeat_interval": words.repeat_interval,
            "escalate": _steps(words),
        }
        if "group_by" in node.mapping:
            check_labels(node.mapping["group_by"].items, self._known, self._problems)
        for key in WINDOW_KEYS:
            if key in node.mapping:
                check_windows(node.mapping[key], self._windows, self._problems)
        hours = {key: getattr(words, key) for key in WINDOW_KEYS if getattr(words, key) is not None}
        route = msgspec.structs.replace(
            parent,
            schedule=msgspec.structs.replace(parent.schedule, **hours),
            parent_receiver=parent.parent_receiver if "{{" in parent.receiver else parent.receiver,
            match=match,
            continue_=words.continue_,
            origin=f"{node.place.file}:{node.place.line}",
            critical_wait=words.group_wait or timedelta(0),
            **{name: value for name, value in given.items() if value is not None},
        )
        self._check_steps(node, route)
        return msgspec.structs.replace(route, children=self._children(node, route))

    def _match(self, node: Node) -> Condition:
        asked = node.mapping.get("match")
        if asked is None:
            return AllOf(())
        return read_label_match("match", asked, self._known, self._problems)

    def _children(self, node: Node, route: Route) -> tuple[Route, ...]:
        nodes = node.mapping["routes"].items if "routes" in node.mapping else ()
        children = tuple(self._route(each, route) for each in nodes)
        self._siblings.append((nodes, children))
        return children

    def _check_reachable(self, nodes: tuple[Node, ...], routes: tuple[Route, ...]) -> None:
        read = [(node, route) for node, route in zip(nodes, routes, strict=True) if node.place not in self._misread]
        for index, (node, route) in enumerate(read):
            for other, taken in read[:index]:
                if not taken.continue_ and implies(route.match, taken.match):
                    self._problems.add(
                        node.place,
                        f"unreachable: the route at {other.place} takes all that this one would; "
                        "put this one before it, or write continue: true there",
                    )
                    break

    def _check_receiver(self, node: Node) -> None:
        name = node.text
        if _is_template(name):
            self._check_template(node)
        elif name != NONE:
            self._check_exists(node, (*self._receivers, NONE))

    def _check_exists(self, node: Node, known: Collection[str]) -> None:
        if node.text not in self._receivers:
            hint = did_you_mean(node.text, known) or f"; write one of {listed(known)}"
            self._problems.add(node.place, f"receiver: there is no receiver {node.text!r}{hint}")

    def _check_steps(self, node: Node, route: Route) -> None:
        """A step tells somebody who was not told before: a receiver that exists, and each once."""
        told = {node.mapping["receiver"].text if "receiver" in node.mapping else route.receiver}
        for receiver in _step_receivers(node):
            if receiver.text in told:
                self._problems.add(receiver.place, f"receiver: {receiver.text!r} is told before this step")
            elif receiver.text:
                self._check_exists(receiver, self._receivers)
            told.add(receiver.text)

    def _check_template(self, node: Node) -> None:
        if _is_template(_LABEL.sub("", node.text)):
            self._problems.add(node.place, "receiver: only labels can stand in a name, as in team-{{ team }}")
            return
        check_labels((replace(node, text=label) for label in _LABEL.findall(node.text)), self._known, self._problems)
        if not any(names(node.text, receiver) for receiver in self._receivers):
            there = listed(self._receivers)
            self._problems.add(
                node.place, f"receiver: no receiver's name can come out of {node.text!r}; there is {there}"
            )


def names(name: str, receiver: str) -> bool:
    """Return whether a route's receiver, with labels in it or without, can name this one."""
    if not _is_template(name):
        return name == receiver
    return any_of((Text(_LABEL.sub("*", name)),))(receiver)


def named_receivers(node: Node) -> Iterator[str]:
    """Yield what a tree names as receivers, also where it is wrong otherwise."""
    if "receiver" in node.mapping:
        yield node.mapping["receiver"].text
    yield from (receiver.text for receiver in _step_receivers(node))
    for child in node.mapping["routes"].items if "routes" in node.mapping else ():
        yield from named_receivers(child)


def _step_receivers(node: Node) -> Iterator[Node]:
    for step in node.mapping["escalate"].items if "escalate" in node.mapping else ():
        if "receiver" in step.mapping:
            yield step.mapping["receiver"]


def _steps(words: RouteWords) -> tuple[Escalation, ...] | None:
    steps = words.escalate
    return None if steps is None else tuple(Escalation(step.after, step.receiver) for step in steps)


def _is_template(name: str) -> bool:
    return "{" in name or "}" in name


def implies(narrow: Condition, wide: Condition) -> bool:
    """Return whether what the one takes the other takes too; False when that is not plain to see."""
    return all(any(_part_implies(part, asked) for part in _parts(narrow)) for asked in _parts(wide))


def _part_implies(part: Condition, asked: Condition) -> bool:
    if isinstance(part, LabelIs) and isinstance(asked, LabelIs) and part.key == asked.key:
        return all(each in asked.anyof for each in part.anyof)
    return part == asked


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.of if isinstance(condition, AllOf) else (condition,)
