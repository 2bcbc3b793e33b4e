"""Observable quiet: when silence says that it is over (spec 2.3). Pure.

No update does not mean that nothing happens: an emitter may be out of tokens, or count a series in memory. Its silence
counts from the instant at which it would have told of another occurrence at once. Every write about the object that
takes its last tokens puts that instant off (`put_off`), and a watch that is out of sync says nothing (`freeze`).
An alert is quiet when each emitter of each member is. It is asked as late as can be: what was quiet once and is out of
sight again counts as going on, which can make an end late and never false.
"""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from kwatch.alerts.records import Alert, Member
from kwatch.model.findings import Bucket, Emission, Truth
from kwatch.model.rules import Rule

#: Emitters kept apart per member; with more of them its end cannot be seen.
KEPT = 8
OTHERS = "others"
NEVER = datetime.max.replace(tzinfo=UTC)


def quiet_at(alert: Alert, rule: Rule) -> datetime | None:
    """Return when an alert has been quiet for long enough, if nothing more happens; None: that cannot be seen."""
    if alert.is_out_of_sight or not rule.ends_by_quiet:
        return None
    found: datetime | None = None
    for member in alert.members.values():
        if member.truth is Truth.TRUE:
            at = member_quiet_at(member, rule)
            if at is None:
                return None
            found = at if found is None else max(found, at)
    return found


def member_quiet_at(member: Member, rule: Rule) -> datetime | None:
    """Return when a member has been quiet for long enough; None: that cannot be seen."""
    found: datetime | None = None
    for emission in member.emissions.values():
        at = _quiet_at(emission, rule)
        if at is None:
            return None
        found = at if found is None else max(found, at)
    return found


def is_throttled(alert: Alert, rule: Rule, now: datetime) -> bool:
    """Return whether an end would go unseen now, because an emitter keeps occurrences to itself."""
    if not rule.ends_by_quiet:
        return False
    wrong = [member for member in alert.members.values() if member.truth is Truth.TRUE]
    return any(_is_withholding(emission, now) for member in wrong for emission in member.emissions.values())


def note(member: Member, emission: Emission, rule: Rule) -> bool:
    """Take what an emitter wrote of a member; return whether its quiet may now come sooner than was thought."""
    before = member_quiet_at(member, rule)
    kept = member.emissions
    if emission.emitter not in kept and len(kept) >= KEPT:
        _make_room(kept, rule, emission.told_at)
        if len(kept) >= KEPT:
            emission = replace(emission, emitter=OTHERS, bucket=None, over_at=NEVER)
    kept[emission.emitter] = emission
    after = member_quiet_at(member, rule)
    return after is not None and (before is None or after < before)


def put_off(member: Member, bucket: Bucket, observable_at: datetime) -> None:
    """Note that a token was spent: its emitter can tell of another occurrence from then on only."""
    for name, emission in member.emissions.items():
        known = emission.observable_at
        if emission.bucket == bucket and known is not None and observable_at > known:
            member.emissions[name] = replace(emission, observable_at=observable_at)


def move(member: Member, by: timedelta) -> None:
    """The clock was set: silence counts as if it had not been."""
    for name, each in member.emissions.items():
        member.emissions[name] = replace(
            each,
            told_at=each.told_at + by,
            observable_at=None if each.observable_at is None else each.observable_at + by,
            over_at=each.over_at if each.over_at == NEVER else each.over_at + by,
        )


def freeze(member: Member, namespace: str) -> bool:
    """The watch of a namespace (empty: of all) is out of sync; return whether this member rests on it."""
    touched = _emitters_in(member, namespace)
    for name in touched:
        member.emissions[name] = replace(member.emissions[name], observable_at=None)
    return bool(touched)


def thaw(member: Member, namespace: str, *, now: datetime, observable_at: datetime) -> bool:
    """It is in sync from now on, with buckets that are empty for all that is known; return as `freeze` does."""
    touched = _emitters_in(member, namespace)
    for name in touched:
        emission = member.emissions[name]
        at = now if emission.bucket is None else observable_at
        member.emissions[name] = replace(emission, observable_at=at)
    return bool(touched)


def _quiet_at(emission: Emission, rule: Rule) -> datetime | None:
    if emission.observable_at is None:
        return None
    silent_since = max(emission.told_at, emission.observable_at)
    return max(silent_since + max(rule.quiet, emission.least), emission.over_at)


def _is_withholding(emission: Emission, now: datetime) -> bool:
    return emission.observable_at is not None and max(emission.observable_at, emission.over_at) > now


def _emitters_in(member: Member, namespace: str) -> list[str]:
    return [name for name, emission in member.emissions.items() if namespace in ("", emission.namespace)]


def _make_room(kept: dict[str, Emission], rule: Rule, now: datetime) -> None:
    """Let go of Events that stand by themselves and have been quiet."""
    for name, emission in list(kept.items()):
        at = _quiet_at(emission, rule)
        if emission.bucket is None and at is not None and at <= now:
            del kept[name]
