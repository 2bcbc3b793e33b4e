"""What keeps an alert from being announced now: one question, whatever the reason.

Nothing here ends an alert, and an end is never held back from who was told of the beginning: it is told quietly (D2).
"""

from datetime import datetime

import msgspec

from kwatch.alerts import ledger as fates
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.planned import PlannedChanges
from kwatch.alerts.records import Alert
from kwatch.alerts.silences import Silences
from kwatch.alerts.windows import Windows
from kwatch.alerts.wrong import Labels, labels_of_wrong
from kwatch.model.alerts import AlertView
from kwatch.model.beat import BEAT
from kwatch.model.rules import Severity
from kwatch.model.windows import Schedule


class Hold(msgspec.Struct, frozen=True):
    """Why an alert is not announced now: the fate it has if it ends untold, and who or what holds it, for people."""

    fate: str
    by: str  # a thing, as in "held back until now by …"
    says: str  # while it lasts, as in "silenced until …"
    is_collecting: bool = False  # what comes and goes meanwhile is told at the end
    until: datetime | None = None  # None: that is not known


class Muting:
    """Everything that holds alerts back, asked in turn; the first reason counts."""

    def __init__(
        self,
        inhibitor: Inhibitor,
        silences: Silences,
        windows: Windows,
        annotations: Annotations,
        planned: PlannedChanges,
    ) -> None:
        self._inhibitor = inhibitor
        self._silences = silences
        self._windows = windows
        self._annotations = annotations
        self._planned = planned

    def hold_of(self, alert: Alert | AlertView, schedule: Schedule, now: datetime) -> Hold | None:
        """Return what holds this alert back now where it goes by a schedule; None: it may be announced."""
        return self.hold_everywhere(alert, now) or self.hold_by_window(alert.severity, schedule, now)

    def hold_everywhere(self, alert: Alert | AlertView, now: datetime) -> Hold | None:
        """Return what holds all that is wrong with this alert back now wherever it goes; of several what ends first.

        Nothing holds a beat: it would be an alarm.
        """
        if alert.rule == BEAT:
            return None
        holds: list[Hold] = []
        for labels in labels_of_wrong(alert):
            hold = self._hold_by_labels(alert, labels, now)
            if hold is None:
                return self._hold_by_change(alert, now)
            holds.append(hold)
        return min(holds, key=lambda hold: (hold.until is None, hold.until or now))

    def _hold_by_labels(self, alert: Alert | AlertView, labels: Labels, now: datetime) -> Hold | None:
        silence = self._silences.hold_of(labels, now)
        if silence is not None:
            return Hold(fates.MUTED_SILENCED, f"the silence of {silence.owner}", silence.title, until=silence.ends_at)
        mute = self._annotations.mute_of(labels, now)
        if mute is not None:
            return Hold(fates.MUTED_ANNOTATION, f"an annotation of {mute.source}", mute.title, until=mute.until)
        source = self._inhibitor.source_of(alert, labels)
        if source is not None:
            return Hold(fates.MUTED_INHIBITED, source.title, f"held back by {source.title}")
        return None

    def _hold_by_change(self, alert: Alert | AlertView, now: datetime) -> Hold | None:
        if isinstance(alert, Alert) and self._planned.holds(alert, now):
            return Hold(fates.HELD_PLANNED_CHANGE, alert.planned_by, f"held back by {alert.planned_by}")
        return None

    def keeps(self, alert: Alert, view: AlertView, expected_until: datetime | None, now: datetime) -> bool:
        """Return whether a planned change keeps a notice, to tell or to count it when it is over."""
        return self._planned.keep(alert, view, expected_until, now)

    def edges_between(self, since: datetime, until: datetime) -> list[datetime]:
        """Return the instants after the one and before the other at which time alone may change what is held back."""
        edges = (*self._silences.edges(), *self._annotations.edges(), *self._windows.edges_between(since, until))
        return sorted({at for at in edges if since < at < until})

    def is_collecting(self, schedule: Schedule, now: datetime) -> bool:
        """Return whether a window of the schedule collects now."""
        return self._windows.open_of(schedule.hold_in, now) is not None

    def collects_until(self, schedule: Schedule, now: datetime) -> datetime | None:
        """Return when a window that collects ends; None: none does, or its end is not in sight."""
        name = self._windows.open_of(schedule.hold_in, now)
        return None if name is None else self._windows.edge_after(name, now)

    def hold_by_window(self, severity: Severity, schedule: Schedule, now: datetime) -> Hold | None:
        """Return what window of a schedule holds back what is of this severity; also at an instant that is past."""
        windows = self._windows
        if (name := windows.open_of(schedule.mute_in, now)) is not None:
            until = windows.edge_after(name, now)
            return Hold(
                fates.MUTED_WINDOW, f"the window {name}", f"muted in the window {name}{_until(until)}", until=until
            )
        if windows.knows(schedule.active_in) and windows.open_of(schedule.active_in, now) is None:
            outside = " and ".join(schedule.active_in)
            until = windows.next_opening(schedule.active_in, now)
            return Hold(
                fates.MUTED_WINDOW,
                f"the hours outside {outside}",
                f"muted outside {outside}{_until(until)}",
                until=until,
            )
        if severity is not Severity.CRITICAL and (name := windows.open_of(schedule.hold_in, now)) is not None:
            until = windows.edge_after(name, now)
            return Hold(
                fates.CAME_AND_WENT,
                f"the window {name}",
                f"held for the end of the window {name}{_until(until)}",
                is_collecting=True,
                until=until,
            )
        return None


def _until(at: datetime | None) -> str:
    return "" if at is None else f" until {at:%Y-%m-%d %H:%M} UTC"
