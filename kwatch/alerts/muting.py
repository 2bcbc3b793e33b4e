"""What keeps an alert from being announced now: one question, whatever the reason.

Nothing here ends an alert, and an end is never held back from who was told of the beginning (D2).
"""

from datetime import datetime

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.records import Alert
from kwatch.model.alerts import AlertView


class Hold(msgspec.Struct, frozen=True):
    """Why an alert is not announced now: the fate it has if it ends untold, and who or what holds it, for people."""

    fate: str
    by: str


class Muting:
    """Everything that holds alerts back, asked in turn; the first reason counts."""

    def __init__(self, inhibitor: Inhibitor) -> None:
        self._inhibitor = inhibitor

    def hold_of(self, alert: Alert | AlertView, now: datetime) -> Hold | None:
        """Return what holds this alert back now; None: it may be announced."""
        source = self._inhibitor.source_of(alert)
        return None if source is None else Hold(fates.MUTED_INHIBITED, source.title)
