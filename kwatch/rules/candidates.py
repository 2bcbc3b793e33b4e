"""Which rules may have something to say of an observation, found without asking each of them.

Most events are of no interest to any rule, so the rules that may match are remembered by what tells events apart; the
conditions themselves say which these are: a rule is no candidate when its match is false whatever the rest may be.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from kwatch.model.conditions import Path, Word, asks_of_life
from kwatch.model.findings import Truth
from kwatch.model.matching import words_of
from kwatch.model.rules import Mode, Subject
from kwatch.rules.compiled import CompiledRule
from kwatch.rules.observed import Observed

_K = TypeVar("_K")
_V = TypeVar("_V")

_MEMO_SIZE = 16_384  # entries; some 400 bytes each


class Candidates:
    """The rules, by what they are about."""

    def __init__(self, compiled: tuple[CompiledRule, ...]) -> None:
        self._compiled = compiled
        self._for_events: dict[tuple[str, ...], tuple[CompiledRule, ...]] = {}
        self._by_reason, self._of_any_reason = _by_reason(compiled)
        self._for_changes: dict[tuple[str, str], tuple[CompiledRule, ...]] = {}
        # The candidates for changes: those that tell of them, and those about Events, by id.
        self._tellers: dict[tuple[str, str], tuple[CompiledRule, ...]] = {}
        self._noticers: dict[tuple[str, str], tuple[CompiledRule, ...]] = {}
        self._listeners: dict[tuple[str, str], Mapping[str, CompiledRule]] = {}
        self._changed_paths: dict[tuple[str, str], frozenset[Path]] = {}
        self._of_life: dict[tuple[str, str], bool] = {}

    def for_event(
        self,
        kind: str,
        group: str,
        namespace: str,
        type: str,  # noqa: A002 - the event's own word
        reason: str,
    ) -> tuple[CompiledRule, ...]:
        """Return the rules that may match an event; kind, group and namespace are those of the regarding object."""
        key = (kind, group, namespace, type, reason)
        found = self._for_events.get(key)
        if found is None:
            seen = Observed(kind=kind, group=group, namespace=namespace, type=type, reason=reason, change="")
            named = (*self._by_reason.get(reason, ()), *self._of_any_reason)
            found = tuple(each for each in named if each.match(seen) is not Truth.FALSE)
            remember(self._for_events, key, found)
        return found

    def for_change(self, kind: str, group: str) -> tuple[CompiledRule, ...]:
        """Return the rules that may have something to say of a change of this kind."""
        found = self._for_changes.get((kind, group))
        if found is None:
            seen = Observed(kind=kind, group=group, namespace=None)
            found = tuple(each for each in self._compiled if each.match(seen) is not Truth.FALSE)
            remember(self._for_changes, (kind, group), found)
        return found

    def tellers(self, kind: str, group: str) -> tuple[CompiledRule, ...]:
        """Return the candidates that may open an alert or tell a notice."""
        found = self._tellers.get((kind, group))
        if found is None:
            found = tuple(each for each in self.for_change(kind, group) if each.rule.on is Subject.RESOURCE)
            remember(self._tellers, (kind, group), found)
        return found

    def noticers(self, kind: str, group: str) -> tuple[CompiledRule, ...]:
        """Return the candidates that tell once of what they match."""
        found = self._noticers.get((kind, group))
        if found is None:
            found = tuple(each for each in self.tellers(kind, group) if each.rule.mode is Mode.NOTICE)
            remember(self._noticers, (kind, group), found)
        return found

    def listeners(self, kind: str, group: str) -> Mapping[str, CompiledRule]:
        """Return the candidates that can end what Events have opened, by id."""
        found = self._listeners.get((kind, group))
        if found is None:
            candidates = self.for_change(kind, group)
            found = {each.rule.id: each for each in candidates if each.rule.on is Subject.EVENT}
            remember(self._listeners, (kind, group), found)
        return found

    def changed_paths(self, kind: str, group: str) -> frozenset[Path]:
        """Return the paths whose values the candidates compare with those before."""
        found = self._changed_paths.get((kind, group))
        if found is None:
            found = frozenset(path for each in self.for_change(kind, group) for path, _ in each.edges)
            remember(self._changed_paths, (kind, group), found)
        return found

    def asks_of_life(self, kind: str, group: str) -> bool:
        """Return whether a candidate asks for objects that came or went."""
        found = self._of_life.get((kind, group))
        if found is None:
            found = any(asks_of_life(each.rule.match) for each in self.tellers(kind, group))
            remember(self._of_life, (kind, group), found)
        return found


def _by_reason(
    compiled: Iterable[CompiledRule],
) -> tuple[Mapping[str, tuple[CompiledRule, ...]], tuple[CompiledRule, ...]]:
    """Return the rules about Events by the reasons that they name, and those that name none."""
    named: dict[str, tuple[CompiledRule, ...]] = {}
    others: list[CompiledRule] = []
    for each in compiled:
        if each.rule.on is not Subject.EVENT:
            continue
        reasons = words_of(Word.REASON, each.rule.observed)
        if reasons is None:
            others.append(each)
        for reason in reasons or ():
            named[reason] = (*named.get(reason, ()), each)
    return named, tuple(others)


def remember(memo: dict[_K, _V], key: _K, value: _V) -> None:
    """Remember within bounds: forget everything when full, as what is common comes back at once."""
    if len(memo) >= _MEMO_SIZE:
        memo.clear()
    memo[key] = value
