"""Which rules of a configuration would find something else than those before: what is known is judged by them again."""

from collections.abc import Iterable

from kwatch.model.rules import Rule


def fresh(before: Iterable[Rule], after: Iterable[Rule], *, other_labels: frozenset[str]) -> tuple[Rule, ...]:
    """Return the rules that are new, or match or name other things; `other_labels`: of objects, chosen anew or no more.

    A rule of which only the severity, the texts or the times are others finds the same as before.
    """
    known = {rule.id: _finds(rule) for rule in before}
    return tuple(rule for rule in after if known.get(rule.id) != _finds(rule) or not other_labels.isdisjoint(rule.key))


def _finds(rule: Rule) -> tuple[object, ...]:
    return rule.on, rule.mode, rule.match, rule.resolve, rule.key
