"""When nothing has matched for `absent_for`: the alert begins by time, and ends when something matches again.

    not firing   nothing for `absent_for`, all of it seen    → FIRING since then
    firing       something matched                           → RESOLVED as of that time
                 its object was deleted (a key with a name)  → RESOLVED at once
                 a key value that stays away, of which       → EXPIRED `expire_after` later, and watched no more
                 no object can be seen

An absence cannot be known while a source of what is waited for is out of sync; it is judged again `GRACE` after the
source is back, as what happened meanwhile may arrive a little later. A rule without a `key` is watched from its
activation; with one, each key value is from the first time that it was seen. The last time that something matched is
the alert's `seen_at`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.alerts import members
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import Verdict
from kwatch.alerts.premises import is_named_by
from kwatch.alerts.records import Alert
from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.conditions import Condition
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.identity import fingerprint
from kwatch.model.matching import kinds_of
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Rule, Subject

#: How long after a source is in sync again what happened meanwhile may take to arrive.
GRACE = timedelta(seconds=60)

#: Key values that are watched at a time, over all rules; those beyond are not watched, and counted.
KEPT = 10_000

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class Absences:
    """What absence rules wait for, and since when it can be seen."""

    def __init__(self, rules: Iterable[Rule], cluster: str) -> None:
        self._cluster = cluster
        self._rules = {rule.id: rule for rule in rules if rule.absent_for is not None}
        self._synced_at: dict[tuple[str, str, str], datetime | None] = {}  # by kind, group and namespace; None: lost
        self._watched: dict[str, str] = {}  # fingerprint → id of its rule

    def load(self, alerts: Iterable[Alert], now: datetime) -> Iterator[Alert]:
        """Watch what was watched; yield the alerts of rules that are new, which are watched from their activation."""
        for alert in alerts:
            rule = self._rules.get(alert.rule_id)
            if rule is not None and is_named_by(alert, rule, self._cluster) and not _is_given_up(alert):
                self.takes(alert.fingerprint, rule)
        for rule in self._rules.values():
            if not rule.key and rule.id not in self._watched.values():
                alert = _armed(rule, self._cluster, now)
                self.takes(alert.fingerprint, rule)
                yield alert

    def use(self, rules: Iterable[Rule], alerts: Iterable[Alert], now: datetime) -> Iterator[Alert]:
        """Go by other rules: what a rule with another key watched is watched no more. Yield as `load` does."""
        before, self._rules = self._rules, {rule.id: rule for rule in rules if rule.absent_for is not None}
        keys = {rule_id: rule.key for rule_id, rule in before.items()}
        same = {rule.id for rule in self._rules.values() if keys.get(rule.id) == rule.key}
        self._watched = {name: rule_id for name, rule_id in self._watched.items() if rule_id in same}
        return self.load([alert for alert in alerts if alert.rule_id in same], now)

    def takes(self, name: str, rule: Rule) -> bool:
        """Watch a fingerprint from now on; False when too many are."""
        if name not in self._watched and len(self._watched) >= KEPT:
            return False
        self._watched[name] = rule.id
        return True

    def observe(
        self, finding: Finding, now: datetime, recall: Callable[[Finding], Alert], ledger: Ledger
    ) -> Alert | None:
        """Take what is waited for: return its alert, as of now; None when a finding says nothing of the kind."""
        if not _is_there(finding):
            ledger.count(fates.UNKNOWN if finding.truth is Truth.UNKNOWN else fates.NOTHING_NEW)
            return None
        if not self.takes(finding.fingerprint, finding.rule):
            ledger.reach(fates.AWAITED_DROPPED)
            return None
        ledger.count(fates.AWAITED)
        words = message_of(finding.rule)
        alert = recall(msgspec.structs.replace(finding, message=words, details={}, is_varied=False))
        alert.seen_at = max(alert.seen_at, min(finding.since_at, now))
        if "name" in finding.rule.key:  # it is over with its object
            members.apply_occurrence(alert, finding, now)
        return alert

    def could_open(self, alert: Alert, rule: Rule, now: datetime) -> bool:
        """Whether an open alert is about an absence that is watched, by its key, and is long enough."""
        return self.is_watched(alert.fingerprint) and self.judge(alert, rule, now).state is not AlertState.RESOLVED

    def goes_on(self, alert: Alert) -> bool:
        """Whether an absence that has ended is waited for again, from when it was seen last."""
        return self.is_watched(alert.fingerprint) and alert.end_reason in (EndReason.SEEN_AGAIN, EndReason.RULE_CHANGED)

    def is_watched(self, name: str) -> bool:
        """Whether a fingerprint waits to be seen again."""
        return name in self._watched

    def drop(self, name: str) -> None:
        """Watch a fingerprint no more."""
        self._watched.pop(name, None)

    def lost(self, kind: str, group: str, namespace: str) -> None:
        """A source is out of sync."""
        self._synced_at[kind, group, namespace] = None

    def lost_all(self) -> None:
        """Nobody watches: every source is out of sync until it is heard again."""
        self._synced_at = dict.fromkeys(self._synced_at)

    def synced(self, kind: str, group: str, namespace: str, now: datetime) -> None:
        """A source is in sync."""
        self._synced_at[kind, group, namespace] = now

    def jump(self, by: timedelta) -> None:
        """The clock was set: what is in sync has been so for as long as before."""
        self._synced_at = {source: None if at is None else at + by for source, at in self._synced_at.items()}

    def resting_on(self, kind: str, group: str) -> list[str]:
        """Return the fingerprints whose absence is seen by a kind of sources."""
        rules = {rule.id for rule in self._rules.values() if _rests_on(rule, kind, group)}
        return [name for name, rule_id in self._watched.items() if rule_id in rules] if rules else []

    def judge(self, alert: Alert, rule: Rule, now: datetime) -> Verdict:
        """Say what an alert of an absence rule should be now."""
        absent_at = alert.seen_at + (rule.absent_for or timedelta(0))
        if alert.state is AlertState.FIRING:
            return _judge_end(alert, rule, absent_at, now)
        synced_at = self._seen_since(rule)
        if synced_at is None:
            return Verdict(AlertState.INACTIVE, "unknown")
        due_at = max(absent_at, synced_at + GRACE)
        if due_at > now:
            return Verdict(AlertState.INACTIVE, "seen", due_at=due_at)
        return Verdict(AlertState.FIRING, "nothing for `absent_for`", absent_at)

    def _seen_since(self, rule: Rule) -> datetime | None:
        """Return since when all of its sources are in sync; None: one is not, or none was ever heard."""
        instants = [at for (kind, group, _), at in self._synced_at.items() if _rests_on(rule, kind, group)]
        known = [at for at in instants if at is not None]
        return max(known) if known and len(known) == len(instants) else None


def absent_ref(alert: Alert) -> ObjectRef:
    """Return what is waited for, as far as the key names it."""
    if alert.members:
        return next(iter(alert.members.values())).ref
    labels = alert.labels
    kind, _, name = labels.get("workload", "").partition("/")
    return ObjectRef(labels.get("kind", kind), labels.get("name", name), labels.get("namespace", ""))


def message_of(rule: Rule) -> str:
    """Return `nothing matched for 1h30m`."""
    rest, parts = int((rule.absent_for or timedelta(0)).total_seconds()), []
    for unit, seconds in _UNITS:
        amount, rest = divmod(rest, seconds)
        parts += [f"{amount}{unit}"] if amount else []
    return f"nothing matched for {''.join(parts)}"


def _is_there(finding: Finding) -> bool:
    """Whether a finding says that what is waited for has happened."""
    if finding.kind is FindingKind.OCCURRENCE:
        return finding.truth is Truth.TRUE and finding.contribution is not None and finding.contribution.n > 0
    return finding.kind is FindingKind.STATE and finding.truth is Truth.TRUE


def _is_given_up(alert: Alert) -> bool:
    """Whether it ended without being seen again."""
    has_ended = alert.end_reason in (EndReason.NOT_OBSERVED, EndReason.OBJECT_GONE)
    return has_ended and alert.ended_at is not None and alert.seen_at <= alert.ended_at


def _armed(rule: Rule, cluster: str, now: datetime) -> Alert:
    labels = {**rule.labels, "cluster": cluster, "rule": rule.name, "severity": rule.severity.word}
    return Alert(
        fingerprint=fingerprint(cluster, rule.id, {}),
        rule_id=rule.id,
        rule=rule.name,
        is_moment=True,
        severity=rule.severity,
        key_values=(),
        labels={name: value for name, value in labels.items() if value},
        annotations=dict(rule.annotations),
        message=message_of(rule),
        details={},
        seen_at=now,
    )


def _judge_end(alert: Alert, rule: Rule, absent_at: datetime, now: datetime) -> Verdict:
    if absent_at > now:
        return Verdict(AlertState.RESOLVED, "seen again", alert.seen_at, EndReason.SEEN_AGAIN)
    gone = [member.since_at for member in alert.members.values() if member.truth is Truth.FALSE]
    if gone:
        return Verdict(AlertState.RESOLVED, "object gone", max(gone), EndReason.OBJECT_GONE)
    can_be_seen = rule.on is Subject.RESOURCE and any(not member.is_gone for member in alert.members.values())
    if not rule.key or can_be_seen:
        return Verdict(AlertState.FIRING, "nothing")
    due_at = absent_at + rule.expire_after
    if due_at > now:
        return Verdict(AlertState.FIRING, "nothing", due_at=due_at)
    return Verdict(AlertState.EXPIRED, "nothing for `expire_after`", now, EndReason.NOT_OBSERVED)


def _rests_on(rule: Rule, kind: str, group: str) -> bool:
    if rule.on is Subject.EVENT:
        return kind == "Event"
    return _names(rule.match, kind, group)


def _names(match: Condition, kind: str, group: str) -> bool:
    return not {kind, f"{kind}.{group}"}.isdisjoint(kinds_of(match) or ())
