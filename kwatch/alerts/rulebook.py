"""The rules in use, and what follows from each for its alerts."""

from collections.abc import Mapping

from kwatch.alerts import premises
from kwatch.model.conditions import is_edge
from kwatch.model.rules import Rule, Subject


class Rulebook:
    """The rules by their ids."""

    def __init__(self, rules: Mapping[str, Rule], *, cluster: str) -> None:
        self.cluster = cluster
        self.use(rules)

    def use(self, rules: Mapping[str, Rule]) -> None:
        """Go by these from now on."""
        self.rules = rules
        self._moments = {rule.id for rule in rules.values() if rule.on is Subject.EVENT or is_edge(rule.match)}
        self.premises = {rule.id: premises.premise_of(rule) for rule in rules.values()}

    def get(self, rule_id: str) -> Rule | None:
        """Return a rule; None: it is none any more."""
        return self.rules.get(rule_id)

    def is_of_moments(self, rule: Rule) -> bool:
        """Whether a rule speaks of moments, which are true once and never said to be false."""
        return rule.id in self._moments

    def premise_of(self, rule: Rule) -> str:
        """Return the name of what a rule asks for."""
        return self.premises[rule.id]
