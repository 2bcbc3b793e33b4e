"""What is certain of the alerts of a rule, whatever the cluster says: labels with all the values that they can have."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kwatch.config.matching import KnownNames
from kwatch.model.conditions import Word
from kwatch.model.matching import words_of
from kwatch.model.rules import Rule, Subject


def certain_labels(rule: Rule) -> Mapping[str, tuple[str, ...]]:
    """Return these labels; an alert about what is absent, or about two things, may be of any kind."""
    labels: dict[str, tuple[str, ...]] = {"rule": (rule.name,)}
    kinds = words_of(Word.KIND, rule.observed) or ()
    if kinds and rule.absent_for is None and rule.then is None:
        labels["kind"] = tuple({kind.partition(".")[0] for kind in kinds})
    if rule.on is Subject.RESOURCE:
        labels["reason"] = ("",)
    return labels


def with_certain(known: KnownNames, rules: Iterable[Rule]) -> KnownNames:
    """Return the names with what is certain of the alerts of each rule that runs."""
    return replace(known, certain={rule.name: certain_labels(rule) for rule in rules})
