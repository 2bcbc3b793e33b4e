"""The engine: findings and instants in, one `Decision` out. It does nothing by itself and never waits.

The caller feeds (`observe`, `freeze`, `thaw`, `start_complete`, `ended`), lets time pass (`tick` at `wake_at`), and
takes what was decided (`take`) to commit it whole. An engine that is made anew and loads the rows of every decision
goes on exactly where the last one was.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime, timedelta

from kwatch.alerts import ledger as fates
from kwatch.alerts.annotated import Place, place_of
from kwatch.alerts.consequences import Consequences
from kwatch.alerts.deadlines import Deadlines
from kwatch.alerts.insight import Insight
from kwatch.alerts.memory import Memory
from kwatch.alerts.parts import Parts
from kwatch.alerts.settings import EngineSettings
from kwatch.alerts.wishes import Ignored
from kwatch.model.alerts import AlertView
from kwatch.model.decisions import Decision, IncidentRow, Row
from kwatch.model.findings import Bucket, Finding
from kwatch.model.notifications import NotificationKind, Untold
from kwatch.model.objects import ObjectRef
from kwatch.model.planned import PlannedStep
from kwatch.model.routes import Destination
from kwatch.model.rules import Mode, Severity
from kwatch.model.self_service import SelfService
from kwatch.model.silences import Silence


class Engine:
    """Decide what to tell whom, and when. Instants that are passed in never need to be in order."""

    def __init__(self, settings: EngineSettings, *, cluster: str) -> None:
        parts = Parts(settings, cluster=cluster)
        self.insight = Insight(parts)
        self._parts = parts
        self._sight, self._ledger = parts.sight, parts.ledger
        self._book, self._planned, self._notices = parts.book, parts.planned, parts.notices
        self._consequences = Consequences(parts)
        self._deadlines = Deadlines(parts, self._consequences)
        self._memory = Memory(parts)

    def load(
        self,
        rows: Iterable[Row],
        incidents: Iterable[IncidentRow],
        *,
        started_at: datetime,
        covered_until: datetime | None,
    ) -> None:
        """Begin, with what was kept; `covered_until` None: for the first time, so that what is there is no news."""
        moved = self._memory.restore(rows, incidents, started_at, is_first=covered_until is None)
        self._consequences.moved(moved, started_at)

    def reconfigure(self, settings: EngineSettings, is_named: Callable[[str], bool], now: datetime) -> None:
        """Go by another configuration from now on; what it does not change goes on as if nothing had been.

        `is_named`: whether what is in a namespace may be watched. What is found until `start_complete` to be wrong
        already, by rules that are new, is told as at a first start.
        """
        self._deadlines.run(now)
        parts = self._parts
        parts.sight.is_first_list, parts.sight.names = True, settings.names
        other_wishes = parts.annotations.use(settings.self_service, now)
        self._consequences.moved(parts.book.use(settings.rules, is_named, now), now)
        parts.inhibitor.use(settings.inhibitions, parts.register.alerts.values())
        parts.announcer.public_url = settings.public_url
        parts.planned.use(settings.rules)
        parts.edges.use(settings.windows, now)
        parts.groups.use(settings.memory)
        parts.membership.use(settings.router, now)
        parts.escalations.use(parts.register.alerts.values(), now)
        parts.digests.review(now)
        parts.notices.forget_removed(now)
        parts.notices.review(now)
        self._consequences.regrade(now)
        parts.membership.release(now)
        self._consequences.conclude(now)
        self._consequences.granted(other_wishes, now)

    def is_present(self, finding: Finding) -> bool:
        """Whether what is found was there before anybody looked: at a first start, or as `is_unseen` says."""
        return self._sight.is_present(finding)

    def is_unseen(self, finding: Finding) -> bool:
        """Whether nobody has looked there by the rule, as it is now: one is new, the rule or the namespace."""
        return self._sight.is_unseen(finding)

    def observe(self, finding: Finding, now: datetime) -> None:
        """Take one rule's word on one observation."""
        self._deadlines.run(now)
        if finding.rule.mode is Mode.NOTICE:
            self._notices.observe(finding, now)
        else:
            self._consequences.moved(self._book.observe(finding, now), now)
            if self._planned.heed(finding.fingerprint, now):
                self._consequences.conclude(now)
        self._tell_of_limits(now)

    def plan(self, step: PlannedStep, now: datetime) -> None:
        """Take what an object says of a change that somebody wanted."""
        self._deadlines.run(now)
        if self._planned.take(step, now):
            self._consequences.conclude(now)

    def end_drains(self, draining: Container[str], now: datetime) -> None:
        """Take of which Nodes, as drains name them, Pods are left to move, as soon as all Nodes and Pods are known."""
        self._planned.end_drains(draining, now)

    def freeze(self, kind: str, group: str, namespace: str, now: datetime) -> None:
        """A source is out of sync: what rests on it is unknown. `namespace` empty: everywhere."""
        self._deadlines.run(now)
        self._consequences.moved(self._book.freeze(kind, group, namespace, now), now)

    def thaw(self, kind: str, group: str, namespace: str, present: Container[str] | None, now: datetime) -> None:
        """A source is in sync; members that are not among the uids that a list has shown (`present`) are gone."""
        self._deadlines.run(now)
        self._consequences.moved(self._book.thaw(kind, group, namespace, present, now), now)
        if present is not None:
            self._consequences.granted(self._parts.annotations.keep_only(kind, group, namespace, present, now), now)
        self._planned.stir()
        self._consequences.conclude(now)

    def annotate(self, ref: ObjectRef, annotations: Mapping[str, str], now: datetime) -> tuple[Ignored, ...]:
        """Take the annotations that an object has now (none: it is gone); return what is ignored, where that is new."""
        self._deadlines.run(now)
        ignored = self._parts.annotations.hear(ref, annotations, now)
        if ignored is None:
            return ()
        self._consequences.granted([place_of(ref)], now)
        return ignored

    @property
    def self_service(self) -> SelfService | None:
        """What annotations may do; None: nothing."""
        return self._parts.annotations.allowed

    def opts_out(self, places: Iterable[Place]) -> bool:
        """Return whether annotations say that an object is not to be watched."""
        return self._parts.annotations.opts_out(places)

    def leave(self, is_left: Callable[[ObjectRef], bool], reason: str, now: datetime) -> None:
        """Some objects are not watched any more; nobody will hear whether their problems are over."""
        self._deadlines.run(now)
        self._consequences.moved(self._book.leave(is_left, reason, now), now)

    def freeze_quiet(self, namespace: str, now: datetime) -> None:
        """The watch of a namespace's Events (empty: of all) is out of sync: no silence says anything."""
        self._deadlines.run(now)
        self._parts.listening.freeze(namespace)

    def thaw_quiet(self, namespace: str, observable_at: datetime, now: datetime) -> None:
        """It is in sync: who has a bucket could tell of another occurrence at once from `observable_at` on."""
        self._deadlines.run(now)
        for alert in self._parts.listening.thaw(namespace, now=now, observable_at=observable_at):
            self._consequences.moved(self._book.run(alert.fingerprint, now), now)

    @property
    def heeded(self) -> Container[Bucket]:
        """The buckets of which `wrote` is to be told, as they are at any time; asked of every write of an Event."""
        return self._parts.listening.heeded

    def wrote(self, bucket: Bucket, observable_at: datetime, now: datetime) -> None:
        """An emitter wrote of whatever reason: it could tell of another occurrence at once from `observable_at` on."""
        self._deadlines.run(now)
        self._parts.listening.wrote(bucket, observable_at)

    def start_complete(self, now: datetime) -> None:
        """Every source has been heard once, or is given up: tell what was already there.

        That is: at a first start, for new rules after `reconfigure`, and for destinations that others gave way to.
        """
        self._deadlines.run(now)
        was_starting = self._sight.complete()
        self._consequences.summarise(now)
        if was_starting:
            self._consequences.moved(self._book.started(now), now)
        self._consequences.regrade(now)
        self._parts.edges.started(now)
        self._consequences.edge_passed(now)
        self._parts.digests.start()
        self.sighted(now)

    def blind(self, since: datetime) -> None:
        """Nobody has watched since then, until `sighted`: all is unknown (S-119)."""
        self._sight.is_blind = True
        self._consequences.moved(self._book.freeze_all(since), since)

    def note_watched(self, now: datetime, refused: tuple[str, ...]) -> None:
        """Every source is in sync now, but for those that are refused."""
        self._sight.note_watched(now, refused)

    @property
    def watched_until(self) -> datetime | None:
        """When that was said last, also before this start."""
        return self._sight.watched_until

    @property
    def refused(self) -> tuple[str, ...]:
        """What was refused then."""
        return self._sight.refused

    def sighted(self, now: datetime) -> None:
        """Every source was heard, or given up: what came due meanwhile is due now."""
        self._sight.is_blind = False
        self._deadlines.sighted(now)
        self._consequences.conclude(now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: move all that durations count from (S-117)."""
        parts = self._parts
        parts.timers.move(by)
        parts.sight.jump(by)
        parts.book.jump(by)
        parts.silences.jump(by)
        parts.groups.jump(by)
        parts.planned.jump(by)
        parts.notices.jump(by)
        parts.escalations.jump(by)
        parts.digests.clock_was_set()
        parts.edges.clock_was_set()

    def tell_about_itself(self, text: str, severity: Severity, now: datetime) -> None:
        """Tell the destinations of the root receiver something about kwatch itself.

        It cannot wait for a digest; where there are digests alone, it comes beside them rather than to nobody.
        """
        wanted = [each for each in self._parts.directory.router.root_destinations if severity >= each.severity]
        self.tell([each for each in wanted if each.digest is None] or wanted, text, severity, now)

    def tell(self, destinations: Iterable[Destination], text: str, severity: Severity, now: datetime) -> None:
        """Tell some destinations something about kwatch itself."""
        for destination in destinations:
            self._parts.announcer.tell_about_itself(destination, text, severity, now)

    def detour(self, untold: Iterable[Untold], fallbacks: tuple[str, ...], now: datetime) -> bool:
        """Tell these destinations what another could not be told; False: not while nobody knows what still fires."""
        if self._sight.is_blind:
            return False
        self._deadlines.run(now)
        for each in untold:
            self._parts.detours.take(each, fallbacks, now)
        self._consequences.told(now)
        return True

    def add_silence(self, silence: Silence, actor: str, now: datetime) -> int:
        """Take a silence that somebody has made; return how many open alerts it matches now."""
        self._deadlines.run(now)
        matching = self._parts.edges.add_silence(silence, actor, now)
        self._consequences.edge_passed(now)
        return matching

    def expire_silence(self, silence_id: str, actor: str, now: datetime) -> bool:
        """End a silence because somebody wants it; False: there is none of that id."""
        self._deadlines.run(now)
        is_there = self._parts.edges.expire_silence(silence_id, actor, now)
        self._consequences.edge_passed(now)
        return is_there

    @staticmethod
    def heeds_end_of(kind: NotificationKind) -> bool:
        """Return whether the end of such a notification means anything: what opens nothing is not repeated."""
        return kind is not NotificationKind.NOTICE and not kind.closes

    def ended(self, destination: str, incident: str, kind: NotificationKind, at: datetime) -> None:
        """A notification has arrived, or was given up: repeats count from here."""
        if self.heeds_end_of(kind):
            self._parts.teller.ended(destination, incident, at)

    def ack(self, target: str, by: str, now: datetime, *, comment: str = "") -> tuple[AlertView, ...]:
        """Take that somebody takes care of an alert, or of all that an incident tells of; return those that fire.

        At the instant at which a step of an escalation is due the acknowledgement comes first (S-111).
        """
        self._deadlines.run(now)
        return self._parts.answers.acknowledge(target, by, comment, now)

    def unack(self, target: str, by: str, now: datetime) -> tuple[AlertView, ...]:
        """Take that back: repeats go on, and escalation begins anew; return those that were acknowledged."""
        self._deadlines.run(now)
        return self._parts.answers.withdraw(target, by, now)

    def note_refused(self, why: str, subject: str, by: str, now: datetime) -> None:
        """Write into the audit log that a click came to nothing; `subject`: the destination of the button."""
        self._parts.answers.refuse(why, subject, by, now)

    def tick(self, now: datetime) -> None:
        """Run every deadline up to `now`, in the order of their instants, and tell of limits that were reached."""
        self._deadlines.run(now, inclusive=True)
        self._tell_of_limits(now)

    def forgot_count(self) -> None:
        """What was counted of an Event had to be forgotten, one of too many."""
        self._ledger.reach(fates.COUNT_DROPPED)

    def wake_at(self) -> datetime | None:
        """Return when `tick` has something to do."""
        return self._parts.timers.earliest()

    def take(self) -> Decision | None:
        """Return everything since the last time, to be committed whole; None when there is nothing."""
        ledger = self._ledger
        if ledger.is_empty:
            return None
        decision = Decision(
            rows=tuple(self._memory.changed_rows()),
            notifications=tuple(ledger.notifications),
            transitions=tuple(ledger.transitions),
            audit=tuple(ledger.audit),
            detours=tuple(ledger.detours),
            counters=dict(ledger.counters),
        )
        ledger.clear()
        return decision

    def open_alerts(self, ref: ObjectRef) -> Mapping[str, tuple[str, ...]]:
        """Return the fingerprints of the alerts that an object is a member of, by the id of their rule."""
        return self._parts.register.holding(ref)

    def _tell_of_limits(self, now: datetime) -> None:
        if self._ledger.limits and (text := self._parts.limits.text(now)):
            self.tell_about_itself(text, Severity.WARNING, now)
