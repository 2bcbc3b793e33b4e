"""What rules need to see: which kinds, which of their fields. Read off the conditions, before anything is watched."""

from collections.abc import Iterable, Mapping

import msgspec

from kwatch.model.conditions import (
    AnyElement,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Path,
    StatusConditionIs,
    Word,
    WordIs,
    nodes,
)
from kwatch.model.elements import paths_through
from kwatch.model.matching import kinds_of
from kwatch.model.rules import Mode, Rule, Subject
from kwatch.rules.details import positioned
from kwatch.rules.workloads import PATHS


class Need(msgspec.Struct, frozen=True):
    """What must be kept of a kind. `full` False: its metadata is enough."""

    paths: frozenset[Path] = frozenset()
    annotations: bool = False
    full: bool = False
    elementwise: frozenset[Path] = frozenset()  # of the paths, those that are matched element by element

    def __or__(self, other: "Need") -> "Need":
        return Need(
            self.paths | other.paths,
            self.annotations or other.annotations,
            self.full or other.full,
            self.elementwise | other.elementwise,
        )


#: The kinds between a Pod and its workload; what owns these is named by their owner reference.
OWNERS_OF_PODS = ("ReplicaSet.apps", "Job.batch")

_OBJECT_WORDS = frozenset((Word.OWNER, Word.WORKLOAD, Word.NODE))
_OBJECT_LABELS = frozenset(("workload", "node"))


def needs_object(rule: Rule, label_names: Iterable[str]) -> bool:
    """Return whether an event rule must know the object that the event is about.

    An alert ends with its object, but for an absence of any; a notice does without where the object neither matches nor
    names it.
    """
    object_labels = _OBJECT_LABELS.union(label_names)
    named = {*rule.key, rule.rate.distinct} if rule.rate is not None else rule.key
    ends_with_it = rule.mode is Mode.ALERT and (rule.absent_for is None or "name" in rule.key)
    is_named_by_it = not object_labels.isdisjoint(named)
    return ends_with_it or bool(rule.details) or is_named_by_it or any(map(asks_object, nodes(rule.observed)))


def asks_object(node: Condition) -> bool:
    """Return whether an Event alone cannot answer: the object that it is about must be known."""
    return isinstance(node, LabelIs | FieldIs | StatusConditionIs) or (
        isinstance(node, WordIs) and node.word in _OBJECT_WORDS
    )


def needs_of(rules: Iterable[Rule], label_names: Iterable[str]) -> Mapping[str, Need]:
    """Return what must be watched, by kind; a rule that is about any kind asks for none."""
    names = tuple(label_names)
    needs: dict[str, Need] = {}
    for rule in rules:
        if not _watches_objects(rule, names):
            continue
        need = _need_of(rule)
        for kind in kinds_of(rule.observed) or ():
            needs[kind] = needs.get(kind, Need()) | need
    if "Pod" in needs:
        needs["Pod"] |= Need(full=True)  # the node of a Pod stands in its spec
        for kind in OWNERS_OF_PODS:
            needs.setdefault(kind, Need())
    return needs


def with_planned(needs: Mapping[str, Need], rules: Iterable[Rule]) -> Mapping[str, Need]:
    """Return also what tells planned changes, where a rule about Pods is held during them."""
    if "Pod" not in needs or not any(rule.is_held for rule in rules):
        return needs
    planned = {kind: Need(paths, full=True) for kind, paths in PATHS.items()}
    return {**needs, **{kind: needs.get(kind, Need()) | need for kind, need in planned.items()}}


def _watches_objects(rule: Rule, label_names: tuple[str, ...]) -> bool:
    return rule.on is Subject.RESOURCE or needs_object(rule, label_names)


def _need_of(rule: Rule) -> Need:
    asked = [*nodes(rule.observed), *(nodes(rule.resolve) if rule.resolve is not None else ())]
    paths = {node.path for node in asked if isinstance(node, FieldIs | FieldChanged)} | set(rule.details.values())
    return Need(
        paths=frozenset(paths),
        annotations=any(isinstance(node, LabelIs) and node.annotation for node in asked),
        full=any(path[:1] != ("metadata",) for path in paths) or any(map(_asks_body, asked)),
        elementwise=positioned(rule).union(
            *(paths_through(node.path, node.of) for node in asked if isinstance(node, AnyElement))
        ),
    )


def _asks_body(node: Condition) -> bool:
    return isinstance(node, StatusConditionIs) or (isinstance(node, WordIs) and node.word is Word.NODE)
