"""Findings over time: what the engine keeps and what it says of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from kwatch.model.rules import Severity


class AlertState(Enum):
    """The lifecycle of an alert (spec 2.4)."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    EXPIRED = "expired"


class EndReason(Enum):
    """Why an episode ended, or a pending alert went away."""

    HEALTHY = "healthy"  # the match was false, or `resolve` true, for `resolve_hold`
    OBJECT_GONE = "object_gone"
    QUIET = "quiet"  # nothing more for `quiet`, while its source could have told
    NOT_OBSERVED = "not_observed"  # expire_after passed without evidence
    SEEN_AGAIN = "seen_again"  # what was absent
    RULE_REMOVED = "rule_removed"
    RULE_CHANGED = "rule_changed"  # what it looks for, or what ends it, is another now, and nothing says so by that
    DESTINATION_REMOVED = "destination_removed"  # for the one destination that is told so


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as a notification shows it: a snapshot, complete by itself."""

    fingerprint: str
    episode: int
    rule: str
    state: AlertState
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]  # the rule's templates
    message: str
    details: Mapping[str, str]
    count: int  # occurrences in this episode; 0 for level rules
    window_count: int  # occurrences in the rate's window; 0 without a rate
    starts_at: datetime
    ends_at: datetime | None = None
    end_reason: EndReason | None = None
    last_at: datetime | None = None  # the last of several occurrences
    window: timedelta = timedelta(0)  # what `window_count` is about; 0 without a rate
    members: tuple[str, ...] = ()  # at most 10 names, those that are true first
    member_count: int = 0
    continues: int | None = None  # the episode that this one continues
    is_late: bool = False  # it began while kwatch was not watching
    is_new: bool = False  # not told before in this incident
    is_varied: bool = False  # the message stands for others that were similar
    is_throttled: bool = False  # its source is silent for a while whatever happens, so its end cannot be seen now
    is_flapping: bool = False  # it begins and ends again and again, and is held open until that is over
    is_stable: bool = False  # it has flapped in this episode, and does no more
    acked_by: str = ""  # who takes care of it; empty: nobody has said so
    acked_at: datetime | None = None
    ack_comment: str = ""
    escalated_to: tuple[str, ...] = ()  # receivers that were told since nobody had acknowledged it in time
    held_back_by: str = ""  # what kept it from being told until now
    muted_by: str = ""  # what keeps it from being told now, as in "silenced until …"
    incident: str = ""  # the one in which this destination is told of it, and of its end; empty: it has none


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an alert, with its reason; for the log, the metrics and the history."""

    fingerprint: str
    rule: str
    episode: int
    before: AlertState
    after: AlertState
    reason: str
    at: datetime
