"""Rules that are well written and mean nothing, or less than they seem to: errors, and warnings. Pure.

An error is what can be known for certain: the rule can never fire, never end, or would not fit. A warning is what
kwatch can do better when it is written otherwise.
"""

from collections.abc import Iterable, Iterator

import msgspec

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Not,
    Path,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
    is_edge,
    nodes,
)
from kwatch.model.contradictions import have_in_common, impossible, literals
from kwatch.model.matching import CLUSTER_SCOPED, NAMESPACED, kinds_of, words_of
from kwatch.model.rules import Mode, Rate, Rule, Subject
from kwatch.rules.explain import path_text
from kwatch.watch.concealed import is_left_out, is_marked

#: The most that a rate keeps per key: each occurrence up to the threshold.
MOST = 10_000
#: The most different values.
MOST_DISTINCT = 1_000

#: Reasons of the scheduler, which writes a repeated Event each half hour.
_SERIES_REASONS = frozenset(("FailedScheduling", "Preempted"))
_SCHEDULER = "default-scheduler"

#: Reasons of Events whose cause the object itself shows, and the pack's rule that looks there.
_STATES = {
    "BackOff": "crash-loop",
    "FailedScheduling": "failed-scheduling",
    "NodeNotReady": "node-not-ready",
    "OOMKilling": "oom-killed",
    "ErrImagePull": "image-pull",
    "ImagePullBackOff": "image-pull",
    "BackoffLimitExceeded": "job-failed",
    "ProgressDeadlineExceeded": "rollout-stuck",
}

#: Labels of alerts that are words of the match.
_WORDS = ("kind", "namespace", "name", "workload", "node", "reason")

#: Labels that all alerts of a rule share.
_FIXED = ("cluster", "rule", "severity")


def errors(rule: Rule, namespaces: Condition) -> Iterator[tuple[str, str]]:
    """Yield what is certain to be wrong, each with its key; `namespaces` is what the watched ones have in common."""
    if reason := impossible(rule.match):
        yield "match", f"match: can never be true: {reason}"
    elif impossible(AllOf((rule.match, namespaces))):
        yield "match", "match: can never be true: its namespaces are not watched, see watch.namespaces"
    elif kind := _without_namespace(rule):
        mend = f"leave the namespace out, or write a kind of another group as {kind}.GROUP"
        yield "match", f"match: can never be true: a {kind} is in no namespace: {mend}"
    elif kinds_of(rule.match) == frozenset(("Node",)) and impossible(_on_itself(rule.match)):
        yield "match", "match: can never be true: the `node` of a Node is its `name`: leave one of them out"
    yield from _concealed(rule)
    if rule.resolve is not None:
        yield from _resolve_errors(rule, rule.resolve)
    if rule.then is not None:
        yield from _then_errors(rule, rule.then.match, namespaces)
    if rule.rate is not None:
        yield from _rate_errors(rule, rule.rate)


def _on_itself(condition: Condition) -> Condition:
    """Return what a condition asks of a Node, whose node is the Node itself."""
    match condition:
        case WordIs(word=Word.NODE, anyof=anyof):
            return WordIs(Word.NAME, anyof)
        case AllOf(of=of):
            return AllOf(tuple(map(_on_itself, of)))
        case AnyOf(of=of):
            return AnyOf(tuple(map(_on_itself, of)))
        case Not(of=inner):
            return Not(_on_itself(inner))
        case _:
            return condition


def _then_errors(rule: Rule, then: Condition, namespaces: Condition) -> Iterator[tuple[str, str]]:
    if reason := impossible(then):
        yield "then", f"then.match: can never be true: {reason}"
    elif impossible(AllOf((then, namespaces))):
        yield "then", "then.match: can never be true: its namespaces are not watched, see watch.namespaces"
    steps = located(rule.match), located(then)
    for word in (each for each in _WORDS if each in rule.key and not have_in_common(Word(each), *steps)):
        if word == "reason":
            yield "key", "key: with the reason in it the second step is never of the same key: leave `reason` out"
        else:
            mend = f"ask for the same {word}, or write a `key` without it"
            yield "then", f"then: the second step is never of the {word} of the first, which is in the key: {mend}"


def located(condition: Condition) -> Condition:
    """Return a condition with what its kinds say of the namespace."""
    kinds = kinds_of(condition) or frozenset(("",))
    if kinds <= CLUSTER_SCOPED:
        return AllOf((condition, WordIs(Word.NAMESPACE, (Text(""),))))
    return AllOf((condition, WordIs(Word.NAMESPACE, (Text("?*"),)))) if kinds <= NAMESPACED else condition


def _without_namespace(rule: Rule) -> str:
    """Return a kind that is in no namespace where only such objects are asked for in one; empty: none."""
    kinds = kinds_of(rule.match) if rule.on is Subject.RESOURCE else None
    if not kinds or not kinds <= CLUSTER_SCOPED:
        return ""
    nowhere = WordIs(Word.NAMESPACE, (Text(""),))
    return min(kinds) if impossible(AllOf((nowhere, rule.match))) else ""


def _concealed(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what asks for values that are never kept, of Secrets, ConfigMaps and environment variables."""
    kinds = kinds_of(rule.observed) or frozenset()
    refs = [(each.partition(".")[0], each.partition(".")[2]) for each in kinds]
    for path in rule.details.values():
        if any(is_left_out(*ref, path) or is_marked(*ref, path) for ref in refs):
            yield "details", f"details: {path_text(path)} is never kept, as it may be a secret: leave it out"
    for key, condition in (("match", rule.observed), ("resolve", rule.resolve or AllOf(()))):
        for path, is_change in _asked(condition):
            if any(is_left_out(*ref, path) for ref in refs):
                yield key, f"{key}: {path_text(path)} is never kept, as it is a secret: leave it out"
            elif not is_change and any(is_marked(*ref, path) for ref in refs):
                yield key, f"{key}: {path_text(path)} is never kept; `changed` alone tells that it is another"


def _asked(condition: Condition) -> Iterator[tuple[Path, bool]]:
    """Yield the paths of a condition, each with whether all that is asked is that it changed."""
    for node in nodes(condition):
        if isinstance(node, FieldIs):
            yield node.path, False
        elif isinstance(node, FieldChanged):
            yield node.path, not (node.before or node.after or node.increased)


def _resolve_errors(rule: Rule, resolve: Condition) -> Iterator[tuple[str, str]]:
    if reason := impossible(resolve):
        yield "resolve", f"resolve: can never be true: {reason}"
    elif rule.on is Subject.RESOURCE and not is_edge(rule.match) and impossible(AllOf((rule.match, Not(resolve)))):
        yield "resolve", "resolve: is true whenever `match` is, so the rule can never fire"


def _rate_errors(rule: Rule, rate: Rate) -> Iterator[tuple[str, str]]:
    most = MOST_DISTINCT if rate.distinct else MOST
    if rate.count > most:
        what = "values" if rate.distinct else "occurrences"
        mend = f"the most is {most}: ask for fewer in a shorter `within`"
        yield "rate", f"rate: {rate.count} {what} would have to be kept for each key, and {mend}"
    if not rate.distinct or rate.count == 1:
        return
    label = rate.distinct
    if label in rate.per:
        yield "rate", f"distinct: {label!r} is part of the key, so there is never a second value: leave it out of `per`"
    elif label in _FIXED or label in rule.labels:
        yield "rate", f"distinct: {label!r} is the same for each alert of a rule, so there is never a second value"
    elif label in _WORDS and (values := words_of(Word(label), rule.match)) and len(values) < rate.count:
        there = " or ".join(map(repr, sorted(values)))
        yield "rate", f"distinct: {label!r} is {there} here, so there are never {rate.count} values: ask for fewer"


def watched(include: tuple[str, ...], exclude: tuple[str, ...]) -> Condition:
    """Return what the namespaces have in common that may be watched; objects without one always are."""
    included = WordIs(Word.NAMESPACE, tuple(map(Text, ("", *include))))
    return AllOf((included, Not(WordIs(Word.NAMESPACE, tuple(map(Text, exclude)))))) if exclude else included


def none_watched(include: tuple[str, ...], exclude: tuple[str, ...]) -> bool:
    """Return whether `exclude` leaves out each namespace that `include` names."""
    names, left_out = (WordIs(Word.NAMESPACE, tuple(map(Text, globs))) for globs in (include, exclude))
    return bool(exclude) and bool(impossible(AllOf((names, Not(left_out)))))


def warnings(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what could be told sooner or more surely, each with its key."""
    if rule.on is Subject.EVENT and rule.absent_for is None:
        yield from _of_events(rule)
    elif "deleted" in literals(rule.match, Word.CHANGE) and any(map(_is_forgotten, nodes(rule.match))):
        unknown = "annotations, fields and conditions of what goes while kwatch is away are not known afterwards"
        yield "match", f"match: {unknown}, so it may not be told: ask for labels, owner or workload"


def _is_forgotten(condition: Condition) -> bool:
    """Whether this asks for what nobody knows of an object that went while kwatch was away."""
    return isinstance(condition, FieldIs | StatusConditionIs) or (
        isinstance(condition, LabelIs) and condition.annotation
    )


def _of_events(rule: Rule) -> Iterator[tuple[str, str]]:
    reasons = literals(rule.match, Word.REASON)
    if rule.rate is not None and (reasons & _SERIES_REASONS or _SCHEDULER in literals(rule.match, Word.COMPONENT)):
        late = "the scheduler writes what repeats each 30 minutes only, so this may be told that late"
        yield "rate", f"rate: {late}; the object shows it at once: on: resource with `for`"
    better = sorted({_STATES[reason] for reason in reasons if reason in _STATES})
    if better and rule.mode is Mode.ALERT and rule.resolve is None and rule.name not in better:
        mend = f"add `resolve`, or use the built-in rule {' or '.join(map(repr, better))}"
        yield "match", f"match: Events do not say when it is over, the object does: {mend}"
    if rule.resolve is not None and not rule.resolve_hold:
        why = "what happens to an object that is well is over before it is told"
        yield "resolve_hold", f"resolve_hold: {why}: write a time longer than the group_wait of the route"


def renamed(before: Iterable[Rule], now: Iterable[Rule]) -> Iterator[str]:
    """Yield of each rule that is as one was which is gone, but for its name (S-42), where it is and what to write."""
    old, new = ({rule.id: rule for rule in rules} for rules in (before, now))
    gone = [rule for rule in old.values() if rule.id not in new]
    for rule in new.values():
        for was in gone if rule.id not in old else ():
            if msgspec.structs.replace(was, name=rule.name, id=rule.id, origin=rule.origin) == rule:
                mend = f"another rule: `id: {was.id}` would keep its alerts"
                yield f"{rule.origin}: {was.name!r} is {rule.name!r} now, {mend}"
