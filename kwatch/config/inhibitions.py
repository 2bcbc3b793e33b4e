"""The entries of `inhibit`: what is not announced while something else explains it. They make no circle. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence

from kwatch.config.circles import Step, circles
from kwatch.config.matching import KnownNames, check_labels, read_label_match
from kwatch.config.parse import Node
from kwatch.config.problems import Problems
from kwatch.config.routes import implies
from kwatch.config.schema import Absent, InhibitWords
from kwatch.config.validate import check
from kwatch.model.conditions import AllOf
from kwatch.model.rules import Inhibition, Rule

_Entry = tuple[Node, Inhibition]


def read_inhibitions(
    entries: Iterable[Node], rules: Sequence[Rule], known: KnownNames | None, problems: Problems
) -> tuple[Inhibition, ...]:
    """Return the entries of `inhibit`; `known` None: a file is broken, any name may be."""
    read = [(node, found) for node in entries if (found := _inhibition(node, known, problems)) is not None]
    for last, steps in enumerate(circles(read, rules)):
        place = read[last][0].place
        if circle := _circle(read[: last + 1]):
            way = ", which mutes that at ".join(str(node.place) for node, _ in (*circle[1:], circle[0]))
            problems.add(place, f"a circle: this mutes the entry at {way}: take one of them away")
        elif steps:
            problems.add(place, f"a circle: {_said(steps)}: narrow one of them by `not`, or take it away")
    return tuple(inhibition for _, inhibition in read)


def _inhibition(node: Node, known: KnownNames | None, problems: Problems) -> Inhibition | None:
    words = check(node, InhibitWords, problems)
    when, mute = (
        read_label_match(side, node.mapping[side], known, problems) if side in node.mapping else AllOf(())
        for side in ("when", "mute")
    )
    if words is None:
        return None
    if "equal" in node.mapping:
        check_labels(node.mapping["equal"].items, known, problems)
    return Inhibition(when=when, mute=mute, equal=words.equal, is_absent_equal=words.absent is Absent.EQUAL)


def _circle(entries: Sequence[_Entry]) -> tuple[_Entry, ...]:
    """Return the shortest way from the last entry back to it, each muting the source of the next; none: empty."""
    last = entries[-1]
    ways: deque[tuple[_Entry, ...]] = deque([(last,)])
    seen = {id(last)}
    while ways:
        way = ways.popleft()
        if len(way) > 1 and _mutes(way[-1], last):
            return way
        for entry in entries:
            if id(entry) not in seen and _mutes(way[-1], entry):
                seen.add(id(entry))
                ways.append((*way, entry))
    return ()


def _said(steps: Sequence[Step]) -> str:
    """Return the steps of a circle, of which the first is by the entry that is told of."""
    entries = ("by this", *(f"by that at {step.place}" for step in steps[1:]))
    return ", ".join(f"{by} {step.source!r} mutes {step.muted!r}" for by, step in zip(entries, steps, strict=True))


def _mutes(entry: _Entry, other: _Entry) -> bool:
    """Return whether what an entry mutes is plainly what another one waits for, or some of it."""
    muted, source = entry[1].mute, other[1].when
    return implies(muted, source) or implies(source, muted)
