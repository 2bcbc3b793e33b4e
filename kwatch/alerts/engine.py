"""The engine: findings and instants in, one `Decision` out. It does nothing by itself and never waits.

The caller feeds (`observe`, `freeze`, `thaw`, `start_complete`, `sent`), lets time pass (`tick` at `wake_at`), and
takes what was decided (`take`) to commit it whole. An engine that is made anew and loads the rows of every decision
goes on exactly where the last one was.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.alerts.announcing import EPISODES, Announcer
from kwatch.alerts.book import Book, Moved
from kwatch.alerts.groups import Groups
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import MEMORY
from kwatch.alerts.muting import Muting
from kwatch.alerts.notices import Notices
from kwatch.alerts.planned import PlannedChanges
from kwatch.alerts.records import Alert, Episodes, Group, GroupRow, NoticeBatch, PlannedChange
from kwatch.alerts.routing import Router
from kwatch.alerts.story import AlertStory, story_of
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.views import view_of
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.decisions import Decision, IncidentRow, Row, Table
from kwatch.model.findings import Finding
from kwatch.model.notifications import NotificationKind
from kwatch.model.objects import ObjectRef
from kwatch.model.planned import PlannedStep
from kwatch.model.rules import Inhibition, Mode, Rule

_ENCODER = msgspec.json.Encoder()
_ALERT = msgspec.json.Decoder(Alert)
_GROUP: msgspec.json.Decoder[GroupRow] = msgspec.json.Decoder(GroupRow)


class Engine:
    """Decide what to tell whom, and when. Instants that are passed in never need to be in order."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        router: Router,
        inhibitions: Iterable[Inhibition] = (),
        *,
        cluster: str,
        public_url: str = "",
    ) -> None:
        by_id = {rule.id: rule for rule in rules.values()}
        self._ledger = Ledger()
        self._announcer = Announcer(self._ledger, cluster=cluster, public_url=public_url)
        self._timers = Timers()
        self._inhibitor = Inhibitor(inhibitions)
        self._book = Book(by_id, self._timers, self._ledger)
        self._planned = PlannedChanges(
            by_id, self._book.alerts, cluster=cluster, timers=self._timers, ledger=self._ledger
        )
        self._muting = Muting(self._inhibitor, self._planned)
        self._groups = Groups(
            self._book.alerts,
            by_id,
            router,
            self._muting,
            announcer=self._announcer,
            memory=max([MEMORY, *(rule.reopen_window for rule in by_id.values())]),
            timers=self._timers,
            ledger=self._ledger,
        )
        self._notices = Notices(
            self._book,
            self._groups,
            self._muting,
            self._planned,
            announcer=self._announcer,
            timers=self._timers,
            ledger=self._ledger,
        )
        self._is_first_list = False

    def load(
        self,
        rows: Iterable[Row],
        incidents: Iterable[IncidentRow],
        *,
        started_at: datetime,
        covered_until: datetime | None,
    ) -> None:
        """Begin, with what was kept; `covered_until` None: for the first time, so that what is there is no news."""
        self._is_first_list = covered_until is None
        alerts: list[Alert] = []
        groups: list[GroupRow] = []
        for row in rows:
            if row.body is None:
                continue
            if row.table is Table.ALERTS:
                alerts.append(_ALERT.decode(row.body))
            elif row.table is Table.GROUPS:
                groups.append(_GROUP.decode(row.body))
        for kept in groups:
            if isinstance(kept, Episodes):
                self._announcer.episodes = kept
        for alert in alerts:
            if alert.state is AlertState.FIRING:
                self._inhibitor.started(alert)
        moved = self._book.load(alerts, started_at=started_at, is_first=self._is_first_list)
        self._planned.load([kept for kept in groups if isinstance(kept, PlannedChange)])
        self._groups.load([kept for kept in groups if isinstance(kept, Group)], incidents)
        self._notices.load([kept for kept in groups if isinstance(kept, NoticeBatch)])
        self._follow(moved, started_at)

    def observe(self, finding: Finding, now: datetime) -> None:
        """Take one rule's word on one observation."""
        self._advance(now, inclusive=False)
        if finding.rule.mode is Mode.NOTICE:
            self._notices.observe(finding, now, is_first_list=self._is_first_list and finding.is_initial)
        else:
            self._follow(self._book.observe(finding, now), now)
            if self._planned.heed(finding.fingerprint, now):
                self._conclude(now)

    def plan(self, step: PlannedStep, now: datetime) -> None:
        """Take what an object says of a change that somebody wanted."""
        self._advance(now, inclusive=False)
        if self._planned.take(step, now):
            self._conclude(now)

    def freeze(self, kind: str, group: str, namespace: str, now: datetime) -> None:
        """A source is out of sync: what rests on it is unknown. `namespace` empty: everywhere."""
        self._advance(now, inclusive=False)
        self._follow(self._book.freeze(kind, group, namespace, now), now)

    def thaw(self, kind: str, group: str, namespace: str, present: Container[str] | None, now: datetime) -> None:
        """A source is in sync; members that are not among the uids that a list has shown (`present`) are gone."""
        self._advance(now, inclusive=False)
        self._follow(self._book.thaw(kind, group, namespace, present, now), now)
        self._planned.stir()
        self._conclude(now)

    def start_complete(self, now: datetime) -> None:
        """Every source has been heard once, or is given up: tell what was already there at a first start."""
        self._advance(now, inclusive=False)
        self._is_first_list = False
        present = [alert for alert in self._book.alerts.values() if alert.awaits_summary]
        self._groups.announce_present([alert for alert in present if alert.state is AlertState.FIRING], now)
        self._follow(self._book.started(now), now)
        self._regrade(now)

    def ended(self, destination: str, incident: str, kind: NotificationKind, at: datetime) -> None:
        """A notification has arrived, or was given up: repeats count from here.

        A notice opens nothing, so nothing is repeated.
        """
        if kind is not NotificationKind.NOTICE and not kind.closes:
            self._groups.ended(destination, incident, at)

    def tick(self, now: datetime) -> None:
        """Run every deadline up to `now`, in the order of their instants."""
        self._advance(now, inclusive=True)

    def wake_at(self) -> datetime | None:
        """Return when `tick` has something to do."""
        return self._timers.earliest()

    def take(self) -> Decision | None:
        """Return everything since the last time, to be committed whole; None when there is nothing."""
        ledger = self._ledger
        if ledger.is_empty:
            return None
        decision = Decision(
            rows=tuple(self._rows()),
            notifications=tuple(ledger.notifications),
            transitions=tuple(ledger.transitions),
            counters=dict(ledger.counters),
        )
        ledger.clear()
        return decision

    def open_alerts(self, ref: ObjectRef) -> Mapping[str, tuple[str, ...]]:
        """Return the fingerprints of the alerts that an object is a member of, by the id of their rule."""
        return self._book.holding(ref)

    def story(self, fingerprint: str, now: datetime) -> AlertStory | None:
        """Return everything about an alert that is open or remembered; None when there is none."""
        alert = self._book.alerts.get(fingerprint)
        if alert is None:
            return None
        groups = [self._groups.groups[key] for key in alert.groups if key in self._groups.groups]
        rule = self._book.rules.get(alert.rule_id)
        return story_of(alert, rule, groups, self._muting.hold_of(alert, now), now)

    def alerts(self) -> tuple[AlertView, ...]:
        """Return what is pending or firing, worst first."""
        opened = [alert for alert in self._book.alerts.values() if alert.is_open]
        views = [view_of(alert, self._book.rules.get(alert.rule_id), alert.seen_at) for alert in opened]
        return tuple(sorted(views, key=lambda view: (-view.severity, view.starts_at, view.fingerprint)))

    def _advance(self, until: datetime, *, inclusive: bool) -> None:
        """Run what is due in the order of the deadlines, each as of now: what is decided late is dated so."""
        while (due := self._timers.pop(until, inclusive=inclusive)) is not None:
            phase, key = due
            if phase is Phase.CONDITION:
                self._follow(self._book.run(key, until), until)
            elif phase is Phase.EDGE:
                self._conclude(until)
                self._groups.release(until)
            elif key in self._groups.groups:
                self._groups.run(key, until)
            else:
                self._notices.run(key, until)

    def _follow(self, moved: Moved, now: datetime) -> None:
        """Tell the groups of what has begun and ended."""
        for alert in moved:
            if alert.state is AlertState.FIRING:
                self._inhibitor.started(alert)
                self._planned.began(alert, now)
                if not alert.awaits_summary:
                    self._groups.enlist(alert, now)
                continue
            was_source = self._inhibitor.ended(alert)
            self._groups.delist(alert, view_of(alert, self._book.rules.get(alert.rule_id), now), now)
            self._planned.ended(alert)
            self._book.close(alert, now)
            if was_source:
                self._groups.release(now)
        if moved:
            self._conclude(now)

    def _conclude(self, now: datetime) -> None:
        """Tell how planned changes went, and what they do not hold back any more."""
        outcome = self._planned.conclude(now)
        for view in outcome.notices:
            self._notices.tell(view, 0, now)
        if outcome.is_released:
            self._groups.release(now)

    def _regrade(self, now: datetime) -> None:
        """Take over the severities of another configuration, once it is known what still fires (S-49, S-50)."""
        was_source = False
        for alert in self._book.outdated():
            before = alert.severity
            was_source |= self._inhibitor.ended(alert)
            self._book.regrade(alert)
            if alert.state is AlertState.FIRING:
                self._inhibitor.started(alert)
                self._groups.regrade(alert, now, is_raised=alert.severity > before)
        if was_source:
            self._groups.release(now)

    def _rows(self) -> Iterable[Row]:
        for fingerprint in self._ledger.dirty_alerts:
            yield _row(Table.ALERTS, fingerprint, self._book.alerts.get(fingerprint))
        kept: Mapping[str, GroupRow] = {
            **self._groups.groups,
            **self._notices.batches,
            **self._planned.changes,
            EPISODES: self._announcer.episodes,
        }
        for key in self._ledger.dirty_groups:
            yield _row(Table.GROUPS, key, kept.get(key))


def _row(table: Table, key: str, kept: Alert | GroupRow | None) -> Row:
    return Row(table, key, None if kept is None else _ENCODER.encode(kept))
