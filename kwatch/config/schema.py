"""The words of the YAML and what may stand at each; `docs/configuration.md` says what they mean.

Matchers, routes' children, rules and destinations stay as they are here (`Raw`): they are read by modules of their own,
which know where each of them stands. The keys of a destination are in `kwatch.notify.channels.<type>`.
"""

import re
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from kwatch.config.paths import parse_path
from kwatch.model.conditions import Path as FieldPath
from kwatch.model.rules import Flapping, Mode, OnDelete, Planned, Subject
from kwatch.model.self_service import Watching
from kwatch.model.windows import DAY
from kwatch.notify.base import Duration, PaceWords, SeverityWord, TemplateText, TimeZone
from kwatch.redaction import check_pattern
from kwatch.telemetry import LogFormat


def _some_text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must be one line, without control characters")
    return value


def _field_path(value: object) -> object:
    return parse_path(value) if isinstance(value, str) else value


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be longer than 0s")
    return value


def _transitions(value: int) -> int:
    if value < 0 or value == 1:
        raise ValueError("must be at least 2 (one begin and one end), or 0 to tell each of them")
    return value


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is named twice")
    return values


def _pattern(value: str) -> str:
    check_pattern(value)
    return value


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise ValueError("write HOST:PORT, as in 127.0.0.1:8080")
    return value


def _public_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(c.isspace() for c in value):
        raise ValueError("write a URL, as in https://kwatch.example.com")
    return value.rstrip("/")


SomeText = Annotated[str, AfterValidator(_some_text)]
Names = Annotated[tuple[SomeText, ...], AfterValidator(_unique)]
SomeTime = Annotated[Duration, AfterValidator(_positive)]
FieldPathText = Annotated[FieldPath, BeforeValidator(_field_path)]

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEAR = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WALL_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


def _wall_time(value: object) -> object:
    found = _WALL_TIME.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, int) or found is None:
        raise ValueError("must be a time of day: write HH:MM, as in 22:00")
    return DAY if found[1] is None else int(found[1]) * 60 + int(found[2])


def _start(value: int) -> int:
    if value == DAY:
        raise ValueError("24:00 is the end of a day: write 00:00")
    return value


def _some(values: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    if not values:
        raise ValueError("must not be empty")
    return values


def _days(value: object) -> object:
    found = _range_of(value, WEEK)
    if found is None:
        raise ValueError("must be a day or a range: mon, tue, wed, thu, fri, sat, sun, or mon-fri")
    return found


def _months(value: object) -> object:
    found = _range_of(YEAR[value - 1] if type(value) is int and 1 <= value <= 12 else value, YEAR)
    if found is None:
        raise ValueError("must be a month or a range: jan, feb …, dec, jan-mar, or a number from 1 to 12")
    return tuple(month + 1 for month in found)


def _range_of(value: object, words: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return the numbers of a word or of a range of words, which may go over the end; None for what is neither."""
    first, dash, last = value.lower().partition("-") if isinstance(value, str) else ("", "", "")
    if first not in words or (last if dash else first) not in words:
        return None
    begin, end = words.index(first), words.index(last if dash else first)
    return tuple((begin + step) % len(words) for step in range((end - begin) % len(words) + 1))


def _month_days(value: object) -> object:
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    if type(value) is int and 1 <= abs(value) <= 31:
        return (value,)
    if dash and first.isdecimal() and last.isdecimal() and 1 <= int(first[:3]) <= int(last[:3]) <= 31:
        return tuple(range(int(first), int(last) + 1))
    raise ValueError("must be a day of the month: 1 to 31, -1 to -31 from its end, or a range as 1-7")


WallTime = Annotated[int, BeforeValidator(_wall_time)]
Days = Annotated[tuple[int, ...], BeforeValidator(_days)]
Months = Annotated[tuple[int, ...], BeforeValidator(_months)]
MonthDays = Annotated[tuple[int, ...], BeforeValidator(_month_days)]

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
    path: Path = Path("kwatch-state")


class WebWords(Words):
    """`web`: the status page, health and metrics."""

    #: HOST:PORT; empty: 127.0.0.1:8080, in a cluster 0.0.0.0:8080.
    listen: Annotated[str, AfterValidator(_listen)] = ""
    #: How people reach the page, for links in messages; empty: no links.
    public_url: Annotated[str, AfterValidator(_public_url)] = ""


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
    redact: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
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
    transitions: Annotated[int, Field(strict=True), AfterValidator(_transitions)] = Flapping().transitions
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
    days: Annotated[tuple[Days, ...], AfterValidator(_some)] = ()
    #: jan, feb …, jan-mar, or 1 to 12.
    months: Annotated[tuple[Months, ...], AfterValidator(_some)] = ()
    #: 1 to 31, 1-7, or from the end: -1 is the last.
    days_of_month: Annotated[tuple[MonthDays, ...], AfterValidator(_some)] = ()
    #: HH:MM of the wall clock.
    start: Annotated[WallTime, AfterValidator(_start)] = 0
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
