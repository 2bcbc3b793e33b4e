"""What is certain of the alerts of a rule, whatever the cluster says: of their labels, and of what they name. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from kwatch.config.lint import located
from kwatch.config.matching import KnownNames
from kwatch.model.conditions import AllOf, AnyOf, Condition, LabelIs, Not, Text, Word, WordIs, nodes
from kwatch.model.extent import PRESENT
from kwatch.model.matching import NAMESPACED, kinds_of, words_of
from kwatch.model.rules import PLANNED_CHANGE, Rule, Severity, Subject
from kwatch.model.self_service import SelfService

Labels = Mapping[str, Collection[str]]

#: Labels that are words of a match.
_WORDS = {word.value: word for word in (Word.KIND, Word.NAMESPACE, Word.NAME, Word.WORKLOAD, Word.NODE, Word.REASON)}
_NOTHING, _SOMETHING = (Text(""),), (Text("?*"),)
_NAMED: Labels = {"kind": PRESENT, "name": PRESENT, "workload": PRESENT}
#: A drain is of a Node; other planned changes are of what stands in a namespace.
_IS_NODE, _HAS_NAMESPACE = WordIs(Word.KIND, (Text("Node"),)), WordIs(Word.NAMESPACE, _SOMETHING)
_PLANNED = AnyOf((AllOf((_IS_NODE, WordIs(Word.NAMESPACE, _NOTHING))), AllOf((Not(_IS_NODE), _HAS_NAMESPACE))))


def certain_labels(rule: Rule) -> Labels:
    """Return the labels that all have, with all their values; an alert about what is absent may lack any."""
    labels: dict[str, Collection[str]] = {"rule": (rule.name,)}
    if rule.absent_for is None:
        labels |= _NAMED
        kinds = words_of(Word.KIND, rule.observed) or ()
        if kinds and rule.then is None:  # else it is about two things, each of its own kinds
            labels["kind"] = tuple({kind.partition(".")[0] for kind in kinds})
        if (kinds_of(rule.observed) or {""}) <= NAMESPACED:
            labels["namespace"] = PRESENT
    if rule.on is Subject.RESOURCE:
        labels["reason"] = ("",)
    return labels


def with_certain(
    known: KnownNames, rules: Iterable[Rule], watched: Condition, allowed: SelfService | None
) -> KnownNames:
    """Return the names with what is certain of each rule that runs; `watched` is so of the namespaces."""
    certain: dict[str, Labels] = {PLANNED_CHANGE: {**_NAMED, "severity": (Severity.INFO.word,)}}
    named: dict[str, Condition] = {PLANNED_CHANGE: AllOf((_PLANNED, watched))}
    for rule in rules:
        certain[rule.name] = {**certain_labels(rule), "severity": _severities(rule, allowed)}
        named[rule.name] = _named(rule, watched)
    return replace(known, certain=certain, named=named)


def _severities(rule: Rule, allowed: SelfService | None) -> tuple[str, ...]:
    """Return the severities that alerts of a rule may have: its own, and what annotations may choose."""
    chosen = allowed.choices(rule.severity) if allowed is not None else frozenset()
    return tuple(severity.word for severity in {rule.severity, *chosen})


def as_words(condition: Condition) -> Condition:
    """Return what a matcher of labels asks of what an alert names; all else is taken to be true."""
    match condition:
        case LabelIs(key=key, anyof=anyof) if key in _WORDS:  # a label that is absent matches nothing
            return AllOf((WordIs(_WORDS[key], anyof), WordIs(_WORDS[key], _SOMETHING)))
        case AllOf(of=of):
            return AllOf(tuple(map(as_words, of)))
        case AnyOf(of=of):
            return AnyOf(tuple(map(as_words, of)))
        case Not(of=inner) if all(node.key in _WORDS for node in nodes(inner) if isinstance(node, LabelIs)):
            return Not(as_words(inner))
        case _:
            return AllOf(())


def _named(rule: Rule, watched: Condition) -> Condition:
    """Return what is so of all that the alerts of a rule name; of what is absent nothing is."""
    if rule.absent_for is not None:
        return AllOf(())
    has_reason = () if rule.on is Subject.EVENT else (WordIs(Word.REASON, _NOTHING),)
    return AllOf((located(rule.observed), watched, *has_reason))
