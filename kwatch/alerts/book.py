"""Every alert that is open or remembered, by fingerprint, and which alerts an object is a member of.

The book takes findings and instants, and answers with the alerts whose episode began or ended. Whom that is told to is
not its business.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from kwatch.alerts import jumps, members, premises, sequences, thresholds
from kwatch.alerts import ledger as fates
from kwatch.alerts.absence import Absences, absent_ref, message_of
from kwatch.alerts.acknowledging import withdraw
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.flapping import steady
from kwatch.alerts.holders import Holders
from kwatch.alerts.idle import Idle
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import Verdict, judge, keep_until
from kwatch.alerts.listening import Listening
from kwatch.alerts.records import Alert, Member
from kwatch.alerts.timers import Phase, Timers
from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.conditions import is_edge
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Mode, OnDelete, Rule, Severity, Subject

Moved = tuple[Alert, ...]

#: Alerts that may be open at a time; some 3 KB each. What is beyond is not opened. What was heard of before, and is
#: idle, may still open.
OPEN = 50_000

_RULE_CHANGED = (EndReason.RULE_CHANGED, "rule changed")


class Book:
    """The alerts. `alerts` is read by others, and changed here alone."""

    def __init__(
        self, rules: Mapping[str, Rule], annotations: Annotations, timers: Timers, ledger: Ledger, *, cluster: str
    ) -> None:
        self.alerts: dict[str, Alert] = {}
        self.retold: list[Alert] = []  # firing alerts that began or ceased to flap; whoever tells it takes them out
        self.relapsed: list[Alert] = []  # firing alerts, over but for flapping, that are wrong again; likewise
        self.rules = rules
        self._cluster = cluster
        self._moments = _moments(rules)
        self._premises = _premises(rules)
        self._annotations = annotations
        self._timers = timers
        self._ledger = ledger
        self._holders = Holders()
        self._idle = Idle()
        self._absences = Absences(rules.values(), cluster)
        self.listening = Listening(self.alerts, self._holders)
        self._late_before: datetime | None = None
        self._is_starting = False
        self._is_summarising = False  # what is found to be wrong already is told in one summary

    def load(self, alerts: Iterable[Alert], *, started_at: datetime, is_first: bool) -> Moved:
        """Take back what was kept; nothing of it is known to be so until its source has been heard (`thaw`)."""
        self._late_before = None if is_first else started_at
        self._is_starting, self._is_summarising = True, is_first
        moved: list[Alert] = []
        alerts = tuple(alerts)
        for alert in (*alerts, *self._absences.load(alerts, started_at)):
            self.alerts[alert.fingerprint] = alert
            for member in alert.members.values():
                self._holders.add(alert, member)
                members.freeze(alert, member, started_at)
                self.listening.load(alert, member)
            moved += self._adopt(alert, started_at)
        return tuple(moved)

    def use(self, rules: Mapping[str, Rule], is_named: Callable[[str], bool], now: datetime) -> Moved:
        """Go by other rules and namespaces; alerts of a rule that is as it was, in one that is watched, stay so."""
        before, self.rules = self.rules, rules
        self._moments, self._premises = _moments(rules), _premises(rules)
        self._is_summarising = True
        for alert in self._absences.use(rules.values(), tuple(self.alerts.values()), now):
            self.alerts[alert.fingerprint] = alert
        changed = [alert for alert in self.alerts.values() if before.get(alert.rule_id) != rules.get(alert.rule_id)]
        moved = [each for alert in changed for each in self._adopt(alert, now)]
        return (*moved, *self.leave(lambda ref: not is_named(ref.namespace), "namespace not watched", now))

    def started(self, now: datetime) -> Moved:
        """Every source has been heard, or given up: after a start, what nobody can see may expire from now on."""
        was_starting, self._is_starting, self._is_summarising = self._is_starting, False, False
        for alert in self.alerts.values():
            alert.awaits_summary = False
        return self._settle_all(self.opened() if was_starting else (), now)

    def already_there(self) -> list[Alert]:
        """Return the firing alerts that are to be told in a summary."""
        return [alert for alert in self.alerts.values() if alert.awaits_summary and alert.state is AlertState.FIRING]

    def opened(self) -> list[Alert]:
        """Return the open alerts."""
        return [alert for alert in self.alerts.values() if alert.is_open]

    def outdated(self) -> list[Alert]:
        """Return the open alerts that have another severity now than when they began."""
        opened = [alert for alert in self.opened() if alert.rule_id in self.rules]
        return [alert for alert in opened if alert.severity is not self._severity_of(alert)]

    def regrade(self, alert: Alert) -> None:
        """Give an alert the severity that its rule, or an annotation, has now."""
        alert.severity = self._severity_of(alert)
        alert.labels = {**alert.labels, "severity": alert.severity.word}
        self._ledger.touch_alert(alert.fingerprint)

    def observe(self, finding: Finding, now: datetime) -> Moved:
        """Take a finding of a rule of mode ALERT."""
        if finding.rule.absent_for is not None and finding.kind is not FindingKind.GONE:
            alert = self._absences.observe(finding, now, self.recall, self._ledger)
            return () if alert is None else self._settle_member(alert, finding, now)
        match finding.kind:
            case FindingKind.STATE:
                return self._observe_state(finding, now)
            case FindingKind.OCCURRENCE:
                return self._observe_occurrence(finding, now)
            case FindingKind.EVIDENCE:
                return self._observe_evidence(finding, now)
            case FindingKind.GONE | FindingKind.ABSENT:
                return self._remove(self._about(finding), finding, now)

    def freeze(self, kind: str, group: str, namespace: str, now: datetime) -> Moved:
        """Hold everything that rests on a source that is out of sync."""
        touched = list(self._members_of(kind, group, namespace))
        for alert, member in touched:
            members.freeze(alert, member, now)
        self._absences.lost(kind, group, namespace)
        return self._settle_all([*(alert for alert, _ in touched), *self._awaiting(kind, group)], now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: move all that durations count from (S-117)."""
        for alert in self.alerts.values():
            jumps.move_alert(alert, by)
            self._ledger.touch_alert(alert.fingerprint)
        self._absences.jump(by)

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
        self._absences.synced(kind, group, namespace, now)
        return self._settle_all([*(alert for alert, _ in touched), *self._awaiting(kind, group)], now)

    def retext(self, alert: Alert) -> None:
        """Give an alert the annotations that it has now."""
        if (rule := self.rules.get(alert.rule_id)) is not None:
            alert.annotations = self._annotations.texts_of(rule, alert.labels)
            self._ledger.touch_alert(alert.fingerprint)

    def leave(self, is_left: Callable[[ObjectRef], bool], reason: str, now: datetime) -> Moved:
        """Let go of objects that nobody looks at any more; an alert of no other is no longer observed.

        What they do is not waited for either.
        """
        moved: list[Alert] = []
        for alert in tuple(self.alerts.values()):
            if self._absences.is_watched(alert.fingerprint):
                if is_left(absent_ref(alert)):
                    moved += self._await_no_more(alert, reason, now)
            elif alert.is_open:
                moved += self._let_go(alert, is_left, EndReason.NOT_OBSERVED, reason, now)
        return tuple(moved)

    def _await_no_more(self, alert: Alert, reason: str, now: datetime) -> Moved:
        self._absences.drop(alert.fingerprint)
        if alert.is_open:
            return self._abandon(alert, EndReason.NOT_OBSERVED, reason, now)
        self._forget(alert)
        return ()

    def close(self, alert: Alert, now: datetime) -> None:
        """Let go of an episode that has ended and been told of; what it was called comes back with the next finding."""
        if not self._absences.goes_on(alert):  # else it may be absent again without any
            self._forget_members(alert, alert.members.copy())
            self._absences.drop(alert.fingerprint)
            alert.labels, alert.annotations, alert.details, alert.message = {}, {}, {}, ""
        alert.count, alert.unlisted, alert.groups, alert.awaits_summary = 0, 0, [], False
        alert.is_out_of_sight = False
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
                premise=self._premises[rule.id],
            )
        elif not alert.is_open:  # an episode keeps the labels by which it was routed
            alert.rule, alert.severity, alert.labels = rule.name, severity, labels
            alert.is_moment, alert.premise = rule.id in self._moments, self._premises[rule.id]
        if finding.message and finding.is_last_step:
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

    def remember(self, alert: Alert, now: datetime) -> None:
        """Keep an alert that is not open for as long as something needs it."""
        rule = self.rules.get(alert.rule_id)
        if rule is not None and self._absences.is_watched(alert.fingerprint):
            due_at = self._absences.judge(alert, rule, now).due_at
            self._timers.set((Phase.CONDITION, alert.fingerprint), due_at)
            return
        until = keep_until(alert, rule)
        if until <= now:
            self._forget(alert)
            return
        self._timers.set((Phase.CONDITION, alert.fingerprint), until)
        if (oldest := self._idle.add(alert.fingerprint)) is not None:
            self._ledger.reach(fates.IDLE_DROPPED)
            self._forget(self.alerts[oldest])

    def _forget(self, alert: Alert) -> None:
        self._timers.set((Phase.CONDITION, alert.fingerprint), None)
        self._idle.discard(alert.fingerprint)
        self._forget_members(alert, alert.members.copy())
        self._ledger.touch_alert(alert.fingerprint)
        del self.alerts[alert.fingerprint]

    def is_late(self, since_at: datetime) -> bool:
        """Whether something began before this start, in a cluster that was watched before."""
        return self._late_before is not None and since_at < self._late_before

    # findings

    def _observe_state(self, finding: Finding, now: datetime) -> Moved:
        if finding.truth is not Truth.TRUE:
            known = self.alerts.get(finding.fingerprint)
            if known is None:
                return ()
            if members.is_disowned(known, finding):
                return self._disown(known, finding.member, now)
        if self._is_beyond(finding):
            self._ledger.reach(fates.BEYOND_LIMIT)
            return ()
        alert = self.recall(finding)
        if finding.truth is Truth.TRUE:
            self._ledger.count(fates.COUNTED_INTO_OPEN if alert.is_open else fates.OPENED)
        self._heed_initial(alert, finding)
        apply = members.apply_occurrence if alert.is_moment else members.apply_state
        is_known = members.is_known(alert, finding)
        apply(alert, finding, now)
        return () if is_known else self._settle_member(alert, finding, now)

    def _observe_evidence(self, finding: Finding, now: datetime) -> Moved:
        moved: list[Alert] = []
        for alert in self._about(finding):
            if members.is_disowned(alert, finding):
                moved += self._disown(alert, finding.member, now)
            else:
                members.apply_evidence(alert, finding, now)
                moved += self._settle(alert, now)
        return tuple(moved)

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
                if self.listening.note(alert, finding) and alert.is_open:
                    return self._settle(alert, now)
            return ()
        if self._is_beyond(finding):
            self._ledger.reach(fates.BEYOND_LIMIT)
            return ()
        alert = self.recall(finding)
        told = sequences.complete(alert, finding, now, self._ledger)
        if told is None:
            return self._wait(alert, now)
        return self._count(alert, told, now)

    def _wait(self, alert: Alert, now: datetime) -> Moved:
        """An occurrence was not enough."""
        self._ledger.count(fates.BELOW_THRESHOLD)
        if not alert.is_open:
            self.remember(alert, now)
        return ()

    def _count(self, alert: Alert, finding: Finding, now: datetime) -> Moved:
        occurrences = finding.contribution.n if finding.contribution is not None else 0
        is_reached = thresholds.reaches(alert, finding, now, self._ledger)
        if alert.is_open:
            self._ledger.count(fates.COUNTED_INTO_OPEN)
            alert.count += occurrences
        is_known = members.is_known(alert, finding)
        members.apply_occurrence(alert, finding, now)
        is_sooner = self.listening.note(alert, finding)
        if is_known and not is_sooner:
            return ()
        if not alert.is_open:
            if not is_reached:
                self._trim(alert, finding, now)
                return self._wait(alert, now)
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

    def _is_beyond(self, finding: Finding) -> bool:
        return finding.fingerprint not in self.alerts and len(self.alerts) - len(self._idle) >= OPEN

    def _heed_initial(self, alert: Alert, finding: Finding) -> None:
        if not alert.is_open and finding.truth is Truth.TRUE:
            alert.awaits_summary = self._is_summarising and finding.is_initial

    def _about(self, finding: Finding) -> list[Alert]:
        return [self.alerts[name] for name in self.holding(finding.member).get(finding.rule.id, ())]

    def _remove(self, alerts: list[Alert], finding: Finding, now: datetime) -> Moved:
        for alert in alerts:
            if finding.kind is FindingKind.ABSENT and alert.state is AlertState.FIRING:
                members.miss(alert, finding.member, finding.rule.on_delete, now)
            else:
                self._end_member(alert, finding.member, now)
        return self._settle_all(alerts, now)

    def _end_member(self, alert: Alert, ref: ObjectRef, now: datetime) -> None:
        if alert.state is AlertState.FIRING:
            members.remove(alert, ref, self.rules[alert.rule_id].on_delete, now)
            return
        if self.rules[alert.rule_id].on_delete is OnDelete.RESOLVE:
            self._absences.drop(alert.fingerprint)
        keys = members.member_keys(ref)
        self._forget_members(alert, {key: alert.members[key] for key in keys if key in alert.members})

    def _severity_of(self, alert: Alert) -> Severity:
        return self._annotations.severity_of(self.rules[alert.rule_id], alert.labels)

    # members

    def _awaiting(self, kind: str, group: str) -> list[Alert]:
        return [self.alerts[name] for name in self._absences.resting_on(kind, group)]

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

    def _trim(self, alert: Alert, finding: Finding, now: datetime) -> None:
        member = members.find_member(alert, finding.member)
        if member is not None:
            self._holders.add(alert, member)
        gone = members.prune(alert, keep_wrong=not alert.is_moment)
        self._holders.discard(alert, gone)
        self.listening.let_go(alert, gone, finding.rule, now)

    # transitions

    def _settle_member(self, alert: Alert, finding: Finding, now: datetime) -> Moved:
        self._trim(alert, finding, now)
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
        was_flapping, was_over = alert.is_flapping, alert.is_over
        verdict = self._judge(alert, rule, now)
        moved = self._follow(alert, rule, verdict, now)
        if alert.is_open:
            self._idle.discard(alert.fingerprint)
            if moved:  # what has just begun has another deadline
                verdict = self._judge(alert, rule, now)
            self._timers.set((Phase.CONDITION, alert.fingerprint), verdict.due_at)
        if alert.is_open or not moved:  # of what has ended the caller makes a last view, and calls `close`
            self._tidy(alert, now)
        if alert.is_flapping is not was_flapping and not moved:
            self.retold.append(alert)
        if was_over and not alert.is_over and not moved:
            self.relapsed.append(alert)
        return moved

    def _judge(self, alert: Alert, rule: Rule, now: datetime) -> Verdict:
        if rule.absent_for is not None:
            return self._absences.judge(alert, rule, now)
        return steady(alert, rule.flapping, judge(alert, rule, now, may_expire=not self._is_starting), now)

    def _tidy(self, alert: Alert, now: datetime) -> None:
        if alert.state is not AlertState.FIRING:
            self._forget_members(alert, {k: m for k, m in alert.members.items() if m.truth is Truth.FALSE})
        if not alert.is_open:
            self.remember(alert, now)

    def _is_judged(self, alert: Alert, rule: Rule) -> bool:
        """Whether truth of the members, or time, decides now: not where an occurrence has to complete something."""
        if rule.absent_for is not None:
            return alert.is_open or self._absences.is_watched(alert.fingerprint)
        return alert.is_open or alert.count > 0 or rule.on is not Subject.EVENT

    def _follow(self, alert: Alert, rule: Rule, verdict: Verdict, now: datetime) -> Moved:
        match verdict.state:
            case AlertState.FIRING if alert.state is not AlertState.FIRING:
                if rule.absent_for is not None:
                    self._ledger.count(fates.OPENED)
                self._begin(alert, rule, verdict, now)
            case AlertState.PENDING if alert.state is not AlertState.PENDING:
                # Once: a restart while pending misses nothing.
                alert.is_late = self._began_unseen(alert, verdict.since_at or now)
                self._ledger.move(alert, AlertState.PENDING, verdict.reason, now)
                return ()
            case AlertState.INACTIVE if alert.state is AlertState.PENDING:
                self._ledger.move(alert, AlertState.INACTIVE, verdict.reason, now)
                self._ledger.count(fates.CAME_AND_WENT)
                alert.fate = fates.CAME_AND_WENT
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
            alert.is_late = self._began_unseen(alert, alert.starts_at)
        if rule.absent_for is not None:
            alert.message = message_of(rule)
        alert.is_told, alert.is_stable, alert.held_back_by, alert.groups, alert.listed = False, False, "", [], []
        alert.planned_at, alert.planned_by, alert.told_in, alert.fate = None, "", {}, ""
        alert.escalated_to = []
        withdraw(alert)
        self._ledger.move(alert, AlertState.FIRING, verdict.reason, now)

    def _end(self, alert: Alert, verdict: Verdict, now: datetime) -> None:
        alert.ends_at = max(verdict.since_at or now, alert.starts_at or now)
        alert.ended_at, alert.end_reason = now, verdict.end_reason
        self._ledger.move(alert, verdict.state, verdict.reason, now)

    def _began_unseen(self, alert: Alert, at: datetime) -> bool:
        return not alert.awaits_summary and self.is_late(at)

    def _adopt(self, alert: Alert, now: datetime) -> Moved:
        """Take an alert over from other rules: end it where none asks for it any more, else judge it by its rule."""
        rule = self.rules.get(alert.rule_id)
        if not alert.is_open:
            return self._settle(alert, now)
        if rule is None:
            return self._abandon(alert, EndReason.RULE_REMOVED, "rule removed", now)
        if not self._is_asked_for(alert, rule, now):
            return self._abandon(alert, *_RULE_CHANGED, now)
        if premises.move_to(alert, self._premises[rule.id]):
            moved = self._let_go(alert, lambda ref: not premises.is_about(rule, ref), *_RULE_CHANGED, now)
            if moved:
                return moved
        return self._settle(alert, now)

    def _is_asked_for(self, alert: Alert, rule: Rule, now: datetime) -> bool:
        """Return whether a rule, as it is now, could have opened an alert."""
        if rule.mode is not Mode.ALERT or alert.is_moment is not (rule.id in self._moments):
            return False
        if rule.absent_for is not None:
            return self._absences.could_open(alert, rule, now)
        return premises.is_named_by(alert, rule, self._cluster)

    def _disown(self, alert: Alert, ref: ObjectRef, now: datetime) -> Moved:
        """Let go of an object of which a rule that is another now does not speak any more."""
        keys = members.member_keys(ref)
        return self._let_go(alert, lambda each: members.member_key(each) in keys, *_RULE_CHANGED, now)

    def _let_go(
        self, alert: Alert, is_left: Callable[[ObjectRef], bool], why: EndReason, reason: str, now: datetime
    ) -> Moved:
        """Let go of some objects of an alert; it ends without evidence when it has no other."""
        left = {key: member for key, member in alert.members.items() if is_left(member.ref)}
        if left and len(left) == len(alert.members):
            return self._abandon(alert, why, reason, now)
        if left:
            self._forget_members(alert, left)
            return self._settle(alert, now)
        return ()

    def _abandon(self, alert: Alert, why: EndReason, reason: str, now: datetime) -> Moved:
        """End what nobody asks for any more (S-41)."""
        self._ledger.touch_alert(alert.fingerprint)
        if alert.state is AlertState.PENDING:
            self._ledger.move(alert, AlertState.INACTIVE, reason, now)
            self._ledger.count(fates.CAME_AND_WENT)
            alert.fate = fates.CAME_AND_WENT
            self._forget_members(alert, alert.members.copy())
            self.remember(alert, now)
            return ()
        self._end(alert, Verdict(AlertState.EXPIRED, reason, now, why), now)
        return (alert,)


def _moments(rules: Mapping[str, Rule]) -> set[str]:
    """Return the rules that speak of moments."""
    return {rule.id for rule in rules.values() if rule.on is Subject.EVENT or is_edge(rule.match)}


def _premises(rules: Mapping[str, Rule]) -> dict[str, str]:
    return {rule.id: premises.premise_of(rule) for rule in rules.values()}
