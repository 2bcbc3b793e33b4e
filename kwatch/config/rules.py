"""Rules of packs and of users, merged, to `Rule`. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from kwatch.config import lint
from kwatch.config.matching import KnownNames, Scope, check_label, read_match
from kwatch.config.merging import Entry
from kwatch.config.misfits import misfits, unreached, unseen
from kwatch.config.parse import Node
from kwatch.config.problems import Problems
from kwatch.config.schema import RuleWords, ThenWords
from kwatch.config.validate import check, is_mapping
from kwatch.model.conditions import AllOf, Condition
from kwatch.model.rules import PLANNED_CHANGE, Flapping, Rate, Rule, Subject, Then

#: The labels that kwatch gives to alerts.
BUILT_IN_LABELS = (
    "cluster",
    "rule",
    "severity",
    "kind",
    "namespace",
    "name",
    "workload",
    "node",
    "reason",
    "message",  # of rules whose key holds it: its pattern
)

#: What the name of an object may be called in `rate.distinct`.
POD = "pod"

_SCOPES: Mapping[object, Scope] = {"event": Scope.EVENT, "resource": Scope.RESOURCE}


class RuleBook:
    """All rules of a configuration. Reading adds what is wrong to `problems`."""

    def __init__(
        self, entries: Iterable[Entry], label_names: Iterable[str], namespaces: Condition, problems: Problems
    ) -> None:
        self._entries = tuple(entries)
        self._label_names = tuple(label_names)
        self.namespaces = namespaces  # what those that are watched have in common
        self._problems = problems

    @property
    def known(self) -> KnownNames:
        """What matchers of alerts can name: also of rules that are switched off or wrong."""
        own = [name for entry in self._entries for name in entry.node.mapping_of("labels")]
        return KnownNames(
            labels=frozenset((*BUILT_IN_LABELS, *self._label_names, *own)),
            rules=frozenset((PLANNED_CHANGE, *(entry.name for entry in self._entries))),
            off=frozenset(entry.name for entry in self._entries if not _is_on(entry)),
        )

    @property
    def own(self) -> Mapping[str, Node]:
        """Where the user's rules stand, by name."""
        return {entry.name: entry.node for entry in self._entries if not entry.is_built_in}

    def read(self) -> tuple[Rule, ...]:
        """Return the rules that are switched on."""
        read = [(entry, self._rule(entry)) for entry in self._entries]
        self._check_ids([(entry, rule) for entry, rule in read if rule is not None])
        return tuple(rule for entry, rule in read if rule is not None and _is_on(entry))

    def _check_ids(self, read: Iterable[tuple[Entry, Rule]]) -> None:
        first: dict[str, Entry] = {}
        for entry, rule in read:
            other = first.setdefault(rule.id, entry)
            if other.name != entry.name:  # of the same name: that is told already
                place = entry.node.place_of("id" if "id" in entry.node.mapping else "name")
                self._problems.add(place, f"id: {rule.id!r} is already that of the rule at {other.node.place}")

    def _rule(self, entry: Entry) -> Rule | None:
        node, problems = entry.node, self._problems
        before = len(problems)
        words = check(node, RuleWords, problems)
        scope = _SCOPES.get(node.value_of("on"), Scope.ANY)
        match = read_match("match", node.mapping["match"], scope, problems) if "match" in node.mapping else AllOf(())
        resolve = (
            read_match("resolve", node.mapping["resolve"], Scope.RESOLVE, problems)
            if "resolve" in node.mapping
            else None
        )
        then = self._then(node.mapping["then"]) if "then" in node.mapping else None
        is_read = words is not None and len(problems) == before
        self._add(node, misfits(node))
        self._check_labels(node)
        if words is None or not is_read:
            return None
        rule = _rule_of(words, match, resolve, then, entry.origin)
        self._add(node, unseen(words, rule.observed if rule.on is Subject.EVENT else match))
        self._add(node, unreached(rule, node))
        self._lint(entry, rule)
        return rule

    def _lint(self, entry: Entry, rule: Rule) -> None:
        self._add(entry.node, lint.errors(rule, self.namespaces))
        if not entry.is_built_in and _is_on(entry):
            for key, text in lint.warnings(rule):
                self._problems.warn(entry.node.place_of(key), text)

    def _then(self, node: Node) -> Then | None:
        if not is_mapping(node, self._problems, "then"):
            return None
        words = check(node, ThenWords, self._problems)
        if "match" not in node.mapping:
            return None
        match = read_match("then.match", node.mapping["match"], Scope.EVENT, self._problems)
        return None if words is None else Then(match, words.within)

    def _add(self, node: Node, found: Iterable[tuple[str, str]]) -> None:
        for key, text in found:
            self._problems.add(node.place_of(key), text)

    def _check_labels(self, node: Node) -> None:
        for name, value in node.mapping_of("labels").items():
            if name in BUILT_IN_LABELS:
                self._problems.add(value.key_place, f"labels: {name!r} is set by kwatch itself, choose another name")
        built_in = [name for name in BUILT_IN_LABELS if name != "reason" or node.value_of("on") != "resource"]
        known = (*built_in, *self._label_names, *node.mapping_of("labels"))
        rate = node.mapping.get("rate", node).mapping
        named = [each for key in (node.mapping.get("key"), rate.get("per")) for each in (key.items if key else ())]
        for each in named:
            check_label(each.text, each.place, known, self._problems, "alert of this rule")
        if "distinct" in rate and rate["distinct"].text:
            check_label(
                rate["distinct"].text, rate["distinct"].place, (*known, POD), self._problems, "alert of this rule"
            )


def _is_on(entry: Entry) -> bool:
    return entry.node.value_of("enabled") is not False


def _rule_of(words: RuleWords, match: Condition, resolve: Condition | None, then: Then | None, origin: str) -> Rule:
    # The steps of a sequence have reasons of their own.
    by_reason = ("reason",) if words.on is Subject.EVENT and then is None else ()
    default = ("namespace", "workload", *by_reason) if words.absent_for is None else ()
    key, rate = words.key if words.key is not None else default, None
    if words.rate is not None:
        key = words.rate.per if "per" in words.rate.model_fields_set else default
        distinct = "name" if words.rate.distinct == POD else words.rate.distinct
        rate = Rate(words.rate.count, words.rate.within, key, distinct)
    given: dict[str, object] = {
        "severity": words.severity,
        "for_": words.for_,
        "absent_for": words.absent_for,
        "resolve_hold": words.resolve_hold,
        "reopen_window": words.reopen_window,
        "quiet": words.quiet,
        "expire_after": words.expire_after,
        "dedup_window": words.dedup_window,
        "on_delete": words.on_delete,
        "pace": None if words.pace is None else words.pace.pace,
        "planned": words.planned,
    }
    if words.flapping is not None:
        given["flapping"] = Flapping(words.flapping.transitions, words.flapping.within, words.flapping.stable)
    rule = Rule(
        name=words.name,
        id=words.id or words.name,
        on=words.on,
        match=match,
        key=key,
        mode=words.mode,
        rate=rate,
        resolve=resolve,
        then=then,
        labels=words.labels,
        annotations=words.annotations,
        details=words.details,
        origin=origin,
    )
    return msgspec.structs.replace(rule, **{name: value for name, value in given.items() if value is not None})
