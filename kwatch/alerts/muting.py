"""What keeps an alert from being announced now: one question, whatever the reason.

Nothing here ends an alert, and an end is never held back from who was told of the beginning (D2).
"""

from datetime import datetime

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.planned import PlannedChanges
from kwatch.alerts.records import Alert


class Hold(msgspec.Struct, frozen=True):
    """Why an alert is not announced now: the fate it has if it ends untold, and who or what holds it, for people."""

    fate: str
    by: str


class Muting:
    """Everything that holds alerts back, asked in turn; the first reason counts."""

    def __init__(self, inhibitor: Inhibitor, planned: PlannedChanges) -> None:
        self._inhibitor = inhibitor
        self._planned = planned

    def hold_of(self, alert: Alert, now: datetime) -> Hold | None:
        """Return what holds this alert back now; None: it may be announced."""
        source = self._inhibitor.source_of(alert)
        if source is not None:
            return Hold(fates.MUTED_INHIBITED, source.title)
        return Hold(fates.HELD_PLANNED_CHANGE, alert.held_back_by) if self._planned.holds(alert, now) else None
