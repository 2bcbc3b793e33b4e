"""Silences: what somebody has asked not to be told of for a while (S-77 to S-83).

They are found by the exact value of a label where they name one, so that a thousand of them cost an alert next to
nothing; those that name none are asked one after the other, and what came of it is remembered while nothing changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Alert
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.wrong import labels_of_all
from kwatch.model.conditions import AllOf, Condition, LabelIs, Text
from kwatch.model.decisions import AuditEntry
from kwatch.model.matching import LabelPredicate, is_word, label_predicate
from kwatch.model.silences import Silence

#: As many as are kept.
MOST = 2000
#: Label sets of which it is remembered which silences match them; some 500 bytes each.
REMEMBERED = 16_384
#: Who ends a silence whose time is up.
KWATCH = "kwatch"

_Label = tuple[str, str]


class _Held:
    """A silence, compiled, and the labels by which it is found; none: it is always asked."""

    def __init__(self, silence: Silence, found_by: tuple[_Label, ...]) -> None:
        self.silence = silence
        self.matches: LabelPredicate = label_predicate(silence.match)
        self.found_by = found_by
        self.is_begun = False


class Silences:
    """The silences that are in force, or will be."""

    def __init__(self, timers: Timers, ledger: Ledger) -> None:
        self._timers = timers
        self._ledger = ledger
        self._held: dict[str, _Held] = {}
        self._by_label: dict[str, dict[str, dict[str, _Held]]] = {}  # label → value → id
        self._others: dict[str, _Held] = {}
        self._matches: dict[tuple[_Label, ...], list[_Held]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def load(self, silences: Iterable[Silence], now: datetime) -> None:
        """Take back what was kept; what has ended meanwhile ends at the first chance."""
        for silence in silences:
            self._hold(silence, now)

    def all(self) -> tuple[Silence, ...]:
        """Return the silences, the next to end first."""
        silences = [held.silence for held in self._held.values()]
        return tuple(sorted(silences, key=lambda one: (one.ends_at is None, one.ends_at or one.created_at, one.id)))

    def edges(self) -> Iterator[datetime]:
        """Yield when silences begin and end."""
        for held in self._held.values():
            yield held.silence.starts_at
            if held.silence.ends_at is not None:
                yield held.silence.ends_at

    def get(self, silence_id: str) -> Silence | None:
        """Return the silence of an id; None: it is over, or never was."""
        held = self._held.get(silence_id)
        return None if held is None else held.silence

    def add(self, silence: Silence, actor: str, now: datetime) -> None:
        """Keep a new silence."""
        self._hold(silence, now)
        self._note(silence, "silence added", actor, now)

    def end(self, silence_id: str, actor: str, now: datetime) -> None:
        """Let go of a silence."""
        held = self._held.pop(silence_id)
        self._matches.clear()
        self._others.pop(silence_id, None)
        for label, value in held.found_by:
            del self._by_label[label][value][silence_id]
            if not self._by_label[label][value]:
                del self._by_label[label][value]
        self._timers.set((Phase.EDGE, key_of(silence_id)), None)
        self._note(held.silence, "silence expired" if actor != KWATCH else "silence ended", actor, now)

    def turn(self, silence_id: str, now: datetime) -> Silence:
        """A silence begins or ends now; return it."""
        silence = self._held[silence_id].silence
        if silence.ends_at is not None and silence.ends_at <= now:
            self.end(silence_id, KWATCH, now)
        else:
            self._schedule(self._held[silence_id], is_begun=True)
        return silence

    def jump(self, by: timedelta) -> None:
        """The clock was set: what has begun has begun, and lasts for the length that was asked for, if one was."""
        for held in [each for each in self._held.values() if each.is_begun]:
            before = held.silence
            ends_at = before.ends_at + by if before.is_by_length and before.ends_at is not None else before.ends_at
            held.silence = replace(before, starts_at=min(before.starts_at, before.starts_at + by), ends_at=ends_at)
            self._schedule(held, is_begun=True)
            self._ledger.touch_silence(before.id)

    def hold_of(self, labels: Mapping[str, str], now: datetime) -> Silence | None:
        """Return the silence that holds what has these labels; of several the one that does so longest."""
        holding = [held.silence for held in self._matching(labels) if _is_in_force(held.silence, now)]
        return max(holding, key=lambda one: (one.ends_at is None, one.ends_at or one.created_at, one.id), default=None)

    def until_resolved(self, alert: Alert) -> list[Silence]:
        """Return the silences that end with the last alert that they match, of those that match this one."""
        matching = {held.silence.id: held.silence for labels in labels_of_all(alert) for held in self._matching(labels)}
        return [silence for silence in matching.values() if silence.is_until_resolved]

    def predicate(self, silence: Silence) -> LabelPredicate:
        """Return what says whether a silence is about some labels, also of one that is over."""
        held = self._held.get(silence.id)
        return held.matches if held is not None else label_predicate(silence.match)

    def _matching(self, labels: Mapping[str, str]) -> list[_Held]:
        if not self._held:
            return []
        key = tuple(labels.items())
        found = self._matches.get(key)
        if found is None:
            if len(self._matches) >= REMEMBERED:
                self._matches.clear()
            found = [held for held in self._candidates(labels).values() if held.matches(labels)]
            self._matches[key] = found
        return found

    def _candidates(self, labels: Mapping[str, str]) -> Mapping[str, _Held]:
        found = dict(self._others)
        for label, by_value in self._by_label.items():
            found |= by_value.get(labels.get(label, ""), {})
        return found

    def _hold(self, silence: Silence, now: datetime) -> None:
        self._matches.clear()
        held = self._held[silence.id] = _Held(silence, self._best_labels(silence.match))
        for label, value in held.found_by:
            self._by_label.setdefault(label, {}).setdefault(value, {})[silence.id] = held
        if not held.found_by:
            self._others[silence.id] = held
        self._schedule(held, is_begun=silence.starts_at <= now)

    def _best_labels(self, condition: Condition) -> tuple[_Label, ...]:
        """Return the values of the label by which the fewest other silences are found."""
        options = list(_exact(condition))
        return min(options, key=self._crowd, default=())

    def _crowd(self, labels: tuple[_Label, ...]) -> int:
        return sum(len(self._by_label.get(label, {}).get(value, ())) for label, value in labels)

    def _schedule(self, held: _Held, *, is_begun: bool) -> None:
        silence, held.is_begun = held.silence, is_begun
        self._timers.set((Phase.EDGE, key_of(silence.id)), silence.ends_at if is_begun else silence.starts_at)

    def _note(self, silence: Silence, action: str, actor: str, now: datetime) -> None:
        self._ledger.touch_silence(silence.id)
        detail = f"{silence.asked} · {silence.title}"
        self._ledger.audit.append(AuditEntry(at=now, actor=actor, action=action, subject=silence.id, detail=detail))


def key_of(silence_id: str) -> str:
    """Return the name of a silence's deadline."""
    return f"silence/{silence_id}"


def _is_in_force(silence: Silence, now: datetime) -> bool:
    return silence.starts_at <= now and (silence.ends_at is None or now < silence.ends_at)


def _exact(condition: Condition) -> Iterable[tuple[_Label, ...]]:
    """Yield, for each label of which a condition names the values exactly, those values."""
    match condition:
        case AllOf(of=of):
            for part in of:
                yield from _exact(part)
        case LabelIs(key=key, anyof=anyof) if all(map(is_word, anyof)):
            yield tuple((key, matcher.glob) for matcher in dict.fromkeys(anyof) if isinstance(matcher, Text))
        case _:
            pass
