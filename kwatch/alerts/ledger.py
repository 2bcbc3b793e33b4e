"""What becomes of observations and alerts, as counters that balance; and the collector of everything decided.

Each finding of something wrong adds one to exactly one fate of findings. One that opened an alert (or a notice)
is followed further: opened = led_to_notification + came_and_went + muted + held + dropped + still open and untold.
What is told to nobody is counted when it ends: until then it may become worse, and be told.
"""

from collections import Counter
from datetime import datetime

from kwatch.alerts.records import Alert
from kwatch.model.alerts import AlertState, Transition
from kwatch.model.decisions import AuditEntry, Detour
from kwatch.model.notifications import Notification

#: The fate of a finding.
NOTHING_NEW = "nothing_new"  # a contribution of 0
UNKNOWN = "unknown"  # the match could not be judged
BELOW_THRESHOLD = "below_threshold"  # also a step whose sequence is not complete
COUNTED_INTO_OPEN = "counted_into_open"  # its alert was pending or firing
DEDUPLICATED = "deduplicated"  # a notice inside its dedup window
ALREADY_THERE = "already_there"  # a notice about what the first list showed
AWAITED = "awaited"  # what a rule with `absent_for` waits for
AWAITED_DROPPED = "awaited_dropped"  # the same, of one key value too many
BEYOND_LIMIT = "beyond_limit"  # of a fingerprint that is not known, while too many alerts are open
OPENED = "opened"  # also an absence, which no finding tells

#: The fate of what was opened.
LED_TO_NOTIFICATION = "led_to_notification"
CAME_AND_WENT = "came_and_went"
MUTED_INHIBITED = "muted_inhibited"
MUTED_SILENCED = "muted_silenced"
MUTED_ANNOTATION = "muted_annotation"  # by `kwatch/mute-until` of the object, its workload or its namespace
MUTED_WINDOW = "muted_window"  # inside a window of `mute_in`, or outside those of `active_in`
HELD_PLANNED_CHANGE = "held_planned_change"  # part of a rollout, drain, scale-down or end of a Job that went well
MUTED_SEVERITY = "muted_severity"  # below what every destination of its routes wants
DROPPED_BY_ROUTE = "dropped_by_route"  # `receiver: none`
NO_DESTINATION = "no_destination"  # no receiver that exists

#: Beside the ledger.
STEP_DROPPED = "step_dropped"  # one of too many that wait for the other step of a sequence
LATE = "late"  # a contribution older than the rule's window: in the total only
IDLE_DROPPED = "idle_dropped"  # one of too many that are remembered and not open: its count begins anew
THREAD_DROPPED = "thread_dropped"  # a group that is over, of too many: what comes next begins anew
PLANNED_DROPPED = "planned_dropped"  # a step of one of too many planned changes: it holds nothing
NOTICE_HURRIED = "notice_hurried"  # a batch of notices went out early, as too many waited
COUNT_DROPPED = "count_dropped"  # the count of one of too many Events
HELD_FOR_DIGEST = "held_for_digest"  # an alert or a notice that waits for a destination's next digest
RECEIVER_FALLBACK = "receiver_fallback"  # a receiver's name with labels was none that exists
DESTINATION_REMOVED = "destination_removed"  # what it held open is forgotten

COUNTERS = (
    NOTHING_NEW,
    UNKNOWN,
    BELOW_THRESHOLD,
    COUNTED_INTO_OPEN,
    DEDUPLICATED,
    ALREADY_THERE,
    AWAITED,
    AWAITED_DROPPED,
    BEYOND_LIMIT,
    OPENED,
    LED_TO_NOTIFICATION,
    CAME_AND_WENT,
    MUTED_INHIBITED,
    MUTED_SILENCED,
    MUTED_ANNOTATION,
    MUTED_WINDOW,
    HELD_PLANNED_CHANGE,
    MUTED_SEVERITY,
    DROPPED_BY_ROUTE,
    NO_DESTINATION,
    LATE,
    STEP_DROPPED,
    IDLE_DROPPED,
    THREAD_DROPPED,
    PLANNED_DROPPED,
    NOTICE_HURRIED,
    COUNT_DROPPED,
    HELD_FOR_DIGEST,
    RECEIVER_FALLBACK,
    DESTINATION_REMOVED,
)


_Part = list[Notification] | list[Transition] | list[AuditEntry] | list[Detour] | Counter[str] | dict[str, None]


class Ledger:
    """Everything since the last `take`: what was told, what moved, what was counted, which rows changed."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.transitions: list[Transition] = []
        self.counters: Counter[str] = Counter()
        self.dirty_alerts: dict[str, None] = {}
        self.dirty_groups: dict[str, None] = {}
        self.dirty_silences: dict[str, None] = {}
        self.audit: list[AuditEntry] = []
        self.detours: list[Detour] = []
        self.limits: set[str] = set()  # those that were reached, by their counters; whoever tells it takes them out

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened since the last time."""
        return not any(self._parts())

    def clear(self) -> None:
        """Begin anew."""
        for kept in self._parts():
            kept.clear()

    def _parts(self) -> tuple[_Part, ...]:
        dirty = (self.dirty_alerts, self.dirty_groups, self.dirty_silences)
        return self.notifications, self.transitions, self.counters, self.audit, self.detours, *dirty

    def count(self, name: str, amount: int = 1) -> None:
        """Increase one of `COUNTERS`."""
        if amount:
            self.counters[name] += amount

    def reach(self, name: str) -> None:
        """Increase the counter of a limit that was reached."""
        self.counters[name] += 1
        self.limits.add(name)

    def move(self, alert: Alert, after: AlertState, reason: str, at: datetime) -> None:
        """Put an alert into another state and note the step."""
        self.transitions.append(
            Transition(
                fingerprint=alert.fingerprint,
                rule=alert.rule,
                episode=alert.episode,
                before=alert.state,
                after=after,
                reason=reason,
                at=at,
            )
        )
        alert.state = after

    def touch_alert(self, fingerprint: str) -> None:
        """Mark the row of an alert as changed."""
        self.dirty_alerts[fingerprint] = None

    def touch_silence(self, silence_id: str) -> None:
        """Mark the row of a silence as changed."""
        self.dirty_silences[silence_id] = None

    def touch_group(self, key: str) -> None:
        """Mark the row of a group as changed."""
        self.dirty_groups[key] = None
