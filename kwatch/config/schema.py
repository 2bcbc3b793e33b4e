"""The words of the YAML and what may stand at each; `docs/configuration.md` says what they mean.

Matchers, routes' children, rules and destinations stay as they are here (`Raw`): they are read by modules of their own,
which know where each of them stands. The keys of a destination are in `kwatch.notify.channels.<type>`.
"""

from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kwatch.config.values import (
    Days,
    FieldPathText,
    Folder,
    Listen,
    MonthDays,
    Months,
    Names,
    Pattern,
    PublicUrl,
    SomeText,
    SomeTime,
    StartTime,
    Transitions,
    WallTime,
)
from kwatch.model.rules import Flapping, Mode, OnDelete, Planned, Subject
from kwatch.model.self_service import Watching
from kwatch.model.windows import DAY
from kwatch.notify.base import Duration, PaceWords, SeverityWord, TemplateText, TimeZone
from kwatch.telemetry import LogFormat

#: What another module reads, with its places.
Raw = object


class LogLevel(Enum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Absent(Enum):
    """What two labels are that are both not there."""

    DIFFERS = "differs"
    EQUAL = "equal"


class Words(BaseModel):
    """A mapping of the YAML: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StateWords(Words):
    """`state`: what must survive a restart."""

    #: A folder, relative to the working directory; one process at a time holds it.
    path: Folder = Path("kwatch-state")


class WebWords(Words):
    """`web`: the status page, health and metrics."""

    #: HOST:PORT; empty: 127.0.0.1:8080, in a cluster 0.0.0.0:8080.
    listen: Listen = ""
    #: How people reach the page, for links in messages; empty: no links.
    public_url: PublicUrl = ""


class LogWords(Words):
    """`log`."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.AUTO


class NamespaceWords(Words):
    """`watch.namespaces`: globs; exclude wins."""

    include: Annotated[Names, Field(min_length=1)] = ("*",)
    exclude: Names = ()
    #: A label selector of namespaces as of `kubectl -l`, ANDed with the others; empty: all.
    selector: SomeText = ""


class EventWords(Words):
    """`watch.events`: Kubernetes Events are watched in any case, and `{}` says so; there are no keys."""


class WatchWords(Words):
    """`watch`: what is looked at."""

    namespaces: NamespaceWords = NamespaceWords()
    events: EventWords = EventWords()
    #: Kinds (`Node`, `Certificate.cert-manager.io`) beside those that rules need.
    resources: Names = ()
    #: Labels of objects that become labels of their alerts.
    labels: Names = ()


class TopWords(Words):
    """The file."""

    #: The name of the cluster in messages and identities; empty: the context's.
    cluster: SomeText = ""
    state: StateWords = StateWords()
    web: WebWords = WebWords()
    log: LogWords = LogWords()
    #: Globs of further files with `rules:`, relative to this file.
    include: Names = ()
    watch: WatchWords = WatchWords()
    #: Built-in packs; absent: all.
    packs: Names | None = None
    rules: tuple[Raw, ...] = ()
    inhibit: tuple[Raw, ...] = ()
    #: Named times, for `active_in`, `mute_in` and `hold_in` of routes.
    windows: dict[SomeText, Raw] = {}
    #: Team → globs of its namespaces: the label `team` of alerts, where the object has none.
    teams: dict[SomeText, Annotated[Names, Field(min_length=1)]] = {}
    #: Regular expressions (RE2) of what is never kept or told, wherever it stands in a text.
    redact: tuple[Pattern, ...] = ()
    #: What annotations of objects may do; absent: nothing.
    self_service: Raw = None
    route: Raw = None
    receivers: dict[str, Raw] = {}
    #: Who is pinged while all is well; absent: nobody.
    heartbeat: Raw = None


class IncludedWords(Words):
    """An included file."""

    rules: tuple[Raw, ...]


class PackWords(Words):
    """A pack."""

    rules: tuple[Raw, ...]
    inhibit: tuple[Raw, ...] = ()


class RateWords(Words):
    """`rate`: at least `count` occurrences within the sliding window `within`, per values of the labels `per`."""

    count: Annotated[int, Field(strict=True, ge=1)]
    within: SomeTime
    per: Names = ()
    #: Count different values of this label, not occurrences; `pod` is the name of the object. Empty: occurrences.
    distinct: SomeText = ""


class ThenWords(Words):
    """`then`: the Event that must follow one of the rule's `match` `within` a time, for the same key."""

    match: Raw
    within: SomeTime


class FlappingWords(Words):
    """`flapping`: when begins and ends are no longer told one by one, and when they are again."""

    #: Begins and ends within the sliding window `within`, 2 being one of each; 0: each is told.
    transitions: Transitions = Flapping().transitions
    within: SomeTime = Flapping().within
    #: Without any for this long, flapping is over.
    stable: SomeTime = Flapping().stable


class RuleWords(Words):
    """An entry of `rules`, merged over a pack's rule of that name. None: the default that `Rule` has."""

    name: SomeText
    #: Keeps the identity of alerts through a change of name; absent: the name.
    id: SomeText | None = None
    enabled: Annotated[bool, Field(strict=True)] = True
    on: Subject
    match: Raw
    #: The labels that tell alerts apart; absent: namespace, workload, and for Events the reason.
    key: Names | None = None
    mode: Mode = Mode.ALERT
    severity: SeverityWord | None = None
    rate: RateWords | None = None
    then: Raw = None
    #: Fires when nothing has matched for this long.
    absent_for: SomeTime | None = None
    #: How long the match must hold before the alert fires.
    for_: Annotated[Duration | None, Field(alias="for")] = None
    resolve: Raw = None
    #: How long the end must hold before it is told.
    resolve_hold: Duration | None = None
    #: An alert that comes back within this time goes on in the same thread.
    reopen_window: Duration | None = None
    #: An alert of Events ends after this time without another that its source could have told.
    quiet: SomeTime | None = None
    #: An alert of which nothing is seen for this long is no longer observed.
    expire_after: SomeTime | None = None
    flapping: FlappingWords | None = None
    #: A notice is told once in this time.
    dedup_window: SomeTime | None = None
    #: How often a destination is told that alerts of this rule open; what is more is folded.
    pace: PaceWords | None = None
    on_delete: OnDelete | None = None
    #: During a planned change: `hold`, or `tell` all the same; absent: `tell` for critical alerts only.
    planned: Planned | None = None
    labels: dict[SomeText, SomeText] = {}
    annotations: dict[SomeText, TemplateText] = {}
    #: Values of the object that messages show: name → path.
    details: dict[SomeText, FieldPathText] = {}


class SelfServiceWords(Words):
    """`self_service`: what annotations of objects may do. What it does not allow they cannot."""

    #: How long a mute may last, from when it is read; 0s: nobody may mute.
    longest_mute: Duration = timedelta(days=7)
    #: Whether objects may name a runbook, for rules that have none.
    runbook: Annotated[bool, Field(strict=True)] = True
    #: The receivers that may be chosen.
    receivers: Names = ()
    #: The severities that may be chosen.
    severities: tuple[SeverityWord, ...] = ()
    #: Whether what a rule calls critical may be called less.
    lower_critical: Annotated[bool, Field(strict=True)] = False
    #: all: nobody may opt out or in; opt-out: all is watched but what says no; opt-in: what says yes.
    watch: Watching = Watching.ALL


class InhibitWords(Words):
    """An entry of `inhibit`: while `when` fires, `mute` with the same values of `equal` is not announced."""

    when: Raw
    mute: Raw
    equal: Names = ()
    #: Whether a label of `equal` that both lack is the same to both.
    absent: Absent = Absent.DIFFERS


class WindowWords(Words):
    """A window: the days on which it opens, and from when until when. Absent days, months: all."""

    #: mon, tue …, or mon-fri; a window past midnight belongs to the day on which it opens.
    days: Days = ()
    #: jan, feb …, jan-mar, or 1 to 12.
    months: Months = ()
    #: 1 to 31, 1-7, or from the end: -1 is the last.
    days_of_month: MonthDays = ()
    #: HH:MM of the wall clock.
    start: StartTime = 0
    #: HH:MM; 24:00 is midnight. At or before `start`: on the day after.
    end: WallTime = DAY
    timezone: TimeZone = "UTC"


class EscalationWords(Words):
    """A step of `escalate`: whom else to tell, so long after an alert was told that nobody has acknowledged."""

    after: SomeTime
    receiver: SomeText


class RouteWords(Words):
    """A node of the routing tree. None: inherited, at the root the default that `Route` has."""

    receiver: SomeText | None = None
    match: Raw = None
    group_by: Names | None = None
    #: How long the first message of a group waits for more; absent: 15 s, and 0 for critical.
    group_wait: Duration | None = None
    #: How long further news of a group wait.
    group_interval: Duration | None = None
    #: How often what goes on is told again; 0s: never.
    repeat_interval: Duration | None = None
    escalate: tuple[EscalationWords, ...] | None = None
    #: Windows outside all of which nothing is told.
    active_in: Names | None = None
    #: Windows inside which nothing is told.
    mute_in: Names | None = None
    #: Windows inside which all but the critical is collected, and told at their end.
    hold_in: Names | None = None
    continue_: Annotated[bool, Field(alias="continue")] = False
    routes: tuple[Raw, ...] = ()
