"""Words of a rule that do not go together. Each is given as the key at which that is wrong, and why. Pure."""

from collections.abc import Iterator, Mapping

from kwatch.config.parse import Node
from kwatch.config.schema import RuleWords
from kwatch.model.conditions import Condition, is_edge, nodes
from kwatch.model.matching import kinds_of
from kwatch.model.rules import PLANNED_CHANGE, Rule, Subject
from kwatch.rules.needs import asks_object

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


def misfits(node: Node) -> Iterator[tuple[str, str]]:
    """Yield keys that do not go together, each with why."""
    given, on = node.mapping, node.value_of("on")
    if node.text_of("name") == PLANNED_CHANGE:
        yield "name", f"name: {PLANNED_CHANGE!r} is what kwatch itself tells of, choose another name"
    yield from _miscounted(given, on)
    yield from _misended(given, on)
    if node.value_of("mode") == "notice":
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


def unseen(words: RuleWords, match: Condition) -> Iterator[tuple[str, str]]:
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


def unreached(rule: Rule, node: Node) -> Iterator[tuple[str, str]]:
    """Yield what another word forestalls."""
    if "quiet" in node.mapping and rule.quiet >= rule.expire_after:
        yield "quiet", "quiet: is not shorter than expire_after, so the alert would expire first"
