"""What findings mean for alerts: the door to everything that is wrong.

The book takes findings and instants, and answers with the alerts whose episode began or ended. Whom that is told to is
not its business. `register` keeps the alerts, `episodes` says when they begin and end, `claims` who asks for them.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime, timedelta

from kwatch.alerts import jumps, members, sequences, thresholds
from kwatch.alerts import ledger as fates
from kwatch.alerts.absence import Absences
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.claims import Claims
from kwatch.alerts.episodes import Episodes, Moved
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.listening import Listening
from kwatch.alerts.records import Alert
from kwatch.alerts.register import Register
from kwatch.alerts.rulebook import Rulebook
from kwatch.alerts.sight import Sight
from kwatch.alerts.timers import Timers
from kwatch.model.alerts import AlertState
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import OnDelete, Rule


class Book:
    """Lets findings, sources and instants change what is known of alerts."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        annotations: Annotations,
        sight: Sight,
        timers: Timers,
        ledger: Ledger,
        *,
        cluster: str,
    ) -> None:
        self._rulebook = Rulebook(rules, cluster=cluster)
        sight.premises = self._rulebook.premises
        self._absences = Absences(rules.values(), cluster)
        self.register = Register(self._rulebook, self._absences, annotations, timers, ledger)
        self.episodes = Episodes(self._rulebook, self._absences, self.register, sight, timers, ledger)
        self.listening = Listening(self.register.alerts, self.register.holders)
        self._claims = Claims(self._rulebook, self._absences, self.register, self.episodes)
        self._sight = sight
        self._ledger = ledger

    def load(self, alerts: Iterable[Alert], started_at: datetime) -> Moved:
        """Take back what was kept; nothing of it is known to be so until its source has been heard (`thaw`)."""
        moved: list[Alert] = []
        alerts = tuple(alerts)
        for alert in (*alerts, *self._absences.load(alerts, started_at)):
            self.register.add(alert)
            for member in alert.members.values():
                members.freeze(alert, member, started_at)
                self.listening.load(alert, member)
            moved += self._claims.review(alert, started_at)
        return tuple(moved)

    def use(self, rules: Mapping[str, Rule], is_named: Callable[[str], bool], now: datetime) -> Moved:
        """Go by other rules and namespaces; alerts of a rule that is as it was, in one that is watched, stay so."""
        before, known = self._rulebook.rules, self.register.alerts
        self._rulebook.use(rules)
        self._sight.premises = self._rulebook.premises
        for alert in self._absences.use(rules.values(), tuple(known.values()), now):
            self.register.add(alert)
        changed = [alert for alert in known.values() if before.get(alert.rule_id) != rules.get(alert.rule_id)]
        moved = [each for alert in changed for each in self._claims.review(alert, now)]
        return (*moved, *self.leave(lambda ref: not is_named(ref.namespace), "namespace not watched", now))

    def take_present(self) -> list[Alert]:
        """Return the firing alerts that are to be told in a summary; those that are pending are when they fire."""
        waiting = [alert for alert in self.register.alerts.values() if alert.awaits_summary]
        present = [alert for alert in waiting if alert.state is not AlertState.PENDING]
        for alert in present:
            alert.awaits_summary = False
        return [alert for alert in present if alert.state is AlertState.FIRING]

    def started(self, now: datetime) -> Moved:
        """Every source has been heard, or given up: what nobody can see may expire from now on."""
        return self.episodes.settle_all(self.register.opened(), now)

    def observe(self, finding: Finding, now: datetime) -> Moved:
        """Take a finding of a rule of mode ALERT."""
        if finding.rule.absent_for is not None and finding.kind is not FindingKind.GONE:
            alert = self._absences.observe(finding, now, self.register.recall, self._ledger)
            return () if alert is None else self._settle_member(alert, finding, now)
        match finding.kind:
            case FindingKind.STATE:
                return self._observe_state(finding, now)
            case FindingKind.OCCURRENCE:
                return self._observe_occurrence(finding, now)
            case FindingKind.EVIDENCE:
                return self._observe_evidence(finding, now)
            case FindingKind.GONE | FindingKind.ABSENT:
                return self._remove(finding, now)

    def freeze(self, kind: str, group: str, namespace: str, now: datetime) -> Moved:
        """Hold everything that rests on a source that is out of sync."""
        touched = list(self.register.members_of(kind, group, namespace))
        for alert, member in touched:
            members.freeze(alert, member, now)
        self._absences.lost(kind, group, namespace)
        return self.episodes.settle_all([*(alert for alert, _ in touched), *self._awaiting(kind, group)], now)

    def freeze_all(self, now: datetime) -> Moved:
        """Hold everything: nobody watches."""
        alerts = list(self.register.alerts.values())
        for alert in alerts:
            for member in alert.members.values():
                members.freeze(alert, member, now)
        self._absences.lost_all()
        return self.episodes.settle_all(alerts, now)

    def thaw(self, kind: str, group: str, namespace: str, present: Container[str] | None, now: datetime) -> Moved:
        """Go on; with `present` the uids that a list has shown, members that it has not shown are gone."""
        members_of = self.register.members_of(kind, group, namespace)
        touched = [(alert, member) for alert, member in members_of if member.is_frozen]
        for _, member in touched:
            member.is_frozen = False
        for alert, member in touched:
            if present is not None and members.has_uid(member.ref) and member.ref.uid not in present:
                self._end_member(alert, member.ref, now)
        self._absences.synced(kind, group, namespace, now)
        return self.episodes.settle_all([*(alert for alert, _ in touched), *self._awaiting(kind, group)], now)

    def leave(self, is_left: Callable[[ObjectRef], bool], reason: str, now: datetime) -> Moved:
        """Let go of objects that nobody looks at any more."""
        return self._claims.leave(is_left, reason, now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: move all that durations count from (S-117)."""
        for alert in self.register.alerts.values():
            jumps.move_alert(alert, by)
            self._ledger.touch_alert(alert.fingerprint)
        self._absences.jump(by)

    def run(self, fingerprint: str, now: datetime) -> Moved:
        """A deadline has come."""
        return self.episodes.settle(self.register.alerts[fingerprint], now)

    def close(self, alert: Alert, now: datetime) -> None:
        """Let go of an episode that has ended and been told of; what it was called comes back with the next finding."""
        if not self._absences.goes_on(alert):  # else it may be absent again without any
            self.register.forget_members(alert, alert.members.copy())
            self._absences.drop(alert.fingerprint)
            alert.labels, alert.annotations, alert.details, alert.message = {}, {}, {}, ""
        alert.count, alert.unlisted, alert.groups, alert.awaits_summary = 0, 0, [], False
        alert.is_out_of_sight = False
        self.register.remember(alert, now)

    def _awaiting(self, kind: str, group: str) -> list[Alert]:
        return [self.register.alerts[name] for name in self._absences.resting_on(kind, group)]

    # findings

    def _observe_state(self, finding: Finding, now: datetime) -> Moved:
        if finding.truth is not Truth.TRUE:
            known = self.register.alerts.get(finding.fingerprint)
            if known is None:
                return ()
            if members.is_disowned(known, finding):
                return self._claims.disown(known, finding.member, now)
        if not self.register.has_room(finding.fingerprint):
            self._ledger.reach(fates.BEYOND_LIMIT)
            return ()
        alert = self.register.recall(finding)
        if finding.truth is Truth.TRUE:
            finding = self._sight.date(finding, now)
            self._ledger.count(fates.COUNTED_INTO_OPEN if alert.is_open else fates.OPENED)
        self._heed_initial(alert, finding)
        apply = members.apply_occurrence if alert.is_moment else members.apply_state
        is_known, was_wrong = members.is_known(alert, finding), members.is_wrong(alert, finding.member)
        apply(alert, finding, now)
        return () if is_known else self._settle_member(alert, finding, now, was_wrong=was_wrong)

    def _observe_evidence(self, finding: Finding, now: datetime) -> Moved:
        moved: list[Alert] = []
        for alert in self.register.about(finding):
            if members.is_disowned(alert, finding):
                moved += self._claims.disown(alert, finding.member, now)
            else:
                was_wrong = members.is_wrong(alert, finding.member)
                members.apply_evidence(alert, finding, now)
                moved += self._settle(alert, finding.member, now, was_wrong=was_wrong)
        return tuple(moved)

    def _observe_occurrence(self, finding: Finding, now: datetime) -> Moved:
        if finding.truth is not Truth.TRUE:
            self._ledger.count(fates.UNKNOWN)
            return ()
        occurrences = finding.contribution.n if finding.contribution is not None else 0
        if occurrences <= 0:
            self._ledger.count(fates.NOTHING_NEW)
            alert = self.register.alerts.get(finding.fingerprint)
            if alert is not None and finding.since_at >= alert.seen_at:
                self.register.recall(finding)
                if self.listening.note(alert, finding) and alert.is_open:
                    return self.episodes.settle(alert, now)
            return ()
        if not self.register.has_room(finding.fingerprint):
            self._ledger.reach(fates.BEYOND_LIMIT)
            return ()
        alert = self.register.recall(finding)
        told = sequences.complete(alert, finding, now, self._ledger)
        if told is None:
            return self._wait(alert, now)
        return self._count(alert, told, now)

    def _wait(self, alert: Alert, now: datetime) -> Moved:
        """An occurrence was not enough."""
        self._ledger.count(fates.BELOW_THRESHOLD)
        if not alert.is_open:
            self.register.remember(alert, now)
        return ()

    def _count(self, alert: Alert, finding: Finding, now: datetime) -> Moved:
        occurrences = finding.contribution.n if finding.contribution is not None else 0
        is_reached = thresholds.reaches(alert, finding, now, self._ledger)
        if alert.is_open:
            self._ledger.count(fates.COUNTED_INTO_OPEN)
            alert.count += occurrences
        is_known, was_wrong = members.is_known(alert, finding), members.is_wrong(alert, finding.member)
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
        return self._settle_member(alert, finding, now, was_wrong=was_wrong)

    def _open(self, alert: Alert, finding: Finding, occurrences: int, now: datetime) -> None:
        """Begin with an occurrence: with a rate, by all that lie in its window, as of this one."""
        self._heed_initial(alert, finding)
        alert.count, rate = occurrences, finding.rule.rate
        if rate is None:
            return
        alert.count = thresholds.window_sum(alert.window, rate, now)
        lo = now - rate.within
        self.register.forget_members(alert, {key: m for key, m in alert.members.items() if m.seen_at <= lo})
        for member in alert.members.values():
            member.since_at = min(finding.since_at, now)
            if member.ref == finding.member:
                member.truth = Truth.TRUE  # whatever was evidence before, it is wrong now

    def _heed_initial(self, alert: Alert, finding: Finding) -> None:
        if not alert.is_open and finding.truth is Truth.TRUE:
            alert.awaits_summary = self._sight.is_present(finding)

    def _remove(self, finding: Finding, now: datetime) -> Moved:
        alerts = self.register.about(finding)
        for alert in alerts:
            if finding.kind is FindingKind.ABSENT and alert.state is AlertState.FIRING:
                members.miss(alert, finding.member, finding.rule.on_delete, now)
            else:
                self._end_member(alert, finding.member, now)
        return self.episodes.settle_all(alerts, now)

    def _end_member(self, alert: Alert, ref: ObjectRef, now: datetime) -> None:
        if alert.state is AlertState.FIRING:
            members.remove(alert, ref, self._rulebook.rules[alert.rule_id].on_delete, now)
            return
        if self._rulebook.rules[alert.rule_id].on_delete is OnDelete.RESOLVE:
            self._absences.drop(alert.fingerprint)
        keys = members.member_keys(ref)
        self.register.forget_members(alert, {key: alert.members[key] for key in keys if key in alert.members})

    def _trim(self, alert: Alert, finding: Finding, now: datetime) -> None:
        gone = self.register.enter(alert, finding.member)
        self.listening.let_go(alert, gone, finding.rule, now)

    def _settle_member(self, alert: Alert, finding: Finding, now: datetime, *, was_wrong: bool = True) -> Moved:
        self._trim(alert, finding, now)
        return self._settle(alert, finding.member, now, was_wrong=was_wrong)

    def _settle(self, alert: Alert, ref: ObjectRef, now: datetime, *, was_wrong: bool) -> Moved:
        moved = self.episodes.settle(alert, now)
        if not (was_wrong or moved) and alert.state is AlertState.FIRING and members.is_wrong(alert, ref):
            self.episodes.worsened.append(alert)
        return moved
