"""Rules of packs and of users, merged key by key, to `Rule`. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from kwatch.config import lint
from kwatch.config.matching import KnownNames, Scope, check_label, read_match
from kwatch.config.parse import Node, Value
from kwatch.config.problems import Place, Problems, did_you_mean
from kwatch.config.schema import RuleWords, ThenWords
from kwatch.config.validate import check, is_mapping
from kwatch.model.conditions import AllOf, Condition, is_edge, nodes
from kwatch.model.matching import kinds_of
from kwatch.model.rules import PLANNED_CHANGE, Flapping, Rate, Rule, Subject, Then
from kwatch.rules.needs import asks_object

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
_ALERT_ONLY = (
    "absent_for",
    "for",
    "resolve",
    "resolve_hold",
    "reopen_window",
    "quiet",
    "expire_after",
    "flapping",
    "on_delete",
)


_NOT_ABSENT = (
    ("rate", "waits for one Event: leave `rate` out"),
    ("then", "waits for one Event: make a rule of each"),
    ("for", "says itself how long"),
    ("resolve", "ends when something matches again"),
    ("resolve_hold", "ends when something matches again"),
    ("details", "is about what is not there"),
    ("quiet", "ends when something matches again"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack's content."""

    name: str
    rules: tuple[Node, ...]
    inhibit: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A rule as it is to be read: a pack's, a user's, or a user's over a pack's."""

    name: str
    node: Node
    origin: str
    is_built_in: bool = False  # as the pack has it


class RuleBook:
    """All rules of a configuration. Reading adds what is wrong to `problems`."""

    def __init__(
        self, entries: Iterable[Entry], label_names: Iterable[str], namespaces: Condition, problems: Problems
    ) -> None:
        self._entries = tuple(entries)
        self._label_names = tuple(label_names)
        self._namespaces = namespaces  # what those that are watched have in common
        self._problems = problems

    @property
    def known(self) -> KnownNames:
        """What matchers of alerts can name: also of rules that are switched off or wrong."""
        own = [name for entry in self._entries for name in _mapping(entry.node, "labels")]
        return KnownNames(
            labels=frozenset((*BUILT_IN_LABELS, *self._label_names, *own)),
            rules=frozenset((PLANNED_CHANGE, *(entry.name for entry in self._entries))),
        )

    @property
    def own(self) -> Mapping[str, Node]:
        """Where the user's rules stand, by name."""
        return {entry.name: entry.node for entry in self._entries if not entry.is_built_in}

    def read(self) -> tuple[Rule, ...]:
        """Return the rules that are switched on."""
        read = [(entry, self._rule(entry)) for entry in self._entries]
        self._check_ids([(entry, rule) for entry, rule in read if rule is not None])
        return tuple(rule for entry, rule in read if rule is not None and _value(entry.node, "enabled") is not False)

    def _check_ids(self, read: Iterable[tuple[Entry, Rule]]) -> None:
        first: dict[str, Entry] = {}
        for entry, rule in read:
            other = first.setdefault(rule.id, entry)
            if other.name != entry.name:  # of the same name: that is told already
                place = _place(entry.node, "id" if "id" in entry.node.mapping else "name")
                self._problems.add(place, f"id: {rule.id!r} is already that of the rule at {other.node.place}")

    def _rule(self, entry: Entry) -> Rule | None:
        node, problems = entry.node, self._problems
        before = len(problems)
        words = check(node, RuleWords, problems)
        scope = _SCOPES.get(_value(node, "on"), Scope.ANY)
        match = read_match("match", node.mapping["match"], scope, problems) if "match" in node.mapping else AllOf(())
        resolve = (
            read_match("resolve", node.mapping["resolve"], Scope.RESOLVE, problems)
            if "resolve" in node.mapping
            else None
        )
        then = self._then(node.mapping["then"]) if "then" in node.mapping else None
        is_read = words is not None and len(problems) == before
        self._add(node, _misfits(node))
        self._check_labels(node)
        if words is None or not is_read:
            return None
        rule = _rule_of(words, match, resolve, then, entry.origin)
        self._add(node, _unseen(words, rule.observed if rule.on is Subject.EVENT else match))
        self._add(node, _unreached(rule, node))
        self._lint(entry, rule)
        return rule

    def _lint(self, entry: Entry, rule: Rule) -> None:
        self._add(entry.node, lint.errors(rule, self._namespaces))
        if not entry.is_built_in and _value(entry.node, "enabled") is not False:
            for key, text in lint.warnings(rule):
                self._problems.warn(_place(entry.node, key), text)

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
            self._problems.add(_place(node, key), text)

    def _check_labels(self, node: Node) -> None:
        for name, value in _mapping(node, "labels").items():
            if name in BUILT_IN_LABELS:
                self._problems.add(value.key_place, f"labels: {name!r} is set by kwatch itself, choose another name")
        built_in = [name for name in BUILT_IN_LABELS if name != "reason" or _value(node, "on") != "resource"]
        known = (*built_in, *self._label_names, *_mapping(node, "labels"))
        rate = node.mapping.get("rate", node).mapping
        named = [each for key in (node.mapping.get("key"), rate.get("per")) for each in (key.items if key else ())]
        for each in named:
            check_label(each.text, each.place, known, self._problems, "alert of this rule")
        if "distinct" in rate and rate["distinct"].text:
            check_label(
                rate["distinct"].text, rate["distinct"].place, (*known, POD), self._problems, "alert of this rule"
            )


def merge(packs: Iterable[Pack], user: Iterable[Node], problems: Problems) -> tuple[Entry, ...]:
    """Return all rules: those of the packs, with the user's of the same name over them, then the user's own."""
    built_in = {_name(node): (pack.name, node) for pack in packs for node in pack.rules}
    own = _by_name(user, problems)
    entries: list[Entry] = []
    for name, (pack, node) in built_in.items():
        over = [Entry(name=name, node=_over(node, each), origin=_origin(each)) for each in own.get(name, ())]
        entries += over or [Entry(name=name, node=node, origin=f"pack {pack}", is_built_in=True)]
    for name, found in own.items():
        if name not in built_in:
            entries += [
                Entry(name=name, node=node, origin=_origin(node)) for node in found if _is_own(node, built_in, problems)
            ]
    return tuple(entries)


def _is_own(node: Node, built_in: Iterable[str], problems: Problems) -> bool:
    """Return whether it is a rule by itself, not one that changes a pack's rule which is not there."""
    if {"on", "match"} & set(node.mapping):
        return True
    hint = did_you_mean(_name(node), built_in)
    problems.add(node.place, f"no pack in use has a rule {_name(node)!r} (one of your own needs on and match){hint}")
    return False


def _by_name(user: Iterable[Node], problems: Problems) -> Mapping[str, list[Node]]:
    """Return the user's rules by name; a second one of a name is wrong, and read all the same for what else is."""
    own: dict[str, list[Node]] = {}
    for node in user:
        if not is_mapping(node, problems):
            continue
        name = _name(node)
        if not name:
            check(node, RuleWords, problems)  # says what is missing
            continue
        first = own.setdefault(name, [])
        if first:
            place = _place(node, "name")
            problems.add(place, f"a second rule {name!r}: it is already at {_place(first[0], 'name')}")
        first.append(node)
    return own


def _over(below: Node, above: Node) -> Node:
    """Return a pack's rule with the user's keys over it. Whatever is wrong then is wrong at the user's."""
    return replace(above, value={**_moved(below, above.place).mapping, **above.mapping})


def _moved(node: Node, place: Place) -> Node:
    if isinstance(node.value, Mapping):
        value: Value = {key: _moved(each, place) for key, each in node.value.items()}
    elif isinstance(node.value, tuple):
        value = tuple(_moved(each, place) for each in node.value)
    else:
        value = node.value
    return replace(node, value=value, place=place, key_place=place)


def _misfits(node: Node) -> Iterator[tuple[str, str]]:
    """Yield keys that do not go together, each with why."""
    given, on = node.mapping, _value(node, "on")
    if _name(node) == PLANNED_CHANGE:
        yield "name", f"name: {PLANNED_CHANGE!r} is what kwatch itself tells of, choose another name"
    yield from _miscounted(given, on)
    yield from _misended(given, on)
    if _value(node, "mode") == "notice":
        yield from (
            (key, f"{key}: means nothing for mode: notice, which never ends") for key in _ALERT_ONLY if key in given
        )
    elif "dedup_window" in given:
        yield "dedup_window", "dedup_window: is for mode: notice; an alert that is open is not opened again"


def _miscounted(given: Mapping[str, Node], on: object) -> Iterator[tuple[str, str]]:
    """Yield what does not go together of that which an alert waits for."""
    has_rate = "rate" in given
    if has_rate and "key" in given:
        yield "key", "key: `rate` has a key of its own: put the labels into rate.per"
    if has_rate and on == "resource":
        yield "rate", "rate: counts Kubernetes Events, for a rule on: event; for a state that lasts use `for`"
    if "then" in given and on == "resource":
        yield "then", "then: one Event after another, for a rule on: event"
    if "then" in given and has_rate:
        yield "then", "then: cannot be had with `rate`: make a rule of each"
    if "for" in given and has_rate:
        yield "for", "for: cannot be had with `rate`, as the source tells late; use a longer rate.within"
    elif "for" in given and on == "event":
        yield "for", "for: is the time that a state lasts, for a rule on: resource; for repeated Events use `rate`"


def _misended(given: Mapping[str, Node], on: object) -> Iterator[tuple[str, str]]:
    """Yield what does not go together of that which ends an alert."""
    if "absent_for" in given:
        yield from (
            (key, f"{key}: cannot be had with `absent_for`, which {why}") for key, why in _NOT_ABSENT if key in given
        )
    if "quiet" in given and on == "resource":
        yield "quiet", "quiet: is for a rule on: event; an object shows by itself when it is over"
    elif "quiet" in given and "resolve" in given:
        yield "quiet", "quiet: means nothing with `resolve`: the object shows when it is over; take one of them away"


def _unseen(words: RuleWords, match: Condition) -> Iterator[tuple[str, str]]:
    """Yield what cannot be watched for want of a kind, or of a moment."""
    if words.absent_for is not None and words.on is Subject.RESOURCE and not is_edge(match):
        hint = "use `changed` or `change`; for a state that lasts, `for` with a `not`"
        yield "absent_for", f"absent_for: waits for a moment, and this match is a state: {hint}"
    if kinds_of(match) is not None:
        return
    if words.on is Subject.RESOURCE:
        yield "match", "match: `kind` is missing, or not a plain name: it says which objects to watch, as in kind: Pod"
        return
    asks = [key for key, given in (("resolve", words.resolve), ("details", words.details)) if given]
    asks += ["match"] if any(map(asks_object, nodes(match))) else []
    for key in asks:
        yield key, f"{key}: needs a plain `kind` in match, as in kind: Pod: it says which objects to watch"


def _unreached(rule: Rule, node: Node) -> Iterator[tuple[str, str]]:
    """Yield what another word forestalls."""
    if "quiet" in node.mapping and rule.quiet >= rule.expire_after:
        yield "quiet", "quiet: is not shorter than expire_after, so the alert would expire first"


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


def _name(node: Node) -> str:
    return node.mapping["name"].text if "name" in node.mapping else ""


def _origin(node: Node) -> str:
    return f"{node.place.file}:{node.place.line}"


def _value(node: Node, key: str) -> object:
    return node.mapping[key].value if key in node.mapping else None


def _mapping(node: Node, key: str) -> Mapping[str, Node]:
    return node.mapping[key].mapping if key in node.mapping else {}


def _place(node: Node, key: str) -> Place:
    return node.mapping[key].key_place if key in node.mapping else node.place
