"""Every alert that is open or remembered, and which of them hold an object as a member."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from kwatch.alerts import ledger as fates
from kwatch.alerts import members
from kwatch.alerts.absence import Absences
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.holders import Holders
from kwatch.alerts.idle import Idle
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import keep_until
from kwatch.alerts.records import Alert, Member
from kwatch.alerts.rulebook import Rulebook
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.views import view_of
from kwatch.model.alerts import AlertView
from kwatch.model.findings import Finding
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Rule, Severity

#: Alerts that may be open at a time; some 3 KB each. What is beyond is not opened. What was heard of before, and is
#: idle, may still open.
OPEN = 50_000


class Register:
    """The alerts by fingerprint. `alerts` is read by others; entries come and go here alone."""

    def __init__(
        self, rulebook: Rulebook, absences: Absences, annotations: Annotations, timers: Timers, ledger: Ledger
    ) -> None:
        self.alerts: dict[str, Alert] = {}
        self.holders = Holders()
        self._idle = Idle()
        self._rulebook = rulebook
        self._absences = absences
        self._annotations = annotations
        self._timers = timers
        self._ledger = ledger

    def add(self, alert: Alert) -> None:
        """Keep an alert."""
        self.alerts[alert.fingerprint] = alert
        for member in alert.members.values():
            self.holders.add(alert, member)

    def opened(self) -> list[Alert]:
        """Return the open alerts."""
        return [alert for alert in self.alerts.values() if alert.is_open]

    def has_room(self, fingerprint: str) -> bool:
        """Whether an alert is known already, or one more may be."""
        return fingerprint in self.alerts or len(self.alerts) - len(self._idle) < OPEN

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
                is_moment=self._rulebook.is_of_moments(rule),
                severity=severity,
                key_values=finding.key_values,
                labels=labels,
                annotations={},
                message=finding.message,
                is_varied=finding.is_varied,
                details=dict(finding.details),
                seen_at=finding.since_at,
                premise=self._rulebook.premise_of(rule),
            )
        elif not alert.is_open:  # an episode keeps the labels by which it was routed
            alert.rule, alert.severity, alert.labels = rule.name, severity, labels
            alert.is_moment, alert.premise = self._rulebook.is_of_moments(rule), self._rulebook.premise_of(rule)
        if finding.message and finding.is_last_step:
            alert.message, alert.is_varied = finding.message, finding.is_varied
        alert.details = dict(finding.details) or alert.details
        alert.annotations = self._annotations.texts_of(rule, alert.labels)
        self._ledger.touch_alert(alert.fingerprint)
        return alert

    def outdated(self) -> list[Alert]:
        """Return the open alerts that have another severity now than when they began."""
        ruled = ((alert, self._rulebook.get(alert.rule_id)) for alert in self.opened())
        return [
            alert for alert, rule in ruled if rule is not None and alert.severity is not self._severity(alert, rule)
        ]

    def regrade(self, alert: Alert) -> None:
        """Give an alert the severity that its rule, or an annotation, has now."""
        if (rule := self._rulebook.get(alert.rule_id)) is not None:
            alert.severity = self._severity(alert, rule)
            alert.labels = {**alert.labels, "severity": alert.severity.word}
            self._ledger.touch_alert(alert.fingerprint)

    def retext(self, alert: Alert) -> None:
        """Give an alert the annotations that it has now."""
        if (rule := self._rulebook.get(alert.rule_id)) is not None:
            alert.annotations = self._annotations.texts_of(rule, alert.labels)
            self._ledger.touch_alert(alert.fingerprint)

    def _severity(self, alert: Alert, rule: Rule) -> Severity:
        return self._annotations.severity_of(rule, alert.labels)

    def rule_of(self, alert: Alert) -> Rule | None:
        """Return the rule of an alert; None: it was removed."""
        return self._rulebook.get(alert.rule_id)

    def view(self, alert: Alert, now: datetime, *, new_in: str = "") -> AlertView:
        """Return an alert as it is now; `new_in`: the group or digest that tells of it for the first time."""
        return view_of(alert, self._rulebook.get(alert.rule_id), now, new_in=new_in)

    def hold_back(self, alert: Alert, key: str, by: str) -> None:
        """Note what keeps an alert from being told in a group or digest."""
        if alert.held_back_by.get(key) != by:
            alert.held_back_by[key] = by
            self._ledger.touch_alert(alert.fingerprint)

    def woke(self, alert: Alert) -> None:
        """An alert is open: it stays until it is over."""
        self._idle.discard(alert.fingerprint)

    def remember(self, alert: Alert, now: datetime) -> None:
        """Keep an alert that is not open for as long as something needs it."""
        rule = self._rulebook.get(alert.rule_id)
        if rule is not None and self._absences.is_watched(alert.fingerprint):
            due_at = self._absences.judge(alert, rule, now).due_at
            self._timers.set((Phase.CONDITION, alert.fingerprint), due_at)
            return
        until = keep_until(alert, rule)
        if until <= now:
            self.forget(alert)
            return
        self._timers.set((Phase.CONDITION, alert.fingerprint), until)
        if (oldest := self._idle.add(alert.fingerprint)) is not None:
            self._ledger.reach(fates.IDLE_DROPPED)
            self.forget(self.alerts[oldest])

    def forget(self, alert: Alert) -> None:
        """Keep an alert no longer."""
        self._timers.set((Phase.CONDITION, alert.fingerprint), None)
        self._idle.discard(alert.fingerprint)
        self.forget_members(alert, alert.members.copy())
        self._ledger.touch_alert(alert.fingerprint)
        del self.alerts[alert.fingerprint]

    # members

    def holding(self, ref: ObjectRef) -> Mapping[str, tuple[str, ...]]:
        """Return the alerts that an object is a member of, by their rule; keys may hold what the object cannot say."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.holders.of(ref):
            rule_id = self.alerts[name].rule_id
            found[rule_id] = (*found.get(rule_id, ()), name)
        return found

    def about(self, finding: Finding) -> list[Alert]:
        """Return the alerts of a finding's rule that hold its object as a member."""
        return [self.alerts[name] for name in self.holding(finding.member).get(finding.rule.id, ())]

    def members_of(self, kind: str, group: str, namespace: str) -> Iterator[tuple[Alert, Member]]:
        """Yield the members that a source tells of, each with its alert; `namespace` empty: everywhere."""
        for alert in self.alerts.values():
            for member in alert.members.values():
                ref = member.ref
                if (ref.kind, ref.group) == (kind, group) and namespace in ("", ref.namespace):
                    yield alert, member

    def enter(self, alert: Alert, ref: ObjectRef) -> list[Member]:
        """Note that an object is a member; return those that have to make room."""
        member = members.find_member(alert, ref)
        if member is not None:
            self.holders.add(alert, member)
        gone = members.prune(alert, keep_wrong=not alert.is_moment)
        self.holders.discard(alert, gone)
        return gone

    def forget_members(self, alert: Alert, gone: Mapping[str, Member]) -> None:
        """Let go of members, by their keys."""
        for key in gone:
            del alert.members[key]
        self.holders.discard(alert, gone.values())
