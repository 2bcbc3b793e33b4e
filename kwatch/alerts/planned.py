"""Planned changes that go on, and what they hold back: the noise that a rollout or a drain makes when it goes well.

    begins             what begins from then on about its subject is held, unless the rule says `tell`
    goes well          done, for SETTLE, and nothing that it holds is wrong any more: one line, if it held anything
    does not go well   it has failed, an alert that is not held begins about it, or its time is up: what it holds is
                       told (`Outcome.is_released`), and it holds nothing any more

Beside these, what is wrong with a Pod that ends as it should (`Member.expected_until`) is held by itself. An alert that
was held stays so for its episode (`Alert.planned_at`), until something is wrong with it that no plan explains.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts import expected, jumps
from kwatch.alerts.ledger import HELD_PLANNED_CHANGE, OPENED, PLANNED_DROPPED, Ledger
from kwatch.alerts.planlimits import PATIENCE, SETTLE, go_on, is_past
from kwatch.alerts.planlines import line_of, name_of
from kwatch.alerts.records import Alert, PlannedChange
from kwatch.alerts.sight import Sight
from kwatch.alerts.timers import Phase, Timers
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.planned import PlannedKind, PlannedStep, Progress, subjects_of
from kwatch.model.rules import Rule

#: How long it is remembered that a change did not go well.
MEMORY = timedelta(hours=24)
#: Changes at a time, and alerts and notices that each holds; what is beyond is not held.
CHANGES, ALERTS, NOTICES = 1000, 1000, 100

#: The name of its deadline.
PLANNED = "planned"
_TIMER = (Phase.EDGE, PLANNED)


class Outcome(msgspec.Struct):
    """What is to be told now: notices, and whether alerts were released."""

    notices: list[AlertView] = []
    is_released: bool = False


class PlannedChanges:
    """The changes by their rows' keys. `alerts` is the book's; here only `planned_at` and `held_back_by` change."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        alerts: Mapping[str, Alert],
        sight: Sight,
        *,
        cluster: str,
        timers: Timers,
        ledger: Ledger,
    ) -> None:
        self._changes: dict[str, PlannedChange] = {}
        self._rules = rules
        self._alerts = alerts
        self._sight = sight
        self._cluster = cluster
        self._timers = timers
        self._ledger = ledger
        self._by_subject: dict[str, dict[str, PlannedChange]] = {}
        # The alerts that fire untold because of a plan, and when what is wrong with one of their Pods is not expected.
        self._held: dict[str, datetime | None] = {}
        self._is_stirred = False  # each of them has to be looked at again
        self._outcome = Outcome()

    def use(self, rules: Mapping[str, Rule]) -> None:
        """Go by other rules."""
        self._rules = rules
        self._is_stirred = True

    def load(self, changes: Iterable[PlannedChange]) -> None:
        """Take back what was kept."""
        for change in changes:
            self._add(change)
        held = [alert for alert in self._alerts.values() if alert.planned_at is not None and not alert.is_told]
        self._held = {alert.fingerprint: expected.until(alert) for alert in held}
        self._is_stirred = True
        self._schedule()

    def row(self, key: str) -> PlannedChange | None:
        """Return what must survive a restart, by the key of its row."""
        return self._changes.get(key)

    def take(self, step: PlannedStep, now: datetime) -> bool:
        """Take what an object says of a change; return whether that is of interest."""
        change = self._changes.get(f"planned/{step.kind.value}/{step.subject}")
        if step.progress is Progress.BEGUN:
            change = self._begin(step, change, now)
        if change is None:
            return False
        if step.progress in (Progress.BEGUN, Progress.GOING):
            go_on(change, step, now)
        elif step.progress is Progress.DONE and change.is_over:
            self._drop(change)
        elif step.progress is Progress.DONE and change.done_at is None:
            change.done_at, change.until = now, now + PATIENCE
        elif step.progress is Progress.FAILED:
            self._fail(change, step.reason, now)
        self._ledger.touch_group(change.key)
        return True

    def end_drains(self, draining: Container[str], now: datetime) -> None:
        """Of the drains only those of these subjects go on: the others have ended while nobody watched."""
        for change in list(self._changes.values()):
            if change.kind is PlannedKind.DRAIN and change.subject not in draining:
                self.take(PlannedStep(kind=change.kind, subject=change.subject, progress=Progress.DONE), now)

    def began(self, alert: Alert, now: datetime) -> None:
        """An alert fires: it is held, or says that the changes about it do not go well."""
        rule = self._rules.get(alert.rule_id)
        if rule is None or expected.is_word_of_change(rule, alert):
            return
        changes = list(self._covering(alert, now))
        if not rule.is_held:
            self._speak_against(changes, alert, now)
            return
        if not changes and expected.is_all(alert, now):
            changes = self._going(alert.labels)
        elif not changes:
            return
        for change in changes:
            self._enlist(change, alert)
        alert.planned_at = now
        alert.planned_by = name_of(changes[0]) if changes else "the end of its Pods"
        alert.held_back_by = dict.fromkeys(alert.groups, alert.planned_by)
        self._held[alert.fingerprint] = expected.until(alert)
        self._ledger.touch_alert(alert.fingerprint)

    def keep(self, alert: Alert, view: AlertView, expected_until: datetime | None, now: datetime) -> bool:
        """Return whether a notice is held; it is then told, or counted, when it is known how the change went."""
        rule = self._rules.get(alert.rule_id)
        if rule is None or not rule.is_held or expected.is_word_of_change(rule, alert):
            return False
        is_expected = expected_until is not None and now < expected_until
        changes = self._going(alert.labels) if is_expected else list(self._covering(alert, now))
        if changes and len(changes[0].notices) < NOTICES:
            changes[0].notices.append(view)
            self._ledger.touch_group(changes[0].key)
            return True
        if is_expected:
            self._ledger.count(HELD_PLANNED_CHANGE)
            alert.fate = HELD_PLANNED_CHANGE
        return is_expected

    def holds(self, alert: Alert, now: datetime) -> bool:
        """Return whether an alert that nobody was told of is not told now either."""
        if alert.is_told or alert.fingerprint not in self._held:
            return False
        is_covered = any(True for _ in self._covering(alert, now))
        return is_covered or (alert.planned_at is not None and not expected.is_wrong(alert, alert.planned_at, now))

    def heed(self, fingerprint: str, now: datetime) -> bool:
        """Something was found out about an alert; return whether that may change what is held."""
        if fingerprint not in self._held:
            return False
        self._review(fingerprint, now)
        return True

    def stir(self) -> None:
        """Anything may have changed."""
        self._is_stirred = True

    def ended(self, alert: Alert) -> None:
        """An episode is over."""
        self._held.pop(alert.fingerprint, None)
        alert.planned_at = None

    def jump(self, by: timedelta) -> None:
        """The clock was set: what is left of every limit stays so."""
        for change in self._changes.values():
            jumps.move_change(change, by)
            self._ledger.touch_group(change.key)
        self._schedule()

    def conclude(self, now: datetime) -> Outcome:
        """Judge every change as of now, and return what is to be told."""
        if self._is_stirred:
            self._follow_rules(now)
        if not self._sight.is_blind:  # how it went, nobody knows
            for change in list(self._changes.values()):
                self._judge(change, now)
        due = [name for name, at in self._held.items() if self._is_stirred or (at is not None and at <= now)]
        self._is_stirred = False
        for fingerprint in due:
            self._review(fingerprint, now)
        self._schedule(now)
        outcome, self._outcome = self._outcome, Outcome()
        return outcome

    def _follow_rules(self, now: datetime) -> None:
        """Let go of what a rule, as it is now, tells at once; what it tells speaks against the change."""
        for alert in [self._alerts[fingerprint] for fingerprint in self._held]:
            rule = self._rules.get(alert.rule_id)
            if rule is not None and not rule.is_held:
                self._speak_against(self._covering(alert, now), alert, now)
                alert.planned_at = None
        told = {rule.name for rule in self._rules.values() if not rule.is_held}
        for change in self._changes.values():
            if any(view.rule in told for view in change.notices):
                self._outcome.notices += [view for view in change.notices if view.rule in told]
                change.notices = [view for view in change.notices if view.rule not in told]
                self._ledger.touch_group(change.key)

    def _speak_against(self, changes: Iterable[PlannedChange], alert: Alert, now: datetime) -> None:
        for change in tuple(changes):
            self._fail(change, f"during which {alert.title} began", now)

    def _review(self, fingerprint: str, now: datetime) -> None:
        alert = self._alerts[fingerprint]
        if self.holds(alert, now):
            self._held[fingerprint] = expected.until(alert)
        else:
            del self._held[fingerprint]
            self._outcome.is_released = True

    # changes

    def _begin(self, step: PlannedStep, change: PlannedChange | None, now: datetime) -> PlannedChange | None:
        """Begin, or go on: with another revision, with one more Pod."""
        if change is not None and change.is_over and step.revision != change.revision:
            self._drop(change)
            change = None
        is_new = change is None
        if change is None:
            if len(self._changes) >= CHANGES:
                self._ledger.reach(PLANNED_DROPPED)
                return None
            began_at = min(self._sight.begun_at(now), step.unwatched_since or now)
            change = PlannedChange(
                kind=step.kind, subject=step.subject, started_at=began_at, uncounted=now - began_at, until=now
            )
            self._add(change)
        change.done_at = None
        change.pods += 1 if step.pods is None else step.pods
        if step.also and step.also not in change.also:
            change.also.append(step.also)
            self._by_subject.setdefault(step.also, {})[change.key] = change
        if is_new:
            self._take_over(change, now)
        if not change.is_over:
            self._adopt(change, now)
        return change

    def _add(self, change: PlannedChange) -> None:
        self._changes[change.key] = change
        for name in (change.subject, *change.also):
            self._by_subject.setdefault(name, {})[change.key] = change

    def _take_over(self, change: PlannedChange, now: datetime) -> None:
        """Hold what is heard before the change that explains it: each kind has a watch of its own."""
        for alert in self._alerts.values():
            is_waiting = alert.state is AlertState.FIRING and not (alert.is_told or alert.awaits_summary)
            if is_waiting and alert.fingerprint not in self._held and change in self._covering(alert, now):
                self.began(alert, now)

    def _adopt(self, change: PlannedChange, now: datetime) -> None:
        """Take over what was held because its Pods end, a moment before the change was known."""
        for fingerprint in self._held:
            alert = self._alerts[fingerprint]
            if expected.is_all(alert, now) and change in self._going(alert.labels):
                self._enlist(change, alert)

    def _enlist(self, change: PlannedChange, alert: Alert) -> None:
        if len(change.held) < ALERTS:
            change.held[alert.fingerprint] = alert.labels
            self._ledger.touch_group(change.key)

    def _judge(self, change: PlannedChange, now: datetime) -> None:
        if change.is_over:
            if change.until <= now:
                self._drop(change)
        elif change.done_at is not None and change.done_at + SETTLE <= now and not self._holds_wrong(change, now):
            self._finish(change, now)
        elif change.until <= now:
            self._fail(change, "which takes too long" if change.done_at is None else "after which it did not end", now)

    def _holds_wrong(self, change: PlannedChange, now: datetime) -> bool:
        return any(expected.is_wrong(alert, now, now) for alert in self._open(change))

    def _open(self, change: PlannedChange) -> Iterator[Alert]:
        """Yield the alerts that it holds now."""
        for fingerprint in change.held:
            if fingerprint in self._held:
                yield self._alerts[fingerprint]

    def _finish(self, change: PlannedChange, now: datetime) -> None:
        for alert in self._open(change):
            alert.planned_at = now
            self._ledger.touch_alert(alert.fingerprint)
        labels = [*change.held.values(), *(view.labels for view in change.notices)]
        if labels:
            self._ledger.count(OPENED)
            self._outcome.notices.append(line_of(change, labels, self._cluster, now))
        self._ledger.count(HELD_PLANNED_CHANGE, len(change.notices))
        for noticed in {view.fingerprint for view in change.notices} & self._alerts.keys():
            self._alerts[noticed].fate = HELD_PLANNED_CHANGE
            self._ledger.touch_alert(noticed)
        self._drop(change)

    def _fail(self, change: PlannedChange, reason: str, now: datetime) -> None:
        """Let go of what it holds; it is remembered, so that it does not begin again."""
        if change.is_over:
            return
        for alert in self._open(change):
            alert.planned_at = None
            alert.held_back_by = dict.fromkeys(alert.groups, f"{name_of(change)}, {reason}")
            self._ledger.touch_alert(alert.fingerprint)
        self._outcome.notices += change.notices
        change.is_over, change.until = True, now + MEMORY
        change.held, change.notices = {}, []
        self._is_stirred = True
        self._ledger.touch_group(change.key)
        if change.kind is not PlannedKind.ROLLOUT or change.done_at is not None:
            self._drop(change)

    def _drop(self, change: PlannedChange) -> None:
        self._changes.pop(change.key, None)
        self._is_stirred = True
        for name in (change.subject, *change.also):
            named = self._by_subject.get(name, {})
            named.pop(change.key, None)
            if not named:
                self._by_subject.pop(name, None)
        self._ledger.touch_group(change.key)

    # which alert is a matter of which change

    def _going(self, labels: Mapping[str, str]) -> list[PlannedChange]:
        """Return the changes that go on about what the labels name, or that are settling."""
        names = dict.fromkeys(subjects_of(labels))
        found = (change for name in names for change in self._by_subject.get(name, {}).values())
        return [change for change in found if not change.is_over]

    def _covering(self, alert: Alert, now: datetime) -> Iterator[PlannedChange]:
        """Yield the changes during which an alert began; objects and Events say that to the second."""
        began_at = alert.starts_at if alert.is_open and alert.starts_at is not None else now
        for change in self._going(alert.labels):
            if change.started_at.replace(microsecond=0) <= began_at and not is_past(change, began_at):
                yield change

    def _schedule(self, now: datetime | None = None) -> None:
        deadlines = [change.until for change in self._changes.values()]
        deadlines += [change.done_at + SETTLE for change in self._changes.values() if change.done_at is not None]
        deadlines += [at for at in self._held.values() if at is not None]
        self._timers.set(_TIMER, min((at for at in deadlines if now is None or at > now), default=None))
