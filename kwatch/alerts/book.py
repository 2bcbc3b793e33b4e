"""Every alert that is open or remembered, by fingerprint, and which alerts an object is a member of.

The book takes findings and instants, and answers with the alerts whose episode began or ended. Whom that is told to is
not its business.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime

from kwatch.alerts import ledger as fates
from kwatch.alerts import members, thresholds
from kwatch.alerts.acknowledging import withdraw
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.flapping import steady
from kwatch.alerts.holders import Holders
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import Verdict, judge, keep_until
from kwatch.alerts.records import Alert, Member
from kwatch.alerts.timers import Phase, Timers
from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.conditions import is_edge
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Mode, Rule, Severity, Subject

Moved = tuple[Alert, ...]


class Book:
    """The alerts. `alerts` is read by others, and changed here alone."""

    def __init__(self, rules: Mapping[str, Rule], annotations: Annotations, timers: Timers, ledger: Ledger) -> None:
        self.alerts: dict[str, Alert] = {}
        self.retold: list[Alert] = []  # firing alerts that began or ceased to flap; whoever tells it takes them out
        self.rules = rules
        self._moments = {rule.id for rule in rules.values() if rule.on is Subject.EVENT or is_edge(rule.match)}
        self._annotations = annotations
        self._timers = timers
        self._ledger = ledger
        self._holders = Holders()
        self._late_before: datetime | None = None
        self._is_starting = False

    def load(self, alerts: Iterable[Alert], *, started_at: datetime, is_first: bool) -> Moved:
        """Take back what was kept; nothing of it is known to be so until its source has been heard (`thaw`)."""
        self._late_before = None if is_first else started_at
        self._is_starting = True
        moved: list[Alert] = []
        for alert in alerts:
            self.alerts[alert.fingerprint] = alert
            for member in alert.members.values():
                self._holders.add(alert, member)
                members.freeze(alert, member, started_at)
            rule = self.rules.get(alert.rule_id)
            if alert.is_open and (rule is None or rule.mode is not Mode.ALERT):
                moved += self._abandon(alert, EndReason.RULE_REMOVED, "rule removed", started_at)
            else:
                moved += self._settle(alert, started_at)
        return tuple(moved)

    def started(self, now: datetime) -> Moved:
        """Every source has been heard, or given up: from now on what nobody can see may expire."""
        self._is_starting = False
        for alert in self.alerts.values():
            alert.awaits_summary = False
        return self._settle_all([alert for alert in self.alerts.values() if alert.is_open], now)

    def outdated(self) -> list[Alert]:
        """Return the open alerts that have another severity now than when they began."""
        opened = [alert for alert in self.alerts.values() if alert.is_open and alert.rule_id in self.rules]
        return [alert for alert in opened if alert.severity is not self._severity_of(alert)]

    def regrade(self, alert: Alert) -> None:
        """Give an alert the severity that its rule, or an annotation, has now."""
        alert.severity = self._severity_of(alert)
        alert.labels = {**alert.labels, "severity": alert.severity.word}
        self._ledger.touch_alert(alert.fingerprint)

    def observe(self, finding: Finding, now: datetime) -> Moved:
        """Take a finding of a rule of mode ALERT."""
        match finding.kind:
            case FindingKind.STATE:
                return self._observe_state(finding, now)
            case FindingKind.OCCURRENCE:
                return self._observe_occurrence(finding, now)
            case FindingKind.EVIDENCE:
                about = self._about(finding)
                for alert in about:
                    members.apply_evidence(alert, finding, now)
                return self._settle_all(about, now)
            case FindingKind.GONE:
                return self._remove(self._about(finding), finding.member, now)

    def freeze(self, kind: str, group: str, namespace: str, now: datetime) -> Moved:
        """Hold everything that rests on a source that is out of sync."""
        touched = list(self._members_of(kind, group, namespace))
        for alert, member in touched:
            members.freeze(alert, member, now)
        return self._settle_all([alert for alert, _ in touched], now)

    def freeze_all(self, now: datetime) -> Moved:
        """Hold everything: nobody watches."""
        for alert in self.alerts.values():
            for member in alert.members.values():
                members.freeze(alert, member, now)
        return self._settle_all(list(self.alerts.values()), now)

    def thaw(self, kind: str, group: str, namespace: str, present: Container[str] | None, now: datetime) -> Moved:
        """Go on; with `present` the uids that a list has shown, members that it has not shown are gone."""
        touched = [(alert, member) for alert, member in self._members_of(kind, group, namespace) if member.is_frozen]
        for _, member in touched:
            member.is_frozen = False
        for alert, member in touched:
            if present is not None and members.has_uid(member.ref) and member.ref.uid not in present:
                self._end_member(alert, member.ref, now)
        return self._settle_all([alert for alert, _ in touched], now)

    def retext(self, alert: Alert) -> None:
        """Give an alert the annotations that it has now."""
        if (rule := self.rules.get(alert.rule_id)) is not None:
            alert.annotations = self._annotations.texts_of(rule, alert.labels)
            self._ledger.touch_alert(alert.fingerprint)

    def leave(self, is_left: Callable[[ObjectRef], bool], reason: str, now: datetime) -> Moved:
        """Let go of objects that nobody looks at any more; an alert of no other is no longer observed."""
        moved: list[Alert] = []
        for alert in [alert for alert in self.alerts.values() if alert.is_open]:
            left = {key: member for key, member in alert.members.items() if is_left(member.ref)}
            if left and len(left) == len(alert.members):
                moved += self._abandon(alert, EndReason.NOT_OBSERVED, reason, now)
            elif left:
                self._forget_members(alert, left)
                moved += self._settle(alert, now)
        return tuple(moved)

    def close(self, alert: Alert, now: datetime) -> None:
        """Let go of an episode that has ended and been told of; what it was called comes back with the next finding."""
        self._forget_members(alert, alert.members.copy())
        alert.count, alert.unlisted, alert.groups, alert.awaits_summary = 0, 0, [], False
        alert.labels, alert.annotations, alert.details, alert.message = {}, {}, {}, ""
        self.remember(alert, now)

    def run(self, fingerprint: str, now: datetime) -> Moved:
        """A deadline has come."""
        return self._settle(self.alerts[fingerprint], now)

    def recall(self, finding: Finding) -> Alert:
        """Return the alert of a finding, made if need be, with the newest texts."""
        rule, alert = finding.rule, self.alerts.get(finding.fingerprint)
        severity = self._annotations.severity_of(rule, finding.labels)
        labels = {**finding.labels, "severity": severity.word}
        if alert is None:
            alert = self.alerts[finding.fingerprint] = Alert(
                fingerprint=finding.fingerprint,
                rule_id=rule.id,
                rule=rule.name,
                is_moment=rule.id in self._moments,
                severity=severity,
                key_values=finding.key_values,
                labels=labels,
                annotations={},
                message=finding.message,
                is_varied=finding.is_varied,
                details=dict(finding.details),
                seen_at=finding.since_at,
            )
        elif not alert.is_open:  # an episode keeps the labels by which it was routed
            alert.rule, alert.severity, alert.labels = rule.name, severity, labels
        if finding.message:
            alert.message, alert.is_varied = finding.message, finding.is_varied
        alert.details = dict(finding.details) or alert.details
        alert.annotations = self._annotations.texts_of(rule, alert.labels)
        self._ledger.touch_alert(alert.fingerprint)
        return alert

    def holding(self, ref: ObjectRef) -> Mapping[str, tuple[str, ...]]:
        """Return the alerts that an object is a member of, by their rule; keys may hold what the object cannot say."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self._holders.of(ref):
            rule_id = self.alerts[name].rule_id
            found[rule_id] = (*found.get(rule_id, ()), name)
        return found

    def reaches(self, alert: Alert, finding: Finding, now: datetime) -> bool:
        """Count an occurrence and return whether the rule's rate is reached."""
        rate, contribution = finding.rule.rate, finding.contribution
        if rate is None or contribution is None:
            return True
        if not thresholds.add(alert.window, contribution, rate, now):
            self._ledger.count(fates.LATE)
        return alert.is_open or thresholds.window_sum(alert.window, rate, now) >= rate.count

    def remember(self, alert: Alert, now: datetime) -> None:
        """Keep an alert that is not open for as long as something needs it."""
        rule = self.rules.get(alert.rule_id)
        until = now if rule is None else keep_until(alert, rule)
        if until > now:
            self._timers.set((Phase.CONDITION, alert.fingerprint), until)
            return
        self._timers.set((Phase.CONDITION, alert.fingerprint), None)
        self._forget_members(alert, alert.members.copy())
        self._ledger.touch_alert(alert.fingerprint)
        del self.alerts[alert.fingerprint]

    def is_late(self, since_at: datetime) -> bool:
        """Whether something began before this start, in a cluster that was watched before."""
        return self._late_before is not None and since_at < self._late_before

    # findings

    def _observe_state(self, finding: Finding, now: datetime) -> Moved:
        if finding.truth is not Truth.TRUE and finding.fingerprint not in self.alerts:
            return ()
        alert = self.recall(finding)
        if finding.truth is Truth.TRUE:
            self._ledger.count(fates.COUNTED_INTO_OPEN if alert.is_open else fates.OPENED)
        self._heed_initial(alert, finding)
        apply = members.apply_occurrence if alert.is_moment else members.apply_state
        is_known = _is_known(alert, finding)
        apply(alert, finding, now)
        return () if is_known else self._settle_member(alert, finding, now)

    def _observe_occurrence(self, finding: Finding, now: datetime) -> Moved:
        if finding.truth is not Truth.TRUE:
            self._ledger.count(fates.UNKNOWN)
            return ()
        occurrences = finding.contribution.n if finding.contribution is not None else 0
        if occurrences <= 0:
            self._ledger.count(fates.NOTHING_NEW)
            alert = self.alerts.get(finding.fingerprint)
            if alert is not None and finding.since_at >= alert.seen_at:
                self.recall(finding)
            return ()
        alert = self.recall(finding)
        is_reached = self.reaches(alert, finding, now)
        if alert.is_open:
            self._ledger.count(fates.COUNTED_INTO_OPEN)
            alert.count += occurrences
        is_known = _is_known(alert, finding)
        members.apply_occurrence(alert, finding, now)
        if is_known:
            return ()
        if not alert.is_open:
            if not is_reached:
                self._ledger.count(fates.BELOW_THRESHOLD)
                self._trim(alert, finding)
                self.remember(alert, now)
                return ()
            self._ledger.count(fates.OPENED)
            self._open(alert, finding, occurrences, now)
        return self._settle_member(alert, finding, now)

    def _open(self, alert: Alert, finding: Finding, occurrences: int, now: datetime) -> None:
        """Begin with an occurrence: with a rate, by all that lie in its window, as of this one."""
        self._heed_initial(alert, finding)
        alert.count, rate = occurrences, finding.rule.rate
        if rate is None:
            return
        alert.count = thresholds.window_sum(alert.window, rate, now)
        lo = now - rate.within
        self._forget_members(alert, {key: m for key, m in alert.members.items() if m.seen_at <= lo})
        for member in alert.members.values():
            member.since_at = min(finding.since_at, now)
            if member.ref == finding.member:
                member.truth = Truth.TRUE  # whatever was evidence before, it is wrong now

    def _heed_initial(self, alert: Alert, finding: Finding) -> None:
        is_first_list = self._is_starting and self._late_before is None and finding.is_initial
        if not alert.is_open and finding.truth is Truth.TRUE:
            alert.awaits_summary = is_first_list

    def _about(self, finding: Finding) -> list[Alert]:
        return [self.alerts[name] for name in self.holding(finding.member).get(finding.rule.id, ())]

    def _remove(self, alerts: list[Alert], ref: ObjectRef, now: datetime) -> Moved:
        for alert in alerts:
            self._end_member(alert, ref, now)
        return self._settle_all(alerts, now)

    def _end_member(self, alert: Alert, ref: ObjectRef, now: datetime) -> None:
        if alert.state is AlertState.FIRING:
            members.remove(alert, ref, self.rules[alert.rule_id].on_delete, now)
            return
        keys = members.member_keys(ref)
        self._forget_members(alert, {key: alert.members[key] for key in keys if key in alert.members})

    def _severity_of(self, alert: Alert) -> Severity:
        return self._annotations.severity_of(self.rules[alert.rule_id], alert.labels)

    # members

    def _members_of(self, kind: str, group: str, namespace: str) -> Iterator[tuple[Alert, Member]]:
        for alert in self.alerts.values():
            for member in alert.members.values():
                ref = member.ref
                if (ref.kind, ref.group) == (kind, group) and namespace in ("", ref.namespace):
                    yield alert, member

    def _forget_members(self, alert: Alert, gone: Mapping[str, Member]) -> None:
        for key in gone:
            del alert.members[key]
        self._holders.discard(alert, gone.values())

    def _trim(self, alert: Alert, finding: Finding) -> None:
        member = members.find_member(alert, finding.member)
        if member is not None:
            self._holders.add(alert, member)
        self._holders.discard(alert, members.prune(alert, keep_wrong=not alert.is_moment))

    # transitions

    def _settle_member(self, alert: Alert, finding: Finding, now: datetime) -> Moved:
        self._trim(alert, finding)
        return self._settle(alert, now)

    def _settle_all(self, alerts: Iterable[Alert], now: datetime) -> Moved:
        unique = {alert.fingerprint: alert for alert in alerts}
        return tuple(moved for alert in unique.values() for moved in self._settle(alert, now))

    def _settle(self, alert: Alert, now: datetime) -> Moved:
        """Bring an alert into the state that it should have now, and set its next deadline."""
        rule = self.rules.get(alert.rule_id)
        if rule is None or rule.mode is not Mode.ALERT or not self._is_judged(alert, rule):
            self.remember(alert, now)
            return ()
        self._ledger.touch_alert(alert.fingerprint)
        was_flapping = alert.is_flapping
        verdict = self._judge(alert, rule, now)
        moved = self._follow(alert, rule, verdict, now)
        if alert.is_open:
            if moved:  # what has just begun has another deadline
                verdict = self._judge(alert, rule, now)
            self._timers.set((Phase.CONDITION, alert.fingerprint), verdict.due_at)
        if alert.is_open or not moved:  # of what has ended the caller makes a last view, and calls `close`
            self._tidy(alert, now)
        if alert.is_flapping is not was_flapping and not moved:
            self.retold.append(alert)
        return moved

    def _judge(self, alert: Alert, rule: Rule, now: datetime) -> Verdict:
        return steady(alert, rule.flapping, judge(alert, rule, now, may_expire=not self._is_starting), now)

    def _tidy(self, alert: Alert, now: datetime) -> None:
        if alert.state is not AlertState.FIRING:
            self._forget_members(alert, {k: m for k, m in alert.members.items() if m.truth is Truth.FALSE})
        if not alert.is_open:
            self.remember(alert, now)

    @staticmethod
    def _is_judged(alert: Alert, rule: Rule) -> bool:
        """Whether truth of the members decides now: not where a rate waits to be reached by an occurrence."""
        return alert.is_open or rule.rate is None or alert.count > 0

    def _follow(self, alert: Alert, rule: Rule, verdict: Verdict, now: datetime) -> Moved:
        match verdict.state:
            case AlertState.FIRING if alert.state is not AlertState.FIRING:
                self._begin(alert, rule, verdict, now)
            case AlertState.PENDING if alert.state is not AlertState.PENDING:
                alert.is_late = self.is_late(verdict.since_at or now)  # once: a restart while pending misses nothing
                self._ledger.move(alert, AlertState.PENDING, verdict.reason, now)
                return ()
            case AlertState.INACTIVE if alert.state is AlertState.PENDING:
                self._ledger.move(alert, AlertState.INACTIVE, verdict.reason, now)
                self._ledger.count(fates.CAME_AND_WENT)
                alert.count = 0
                return ()
            case AlertState.RESOLVED | AlertState.EXPIRED:
                self._end(alert, verdict, now)
            case _:
                return ()
        return (alert,)

    def _begin(self, alert: Alert, rule: Rule, verdict: Verdict, now: datetime) -> None:
        is_reopened = alert.ended_at is not None and now - alert.ended_at <= rule.reopen_window
        alert.continues = alert.episode if is_reopened else None
        alert.episode += 1
        alert.starts_at = verdict.since_at or now
        alert.ends_at = alert.ended_at = alert.end_reason = None
        if alert.state is not AlertState.PENDING:
            alert.is_late = self.is_late(alert.starts_at)
        alert.is_told, alert.is_stable, alert.held_back_by, alert.groups, alert.listed = False, False, "", [], []
        alert.planned_at, alert.planned_by = None, ""
        alert.escalated_to = []
        withdraw(alert)
        self._ledger.move(alert, AlertState.FIRING, verdict.reason, now)

    def _end(self, alert: Alert, verdict: Verdict, now: datetime) -> None:
        alert.ends_at = max(verdict.since_at or now, alert.starts_at or now)
        alert.ended_at, alert.end_reason = now, verdict.end_reason
        self._ledger.move(alert, verdict.state, verdict.reason, now)

    def _abandon(self, alert: Alert, why: EndReason, reason: str, now: datetime) -> Moved:
        """End what nobody asks for any more (S-41)."""
        self._ledger.touch_alert(alert.fingerprint)
        if alert.state is AlertState.PENDING:
            self._ledger.move(alert, AlertState.INACTIVE, reason, now)
            self._ledger.count(fates.CAME_AND_WENT)
            self._forget_members(alert, alert.members.copy())
            self.remember(alert, now)
            return ()
        self._end(alert, Verdict(AlertState.EXPIRED, reason, now, why), now)
        return (alert,)


def _is_known(alert: Alert, finding: Finding) -> bool:
    """Return whether a finding tells a firing alert what it knows; then no more follows than a later deadline.

    That one is set when the earlier runs out, so that an alert of many members need not be judged at each occurrence.
    """
    if alert.state is not AlertState.FIRING or finding.truth is not Truth.TRUE:
        return False
    member = members.find_member(alert, finding.member)
    return member is not None and member.truth is Truth.TRUE and (alert.is_moment or member.is_live)
