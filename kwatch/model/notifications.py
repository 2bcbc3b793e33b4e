"""What to tell one destination, and what has become of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum

import msgspec

from kwatch.model.alerts import AlertView
from kwatch.model.rules import Severity


class NotificationKind(Enum):
    """What a notification says."""

    FIRING = "firing"  # opens an incident
    UPDATE = "update"  # something of an open incident changed
    REPEAT = "repeat"  # it is still so
    RESOLVED = "resolved"  # closes the incident, by evidence
    EXPIRED = "expired"  # closes the incident: no longer observed
    NOTICE = "notice"  # stands for itself
    SUMMARY = "summary"  # what was already there at the first start
    OVERFLOW = "overflow"  # lists what there was no room to tell one by one
    DIGEST = "digest"  # lists what happened in a period
    META = "meta"  # kwatch about itself
    TEST = "test"  # `kwatch send-test`

    @property
    def closes(self) -> bool:
        """Whether the incident ends with it."""
        return self in (NotificationKind.RESOLVED, NotificationKind.EXPIRED)


class Count(msgspec.Struct, frozen=True):
    """How many alerts of one rule there are in one namespace."""

    rule: str
    namespace: str
    count: int


class Part(Enum):
    """What the alerts of one part of a digest have in common; in the order in which they are told."""

    NEW = "new"
    STILL_OPEN = "still_open"
    ENDED = "ended"
    CAME_AND_WENT = "came_and_went"
    NOTICES = "notices"


class Section(msgspec.Struct, frozen=True):
    """A part of a digest: the next `listed` of its alerts, of `count` in all."""

    part: Part
    count: int
    listed: int


class Suppressed(msgspec.Struct, frozen=True):
    """How many alerts something kept from being told."""

    by: str
    count: int


class Undelivered(msgspec.Struct, frozen=True):
    """How many notifications a destination did not take, and why."""

    destination: str
    reason: str
    count: int
    is_dead: bool  # given up; else they still wait


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one notification: the context of every template of every channel (`docs/templates.md`).

    `alerts` are sorted: firing before ended, worst first, oldest first; at most 1000, `alert_count` says how many.
    Those of a digest are in the order of its sections, at most 1000 in each; it covers `starts_at` to `ends_at`.
    """

    kind: NotificationKind
    cluster: str
    receiver: str
    severity: Severity
    group_labels: Mapping[str, str]
    alerts: tuple[AlertView, ...]
    alert_count: int
    firing_count: int
    starts_at: datetime
    ends_at: datetime | None = None
    came_and_went: tuple[str, ...] = ()  # titles of alerts that began and ended between two messages
    notices_dropped: int = 0  # repeats of a notice inside its dedup window
    is_late: bool = False
    held_in: str = ""  # SUMMARY: the window in which it was collected; empty: what was there at the first start
    is_quiet: bool = False  # all its news are of alerts that are muted: it calls nobody
    is_raised: bool = False  # worse than what the incident was told last
    text: str = ""  # META, TEST: the whole message
    folded: int = 0  # OVERFLOW: the notifications in whose stead it stands
    counts: tuple[Count, ...] = ()  # OVERFLOW: all alerts by rule and namespace, the most first
    sections: tuple[Section, ...] = ()  # DIGEST: those that are not empty
    suppressed: tuple[Suppressed, ...] = ()  # DIGEST: what was not told in its period, the most first
    undelivered: tuple[Undelivered, ...] = ()  # DIGEST: of all destinations, known when it leaves
    meant_for: str = ""  # the destination that cannot be told, in whose place this one is; empty: it is its own
    slots: int = 0  # DIGEST: how many times of the schedule it stands for; 1 unless kwatch was not running
    public_url: str = ""


#: Lines of `counts`; what is beyond is in `alert_count` alone.
COUNTS = 100


def tally(views: Iterable[AlertView]) -> tuple[Count, ...]:
    """Count alerts by rule and namespace."""
    counted = Counter((view.rule, view.labels.get("namespace", "")) for view in views)
    ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(Count(rule, namespace, count) for (rule, namespace), count in ordered[:COUNTS])


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One decision to tell one destination one thing.

    `id` is derived (incident, destination, sequence): the idempotency key, the same over all attempts and after a
    crash. `incident` names the lane: `kw/<group id>/<episode>`, built from fingerprints, never from route text (D3).
    `thread_of` is the incident whose thread this one goes on in (S-39), or the summary that announced it.
    """

    id: str
    destination: str
    incident: str
    sequence: int
    kind: NotificationKind
    severity: Severity
    content: Content
    created_at: datetime
    thread_of: str = ""


class Untold(msgspec.Struct, frozen=True):
    """What a destination could not be told, and others have not been told in its place."""

    notification: Notification
    folded: tuple[Notification, ...] = ()  # OVERFLOW: in whose stead it stands, as far as that is so

    @property
    def ids(self) -> tuple[str, ...]:
        """The deliveries that are told with it."""
        return tuple(each.id for each in self.folded or (self.notification,))


class DeliveryState(Enum):
    """The states of an outbox row (spec 3.2); those from SENT on are final.

    What a silence or a window holds back is no row yet: the alert waits in its group.
    """

    QUEUED = "queued"
    LEASED = "leased"
    RETRY_WAIT = "retry_wait"
    SENT = "sent"
    SUPERSEDED = "superseded"
    FOLDED = "folded"
    CANCELLED = "cancelled"
    DEAD = "dead"
    DROPPED = "dropped"

    @property
    def is_final(self) -> bool:
        """Whether the row will never change again."""
        return self not in (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.RETRY_WAIT)


class Receipt(msgspec.Struct, frozen=True):
    """What the destination gave back and what later messages of the incident need: channel and ts, a Message-ID.

    `note` is for people who look a delivery up: who did not get it although it was taken.
    """

    values: Mapping[str, str] = {}
    note: str = ""


class Message(msgspec.Struct, frozen=True):
    """A rendered notification: the bytes that every attempt sends, and how to send them.

    `headers` never hold a credential: those are added when the request is made, and are in no row.
    """

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    fallback_reason: str = ""  # why the built-in template was used instead of the user's


class Thread(msgspec.Struct, frozen=True):
    """The incident as the destination knows it: its root (absent before the first message), and whether it owns it.

    `is_own` is False when the incident goes on in another's thread: then nothing of the root may be edited.
    """

    root: Receipt | None = None
    is_own: bool = True


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try: when, how it ended, why."""

    number: int
    started_at: datetime
    ended_at: datetime
    outcome: str  # sent, or the value of a Failure
    reason: str = ""
    detail: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the outbox."""

    notification: Notification
    state: DeliveryState
    due_at: datetime
    attempts: int = 0
    is_ambiguous: bool = False  # an earlier attempt may have arrived
    is_degraded: bool = False  # the plain rendering is in use
    message: Message | None = None
    thread: Thread = Thread()
    reason: str = ""
    finished_at: datetime | None = None
    renewed_at: datetime | None = None  # somebody had it tried again: its age counts from then


class Folded(msgspec.Struct, frozen=True):
    """One delivery that an overflow stands for."""

    id: str
    incident: str
    kind: NotificationKind
