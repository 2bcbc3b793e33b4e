"""Circles of inhibitions that only the rules show: one rule's alerts hold back another's, by other entries also the
other way round, so that of both nobody is ever told. Pure.

Only what is certain by the labels `rule`, `severity` and `kind` counts. Two rules that one entry mutes both ways are no
circle: of their alerts the earlier holds back the later (S-74).
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from kwatch.config.certain import certain_labels
from kwatch.config.parse import Node
from kwatch.model.conditions import Condition, LabelIs, nodes
from kwatch.model.extent import Extent, extent
from kwatch.model.matching import CLUSTER_SCOPED
from kwatch.model.rules import Inhibition, Mode, Rule

#: Labels that alerts of several rules on one object, or on objects of one workload or node, share.
_SHARED = frozenset(("cluster", "namespace", "workload", "node"))


class Step(NamedTuple):
    """By an entry, while an alert of the one rule fires, those of the other are not told."""

    source: str
    place: str
    muted: str


class _Facts:
    """What is certain of the alerts of a rule."""

    def __init__(self, rule: Rule) -> None:
        self.name = rule.name
        self.labels = {**certain_labels(rule), "severity": (rule.severity.word,)}
        self.kinds = frozenset(self.labels.get("kind", ()))

    @cached_property
    def is_cluster_scoped(self) -> bool:
        return bool(self.kinds) and self.kinds <= CLUSTER_SCOPED

    def matches(self, condition: Condition, present: frozenset[str]) -> bool:
        """Return whether all its alerts match that have these labels, beside those that are known."""
        asked = {node.key for node in nodes(condition) if isinstance(node, LabelIs)}
        return asked <= {*self.labels, *present} and extent(condition, self.labels) is Extent.ALL


class _Sides(NamedTuple):
    """The rules whose alerts are certain to match an entry."""

    place: str
    equal: tuple[str, ...]
    sources: Mapping[str, _Facts]
    muted: Mapping[str, _Facts]


def circles(entries: Iterable[tuple[Node, Inhibition]], rules: Iterable[Rule]) -> Iterator[tuple[Step, ...]]:
    """Yield for each entry a shortest circle that begins with it, of it and those before it; none: empty."""
    known = [_Facts(rule) for rule in rules if rule.mode is Mode.ALERT and rule.absent_for is None]
    read = [_sides(node, inhibition, known) for node, inhibition in entries]
    both = {name for each in read for name in each.sources} & {name for each in read for name in each.muted}
    after: dict[str, list[Step]] = {}
    for each in read:
        steps = list(_steps(each, both))
        for step in steps:
            after.setdefault(step.source, []).append(step)
        yield min(filter(None, (_way_back(step, after) for step in steps)), key=len, default=())


def _sides(node: Node, inhibition: Inhibition, known: Sequence[_Facts]) -> _Sides:
    present = frozenset(() if inhibition.is_absent_equal else inhibition.equal)
    sources, muted = (
        {each.name: each for each in known if each.matches(condition, present)}
        for condition in (inhibition.when, inhibition.mute)
    )
    return _Sides(str(node.place), inhibition.equal, sources, muted)


def _steps(entry: _Sides, both: Collection[str]) -> Iterator[Step]:
    """Yield what an entry does one way, among rules that are on both sides of some entry."""
    for source in (entry.sources[name] for name in entry.sources if name in both):
        for target in (entry.muted[name] for name in entry.muted if name in both):
            is_mutual = source.name in entry.muted and target.name in entry.sources
            if not is_mutual and _may_share(source, target, entry.equal):
                yield Step(source.name, entry.place, target.name)


def _may_share(one: _Facts, other: _Facts, equal: Iterable[str]) -> bool:
    """Return whether alerts of two rules are sure to have these labels in common in some cluster."""
    if one.is_cluster_scoped or other.is_cluster_scoped:
        return {"cluster", "node"}.issuperset(equal)
    return _SHARED.issuperset(equal)


def _way_back(first: Step, after: dict[str, list[Step]]) -> tuple[Step, ...]:
    """Return the shortest way from the source of a step over it to that source; none: empty."""
    ways: deque[tuple[Step, ...]] = deque([(first,)])
    seen = {first.muted}
    while ways:
        way = ways.popleft()
        for step in after.get(way[-1].muted, ()):
            if step.muted == first.source:
                return (*way, step)
            if step.muted not in seen:
                seen.add(step.muted)
                ways.append((*way, step))
    return ()
