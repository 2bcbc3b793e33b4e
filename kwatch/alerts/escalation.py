"""Whom else an alert is told while it fires and nobody has acknowledged it (S-111 to S-114).

A step counts from when the alert was told first in this episode, or from when its acknowledgement was withdrawn. What
holds the alert back suspends its steps: they go on with what was left of their time. Silences and windows begin and end
at instants that are known, so they count rightly also where nobody was there to see it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from kwatch.alerts.directory import Directory
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.muting import Hold
from kwatch.alerts.records import Alert, EscalationStep
from kwatch.alerts.routing import Match
from kwatch.alerts.timers import Phase, Timers


class Escalations:
    """The steps of every alert that has some before it."""

    def __init__(
        self,
        directory: Directory,
        hold_of: Callable[[Alert, datetime], Hold | None],
        edges_between: Callable[[datetime, datetime], Iterable[datetime]],
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self._directory = directory
        self._hold_of = hold_of  # what holds an alert back, in one of its groups at least
        self._edges_between = edges_between  # the instants at which that may have begun or ended, in order
        self._timers = timers
        self._ledger = ledger
        self._waiting: dict[str, Alert] = {}
        self._reviewed_at: datetime | None = None  # None: not since the start

    def load(self, alerts: Iterable[Alert]) -> None:
        """Take back what was kept."""
        for alert in alerts:
            self._schedule(alert)

    def begin(self, alert: Alert, now: datetime) -> None:
        """Let the steps of its routes count from now, but for those that were taken in this episode."""
        alert.escalates_from, alert.escalation = now, []
        self._plan(alert, now, now)
        self._save(alert)

    def use(self, alerts: Iterable[Alert], now: datetime) -> None:
        """Go by the routes that there are now: steps that are others count from when the old ones did."""
        for alert in alerts:
            if alert.escalates_from is not None:
                before = alert.escalation
                self._plan(alert, alert.escalates_from, now)
                if alert.escalation != before:
                    self._save(alert)
        self.review(now)

    def _plan(self, alert: Alert, since: datetime, now: datetime) -> None:
        due: dict[str, datetime] = {}
        for match in self._directory.router.route(alert.labels).matches:
            if any(alert.severity >= destination.severity for destination in match.destinations):
                for step in match.route.escalate:
                    due[step.receiver] = min(since + step.after, due.get(step.receiver, since + step.after))
        turned_at, is_held = next(((step.turned_at, step.is_held) for step in alert.escalation), (now, False))
        alert.escalation = [
            EscalationStep(receiver, at, turned_at, is_held)
            for receiver, at in due.items()
            if receiver not in alert.escalated_to
        ]
        self._turn(alert, now)

    def stop(self, alert: Alert) -> None:
        """It has ended, or somebody takes care of it."""
        if alert.escalates_from is not None or alert.escalation:
            alert.escalates_from, alert.escalation = None, []
            self._save(alert)

    def review(self, now: datetime) -> None:
        """What holds alerts back has changed, or is about to: suspend steps, or let them go on, each as of its time."""
        turned = [alert.escalation[0].turned_at for alert in self._waiting.values()]
        since, self._reviewed_at = self._reviewed_at or min(turned, default=now), now
        instants = (*self._edges_between(since, now), now) if turned else ()
        for alert in self._waiting.values():
            for at in instants:
                self._turn(alert, at)
            self._schedule(alert)

    def jump(self, by: timedelta) -> None:
        """The clock was set: what passed by that has not been."""
        self._reviewed_at = None if self._reviewed_at is None else self._reviewed_at + by

    def run(self, fingerprint: str, now: datetime) -> tuple[Alert, list[Match]]:
        """The time of a step has come: return the alert, and whom to tell of it."""
        alert = self._waiting[fingerprint]
        self._turn(alert, now)
        due = [step for step in alert.escalation if not step.is_held and step.due_at <= now]
        alert.escalation = [step for step in alert.escalation if step not in due]
        found = [self._directory.router.step(alert.labels, step.receiver) for step in due]
        self._save(alert)
        return alert, [match for match in found if match is not None]

    def _turn(self, alert: Alert, at: datetime) -> None:
        """Suspend its steps as of an instant, or let them go on, if that is not how they are."""
        is_held, lost = self._hold_of(alert, at) is not None, timedelta(0)
        for step in alert.escalation:
            if step.is_held is not is_held and step.turned_at <= at:
                lost = at - step.turned_at if step.is_held else timedelta(0)
                step.due_at += lost
                step.is_held, step.turned_at = is_held, at
                self._ledger.touch_alert(alert.fingerprint)
        if alert.escalates_from is not None:
            alert.escalates_from += lost

    def _save(self, alert: Alert) -> None:
        self._ledger.touch_alert(alert.fingerprint)
        self._schedule(alert)

    def _schedule(self, alert: Alert) -> None:
        if alert.escalation:
            self._waiting[alert.fingerprint] = alert
        else:
            self._waiting.pop(alert.fingerprint, None)
        due_at = min((step.due_at for step in alert.escalation if not step.is_held), default=None)
        self._timers.set((Phase.STEP, alert.fingerprint), due_at)
