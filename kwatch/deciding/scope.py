"""What is asked for now: by which rules, in which namespaces. Another configuration puts others in their place."""

from kwatch.model.conditions import Path
from kwatch.namespaces import NamespaceFilter
from kwatch.rules.compile import RuleSet


class Scope:
    """The rules and the namespaces in use."""

    def __init__(self, rules: RuleSet, namespaces: NamespaceFilter) -> None:
        self.rules = rules
        self.namespaces = namespaces

    def redact(self, text: str) -> str:
        """Return a text without what must not be told, as the rules say."""
        return self.rules.redact(text)

    def changed_paths(self, kind: str, group: str) -> frozenset[Path]:
        """Return the paths of a kind that rules compare."""
        return self.rules.changed_paths(kind, group)

    def asks_of_life(self, kind: str, group: str) -> bool:
        """Return whether rules ask for objects of a kind that came or went."""
        return self.rules.asks_of_life(kind, group)

    def notices_states(self, kind: str, group: str) -> bool:
        """Return whether notices are about states of a kind."""
        return self.rules.notices_states(kind, group)
