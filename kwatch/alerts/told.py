"""That people know of alerts."""

from kwatch.alerts import ledger as fates
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Alert


class Told:
    """Notes which alerts were told, and keeps those that were for the first time in their episode."""

    def __init__(self, ledger: Ledger) -> None:
        self._new: list[Alert] = []
        self._ledger = ledger

    def note(self, alert: Alert) -> None:
        """A destination was told of an alert."""
        self._ledger.touch_alert(alert.fingerprint)
        if not alert.is_told:
            alert.is_told, alert.fate = True, ""
            self._ledger.count(fates.LED_TO_NOTIFICATION)
            self._new.append(alert)

    def take(self) -> list[Alert]:
        """Return what was told for the first time since this was asked last."""
        new, self._new = self._new, []
        return new
