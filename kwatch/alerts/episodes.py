"""The course of every alert: brings it into the state that it should have, and so begins and ends its episodes.

What that state is, `lifecycle`, `flapping` and `absence` say.
"""

from collections.abc import Iterable
from datetime import datetime

from kwatch.alerts import ledger as fates
from kwatch.alerts.absence import Absences, message_of
from kwatch.alerts.acknowledging import withdraw
from kwatch.alerts.flapping import steady
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import Verdict, judge
from kwatch.alerts.records import Alert
from kwatch.alerts.register import Register
from kwatch.alerts.rulebook import Rulebook
from kwatch.alerts.sight import Sight
from kwatch.alerts.timers import Phase, Timers
from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.findings import Truth
from kwatch.model.rules import Mode, Rule, Subject

#: The alerts whose episode began or ended.
Moved = tuple[Alert, ...]


class Episodes:
    """Judges alerts, and keeps what is to be told of them beside begins and ends."""

    def __init__(
        self,
        rulebook: Rulebook,
        absences: Absences,
        register: Register,
        sight: Sight,
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self.retold: list[Alert] = []  # firing alerts that began or ceased to flap; whoever tells it takes them out
        self.relapsed: list[Alert] = []  # firing alerts, over but for flapping, that are wrong again; likewise
        self.worsened: list[Alert] = []  # firing alerts of which something else is wrong, too; likewise
        self._rulebook = rulebook
        self._absences = absences
        self._register = register
        self._sight = sight
        self._timers = timers
        self._ledger = ledger

    def settle(self, alert: Alert, now: datetime) -> Moved:
        """Bring an alert into the state that it should have now, and set its next deadline."""
        rule = self._rulebook.get(alert.rule_id)
        if rule is None or rule.mode is not Mode.ALERT or not self._is_judged(alert, rule):
            self._register.remember(alert, now)
            return ()
        self._ledger.touch_alert(alert.fingerprint)
        was_flapping, was_over = alert.is_flapping, alert.is_over
        verdict = self._judge(alert, rule, now)
        moved = self._follow(alert, rule, verdict, now)
        if alert.is_open:
            self._register.woke(alert)
            if moved:  # what has just begun has another deadline
                verdict = self._judge(alert, rule, now)
            self._timers.set((Phase.CONDITION, alert.fingerprint), verdict.due_at)
        if alert.is_open or not moved:  # of what has ended the caller makes a last view, and closes it
            self._tidy(alert, now)
        if alert.is_flapping is not was_flapping and not moved:
            self.retold.append(alert)
        if was_over and not alert.is_over and not moved:
            self.relapsed.append(alert)
        return moved

    def settle_all(self, alerts: Iterable[Alert], now: datetime) -> Moved:
        """Bring several there, each once."""
        unique = {alert.fingerprint: alert for alert in alerts}
        return tuple(moved for alert in unique.values() for moved in self.settle(alert, now))

    def abandon(self, alert: Alert, why: EndReason, reason: str, now: datetime) -> Moved:
        """End what nobody asks for any more, without evidence (S-41)."""
        self._ledger.touch_alert(alert.fingerprint)
        if alert.state is AlertState.PENDING:
            self._withdraw(alert, reason, now)
            self._register.forget_members(alert, alert.members.copy())
            self._register.remember(alert, now)
            return ()
        self._end(alert, Verdict(AlertState.EXPIRED, reason, now, why), now)
        return (alert,)

    def _is_judged(self, alert: Alert, rule: Rule) -> bool:
        """Whether truth of the members, or time, decides now: not where an occurrence has to complete something."""
        if rule.absent_for is not None:
            return alert.is_open or self._absences.is_watched(alert.fingerprint)
        return alert.is_open or alert.count > 0 or rule.on is not Subject.EVENT

    def _judge(self, alert: Alert, rule: Rule, now: datetime) -> Verdict:
        if rule.absent_for is not None:
            return self._absences.judge(alert, rule, now)
        verdict = judge(alert, rule, now, may_expire=not self._sight.is_starting)
        return steady(alert, rule.flapping, verdict, now)

    def _tidy(self, alert: Alert, now: datetime) -> None:
        if alert.state is not AlertState.FIRING:
            healthy = {key: member for key, member in alert.members.items() if member.truth is Truth.FALSE}
            self._register.forget_members(alert, healthy)
        if not alert.is_open:
            self._register.remember(alert, now)

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
                self._withdraw(alert, verdict.reason, now)
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
        if alert.state is AlertState.PENDING:  # what became due meanwhile is late as what began then
            alert.is_late |= self._began_unseen(alert, alert.starts_at + rule.for_)
        else:
            alert.is_late = self._began_unseen(alert, alert.starts_at)
        if rule.absent_for is not None:
            alert.message = message_of(rule)
        alert.is_told, alert.is_stable, alert.held_back_by, alert.groups, alert.listed = False, False, {}, [], []
        alert.planned_at, alert.planned_by, alert.told_in, alert.fate = None, "", {}, ""
        alert.escalated_to = []
        withdraw(alert)
        self._ledger.move(alert, AlertState.FIRING, verdict.reason, now)

    def _withdraw(self, alert: Alert, reason: str, now: datetime) -> None:
        """What was pending never became an episode."""
        self._ledger.move(alert, AlertState.INACTIVE, reason, now)
        self._ledger.count(fates.CAME_AND_WENT)
        alert.fate = fates.CAME_AND_WENT

    def _end(self, alert: Alert, verdict: Verdict, now: datetime) -> None:
        alert.ends_at = max(verdict.since_at or now, alert.starts_at or now)
        alert.ended_at, alert.end_reason = now, verdict.end_reason
        self._ledger.move(alert, verdict.state, verdict.reason, now)

    def _began_unseen(self, alert: Alert, at: datetime) -> bool:
        return not alert.awaits_summary and self._sight.is_late(at)
