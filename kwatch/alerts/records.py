"""The engine's memory: what is kept per alert and per group, and written as rows.

These are the only mutable values of the deciding code. They are encoded whole whenever they changed; a restart reads
them back and goes on as if nothing had been.
"""

from datetime import datetime, timedelta

import msgspec

from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.findings import Emission, Truth
from kwatch.model.namespaces import Names
from kwatch.model.notifications import Part
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Contribution
from kwatch.model.planned import PlannedKind
from kwatch.model.rules import Severity
from kwatch.model.windows import Schedule


class Member(msgspec.Struct, kw_only=True):
    """One object of an alert, and the last that was known of it."""

    ref: ObjectRef
    truth: Truth  # TRUE or FALSE; never UNKNOWN, which only clears `is_observed`
    since_at: datetime  # when this truth began
    seen_at: datetime  # the last occurrence; for level rules the last finding
    is_observed: bool  # the object's own state has said so, and could be judged the last time
    is_frozen: bool = False  # its source is not in sync
    is_gone: bool = False  # deleted, and kept for the episode
    is_held: bool = False  # gone before it was told: over after `resolve_hold`, not at once
    is_stale: bool = False  # wrong by a rule that is another now, and has not said so yet
    labels: dict[str, str] | None = None  # where it has other ones than the alert (`wrong`)
    emissions: dict[str, Emission] = {}  # by emitter; of rules that end by quiet
    expected_until: datetime | None = None  # it ends as it should: what is wrong with it is expected until then

    @property
    def is_live(self) -> bool:
        """Whether a change of its truth would be seen now."""
        return self.is_observed and not self.is_frozen


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a sequence that waits for the other one; it may be either, but never follows itself."""

    at: datetime  # by the Event's own word
    heard_at: datetime
    ref: ObjectRef  # what it is about
    is_first: bool
    is_second: bool


class EscalationStep(msgspec.Struct):
    """One step of an escalation that lies ahead."""

    receiver: str
    due_at: datetime
    turned_at: datetime  # since when it counts, or is suspended and `due_at` that much too early
    is_held: bool = False


class Alert(msgspec.Struct, kw_only=True):
    """One fingerprint: its state, its members, the occurrences in the rate's window, what was told.

    Also the memory of a notice rule's fingerprint, whose state stays INACTIVE.
    """

    fingerprint: str
    rule_id: str
    rule: str
    is_moment: bool  # its rule speaks of moments, which are true once and never said to be false
    severity: Severity
    key_values: tuple[str, ...]
    labels: dict[str, str]
    annotations: dict[str, str]
    message: str
    details: dict[str, str]
    seen_at: datetime  # the last evidence that it goes on
    premise: str = ""  # what its rule asks for, as `premises.premise_of` names it; empty: not known
    state: AlertState = AlertState.INACTIVE
    episode: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None  # when it became false
    ended_at: datetime | None = None  # when that was decided
    end_reason: EndReason | None = None
    continues: int | None = None
    is_late: bool = False
    count: int = 0
    members: dict[str, Member] = {}
    unlisted: int = 0  # members that were let go to bound memory
    is_out_of_sight: bool = False  # one of these had not been quiet
    window: list[Contribution] = []
    values: dict[str, datetime] = {}  # of the label that the rate counts by: when each was seen last
    steps: list[Step] = []
    is_varied: bool = False  # the message stands for others that were similar
    groups: list[str] = []  # where this episode was announced or waits
    awaits_summary: bool = False  # some are told of it in a summary when all has been heard
    transitions: list[datetime] = []  # the newest begins and ends of its episodes
    is_flapping: bool = False
    is_over: bool = False  # its end is held back while it flaps
    is_stable: bool = False  # it has flapped in this episode, and does no more
    acked_by: str = ""
    acked_at: datetime | None = None  # None: nobody has acknowledged this episode
    ack_comment: str = ""
    escalation: list[EscalationStep] = []  # steps that lie ahead
    escalates_from: datetime | None = None  # when they began to count, later by what they were suspended
    escalated_to: list[str] = []
    held_back_by: dict[str, str] = {}  # group or digest → what kept it from being told there, for people
    planned_at: datetime | None = None  # what was wrong until then was part of a planned change
    planned_by: str = ""  # that change, for people
    is_told: bool = False  # this episode led to a notification
    listed: list[str] = []  # the digests that this episode was in
    told_in: dict[str, str] = {}  # destination → the incident in which it was told of this episode
    fate: str = ""  # why this episode goes to nobody, or, as it is over, went to nobody; as `ledger.COUNTERS` names it
    notice_at: datetime | None = None  # when a notice was told last
    notices_dropped: int = 0  # repeats since then

    @property
    def is_open(self) -> bool:
        """Whether an episode is running, or about to."""
        return self.state in (AlertState.PENDING, AlertState.FIRING)

    @property
    def is_acked(self) -> bool:
        """Whether somebody takes care of it."""
        return self.acked_at is not None

    @property
    def title(self) -> str:
        """One line that names it."""
        values = ", ".join(value for value in self.key_values if value)
        return f"{self.rule} ({values})" if values else self.rule


class Group(msgspec.Struct, kw_only=True, tag="group"):
    """What one destination holds of one group: the members, what it was told of them, and when to speak again.

    `incident` is empty while nothing is open. Timings are those of the route by which the group was made.
    """

    destination: str
    receiver: str
    id: str
    labels: dict[str, str]
    wait: timedelta
    critical_wait: timedelta
    interval: timedelta
    repeat: timedelta
    schedule: Schedule = Schedule()
    members: dict[str, bool] = {}  # fingerprint → whether it was told in this incident
    ended: list[AlertView] = []  # told, and ended since the last message
    came_and_went: list[str] = []
    incident: str = ""
    thread: str = ""  # the incident in whose thread this one lives, by itself or another's
    starts_at: datetime | None = None
    sequence: int = 0
    severity: Severity | None = None  # what was told last; None: nothing yet
    is_collecting: bool = False  # a window has held something for its end, which is not told yet
    is_outdated: bool = False  # what holds a told alert has changed, which is to be shown where that calls nobody
    is_changed: bool = False  # a told alert is not what was told of it, which is to be told
    meant_for: str = ""  # the destination in whose place the next message tells what is new in it; empty: in nobody's
    due_at: datetime | None = None
    flushed_at: datetime | None = None
    sent_at: datetime | None = None  # the last success
    is_awaiting: bool = False  # something was handed out, and no success was reported since
    forget_at: datetime | None = None

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.destination}/{self.id}"


class NoticeBatch(msgspec.Struct, kw_only=True, tag="notices"):
    """Notices of one group that wait for one destination's group_wait."""

    destination: str
    receiver: str
    id: str
    labels: dict[str, str]
    due_at: datetime
    notices: list[AlertView] = []
    dropped: int = 0
    is_collected: bool = False  # for the end of a window; what passes one does not wait with it

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.destination}/{self.id}/{'collected' if self.is_collected else 'notices'}"


def untold_key(view: "AlertView | UntoldNotice") -> str:
    """Return the key of a notice that nobody was told of yet."""
    return f"{view.fingerprint}/{view.starts_at.isoformat()}"


class UntoldNotice(msgspec.Struct, kw_only=True, tag="untold_notice"):
    """Notices of one fingerprint and instant that nobody was told of yet, and for how many destinations they wait."""

    fingerprint: str
    starts_at: datetime
    count: int = 0
    destinations: int = 0

    @property
    def key(self) -> str:
        """The row's key."""
        return untold_key(self)


def period_key(destination: str) -> str:
    """Return the key of a destination's digest."""
    return f"{destination}/digest"


class DigestPeriod(msgspec.Struct, kw_only=True, tag="digest"):
    """What one destination's next digest is about: everything since the slot of the last one."""

    destination: str
    begins_at: datetime
    counts: dict[str, int] = {}  # entries by part, those that are not kept too
    last: int = 0  # the number of the newest entry
    suppressed: dict[str, int] = {}  # what ended untold, by what kept it from being told

    @property
    def key(self) -> str:
        """The row's key."""
        return period_key(self.destination)


class DigestEntry(msgspec.Struct, kw_only=True, tag="digest_entry"):
    """One line of the next digest: what ended, or was noticed."""

    destination: str
    number: int
    part: Part
    view: AlertView

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.destination}/digest/{self.number}"


class IncidentNumbers(msgspec.Struct, tag="episodes"):
    """The highest number that an incident was given."""

    last: int = 0


class Annotated(msgspec.Struct, frozen=True, kw_only=True, tag="annotated"):
    """An object whose annotations ask something of kwatch, as they were heard."""

    ref: ObjectRef
    annotations: dict[str, str]
    heard_at: datetime


class Watched(msgspec.Struct, tag="watched"):
    """Until when the cluster was watched for certain (None: nobody said so yet), and what was judged by which rules."""

    until: datetime | None = None
    refused: tuple[str, ...] = ()  # the sources that were not, as they may not
    premises: dict[str, str] = {}  # of each rule by which all that there was has been judged, by its id
    names: Names = Names()  # of the namespaces in which that was


class LimitsTold(msgspec.Struct, tag="limits"):
    """When it was told last that a limit of memory was reached; None: never."""

    at: datetime | None = None


class PlannedChange(msgspec.Struct, kw_only=True, tag="planned"):
    """A planned change that goes on, or whose end must be known so that it does not begin again."""

    kind: PlannedKind
    subject: str
    started_at: datetime
    until: datetime  # unless it gets further
    uncounted: timedelta = timedelta(0)  # what of its length does not count: nobody watched, or the clock was set ahead
    achieved: int = -1  # grows when it gets further
    revision: str = ""
    pods: int = 0
    also: list[str] = []  # what it affects beside its subject
    done_at: datetime | None = None  # when the objects said so
    is_over: bool = False  # it holds nothing any more
    held: dict[str, dict[str, str]] = {}  # the alerts that it holds or has held: fingerprint → labels
    notices: list[AlertView] = []  # those that it holds

    @property
    def key(self) -> str:
        """The row's key."""
        return f"planned/{self.kind.value}/{self.subject}"

    @property
    def counts_from(self) -> datetime:
        """From when its length counts."""
        return self.started_at + self.uncounted


GroupRow = (
    Group
    | NoticeBatch
    | UntoldNotice
    | DigestPeriod
    | DigestEntry
    | IncidentNumbers
    | Watched
    | PlannedChange
    | Annotated
    | LimitsTold
)
