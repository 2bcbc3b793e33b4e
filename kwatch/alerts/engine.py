"""The engine: findings and instants in, one `Decision` out. It does nothing by itself and never waits.

The caller feeds (`observe`, `freeze`, `thaw`, `start_complete`, `sent`), lets time pass (`tick` at `wake_at`), and
takes what was decided (`take`) to commit it whole. An engine that is made anew and loads the rows of every decision
goes on exactly where the last one was.
"""

from collections.abc import Callable, Collection, Container, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts import jumps
from kwatch.alerts import ledger as fates
from kwatch.alerts.annotated import Annotations, Asked, Place, place_of, places_of
from kwatch.alerts.announcing import EPISODES, Announcer
from kwatch.alerts.answering import Answers
from kwatch.alerts.book import Book, Moved
from kwatch.alerts.digests import Digests
from kwatch.alerts.edges import Edges
from kwatch.alerts.escalation import Escalations
from kwatch.alerts.groups import Groups
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.lifecycle import MEMORY
from kwatch.alerts.limits import LIMITS, Limits
from kwatch.alerts.muting import Muting
from kwatch.alerts.notices import Notices
from kwatch.alerts.planned import PLANNED, PlannedChanges
from kwatch.alerts.records import (
    Alert,
    Annotated,
    DigestEntry,
    DigestPeriod,
    Episodes,
    Group,
    GroupRow,
    LimitsTold,
    NoticeBatch,
    PlannedChange,
    Watched,
)
from kwatch.alerts.routing import Router
from kwatch.alerts.rows import read_rows, row_of
from kwatch.alerts.silences import Silences
from kwatch.alerts.story import AlertStory, story_of, tellings
from kwatch.alerts.summaries import Summaries
from kwatch.alerts.timers import Key, Phase, Timers
from kwatch.alerts.views import view_of
from kwatch.alerts.windows import Windows
from kwatch.alerts.wishes import Ignored
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.decisions import Decision, IncidentRow, Row, Table
from kwatch.model.findings import Bucket, Finding
from kwatch.model.notifications import Content, NotificationKind
from kwatch.model.objects import ObjectRef
from kwatch.model.planned import PlannedStep
from kwatch.model.routes import Destination
from kwatch.model.rules import Inhibition, Mode, Rule, Severity
from kwatch.model.self_service import SelfService
from kwatch.model.silences import Silence
from kwatch.model.windows import Window

#: The key of the row that says until when the cluster was watched.
WATCHED = "watched"


class Engine:
    """Decide what to tell whom, and when. Instants that are passed in never need to be in order."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        router: Router,
        inhibitions: Iterable[Inhibition] = (),
        *,
        windows: Iterable[Window] = (),
        self_service: SelfService | None = None,
        cluster: str,
        public_url: str = "",
    ) -> None:
        by_id = {rule.id: rule for rule in rules.values()}
        self._ledger = Ledger()
        self._limits = Limits(self._ledger)
        self._announcer = Announcer(self._ledger, cluster=cluster, public_url=public_url)
        self._timers = Timers()
        self._inhibitor = Inhibitor(inhibitions)
        self._annotations = Annotations(self_service, self._timers, self._ledger)
        self._book = Book(by_id, self._annotations, self._timers, self._ledger, cluster=cluster)
        self._listening = self._book.listening
        self._planned = PlannedChanges(
            by_id, self._book.alerts, cluster=cluster, timers=self._timers, ledger=self._ledger
        )
        self._silences = Silences(self._timers, self._ledger)
        self._windows = Windows(windows)
        self._muting = Muting(self._inhibitor, self._silences, self._windows, self._annotations, self._planned)
        self._digests = Digests(
            self._book.alerts,
            router,
            self._muting,
            announcer=self._announcer,
            timers=self._timers,
            ledger=self._ledger,
        )
        self._groups = Groups(
            self._book.alerts,
            by_id,
            router,
            self._muting,
            self._digests,
            annotations=self._annotations,
            announcer=self._announcer,
            memory=_memory(by_id),
            timers=self._timers,
            ledger=self._ledger,
        )
        self._escalations = Escalations(
            router, self._groups.hold_of, self._muting.edges_between, self._timers, self._ledger
        )
        self._answers = Answers(self._book.alerts, self._groups, self._escalations, self._ledger)
        self._summaries = Summaries(self._groups, self._announcer)
        self._edges = Edges(
            self._book.alerts,
            self._groups,
            self._summaries,
            annotations=self._annotations,
            silences=self._silences,
            windows=self._windows,
            timers=self._timers,
        )
        self._notices = Notices(
            self._book,
            self._groups,
            self._muting,
            self._planned,
            self._digests,
            announcer=self._announcer,
            timers=self._timers,
            ledger=self._ledger,
        )
        self._router = router
        self._is_first_list = False
        self._watched = Watched()
        self._is_blind = False  # nobody knows yet what still fires: repeats and steps of escalations wait
        self._late: dict[Key, None] = {}  # what waits for that

    def load(
        self,
        rows: Iterable[Row],
        incidents: Iterable[IncidentRow],
        *,
        started_at: datetime,
        covered_until: datetime | None,
    ) -> None:
        """Begin, with what was kept; `covered_until` None: for the first time, so that what is there is no news."""
        self._is_first_list, self._is_blind = covered_until is None, True
        alerts, groups, silences = read_rows(rows)
        self._recall(groups)
        for alert in alerts:
            if alert.state is AlertState.FIRING:
                self._inhibitor.started(alert)
        self._annotations.load(kept for kept in groups if isinstance(kept, Annotated))
        self._edges.load(silences, started_at)
        moved = self._book.load(alerts, started_at=started_at, is_first=self._is_first_list)
        self._escalations.load(self._book.alerts.values())
        self._planned.load([kept for kept in groups if isinstance(kept, PlannedChange)])
        self._groups.load([kept for kept in groups if isinstance(kept, Group)], incidents, started_at)
        self._digests.load([kept for kept in groups if isinstance(kept, DigestPeriod | DigestEntry)])
        self._digests.use(self._book.rules, self._router, started_at)
        self._notices.load([kept for kept in groups if isinstance(kept, NoticeBatch)], started_at)
        self._escalations.review(started_at)
        self._follow(moved, started_at)

    def reconfigure(
        self,
        rules: Mapping[str, Rule],
        router: Router,
        inhibitions: Iterable[Inhibition],
        *,
        windows: Iterable[Window],
        self_service: SelfService | None,
        is_named: Callable[[str], bool],
        public_url: str,
        now: datetime,
    ) -> None:
        """Go by another configuration from now on; what it does not change goes on as if nothing had been.

        `is_named`: whether what is in a namespace may be watched. What is found until `start_complete` to be wrong
        already, by rules that are new, is told as at a first start.
        """
        self._advance(now, inclusive=False)
        by_id = {rule.id: rule for rule in rules.values()}
        self._is_first_list = True
        other_wishes = self._annotations.use(self_service, now)
        self._follow(self._book.use(by_id, is_named, now), now)
        firing = [alert for alert in self._book.alerts.values() if alert.state is AlertState.FIRING]
        self._inhibitor.use(inhibitions, firing)
        self._router, self._announcer.public_url = router, public_url
        self._planned.use(by_id)
        self._edges.use(windows, now)
        self._escalations.use(router)
        self._digests.use(by_id, router, now)
        self._groups.use(by_id, router, now, memory=_memory(by_id))
        self._notices.forget_removed(now)
        self._regrade(now)
        self._groups.release(now)
        self._conclude(now)
        self._grant(other_wishes, now)

    def _recall(self, groups: Iterable[GroupRow]) -> None:
        for kept in groups:
            if isinstance(kept, Episodes):
                self._announcer.episodes = kept
            elif isinstance(kept, Watched):
                self._watched = kept
            elif isinstance(kept, LimitsTold):
                self._limits.told = kept

    def observe(self, finding: Finding, now: datetime) -> None:
        """Take one rule's word on one observation."""
        self._advance(now, inclusive=False)
        if finding.rule.mode is Mode.NOTICE:
            self._notices.observe(finding, now, is_first_list=self._is_first_list and finding.is_initial)
        else:
            self._follow(self._book.observe(finding, now), now)
            if self._planned.heed(finding.fingerprint, now):
                self._conclude(now)
        self._tell_of_limits(now)

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
        if present is not None:
            self._grant(self._annotations.keep_only(kind, group, namespace, present, now), now)
        self._planned.stir()
        self._conclude(now)

    def annotate(self, ref: ObjectRef, annotations: Mapping[str, str], now: datetime) -> tuple[Ignored, ...]:
        """Take the annotations that an object has now (none: it is gone); return what is ignored, where that is new."""
        self._advance(now, inclusive=False)
        ignored = self._annotations.hear(ref, annotations, now)
        if ignored is None:
            return ()
        self._grant([place_of(ref)], now)
        return ignored

    @property
    def self_service(self) -> SelfService | None:
        """What annotations may do; None: nothing."""
        return self._annotations.allowed

    def opts_out(self, places: Iterable[Place]) -> bool:
        """Return whether annotations say that an object is not to be watched."""
        return self._annotations.opts_out(places)

    def leave(self, is_left: Callable[[ObjectRef], bool], reason: str, now: datetime) -> None:
        """Some objects are not watched any more; nobody will hear whether their problems are over."""
        self._advance(now, inclusive=False)
        self._follow(self._book.leave(is_left, reason, now), now)

    def asked(self, places: Iterable[Place]) -> tuple[Asked, ...]:
        """Return the annotations that may act on an object, the nearest first, for people."""
        return self._annotations.asked(places)

    def freeze_quiet(self, namespace: str, now: datetime) -> None:
        """The watch of a namespace's Events (empty: of all) is out of sync: no silence says anything."""
        self._advance(now, inclusive=False)
        self._listening.freeze(namespace)

    def thaw_quiet(self, namespace: str, observable_at: datetime, now: datetime) -> None:
        """It is in sync: who has a bucket could tell of another occurrence at once from `observable_at` on."""
        self._advance(now, inclusive=False)
        for alert in self._listening.thaw(namespace, now=now, observable_at=observable_at):
            self._follow(self._book.run(alert.fingerprint, now), now)

    @property
    def heeded(self) -> Container[Bucket]:
        """The buckets of which `wrote` is to be told, as they are at any time; asked of every write of an Event."""
        return self._listening.heeded

    def wrote(self, bucket: Bucket, observable_at: datetime, now: datetime) -> None:
        """An emitter wrote of whatever reason: it could tell of another occurrence at once from `observable_at` on."""
        self._advance(now, inclusive=False)
        self._listening.wrote(bucket, observable_at)

    def start_complete(self, now: datetime) -> None:
        """Every source has been heard once, or is given up: tell what was already there.

        That is: at a first start, for new rules after `reconfigure`, and for destinations that others gave way to.
        """
        self._advance(now, inclusive=False)
        self._is_first_list = False
        present = [alert for alert in self._book.alerts.values() if alert.awaits_summary]
        self._summaries.announce_present([alert for alert in present if alert.state is AlertState.FIRING], now)
        self._escalate_from(now)
        self._follow(self._book.started(now), now)
        self._regrade(now)
        self._edges.started(now)
        self._edge_passed(now)
        self._digests.start()
        self.sighted(now)

    def blind(self, since: datetime) -> None:
        """Nobody has watched since then, until `sighted`: all is unknown (S-119)."""
        self._is_blind = True
        self._follow(self._book.freeze_all(since), since)

    def note_watched(self, now: datetime) -> None:
        """Every source is in sync now."""
        self._watched = Watched(now)
        self._ledger.touch_group(WATCHED)

    @property
    def watched_until(self) -> datetime | None:
        """When that was said last, also before this start."""
        return self._watched.until

    def sighted(self, now: datetime) -> None:
        """Every source was heard, or given up: what came due meanwhile is due now."""
        self._is_blind = False
        for key in self._late:
            self._timers.set(key, now)
        self._late.clear()
        self._conclude(now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: move all that durations count from (S-117)."""
        self._book.jump(by)
        self._silences.jump(by)
        for group in self._groups.groups.values():
            jumps.move_group(group, by)
            self._ledger.touch_group(group.key)
        for change in self._planned.changes.values():
            jumps.move_change(change, by)
            self._ledger.touch_group(change.key)
        if self._watched.until is not None:
            self._watched.until += by
        for batch in self._notices.batches.values():
            jumps.move_notices(batch, by)
            self._ledger.touch_group(batch.key)
        self._timers.move(by)
        self._escalations.jump(by)
        self._digests.clock_was_set()
        self._planned.clock_was_set()

    def tell_about_itself(self, text: str, severity: Severity, now: datetime) -> None:
        """Tell the destinations of the root receiver something about kwatch itself.

        It cannot wait for a digest; where there are digests alone, it comes beside them rather than to nobody.
        """
        wanted = [each for each in self._router.root_destinations if severity >= each.severity]
        self.tell([each for each in wanted if each.digest is None] or wanted, text, severity, now)

    def tell(self, destinations: Iterable[Destination], text: str, severity: Severity, now: datetime) -> None:
        """Tell some destinations something about kwatch itself."""
        for destination in destinations:
            self._announcer.tell_about_itself(destination, text, severity, now)

    def add_silence(self, silence: Silence, actor: str, now: datetime) -> int:
        """Take a silence that somebody has made; return how many open alerts it matches now."""
        self._advance(now, inclusive=False)
        matching = self._edges.add_silence(silence, actor, now)
        self._edge_passed(now)
        return matching

    def expire_silence(self, silence_id: str, actor: str, now: datetime) -> bool:
        """End a silence because somebody wants it; False: there is none of that id."""
        self._advance(now, inclusive=False)
        is_there = self._edges.expire_silence(silence_id, actor, now)
        self._edge_passed(now)
        return is_there

    def silences(self) -> tuple[Silence, ...]:
        """Return the silences that are in force or will be, the next to end first."""
        return self._silences.all()

    def ended(self, destination: str, incident: str, kind: NotificationKind, at: datetime) -> None:
        """A notification has arrived, or was given up: repeats count from here.

        A notice opens nothing, so nothing is repeated.
        """
        if kind is not NotificationKind.NOTICE and not kind.closes:
            self._groups.ended(destination, incident, at)

    def ack(self, target: str, by: str, now: datetime, *, comment: str = "") -> tuple[AlertView, ...]:
        """Take that somebody takes care of an alert, or of all that an incident tells of; return those that fire.

        At the instant at which a step of an escalation is due the acknowledgement comes first (S-111).
        """
        self._advance(now, inclusive=False)
        return self._answers.acknowledge(target, by, comment, now)

    def unack(self, target: str, by: str, now: datetime) -> tuple[AlertView, ...]:
        """Take that back: repeats go on, and escalation begins anew; return those that were acknowledged."""
        self._advance(now, inclusive=False)
        return self._answers.withdraw(target, by, now)

    def firing(self, target: str, now: datetime) -> tuple[AlertView, ...]:
        """Return the alert of a fingerprint, or all that an incident tells of: those that fire."""
        return self._answers.firing(target, now)

    def note_refused(self, why: str, subject: str, by: str, now: datetime) -> None:
        """Write into the audit log that a click came to nothing; `subject`: the destination of the button."""
        self._answers.refuse(why, subject, by, now)

    def why_unanswered(self, target: str) -> str:
        """Return why `ack` or `unack` found nothing, and what can be done."""
        return self._answers.problem(target)

    def tick(self, now: datetime) -> None:
        """Run every deadline up to `now`, in the order of their instants, and tell of limits that were reached."""
        self._advance(now, inclusive=True)
        self._tell_of_limits(now)

    def forgot_count(self) -> None:
        """What was counted of an Event had to be forgotten, one of too many."""
        self._ledger.reach(fates.COUNT_DROPPED)

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
            audit=tuple(ledger.audit),
            counters=dict(ledger.counters),
        )
        ledger.clear()
        return decision

    def open_alerts(self, ref: ObjectRef) -> Mapping[str, tuple[str, ...]]:
        """Return the fingerprints of the alerts that an object is a member of, by the id of their rule."""
        return self._book.holding(ref)

    def muted(self, now: datetime) -> Mapping[str, str]:
        """Return what holds back each open alert that something does, for people, by fingerprint."""
        opened = self._book.opened()
        holds = {alert.fingerprint: self._groups.hold_of(alert, now) for alert in opened}
        return {fingerprint: hold.says for fingerprint, hold in holds.items() if hold is not None}

    def story(self, fingerprint: str, now: datetime) -> AlertStory | None:
        """Return everything about an alert that is open or remembered; None when there is none."""
        alert = self._book.alerts.get(fingerprint)
        if alert is None:
            return None
        groups = [self._groups.groups[key] for key in alert.groups if key in self._groups.groups]
        rule = self._book.rules.get(alert.rule_id)
        hold = self._groups.hold_of(alert, now) if alert.is_open else None
        told = (*tellings(alert, groups, self._muting.hold_of, now), *self._digests.tellings(alert, now))
        story = story_of(alert, rule, self._groups.routing_of(alert), hold, now)
        return msgspec.structs.replace(story, tellings=told, asked=self._annotations.asked(places_of(alert.labels)))

    def about(self, namespace: str, workload: str) -> tuple[str, ...]:
        """Return the fingerprints of what is known of a workload, as `Deployment/web`, or an object by itself."""
        return tuple(
            alert.fingerprint for alert in self._book.alerts.values() if self._is_about(alert, namespace, workload)
        )

    def _is_about(self, alert: Alert, namespace: str, workload: str) -> bool:
        rule = self._book.rules.get(alert.rule_id)
        named = dict(zip(rule.key, alert.key_values, strict=False)) if rule is not None else {}
        named |= alert.labels  # which an alert that is over has no more
        objects = (named.get("workload"), f"{named.get('kind')}/{named.get('name')}")
        return named.get("namespace", "") == namespace and workload in objects

    def alerts(self, now: datetime) -> tuple[AlertView, ...]:
        """Return what is pending or firing, worst first."""
        opened = self._book.opened()
        views = [view_of(alert, self._book.rules.get(alert.rule_id), now) for alert in opened]
        return tuple(sorted(views, key=lambda view: (-view.severity, view.starts_at, view.fingerprint)))

    def told_at(self, destination: str, now: datetime) -> Content:
        """Return all that a destination was told of and that goes on, without a bound."""
        return self._announcer.standing(
            [self._groups.view(alert, now) for alert in self._groups.told_at(destination)], now
        )

    def _advance(self, until: datetime, *, inclusive: bool) -> None:
        """Run what is due in the order of the deadlines, each as of now: what is decided late is dated so."""
        while (due := self._timers.pop(until, inclusive=inclusive)) is not None:
            phase, key = due
            if self._is_blind and self._asks_what_fires(phase, key, until):
                self._late[due] = None
            elif phase is Phase.CONDITION:
                self._follow(self._book.run(key, until), until)
            elif phase is Phase.EDGE:
                self._run_edge(key, until)
            elif phase is Phase.STEP:
                alert, matches = self._escalations.run(key, until)
                alert.escalated_to += [each.receiver for each in matches if self._groups.escalate(alert, each, until)]
            elif key in self._groups.groups:
                self._groups.run(key, until)
                self._escalate_from(until)
            elif key in self._digests.periods:
                self._digests.run(key, until)
                self._escalate_from(until)
            else:
                self._notices.run(key, until)

    def _tell_of_limits(self, now: datetime) -> None:
        if self._ledger.limits and (text := self._limits.text(now)):
            self.tell_about_itself(text, Severity.WARNING, now)

    def _asks_what_fires(self, phase: Phase, key: str, now: datetime) -> bool:
        is_digest = key in self._digests.periods
        return phase is Phase.STEP or (phase is Phase.FLUSH and (is_digest or self._groups.is_to_repeat(key, now)))

    def _follow(self, moved: Moved, now: datetime) -> None:
        """Tell the groups of what has begun and ended."""
        for alert in moved:
            if alert.state is AlertState.FIRING:
                if self._inhibitor.started(alert):
                    self._escalations.review(now)
                self._planned.began(alert, now)
                if not alert.awaits_summary:
                    self._groups.enlist(alert, now)
                continue
            self._escalations.stop(alert)
            was_source = self._inhibitor.ended(alert)
            self._groups.delist(alert, view_of(alert, self._book.rules.get(alert.rule_id), now), now)
            self._edges.ended(alert, now)
            self._planned.ended(alert)
            self._book.close(alert, now)
            if was_source:
                self._holds_changed(now)
        if moved:
            self._conclude(now)
        while self._book.retold:
            self._groups.retell(self._book.retold.pop(), now)
        while self._book.relapsed:
            self._groups.relapsed(self._book.relapsed.pop(), now)

    def _conclude(self, now: datetime) -> None:
        """Tell how planned changes went, and what they do not hold back any more, once it is known what goes on."""
        if self._is_blind:
            return
        outcome = self._planned.conclude(now)
        for view in outcome.notices:
            self._notices.tell(view, 0, now)
        if outcome.is_released:
            self._holds_changed(now)

    def _run_edge(self, key: str, now: datetime) -> None:
        """Something that holds alerts back begins or ends, or it is time to ask whether it does."""
        if key == PLANNED:
            self._conclude(now)
        else:
            self._escalations.review(now)  # while a silence that ends is known
            self._edges.run(key, now)
            self._edge_passed(now)

    def _holds_changed(self, now: datetime) -> None:
        """What holds alerts back has begun or ended."""
        self._groups.release(now)
        self._escalations.review(now)

    def _edge_passed(self, now: datetime) -> None:
        """A silence or a window has begun or ended, and has been followed."""
        self._escalate_from(now)
        self._escalations.review(now)

    def _escalate_from(self, now: datetime) -> None:
        """Let the steps of what was just told for the first time count."""
        for told in (self._groups.newly_told, self._digests.newly_told):
            while told:
                alert = told.pop()
                if not alert.is_acked:
                    self._escalations.begin(alert, now)

    def _grant(self, places: Collection[Place], now: datetime) -> None:
        """Let annotations that are not what they were take effect; those of a start do so when it is complete."""
        for alert in self._edges.about(places):
            self._book.retext(alert)
        if places and not self._edges.is_starting:
            self._regrade(now)
            self._edges.granted(places, now)
            self._edge_passed(now)

    def _regrade(self, now: datetime) -> None:
        """Take over other severities, once it is known what still fires (S-49, S-50)."""
        was_source = False
        for alert in self._book.outdated():
            before = alert.severity
            was_source |= self._inhibitor.ended(alert)
            self._book.regrade(alert)
            if alert.is_acked and alert.severity > before:
                self._answers.lapse(alert, now)
            if alert.state is AlertState.FIRING:
                self._inhibitor.started(alert)
                self._groups.regrade(alert, now, is_raised=alert.severity > before)
        if was_source:
            self._holds_changed(now)

    def _rows(self) -> Iterable[Row]:
        for silence_id in self._ledger.dirty_silences:
            yield row_of(Table.SILENCES, silence_id, self._silences.get(silence_id))
        for fingerprint in self._ledger.dirty_alerts:
            yield row_of(Table.ALERTS, fingerprint, self._book.alerts.get(fingerprint))
        kept: tuple[Mapping[str, GroupRow], ...] = (
            self._groups.groups,
            self._notices.batches,
            self._planned.changes,
            self._digests.periods,
            self._digests.entries,
            {EPISODES: self._announcer.episodes, WATCHED: self._watched, LIMITS: self._limits.told},
        )
        for key in self._ledger.dirty_groups:
            row = next((rows[key] for rows in kept if key in rows), None)
            yield row_of(Table.GROUPS, key, row or self._annotations.row(key))


def _memory(rules: Mapping[str, Rule]) -> timedelta:
    """Return how long an incident that is over can be gone on with."""
    return max([MEMORY, *(rule.reopen_window for rule in rules.values())])
