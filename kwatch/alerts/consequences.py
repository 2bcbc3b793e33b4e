"""What follows for the other parts when an episode begins or ends, and when what holds alerts back does."""

from collections.abc import Collection
from datetime import datetime

from kwatch.alerts.annotated import Place
from kwatch.alerts.episodes import Moved
from kwatch.alerts.parts import Parts
from kwatch.alerts.planned import PLANNED
from kwatch.alerts.records import Alert
from kwatch.model.alerts import AlertState


class Consequences:
    """Lets every part know what it has to, in the order in which that matters. It keeps nothing else."""

    def __init__(self, parts: Parts) -> None:
        self._sight = parts.sight
        self._book = parts.book
        self._summaries = parts.summaries
        self._is_summary_due = False
        self._register = parts.register
        self._episodes = parts.episodes
        self._inhibitor = parts.inhibitor
        self._planned = parts.planned
        self._edges = parts.edges
        self._membership = parts.membership
        self._told = parts.told
        self._notices = parts.notices
        self._escalations = parts.escalations
        self._answers = parts.answers

    def moved(self, moved: Moved, now: datetime) -> None:
        """Episodes have begun and ended: tell the groups of it."""
        for alert in moved:
            if alert.state is AlertState.FIRING:
                self._began(alert, now)
            else:
                self._ended(alert, now)
        if moved:
            self.conclude(now)
        while self._episodes.retold:
            self._membership.retell(self._episodes.retold.pop(), now)
        if self._episodes.relapsed:
            self._relapsed(now)
        if self._episodes.worsened:
            self._worsened(now)

    def _relapsed(self, now: datetime) -> None:
        while self._episodes.relapsed:
            self._membership.relapsed(self._episodes.relapsed.pop(), now)
        self.told(now)

    def _worsened(self, now: datetime) -> None:
        """What holds back the one that was wrong may not hold back the other."""
        is_escalating = any(alert.escalation for alert in self._episodes.worsened)
        while self._episodes.worsened:
            self._membership.worsened(self._episodes.worsened.pop(), now)
        if is_escalating:
            self._escalations.review(now)

    def _began(self, alert: Alert, now: datetime) -> None:
        if self._inhibitor.started(alert):
            self._escalations.review(now)
        if alert.awaits_summary:
            self._is_summary_due = True
        else:
            self._membership.enlist(alert, now)
            self._planned.began(alert, now)

    @property
    def is_summary_due(self) -> bool:
        """Whether something fires that was there before anybody looked, and all has been heard that there is."""
        return self._is_summary_due and not (self._sight.is_starting or self._sight.is_first_list)

    def summarise(self, now: datetime) -> None:
        """Tell in one message what was there before anybody looked."""
        self._is_summary_due = False
        self._summaries.announce_present(self._book.take_present(), now)
        self.told(now)

    def _ended(self, alert: Alert, now: datetime) -> None:
        self._escalations.stop(alert)
        was_source = self._inhibitor.ended(alert)
        self._membership.delist(alert, self._register.view(alert, now), now)
        self._edges.ended(alert, now)
        self._planned.ended(alert)
        self._book.close(alert, now)
        if was_source:
            self.holds_changed(now)

    def conclude(self, now: datetime) -> None:
        """Tell how planned changes went, and what they do not hold back any more, once it is known what goes on."""
        if self._sight.is_blind:
            return
        outcome = self._planned.conclude(now)
        for view in outcome.notices:
            self._notices.tell(view, 0, now)
        if outcome.is_released:
            self.holds_changed(now)

    def holds_changed(self, now: datetime) -> None:
        """What holds alerts back has begun or ended."""
        self._membership.release(now)
        self._escalations.review(now)

    def edge_due(self, key: str, now: datetime) -> None:
        """Something that holds alerts back begins or ends, or it is time to ask whether it does."""
        if key == PLANNED:
            self.conclude(now)
        else:
            self._escalations.review(now)  # while a silence that ends is known
            self._edges.run(key, now)
            self.edge_passed(now)

    def edge_passed(self, now: datetime) -> None:
        """A silence or a window has begun or ended, and has been followed."""
        self._notices.review(now)
        self.told(now)
        self._escalations.review(now)

    def told(self, now: datetime) -> None:
        """Something may have been told for the first time: let the steps of that count."""
        for alert in self._told.take():
            if not alert.is_acked:
                self._escalations.begin(alert, now)

    def step_due(self, fingerprint: str, now: datetime) -> None:
        """A step of an escalation has come: tell whom it names."""
        alert, matches = self._escalations.run(fingerprint, now)
        alert.escalated_to += [each.receiver for each in matches if self._membership.escalate(alert, each, now)]

    def granted(self, places: Collection[Place], now: datetime) -> None:
        """Annotations are not what they were: let them take effect; those of a start do so when it is complete."""
        for alert in self._edges.about(places):
            self._register.retext(alert)
        if places and not self._edges.is_starting:
            self.regrade(now)
            self._edges.granted(places, now)
            self.edge_passed(now)

    def regrade(self, now: datetime) -> None:
        """Take over other severities, once it is known what still fires (S-49, S-50)."""
        was_source = False
        for alert in self._register.outdated():
            before = alert.severity
            was_source |= self._inhibitor.ended(alert)
            self._register.regrade(alert)
            if alert.is_acked and alert.severity > before:
                self._answers.lapse(alert, now)
            if alert.state is AlertState.FIRING:
                self._inhibitor.started(alert)
                self._membership.regrade(alert, now, is_raised=alert.severity > before)
        if was_source:
            self.holds_changed(now)
