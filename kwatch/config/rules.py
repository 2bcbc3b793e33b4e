"""Rules of packs and of users, merged key by key, to `Rule`. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from kwatch.config.matching import KnownNames, Scope, check_label, read_match
from kwatch.config.parse import Node, Value
from kwatch.config.problems import Place, Problems, did_you_mean
from kwatch.config.schema import RuleWords
from kwatch.config.validate import check, is_mapping
from kwatch.model.conditions import AllOf, Condition, nodes
from kwatch.model.rules import PLANNED_CHANGE, Flapping, Rate, Rule, Subject
from kwatch.rules.needs import asks_object, kinds_of

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

_SCOPES: Mapping[object, Scope] = {"event": Scope.EVENT, "resource": Scope.RESOURCE}
_ALERT_ONLY = ("for", "resolve", "resolve_hold", "reopen_window", "expire_after", "flapping", "on_delete")


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


class RuleBook:
    """All rules of a configuration. Reading adds what is wrong to `problems`."""

    def __init__(self, entries: Iterable[Entry], label_names: Iterable[str], problems: Problems) -> None:
        self._entries = tuple(entries)
        self._label_names = tuple(label_names)
        self._problems = problems

    @property
    def known(self) -> KnownNames:
        """What matchers of alerts can name: also of rules that are switched off or wrong."""
        own = [name for entry in self._entries for name in _mapping(entry.node, "labels")]
        return KnownNames(
            labels=frozenset((*BUILT_IN_LABELS, *self._label_names, *own)),
            rules=frozenset((PLANNED_CHANGE, *(entry.name for entry in self._entries))),
        )

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
        is_read = words is not None and len(problems) == before
        self._add(node, _misfits(node))
        self._check_labels(node)
        if words is None or not is_read:
            return None
        self._add(node, _unseen(words, match))
        return _rule_of(words, match, resolve, entry.origin)

    def _add(self, node: Node, found: Iterable[tuple[str, str]]) -> None:
        for key, text in found:
            self._problems.add(_place(node, key), text)

    def _check_labels(self, node: Node) -> None:
        for name, value in _mapping(node, "labels").items():
            if name in BUILT_IN_LABELS:
                self._problems.add(value.key_place, f"labels: {name!r} is set by kwatch itself, choose another name")
        built_in = [name for name in BUILT_IN_LABELS if name != "reason" or _value(node, "on") != "resource"]
        known = (*built_in, *self._label_names, *_mapping(node, "labels"))
        for key in (node.mapping.get("key"), node.mapping.get("rate", node).mapping.get("per")):
            for each in key.items if key is not None else ():
                check_label(each.text, each.place, known, self._problems, "alert of this rule")


def merge(packs: Iterable[Pack], user: Iterable[Node], problems: Problems) -> tuple[Entry, ...]:
    """Return all rules: those of the packs, with the user's of the same name over them, then the user's own."""
    built_in = {_name(node): (pack.name, node) for pack in packs for node in pack.rules}
    own = _by_name(user, problems)
    entries: list[Entry] = []
    for name, (pack, node) in built_in.items():
        over = [Entry(name=name, node=_over(node, each), origin=_origin(each)) for each in own.get(name, ())]
        entries += over or [Entry(name=name, node=node, origin=f"pack {pack}")]
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
    given = node.mapping
    if _name(node) == PLANNED_CHANGE:
        yield "name", f"name: {PLANNED_CHANGE!r} is what kwatch itself tells of, choose another name"
    on, has_rate = _value(node, "on"), "rate" in given
    if has_rate and "key" in given:
        yield "key", "key: `rate` has a key of its own: put the labels into rate.per"
    if has_rate and on == "resource":
        yield "rate", "rate: counts Kubernetes Events, for a rule on: event; for a state that lasts use `for`"
    if "for" in given and has_rate:
        yield "for", "for: cannot be had with `rate`, as the source tells late; use a longer rate.within"
    elif "for" in given and on == "event":
        yield "for", "for: is the time that a state lasts, for a rule on: resource; for repeated Events use `rate`"
    if _value(node, "mode") == "notice":
        yield from (
            (key, f"{key}: means nothing for mode: notice, which never ends") for key in _ALERT_ONLY if key in given
        )
    elif "dedup_window" in given:
        yield "dedup_window", "dedup_window: is for mode: notice; an alert that is open is not opened again"


def _unseen(words: RuleWords, match: Condition) -> Iterator[tuple[str, str]]:
    """Yield what cannot be watched for want of a kind."""
    if kinds_of(match) is not None:
        return
    if words.on is Subject.RESOURCE:
        yield "match", "match: `kind` is missing, or not a plain name: it says which objects to watch, as in kind: Pod"
        return
    asks = [key for key, given in (("resolve", words.resolve), ("details", words.details)) if given]
    asks += ["match"] if any(map(asks_object, nodes(match))) else []
    for key in asks:
        yield key, f"{key}: needs a plain `kind` in match, as in kind: Pod: it says which objects to watch"


def _rule_of(words: RuleWords, match: Condition, resolve: Condition | None, origin: str) -> Rule:
    default = ("namespace", "workload", "reason") if words.on is Subject.EVENT else ("namespace", "workload")
    key, rate = words.key if words.key is not None else default, None
    if words.rate is not None:
        key = words.rate.per if "per" in words.rate.model_fields_set else default
        rate = Rate(words.rate.count, words.rate.within, key)
    given: dict[str, object] = {
        "severity": words.severity,
        "for_": words.for_,
        "resolve_hold": words.resolve_hold,
        "reopen_window": words.reopen_window,
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
