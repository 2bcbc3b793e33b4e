"""A small world around one engine: findings in, what was told out, and a restart from the rows alone.

Instants are seconds from `START`; the engine is started a little earlier. A notification is reported as sent at once,
unless `is_down`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kwatch.alerts.engine import Engine
from kwatch.alerts.routing import Router
from kwatch.alerts.settings import EngineSettings
from kwatch.model.alerts import AlertView
from kwatch.model.conditions import AllOf, Condition, LabelIs, Text
from kwatch.model.decisions import Decision, IncidentRow, Row, Table
from kwatch.model.findings import Emission, Finding, FindingKind, Truth
from kwatch.model.identity import fingerprint
from kwatch.model.notifications import Notification
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Contribution
from kwatch.model.planned import PlannedStep
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Inhibition, Rate, Rule, Subject
from kwatch.model.windows import Window

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def seconds(second: float) -> timedelta:
    return timedelta(seconds=second)


def labelled(**labels: str) -> Condition:
    return AllOf(tuple(LabelIs(key, (Text(glob),)) for key, glob in labels.items()))


def level(name: str = "broken", **words: object) -> Rule:
    """A rule on a resource, which ends as soon as its match is false."""
    return Rule(**{"name": name, "id": name, "on": Subject.RESOURCE, "resolve_hold": timedelta(0), **words})


def event(name: str = "backoff", **words: object) -> Rule:
    return Rule(**{"name": name, "id": name, "on": Subject.EVENT, "resolve_hold": timedelta(0), **words})


def rate(count: int, within: float) -> Rate:
    return Rate(count, seconds(within), ("namespace", "workload"))


def route(**words: object) -> Route:
    """A route that tells at once."""
    return Route(**{"receiver": "team", "group_wait": timedelta(0), "repeat_interval": timedelta(0), **words})


class Told(NamedTuple):
    """One notification, as the tests name it: when, whom, what, of which objects (`+` new, `-` over)."""

    second: float
    destination: str
    kind: str
    alerts: tuple[str, ...]


class World:
    def __init__(
        self,
        *rules: Rule,
        root: Route | None = None,
        destinations: Iterable[Destination] = (Destination(name="team-slack", receiver="team", type="slack"),),
        inhibitions: Iterable[Inhibition] = (),
        windows: Iterable[Window] = (),
        is_first_start: bool = False,
        cluster: str = "prod",
    ) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.root = root or route()
        self.destinations = tuple(destinations)
        self.inhibitions = tuple(inhibitions)
        self.windows = tuple(windows)
        self.cluster = cluster
        self.rows: dict[tuple[Table, str], Row] = {}
        self.incidents: dict[tuple[str, str], IncidentRow] = {}
        self.notifications: list[Notification] = []
        self.counters: dict[str, int] = {}
        self.is_down = False
        self.now = at(-100)
        self.engine = self._make()
        self.engine.load((), (), started_at=self.now, covered_until=None if is_first_start else self.now)
        if not is_first_start:
            self.engine.start_complete(self.now)
        self._take()

    # feeding

    def state(
        self, second: float, name: str = "a", *, truth: Truth = Truth.TRUE, since: float | None = None, **words: object
    ) -> None:
        """A level rule's word on an object."""
        self._observe(second, FindingKind.STATE, name, truth, second if since is None else since, **words)

    def true(self, second: float, name: str = "a", **words: object) -> None:
        self.state(second, name, **words)

    def false(self, second: float, name: str = "a", **words: object) -> None:
        self.state(second, name, truth=Truth.FALSE, **words)

    def occur(self, second: float, name: str = "a", n: int = 1, *, t0: float | None = None, **words: object) -> None:
        """Occurrences in `(t0, second]`, received at `second`, or at `received`."""
        received = words.pop("received", second)
        contribution = Contribution(n, at(second if t0 is None else t0), at(second))
        self._observe(received, FindingKind.OCCURRENCE, name, Truth.TRUE, second, contribution=contribution, **words)

    def evidence(self, second: float, name: str = "a", truth: Truth = Truth.TRUE, **words: object) -> None:
        self._observe(second, FindingKind.EVIDENCE, name, truth, words.pop("since", second), **words)

    def gone(self, second: float, name: str = "a", **words: object) -> None:
        self._observe(second, FindingKind.GONE, name, Truth.TRUE, second, **words)

    def _observe(
        self,
        second: float,
        kind: FindingKind,
        name: str,
        truth: Truth,
        since: float,
        *,
        rule: str = "",
        workload: str = "",
        labels: Mapping[str, str] = {},
        is_initial: bool = False,
        message: str = "",
        contribution: Contribution | None = None,
        emission: Emission | None = None,
        uid: str = "",
        is_first: bool = False,
        is_second: bool = False,
        expected_until: float | None = None,
    ) -> None:
        self.advance(second, inclusive=False)
        named = self.rules[rule] if rule else next(iter(self.rules.values()))
        key = {"namespace": "shop", "workload": workload or f"Pod/{name}"}
        finding = Finding(
            kind=kind,
            rule=named,
            fingerprint=fingerprint(self.cluster, named.id, key),
            key_values=tuple(key.values()),
            member=ObjectRef(kind="Pod", name=name, namespace="shop", uid=uid or f"uid-{name}"),
            truth=truth,
            since_at=at(since),
            labels={**key, "rule": named.name, "severity": named.severity.word, "name": name, **labels},
            message=message,
            contribution=contribution,
            emission=emission,
            is_initial=is_initial,
            is_first=is_first,
            is_second=is_second,
            expected_until=None if expected_until is None else at(expected_until),
        )
        self.engine.observe(finding, at(second))
        self._take()

    def plan(self, second: float, step: PlannedStep) -> None:
        self.advance(second, inclusive=False)
        self.engine.plan(step, at(second))
        self._take()

    def freeze(self, second: float, kind: str = "Pod") -> None:
        self.advance(second, inclusive=False)
        self.engine.freeze(kind, "", "", at(second))
        self._take()

    def thaw(self, second: float, *present: str, is_listed: bool = False, kind: str = "Pod") -> None:
        self.advance(second, inclusive=False)
        uids = {f"uid-{name}" for name in present} if is_listed else None
        self.engine.thaw(kind, "", "", uids, at(second))
        self._take()

    def start_complete(self, second: float) -> None:
        self.advance(second, inclusive=False)
        self.engine.start_complete(at(second))
        self._take()

    def advance(self, second: float, *, inclusive: bool = True) -> None:
        """Wake the engine whenever it asks for it, up to an instant."""
        until = at(second)
        while (due := self.engine.wake_at()) is not None and (due < until or (inclusive and due == until)):
            self.engine.tick(max(due, self.now))
            self._take()
        self.now = max(self.now, until)

    def restart(self, second: float, *, down_for: float = 0.0, rules: Iterable[Rule] | None = None) -> None:
        """Stop at an instant and begin anew from the rows alone; nothing is heard until `thaw`."""
        self.advance(second)
        if rules is not None:
            self.rules = {rule.name: rule for rule in rules}
        self.now = at(second + down_for)
        self.engine = self._make()
        self.engine.load(
            tuple(self.rows.values()), self.incidents.values(), started_at=self.now, covered_until=at(second)
        )
        self._take()

    def ended(self, second: float, notification: Notification) -> None:
        """The outbox has delivered."""
        self.engine.ended(notification.destination, notification.incident, notification.kind, at(second))
        key = notification.destination, notification.incident
        is_open = not notification.kind.closes
        self.incidents[key] = IncidentRow(destination=key[0], incident=key[1], is_open=is_open, last_sent_at=at(second))
        self._take()

    # what came of it

    @property
    def told(self) -> list[Told]:
        return [_told(notification) for notification in self.notifications]

    @property
    def last(self) -> AlertView:
        """The first alert of the last notification."""
        return self.notifications[-1].content.alerts[0]

    @property
    def brief(self) -> list[str]:
        """`kind@second` of every notification."""
        return [f"{told.kind}@{told.second:g}" for told in self.told]

    def _make(self) -> Engine:
        settings = EngineSettings(
            rules={rule.id: rule for rule in self.rules.values()},
            router=Router(self.root, self.destinations),
            inhibitions=self.inhibitions,
            windows=self.windows,
            public_url="https://kwatch.example",
        )
        return Engine(settings, cluster=self.cluster)

    def _take(self) -> None:
        decision = self.engine.take()
        if decision is None:
            return
        self._keep(decision)
        for notification in decision.notifications:
            self.notifications.append(notification)
            if not self.is_down:
                self.ended((notification.created_at - START).total_seconds(), notification)

    def _keep(self, decision: Decision) -> None:
        for row in decision.rows:
            if row.body is None:
                self.rows.pop((row.table, row.key), None)
            else:
                self.rows[row.table, row.key] = row
        for name, amount in decision.counters.items():
            self.counters[name] = self.counters.get(name, 0) + amount


def _told(notification: Notification) -> Told:
    second = (notification.created_at - START).total_seconds()
    alerts = tuple(
        ("+" if view.is_new else "") + ("-" if view.ends_at is not None else "") + view.labels.get("name", "")
        for view in notification.content.alerts
    )
    return Told(second, notification.destination, notification.kind.value, alerts)
