"""Whom else an alert is told while it fires and nobody has acknowledged it (S-111 to S-114).

A step counts from when the alert was told first in this episode, or from when its acknowledgement was withdrawn. What
holds the alert back suspends its steps: they go on with what was left of their time.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from kwatch.alerts.ledger import Ledger
from kwatch.alerts.muting import Hold
from kwatch.alerts.records import Alert, EscalationStep
from kwatch.alerts.routing import Match, Router
from kwatch.alerts.timers import Phase, Timers


class Escalations:
    """The steps of every alert that has some before it."""

    def __init__(
        self,
        router: Router,
        hold_of: Callable[[Alert, datetime], Hold | None],
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self._router = router
        self._hold_of = hold_of  # what holds an alert back, in one of its groups at least
        self._timers = timers
        self._ledger = ledger
        self._waiting: dict[str, Alert] = {}

    def use(self, router: Router) -> None:
        """Go by other routes: steps that lie ahead stay, what begins from now on has theirs."""
        self._router = router

    def load(self, alerts: Iterable[Alert]) -> None:
        """Take back what was kept."""
        for alert in alerts:
            self._schedule(alert)

    def begin(self, alert: Alert, now: datetime) -> None:
        """Let the steps of its routes count from now, but for those that were taken in this episode."""
        due: dict[str, datetime] = {}
        for match in self._router.route(alert.labels).matches:
            if any(alert.severity >= destination.severity for destination in match.destinations):
                for step in match.route.escalate:
                    due[step.receiver] = min(now + step.after, due.get(step.receiver, now + step.after))
        alert.escalation = [
            EscalationStep(receiver, at) for receiver, at in due.items() if receiver not in alert.escalated_to
        ]
        self._save(alert)

    def stop(self, alert: Alert) -> None:
        """It has ended, or somebody takes care of it."""
        if alert.escalation:
            alert.escalation = []
            self._save(alert)

    def review(self, now: datetime) -> None:
        """What holds alerts back has changed, or what is known of them: suspend steps, or let them go on."""
        for alert in self._waiting.values():
            is_held = self._hold_of(alert, now) is not None
            for step in alert.escalation:
                if is_held is not (step.held_at is not None):
                    _suspend(step, now) if is_held else _go_on(step, now)
                    self._ledger.touch_alert(alert.fingerprint)
            self._schedule(alert)

    def run(self, fingerprint: str, now: datetime) -> tuple[Alert, list[Match]]:
        """The time of a step has come: return the alert, and whom to tell of it."""
        alert = self._waiting[fingerprint]
        if self._hold_of(alert, now) is not None:
            for step in alert.escalation:
                _suspend(step, now)
        due = [step for step in alert.escalation if step.held_at is None and step.due_at <= now]
        alert.escalation = [step for step in alert.escalation if step not in due]
        found = [self._router.step(alert.labels, step.receiver) for step in due]
        self._save(alert)
        return alert, [match for match in found if match is not None]

    def _save(self, alert: Alert) -> None:
        self._ledger.touch_alert(alert.fingerprint)
        self._schedule(alert)

    def _schedule(self, alert: Alert) -> None:
        if alert.escalation:
            self._waiting[alert.fingerprint] = alert
        else:
            self._waiting.pop(alert.fingerprint, None)
        due_at = min((step.due_at for step in alert.escalation if step.held_at is None), default=None)
        self._timers.set((Phase.STEP, alert.fingerprint), due_at)


def _suspend(step: EscalationStep, now: datetime) -> None:
    step.held_at = step.held_at or now


def _go_on(step: EscalationStep, now: datetime) -> None:
    step.due_at += now - (step.held_at or now)
    step.held_at = None
