"""Inhibition: what is not announced while an alert that explains it fires (S-69 to S-75).

Alerts may explain one another, in a circle too, over any number of entries: then the earliest of them is announced, and
holds the others back (S-74). So of whatever is wrong, something is told.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from kwatch.alerts.records import Alert
from kwatch.alerts.wrong import Labels, labels_of_wrong
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.matching import label_predicate
from kwatch.model.rules import Inhibition

_Values = tuple[str, ...]


class _Rule:
    """One inhibition with the alerts that are its sources now, by their values of `equal`."""

    def __init__(self, inhibition: Inhibition) -> None:
        self.when = label_predicate(inhibition.when)
        self.mute = label_predicate(inhibition.mute)
        self._equal = inhibition.equal
        self._is_absent_equal = inhibition.is_absent_equal
        self.sources: dict[_Values, dict[str, Alert]] = {}

    def values(self, labels: Mapping[str, str]) -> _Values | None:
        """Return the values of `equal`; None when one is absent, and what both lack is not what they share (S-75)."""
        values = tuple(labels.get(name, "") for name in self._equal)
        return values if all(values) or self._is_absent_equal else None

    def sources_of(self, labels: Labels) -> Iterable[Alert]:
        """Return the alerts that explain what has these labels."""
        values = self.values(labels) if self.sources else None
        return self.sources[values].values() if values in self.sources and self.mute(labels) else ()


class Inhibitor:
    """The inhibitions, and which firing alerts are their sources. Pending ones are none (S-70)."""

    def __init__(self, inhibitions: Iterable[Inhibition]) -> None:
        self._rules = tuple(map(_Rule, inhibitions))

    def load(self, alerts: Iterable[Alert]) -> None:
        """Take back what was kept."""
        for alert in alerts:
            if alert.state is AlertState.FIRING:
                self.started(alert)

    def use(self, inhibitions: Iterable[Inhibition], alerts: Iterable[Alert]) -> None:
        """Go by other inhibitions."""
        self._rules = tuple(map(_Rule, inhibitions))
        self.load(alerts)

    def started(self, alert: Alert) -> bool:
        """Return whether a firing alert may now hold others back."""
        is_source = False
        for rule in self._rules:
            values = rule.values(alert.labels)
            if values is not None and rule.when(alert.labels):
                is_source = True
                rule.sources.setdefault(values, {})[alert.fingerprint] = alert
        return is_source

    def ended(self, alert: Alert) -> bool:
        """Forget an alert; return whether it was a source, so that others may be free now."""
        was_source = False
        for rule in self._rules:
            values = rule.values(alert.labels)
            if values is None or alert.fingerprint not in rule.sources.get(values, ()):
                continue
            was_source = True
            del rule.sources[values][alert.fingerprint]
            if not rule.sources[values]:
                del rule.sources[values]
        return was_source

    def source_of(self, alert: Alert | AlertView, labels: Labels) -> Alert | None:
        """Return an alert that holds this one back, as far as it has these labels."""
        sources = self._sources_of(alert, labels)
        return next((source for source in sources if self._holds(source, alert)), None)

    def _sources_of(self, alert: Alert | AlertView, labels: Labels) -> Iterator[Alert]:
        for rule in self._rules:
            yield from (each for each in rule.sources_of(labels) if each.fingerprint != alert.fingerprint)

    def _holds(self, source: Alert, alert: Alert | AlertView) -> bool:
        """Return whether a source is the earlier one, or not itself explained by the alert, however indirectly."""
        if _order(source) < _order(alert):
            return True
        waiting, seen = [source], {source.fingerprint}
        while waiting:
            explained = waiting.pop()
            explaining = (self._sources_of(explained, labels) for labels in labels_of_wrong(explained))
            for each in chain.from_iterable(explaining):
                if each.fingerprint == alert.fingerprint:
                    return False
                if each.fingerprint not in seen:
                    seen.add(each.fingerprint)
                    waiting.append(each)
        return True


def _order(alert: Alert | AlertView) -> tuple[float, str]:
    return alert.starts_at.timestamp() if alert.starts_at else 0.0, alert.fingerprint
