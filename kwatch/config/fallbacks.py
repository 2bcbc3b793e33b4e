"""`fallback` of destinations, against the receivers that there are. Pure."""

from collections.abc import Collection, Iterator

from kwatch.config.parse import Node
from kwatch.config.problems import Problems, did_you_mean, listed


def named_fallbacks(main: Node) -> tuple[str, ...]:
    """Return the receivers that are told in the place of others, so that they need no route."""
    return tuple(entry.mapping["fallback"].text for _, entry in _entries(main))


def check_fallbacks(main: Node, receivers: Collection[str], problems: Problems) -> None:
    """Note fallbacks that are no receivers, or the same one as what falls back."""
    for receiver, entry in _entries(main):
        fallback = entry.mapping["fallback"]
        if fallback.text not in receivers:
            hint = did_you_mean(fallback.text, receivers) or f"; there is {listed(receivers)}"
            problems.add(fallback.place, f"fallback: there is no receiver {fallback.text!r}{hint}")
        elif fallback.text == receiver:
            problems.add(
                fallback.place, f"fallback: {receiver!r} is its own receiver, which is told anyway: name another"
            )


def _entries(main: Node) -> Iterator[tuple[str, Node]]:
    """Yield the destinations that have a fallback, with their receivers."""
    receivers = main.mapping.get("receivers")
    for receiver, node in receivers.mapping.items() if receivers is not None else ():
        for entry in node.items:
            if "fallback" in entry.mapping and entry.mapping["fallback"].text:
                yield receiver, entry
