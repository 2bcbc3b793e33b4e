"""Whose a namespace is: what becomes the label `team` of its alerts. Pure.

An object's own label `team` (of `watch.labels`) and a rule's count for more, as they know better.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from kwatch.model.conditions import Text
from kwatch.model.matching import any_of

#: The label.
TEAM: Final = "team"

_NAMESPACES = 4096  # that are remembered


def team_finder(teams: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """Return a function from a namespace to its team: the first of whose globs one matches; empty: it has none."""
    owners = [(team, any_of(tuple(map(Text, globs)))) for team, globs in teams.items()]

    @lru_cache(_NAMESPACES)
    def team_of(namespace: str) -> str:
        return next((team for team, owns in owners if namespace and owns(namespace)), "")

    return team_of
