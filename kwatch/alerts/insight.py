"""What the engine knows, to look at: nothing here decides or changes anything."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.alerts.annotated import Asked, Place, places_of
from kwatch.alerts.parts import Parts
from kwatch.alerts.records import Alert
from kwatch.alerts.story import AlertStory, story_of, tellings
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content
from kwatch.model.silences import Silence


class Insight:
    """Looks into the parts of an engine."""

    def __init__(self, parts: Parts) -> None:
        self._annotations = parts.annotations
        self._register = parts.register
        self._silences = parts.silences
        self._muting = parts.muting
        self._announcer = parts.announcer
        self._directory = parts.directory
        self._groups = parts.groups
        self._membership = parts.membership
        self._digests = parts.digests
        self._notices = parts.notices
        self._answers = parts.answers

    def alerts(self, now: datetime) -> tuple[AlertView, ...]:
        """Return what is pending or firing, worst first."""
        views = [self._register.view(alert, now) for alert in self._register.opened()]
        return tuple(sorted(views, key=lambda view: (-view.severity, view.starts_at, view.fingerprint)))

    def firing(self, target: str, now: datetime) -> tuple[AlertView, ...]:
        """Return the alert of a fingerprint, or all that an incident tells of: those that fire."""
        return self._answers.firing(target, now)

    def identities(self, target: str, now: datetime) -> tuple[Mapping[str, str], ...]:
        """Return the labels that name each of these, whatever its members are: those of its rule's key, where set."""
        return tuple(map(self._identity, self._answers.firing(target, now)))

    def _identity(self, view: AlertView) -> Mapping[str, str]:
        rule = self._register.rule_of(self._register.alerts[view.fingerprint])
        if rule is None or not all(view.labels.get(name) for name in rule.key):
            return view.labels
        return {name: view.labels[name] for name in view.labels if name in ("cluster", "rule", "severity", *rule.key)}

    def why_unanswered(self, target: str) -> str:
        """Return why acknowledging, or taking that back, found nothing, and what can be done."""
        return self._answers.problem(target)

    def told_at(self, destination: str, now: datetime) -> Content:
        """Return all that a destination was told of and that goes on, without a bound."""
        told = [self._register.alerts[name] for name in self._groups.told_at(destination)]
        return self._announcer.standing([self._register.view(alert, now) for alert in told], now)

    def silences(self) -> tuple[Silence, ...]:
        """Return the silences that are in force or will be, the next to end first."""
        return self._silences.all()

    def muted(self, now: datetime) -> Mapping[str, str]:
        """Return what holds back each open alert that something does, for people, by fingerprint."""
        holds = {alert.fingerprint: self._membership.hold_of(alert, now) for alert in self._register.opened()}
        return {fingerprint: hold.says for fingerprint, hold in holds.items() if hold is not None}

    def about(self, namespace: str, workload: str) -> tuple[str, ...]:
        """Return the fingerprints of what is known of a workload, as `Deployment/web`, or an object by itself."""
        alerts = self._register.alerts.values()
        return tuple(alert.fingerprint for alert in alerts if self._is_about(alert, namespace, workload))

    def _is_about(self, alert: Alert, namespace: str, workload: str) -> bool:
        rule = self._register.rule_of(alert)
        named = dict(zip(rule.key, alert.key_values, strict=False)) if rule is not None else {}
        named |= alert.labels  # which an alert that is over has no more
        objects = (named.get("workload"), f"{named.get('kind')}/{named.get('name')}")
        return named.get("namespace", "") == namespace and workload in objects

    def asked(self, places: Iterable[Place]) -> tuple[Asked, ...]:
        """Return the annotations that may act on an object, the nearest first."""
        return self._annotations.asked(places)

    def story(self, fingerprint: str, now: datetime) -> AlertStory | None:
        """Return everything about an alert that is open or remembered; None when there is none."""
        alert = self._register.alerts.get(fingerprint)
        if alert is None:
            return None
        hold = self._membership.hold_of(alert, now) if alert.is_open else None
        told = (
            *tellings(alert, self._groups.of(alert), self._muting.hold_of, now),
            *self._digests.tellings(alert, now),
            *self._notices.tellings(alert, now),
        )
        story = story_of(alert, self._register.rule_of(alert), self._directory.routing_of(alert), hold, now)
        return msgspec.structs.replace(story, tellings=told, asked=self._annotations.asked(places_of(alert.labels)))
