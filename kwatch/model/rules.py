"""A rule: what to look for, what it means, when it ends."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, IntEnum
from functools import cached_property

import msgspec

from kwatch.model.conditions import AllOf, AnyOf, Condition, Path, is_edge
from kwatch.model.pace import Pace

#: The name of the rule by which kwatch itself tells of planned changes that went well.
PLANNED_CHANGE = "planned-change"


class Severity(IntEnum):
    """How bad it is; ordered."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The word of the YAML."""
        return self.name.lower()


class Mode(Enum):
    """ALERT opens and ends; NOTICE tells once per dedup window and never ends."""

    ALERT = "alert"
    NOTICE = "notice"


class Subject(Enum):
    """What the rule watches: the YAML's `on`."""

    EVENT = "event"
    RESOURCE = "resource"


class OnDelete(Enum):
    """Whether the end of the object is the end of the alert."""

    RESOLVE = "resolve"
    KEEP = "keep"


class Planned(Enum):
    """What becomes of an alert that begins during a planned change of its workload or Node."""

    HOLD = "hold"
    TELL = "tell"


class Rate(msgspec.Struct, frozen=True):
    """At least `count` occurrences in a sliding window `(now − within, now]`, per values of the key `per`.

    With `distinct`, the name of a label, different values of it are counted, not occurrences.
    """

    count: int
    within: timedelta
    per: tuple[str, ...] = ()
    distinct: str = ""


class Then(msgspec.Struct, frozen=True):
    """What must follow an Event that the rule's `match` takes, within a time by the Events' own times."""

    match: Condition
    within: timedelta


class Flapping(msgspec.Struct, frozen=True):
    """It begins at `transitions` begins and ends within a sliding window, and ends after `stable` without any.

    0 transitions: never.
    """

    transitions: int = 4
    within: timedelta = timedelta(minutes=30)
    stable: timedelta = timedelta(minutes=15)


class Rule(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One rule of the configuration or of a pack, validated; see `docs/configuration.md` for each word."""

    name: str
    id: str  # identity through a rename; the name where none is given
    on: Subject
    match: Condition = AllOf(())
    key: tuple[str, ...] = ("namespace", "workload")  # events: and "reason"; with a rate: `rate.per`
    mode: Mode = Mode.ALERT
    severity: Severity = Severity.WARNING
    rate: Rate | None = None
    then: Then | None = None
    absent_for: timedelta | None = None  # fires when nothing has matched for so long
    for_: timedelta = timedelta(0)
    resolve: Condition | None = None
    resolve_hold: timedelta = timedelta(minutes=2)
    reopen_window: timedelta = timedelta(minutes=10)
    quiet: timedelta = timedelta(minutes=10)  # of observable time; see `ends_by_quiet`
    expire_after: timedelta = timedelta(hours=24)
    flapping: Flapping = Flapping()
    dedup_window: timedelta = timedelta(minutes=5)
    on_delete: OnDelete = OnDelete.RESOLVE
    pace: Pace | None = None  # how often a destination is told that its alerts open; None: as it comes
    planned: Planned | None = None  # None: by its severity
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}  # templates, rendered with the message
    details: Mapping[str, Path] = {}  # name → path of the object, read at decision time, shown in messages
    origin: str = ""  # `file:line`, or the pack

    @property
    def observed(self) -> Condition:
        """Everything that it looks for: its `match`, and what must follow."""
        return self.match if self.then is None else AnyOf((self.match, self.then.match))

    @property
    def ends_by_quiet(self) -> bool:
        """Whether silence ends its alerts: there is nothing in the object that could."""
        is_of_events = self.on is Subject.EVENT and self.mode is Mode.ALERT
        return is_of_events and self.resolve is None and self.absent_for is None

    @cached_property
    def is_held(self) -> bool:
        """Whether a planned change holds its alerts back.

        Where the rule does not say: unless they are critical, or it asks for changes themselves.
        """
        if self.planned is None:
            return self.severity is not Severity.CRITICAL and not is_edge(self.match)
        return self.planned is Planned.HOLD


class Inhibition(msgspec.Struct, frozen=True, kw_only=True):
    """While an alert that `when` matches fires, one that `mute` matches with the same `equal` labels is not announced.

    The matchers see alert labels. A label of `equal` that is absent on both sides does not inhibit (S-75), unless
    `is_absent_equal`.
    """

    when: Condition
    mute: Condition
    equal: tuple[str, ...] = ()
    is_absent_equal: bool = False
