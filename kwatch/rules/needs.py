"""What rules need to see: which kinds, which of their fields. Read off the conditions, before anything is watched."""

from collections.abc import Iterable, Mapping

import msgspec

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Path,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
    nodes,
)
from kwatch.model.matching import is_word
from kwatch.model.rules import Mode, Rule, Subject
from kwatch.rules.workloads import PATHS


class Need(msgspec.Struct, frozen=True):
    """What must be kept of a kind. `full` False: its metadata is enough."""

    paths: frozenset[Path] = frozenset()
    annotations: bool = False
    full: bool = False

    def __or__(self, other: "Need") -> "Need":
        return Need(self.paths | other.paths, self.annotations or other.annotations, self.full or other.full)


#: The kinds between a Pod and its workload; what owns these is named by their owner reference.
OWNERS_OF_PODS = ("ReplicaSet.apps", "Job.batch")

_OBJECT_WORDS = frozenset((Word.OWNER, Word.WORKLOAD, Word.NODE))
_OBJECT_LABELS = frozenset(("workload", "node"))


def kinds_of(condition: Condition) -> frozenset[str] | None:
    """Return the only kinds (`Pod`, `Certificate.cert-manager.io`) of which it can be true; None: any kind."""
    match condition:
        case WordIs(word=Word.KIND, anyof=anyof) if all(map(is_word, anyof)):
            return frozenset(matcher.glob for matcher in anyof if isinstance(matcher, Text))
        case AllOf(of=of):
            known = [kinds for each in of if (kinds := kinds_of(each)) is not None]
            return frozenset.intersection(*known) if known else None
        case AnyOf(of=of):
            every = [kinds_of(each) for each in of]
            known = [kinds for kinds in every if kinds is not None]
            return frozenset().union(*known) if len(known) == len(every) else None
        case _:
            return None


def needs_object(rule: Rule, label_names: Iterable[str]) -> bool:
    """Return whether an event rule must know the object that the event is about, to match or to name the alert."""
    object_labels = _OBJECT_LABELS.union(label_names)
    return bool(rule.details) or not object_labels.isdisjoint(rule.key) or any(map(asks_object, nodes(rule.match)))


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
        for kind in kinds_of(rule.match) or ():
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
    """An alert ends with its object, and by what the object shows; a notice of an event may do without."""
    return rule.on is Subject.RESOURCE or rule.mode is Mode.ALERT or needs_object(rule, label_names)


def _need_of(rule: Rule) -> Need:
    asked = [*nodes(rule.match), *(nodes(rule.resolve) if rule.resolve is not None else ())]
    paths = {node.path for node in asked if isinstance(node, FieldIs | FieldChanged)} | set(rule.details.values())
    return Need(
        paths=frozenset(paths),
        annotations=any(isinstance(node, LabelIs) and node.annotation for node in asked),
        full=any(path[:1] != ("metadata",) for path in paths) or any(map(_asks_body, asked)),
    )


def _asks_body(node: Condition) -> bool:
    return isinstance(node, StatusConditionIs) or (isinstance(node, WordIs) and node.word is Word.NODE)
