"""Where alerts go: the routing tree and the destinations, as far as deciding needs them."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

import msgspec

from kwatch.model.conditions import AllOf, Condition
from kwatch.model.pace import Paces
from kwatch.model.rules import Severity
from kwatch.model.schedules import CronSchedule
from kwatch.model.windows import Schedule


class DigestPlan(msgspec.Struct, frozen=True):
    """When a destination gets its digests, and whether also those that have nothing to say."""

    schedule: CronSchedule
    send_empty: bool = False


class Moment(Enum):
    """A moment in kwatch's own life."""

    STARTED = "started"
    STOPPED = "stopped"
    UPGRADED = "upgraded"  # a start with another version than before


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a receiver. `name` is unique over all receivers: it keys queue, incidents and metrics."""

    name: str
    receiver: str
    type: str
    severity: Severity = Severity.INFO  # the least severity that it is told
    send_resolved: bool = True
    digest: DigestPlan | None = None  # None: it is told at once
    can_edit: bool = False  # what was sent can be changed without calling anybody
    pages: bool = False  # it calls people
    lifecycle: frozenset[Moment] = frozenset()  # what it is told of kwatch's own life


class Handling(msgspec.Struct, frozen=True):
    """How the outbox deals with one destination."""

    pages: bool = False  # it calls people: what is too old is not told any more
    fallbacks: tuple[str, ...] = ()  # the destinations that are told in its place while it cannot be
    limit: str = ""  # what its service counts requests by: those with the same wait together; empty: nobody knows


class Policies(msgspec.Struct, frozen=True):
    """How the outbox deals with destinations, by their names."""

    paces: Paces = Paces()
    handlings: Mapping[str, Handling] = {}


class Escalation(msgspec.Struct, frozen=True):
    """A step: whom else to tell, so long after an alert was told that still fires and nobody has acknowledged."""

    after: timedelta
    receiver: str


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the tree, with everything inherited already filled in.

    `receiver` may hold labels (`team-{{ team }}`); `parent_receiver` is used when it resolves to none that exists.
    `receiver` "none" drops and counts. `critical_wait` is the group_wait of critical alerts: what the route sets
    itself, and 0 where it only inherits one.
    """

    receiver: str
    parent_receiver: str = ""
    match: Condition = AllOf(())  # sees alert labels only
    group_by: tuple[str, ...] = ("namespace", "workload")
    group_wait: timedelta = timedelta(seconds=15)
    critical_wait: timedelta = timedelta(0)
    group_interval: timedelta = timedelta(minutes=2)
    repeat_interval: timedelta = timedelta(hours=4)  # 0: never
    escalate: tuple[Escalation, ...] = ()
    schedule: Schedule = Schedule()
    continue_: bool = False
    children: tuple["Route", ...] = ()
    origin: str = ""  # `file:line`
