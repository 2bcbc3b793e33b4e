"""Who still asks for an alert: its rule, as it is now, and somebody who watches its objects.

What nobody asks for ends without evidence (S-41): nobody will hear whether it is over.
"""

from collections.abc import Callable
from datetime import datetime

from kwatch.alerts import members, premises
from kwatch.alerts.absence import Absences, absent_ref
from kwatch.alerts.episodes import Episodes, Moved
from kwatch.alerts.records import Alert
from kwatch.alerts.register import Register
from kwatch.alerts.rulebook import Rulebook
from kwatch.model.alerts import EndReason
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Mode, Rule

_RULE_CHANGED = (EndReason.RULE_CHANGED, "rule changed")


class Claims:
    """Lets go of alerts, and of their objects, that are claimed no more."""

    def __init__(self, rulebook: Rulebook, absences: Absences, register: Register, episodes: Episodes) -> None:
        self._rulebook = rulebook
        self._absences = absences
        self._register = register
        self._episodes = episodes

    def review(self, alert: Alert, now: datetime) -> Moved:
        """Take an alert over from other rules: end it where none asks for it any more, else judge it by its rule."""
        rule = self._rulebook.get(alert.rule_id)
        if not alert.is_open:
            return self._episodes.settle(alert, now)
        if rule is None:
            return self._episodes.abandon(alert, EndReason.RULE_REMOVED, "rule removed", now)
        if not self._is_asked_for(alert, rule, now):
            return self._episodes.abandon(alert, *_RULE_CHANGED, now)
        if premises.move_to(alert, self._rulebook.premise_of(rule)):
            moved = self._let_go(alert, lambda ref: not premises.is_about(rule, ref), *_RULE_CHANGED, now)
            if moved:
                return moved
        return self._episodes.settle(alert, now)

    def disown(self, alert: Alert, ref: ObjectRef, now: datetime) -> Moved:
        """Let go of an object of which a rule that is another now does not speak any more."""
        keys = members.member_keys(ref)
        return self._let_go(alert, lambda each: members.member_key(each) in keys, *_RULE_CHANGED, now)

    def leave(self, is_left: Callable[[ObjectRef], bool], reason: str, now: datetime) -> Moved:
        """Let go of objects that nobody looks at any more; an alert of no other is no longer observed.

        What they do is not waited for either.
        """
        moved: list[Alert] = []
        for alert in tuple(self._register.alerts.values()):
            if self._absences.is_watched(alert.fingerprint):
                if is_left(absent_ref(alert)):
                    moved += self._await_no_more(alert, reason, now)
            elif alert.is_open:
                moved += self._let_go(alert, is_left, EndReason.NOT_OBSERVED, reason, now)
        return tuple(moved)

    def _await_no_more(self, alert: Alert, reason: str, now: datetime) -> Moved:
        self._absences.drop(alert.fingerprint)
        if alert.is_open:
            return self._episodes.abandon(alert, EndReason.NOT_OBSERVED, reason, now)
        self._register.forget(alert)
        return ()

    def _is_asked_for(self, alert: Alert, rule: Rule, now: datetime) -> bool:
        """Return whether a rule, as it is now, could have opened an alert."""
        if rule.mode is not Mode.ALERT or alert.is_moment is not self._rulebook.is_of_moments(rule):
            return False
        if rule.absent_for is not None:
            return self._absences.could_open(alert, rule, now)
        return premises.is_named_by(alert, rule, self._rulebook.cluster)

    def _let_go(
        self, alert: Alert, is_left: Callable[[ObjectRef], bool], why: EndReason, reason: str, now: datetime
    ) -> Moved:
        """Let go of some objects of an alert; it ends when it has no other."""
        left = {key: member for key, member in alert.members.items() if is_left(member.ref)}
        if left and len(left) == len(alert.members):
            return self._episodes.abandon(alert, why, reason, now)
        if left:
            self._register.forget_members(alert, left)
            return self._episodes.settle(alert, now)
        return ()
