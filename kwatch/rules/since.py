"""Since when a truth holds, by the object's own word: the transitions of its status conditions."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from kwatch.model.findings import FindingKind, Truth
from kwatch.model.observations import Change, ObjectChange, StatusCondition
from kwatch.rules.compiled import Cause, CompiledRule
from kwatch.rules.observed import Observed

#: What a status condition may say.
STATUSES = ("True", "False", "Unknown")


def began_at(causes: Iterable[Cause], truth: Truth, change: ObjectChange, seen: Observed) -> datetime:
    """Return when the truth began: the transition of a status condition that has brought it, else the receipt.

    A transition before the one that was seen last is none: the kubelet gives a condition its old time back when it
    takes it over again from the node controller. What is already so when an object is first listed began before, and
    nothing on it says when: the last transition of any of its conditions is taken.
    """
    for type_, holds in causes:
        at = _turned_at(change, type_)
        if at is not None and holds(seen) is truth:
            return at
    if truth is Truth.TRUE and change.change is Change.EXISTING:
        transitions = [each.changed_at for each in change.state.conditions.values() if each.changed_at is not None]
        return min(max(transitions, default=change.received_at), change.received_at)
    return change.received_at


def broken_at(
    compiled: CompiledRule, kind: FindingKind, truth: Truth, change: ObjectChange, seen: Observed
) -> datetime | None:
    """Return when what holds now did not hold, where a transition says so of which nobody saw the other side.

    What is wrong had a break if it must have had one, what is well if it may have had one: a false end is worse than a
    late one.
    """
    holds = compiled.resolve if kind is FindingKind.EVIDENCE else compiled.match
    if kind is FindingKind.GONE or holds is None or holds(seen) is not truth:
        return None
    is_enough = all if (truth is Truth.TRUE) is (kind is FindingKind.STATE) else any
    breaks: list[datetime] = []
    for type_ in {type_ for causes in compiled.causes.values() for type_, _ in causes}:
        at = _turned_at(change, type_)
        if at is not None and is_enough(holds(each) is not truth for each in _earlier(change, seen, type_)):
            breaks.append(at)
    return max(breaks, default=None)


def _turned_at(change: ObjectChange, type_: str) -> datetime | None:
    """Return when a condition became what it is, if that is later than what was seen of it last."""
    now, before = change.state.conditions.get(type_), _before(change, type_)
    if now is None or now.changed_at is None:
        return None
    if before is None or before.changed_at is None or before.changed_at < now.changed_at:
        return min(now.changed_at, change.received_at)
    return None


def _before(change: ObjectChange, type_: str) -> StatusCondition | None:
    return change.before.conditions.get(type_) if change.before is not None else None


def _earlier(change: ObjectChange, seen: Observed, type_: str) -> Iterator[Observed]:
    """Yield what was to be seen before a condition became what it is: with what it was, or may have been."""
    state, before = change.state, _before(change, type_)
    now = state.conditions[type_]
    statuses = STATUSES if before is None or before.status == now.status else (before.status,)
    for status in statuses:
        if status != now.status:
            conditions = {**state.conditions, type_: msgspec.structs.replace(now, status=status)}
            yield msgspec.structs.replace(seen, state=msgspec.structs.replace(state, conditions=conditions))
