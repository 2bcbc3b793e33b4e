"""From a batch of watch events to decisions, without waiting for anything.

    WatchEvent ─normalise─▶ KubeEvent ─count─▶ Contribution ┐
    WatchEvent ─cache─▶ ObjectChange ───────────────────────┴─rules─▶ Finding ─▶ engine ─▶ Decision

Takes `now`, keeps its state in memory and gives what must survive as rows of the decision. An observation about an
object that is not known well enough (itself, or what owns it) is parked: `look_up` asks for what is missing, and
`found` goes on with what waited, in order per object. While anything of a source is parked its checkpoint stays, so
that a crash replays it. Until every source has been heard (`start_complete`) no checkpoint moves: what a start that is
cut short has not listed yet does not count as seen, and a first start that is cut short is a first start again.
"""

import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import ParamSpec

import msgspec

from kwatch.alerts.annotated import Asked
from kwatch.alerts.engine import Engine
from kwatch.hearing import Hearing
from kwatch.model.conditions import Path
from kwatch.model.decisions import Checkpoint, Decision, Row, Table
from kwatch.model.findings import Finding, FindingKind
from kwatch.model.objects import Batch, ObjectRef, Source, WatchEvent, WatchEventType
from kwatch.model.observations import About, Change, KubeEvent, ObjectChange, ObjectState
from kwatch.model.rules import Mode
from kwatch.namespaces import NamespaceFilter
from kwatch.rules import verdicts
from kwatch.rules.compile import RuleSet
from kwatch.rules.compiled import CompiledRule
from kwatch.rules.planned import PlanReader
from kwatch.telemetry import Counters
from kwatch.watch import counting
from kwatch.watch.cache import ObjectCache
from kwatch.watch.emitter import bucket_of
from kwatch.watch.frames import MALFORMED
from kwatch.watch.moves import Moves
from kwatch.watch.normalise import event_of, subject_of, without_secrets
from kwatch.watch.remembered import Remembered
from kwatch.wishing import Wishing

log = logging.getLogger(__name__)

#: Objects that may be waited for at a time; what is about one more is decided at once, with what is known.
MAX_PARKED = 1000
#: How often counts of Events that are long gone are dropped.
SWEEP_EVERY = timedelta(minutes=5)

_Observed = ParamSpec("_Observed")

_encode = msgspec.msgpack.Encoder().encode
_decode_counted = msgspec.msgpack.Decoder(counting.Counted).decode

#: What each rule says of one object.
Verdicts = tuple[verdicts.Verdict, ...]

#: What waits for an object, and goes on with what was found out about it.
Waiting = Callable[[About | None, datetime], None]


class Decider:
    """Hold the cache, the counts and the engine together; see the module's words."""

    def __init__(
        self,
        *,
        rules: RuleSet,
        cache: ObjectCache,
        engine: Engine,
        counters: Counters,
        namespaces: NamespaceFilter,
        look_up: Callable[[ObjectRef], None],
        covered_from: datetime,
        checkpoints: Mapping[str, Checkpoint],
    ) -> None:
        self._rules = rules
        self._cache = cache
        self._engine = engine
        self._counters = counters
        self._wishing = Wishing(engine, cache, counters)
        self._namespaces = namespaces
        self._selected: set[str] = set()  # the namespaces that are known and watched, where labels choose them
        self._look_up = look_up
        self._covered_from = {source: point.covered_at for source, point in checkpoints.items()}
        self._others_covered_from = covered_from  # sources that were never heard
        self._heard_until = {source: point.resource_version for source, point in checkpoints.items()}
        self._counts: OrderedDict[str, counting.Counted] = OrderedDict()  # the one written longest ago first
        self._hearing = Hearing(engine, is_asked_for=rules.end_by_quiet())
        self._remembered = Remembered(self._changed_paths, self._redact, covered_until=covered_from)
        self._plans = PlanReader(cache.get, cache.about, lambda: cache.objects_of("Pod", ""))
        self._rows: dict[tuple[Table, str], Row] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._is_starting = True
        self._parked: dict[ObjectRef, deque[tuple[str, Waiting]]] = {}
        self._outcomes: Counter[str] = Counter()  # of observations, not counted yet
        self._next_sweep_at: datetime | None = None

    def load(self, rows: Iterable[Row]) -> None:
        """Take over the counts and values of an earlier run."""
        rows = tuple(rows)
        self._remembered.load(rows)
        for row in rows:
            if row.table is Table.COUNTS and row.body is not None:
                self._counts[row.key] = _decode_counted(row.body)

    def use(self, rules: RuleSet, fresh: RuleSet, namespaces: NamespaceFilter, *, moves: Moves, now: datetime) -> None:
        """Go by other rules: judge what is known by those that are `fresh`, and by all in namespaces that are new."""
        self._rules = rules
        self._hearing.use(is_asked_for=rules.end_by_quiet(), now=now)
        before, self._namespaces = self._namespaces, namespaces
        for source in moves.stopped:
            lost = WatchEvent(WatchEventType.LOST, None, "", now)
            self.decide(Batch(source, (lost,), "", now), now)
        self._cache.rearrange(moves)
        for source in moves.started:
            self._covered_from[source.id] = now
            self._heard_until.pop(source.id, None)
        known = tuple(self._cache.objects_in(""))
        names = (state.ref.name for state in known if (state.ref.kind, state.ref.group) == ("Namespace", ""))
        self._selected = {name for name in names if namespaces.is_watched(name)}
        for state in known:
            namespace = state.ref.namespace
            if namespaces.is_watched(namespace):
                self._judge_again(state, fresh if before.is_watched(namespace) else rules, now)
        self._count_outcomes()

    def decide(self, batch: Batch, now: datetime) -> None:
        """Observe everything in the batch, in order."""
        observe = self._on_event_frame if batch.source.resource.kind == "Event" else self._on_object_frame
        for frame in batch.events:
            self._guard(observe, batch.source, frame, now)
        if batch.resource_version:
            source_id = batch.source.id
            self._checkpoints[source_id] = Checkpoint(source_id, batch.resource_version, batch.received_at)
        self._count_outcomes()

    def tick(self, now: datetime) -> None:
        """Run the engine's timers that are due."""
        self._engine.tick(now)
        if self._next_sweep_at is None or now >= self._next_sweep_at:
            self._next_sweep_at = now + SWEEP_EVERY
            self._sweep(now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: what durations count from moves along."""
        self._engine.jump(by)
        self._hearing.jump(by)

    def start_complete(self, now: datetime) -> None:
        """Every source has been heard once, or is given up."""
        self._is_starting = False
        self._engine.leave(lambda ref: self._namespaces.is_left_out(ref.namespace), "namespace not watched", now)
        self._engine.leave(self._wishing.opts_out, "opted out", now)
        self._engine.start_complete(now)

    def wake_at(self) -> datetime | None:
        """Return when `tick` has something to do next."""
        return self._engine.wake_at()

    def found(self, ref: ObjectRef, now: datetime) -> None:
        """Go on with what waited for an object, whether or not it was found."""
        about = self._cache.about(ref)
        if about is None:
            self._counters.add("lookups_failed")
        for _, go_on in self._parked.pop(ref, ()):
            self._guard(go_on, about, now)
        self._count_outcomes()

    def kinds(self) -> Iterable[str]:
        """Return the kinds that rules need to see."""
        return self._rules.needs()

    def is_watched(self, namespace: str) -> bool:
        """Return whether a namespace is watched; the empty one stands for cluster-scoped objects."""
        return self._namespaces.is_watched(namespace)

    def judged(self, kind: str, namespace: str, name: str, now: datetime) -> tuple[tuple[ObjectRef, Verdicts], ...]:
        """Return the objects of that name, each with what the rules say of it as it is; it decides nothing."""
        return tuple((state.ref, self._verdicts(state, now)) for state in self._cache.named(kind, namespace, name))

    def asked(self, ref: ObjectRef) -> tuple[Asked, ...]:
        """Return the annotations that may act on an object, the nearest first."""
        return self._wishing.asked(ref)

    def _verdicts(self, state: ObjectState, now: datetime) -> Verdicts:
        return verdicts.of_state(self._rules, state, self._cache.about(state.ref), now)

    def take(self) -> Decision | None:
        """Return all that was decided since the last call, with rows and checkpoints; None when nothing was."""
        decision = self._engine.take()
        checkpoints = () if self._is_starting else self._movable_checkpoints()
        if decision is None and not self._rows and not checkpoints:
            return None
        for checkpoint in checkpoints:
            del self._checkpoints[checkpoint.source]
        rows, self._rows = tuple(self._rows.values()), {}
        decision = decision or Decision()
        return msgspec.structs.replace(decision, rows=decision.rows + rows, checkpoints=checkpoints)

    def _guard(self, observe: Callable[_Observed, None], *args: _Observed.args, **words: _Observed.kwargs) -> None:
        """Observe; a bug that one object brings to light costs this object's frame, and no other (the bulkhead)."""
        try:
            observe(*args, **words)
        except Exception:
            log.exception("an observation could not be decided")
            self._outcomes["failed"] += 1

    def _count_outcomes(self) -> None:
        """Count at once what a batch came to: most of it is the same."""
        for outcome, number in self._outcomes.items():
            self._counters.add("observations", number, outcome=outcome)
        self._outcomes.clear()

    def _movable_checkpoints(self) -> tuple[Checkpoint, ...]:
        held = {source_id for waiting in self._parked.values() for source_id, _ in waiting}
        return tuple(point for source_id, point in self._checkpoints.items() if source_id not in held)

    # Events

    def _on_event_frame(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        """The hot path: most Events are of no interest to any rule, and are told apart without looking closer."""
        if frame.body is None:
            self._on_coverage(source, frame, now)
            self._hearing.on_watch(source, frame, now)
            return
        self._hearing.on_write(source, frame, now)
        subject = subject_of(frame.body)
        candidates = self._rules.event_candidates(*subject)
        if not candidates:
            self._outcomes["no_rule"] += 1
        elif not self.is_watched(subject[2]):
            self._outcomes["namespace_not_watched"] += 1
        else:
            self._on_interesting(source, frame, candidates, now)

    def _on_coverage(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        """Events may stay unseen, or none does from now on: what has not happened is known only meanwhile."""
        kind, group, namespace = source.resource.kind, source.resource.group, source.namespace
        if frame.type is WatchEventType.LOST:
            self._engine.freeze(kind, group, namespace, now)
        elif frame.type is WatchEventType.SYNCED:
            self._engine.thaw(kind, group, namespace, None, now)

    def _on_interesting(
        self, source: Source, frame: WatchEvent, candidates: tuple[CompiledRule, ...], now: datetime
    ) -> None:
        body = without_secrets(frame.body, self._redact)
        event = event_of(body)
        if event is None:
            self._outcomes["malformed"] += 1
        elif frame.type is WatchEventType.DELETED:
            self._on_event_deleted(event, now)
        else:
            # What a list shows beyond the checkpoint is as new as if the watch had brought it, whatever its times say.
            heard_until = self._heard_until.get(source.id, "")
            is_news = heard_until.isdecimal() and counting.is_newer(event.resource_version, heard_until)
            is_listed = frame.type is WatchEventType.LISTED and not is_news
            bucket = bucket_of(body)

            def go_on(about: About | None, at: datetime) -> None:
                asked = self._rules.event_candidates(*subject_of(frame.body))  # what has waited may meet other rules
                findings = self._rules.event_findings(event, about, asked, at)
                findings = self._hearing.complete(findings, source, event, bucket, at)
                self._on_event(source, event, about, findings, is_listed=is_listed, now=at)

            if self._wishing.is_on or self._rules.needs_object(candidates):
                self._with_object(source.id, event.regarding, go_on, now)
            else:
                go_on(None, now)

    def _on_event_deleted(self, event: KubeEvent, now: datetime) -> None:
        """An Event that is deleted has only aged: its count is kept for a while, in case it is written anew (C12)."""
        self._outcomes["aged"] += 1
        key = _count_key(event)
        if (last := self._counts.get(key)) is not None:
            self._keep_count(key, counting.end(last, now))

    def _on_event(
        self,
        source: Source,
        event: KubeEvent,
        about: About | None,
        findings: Iterable[Finding],
        *,
        is_listed: bool,
        now: datetime,
    ) -> None:
        if not findings:
            self._outcomes["no_rule"] += 1
            return
        key = _count_key(event)
        covered_from = self._covered_from.get(source.id, self._others_covered_from)
        counted = counting.count(event, self._counts.get(key), covered_from=covered_from, is_listed=is_listed, now=now)
        self._counters.add("contributions", case=counted.case.name)
        if counted.is_clamped:
            self._counters.add("contributions_clamped")
        self._keep_count(key, counted.state)
        if counted.contribution is None:
            self._outcomes["nothing_new"] += 1
            if counted.case is counting.CountCase.C5:
                for finding in findings:  # its text may be another
                    self._engine.observe(finding, now)
            return
        if self._wishing.opts_out(event.regarding):
            self._outcomes["opted_out"] += 1
            return
        self._outcomes["finding"] += 1
        for finding in findings:
            self._engine.observe(msgspec.structs.replace(finding, contribution=counted.contribution), now)
            if about is not None and finding.rule.mode is Mode.ALERT:
                self._heed_object(finding, about, now)

    def _heed_object(self, finding: Finding, about: About, now: datetime) -> None:
        """Say what the object shows by the time that an occurrence is heard."""
        if about.is_gone:
            self._engine.observe(msgspec.structs.replace(finding, kind=FindingKind.ABSENT), now)
        elif finding.rule.resolve is not None and about.state is not None:
            truth = self._rules.evidence(finding.rule, about.state)
            self._engine.observe(msgspec.structs.replace(finding, kind=FindingKind.EVIDENCE, truth=truth), now)

    def _keep_count(self, key: str, counted: counting.Counted) -> None:
        self._counts[key] = counted
        self._counts.move_to_end(key)
        self._store(Row(Table.COUNTS, key, _encode(counted)))
        if len(self._counts) > counting.KEPT:
            oldest, _ = self._counts.popitem(last=False)
            self._store(Row(Table.COUNTS, oldest, None))
            self._engine.forgot_count()

    # Objects

    def _on_object_frame(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        resource = source.resource
        if frame.type is WatchEventType.LOST:
            self._engine.freeze(resource.kind, resource.group, source.namespace, now)
        try:
            changes = self._cache.apply(source, frame)
        except MALFORMED:
            self._outcomes["malformed"] += 1
            return
        for change in changes:
            is_opted_in = self._wishing.hear(change, now)
            if (resource.kind, resource.group) == ("Namespace", ""):
                self._on_namespace(source, change.state.ref.name, now)
            if self.is_watched(change.state.ref.namespace):
                for step in self._plans.read(change):
                    self._engine.plan(step, now)
            self._on_change(source, self._remembered.complete(change), now)
            if is_opted_in:
                self._judge_all(source, self._wishing.inside(change.state.ref), now)
        if frame.type is WatchEventType.SYNCED:
            self._on_synced(source, is_listed=bool(frame.resource_version), now=now)

    def _on_synced(self, source: Source, *, is_listed: bool, now: datetime) -> None:
        """Let timers go on; after a list, what it did not show is gone."""
        kind, group, namespace = source.resource.kind, source.resource.group, source.namespace
        present = self._cache.uids(kind, group, namespace) if is_listed else None
        if present is not None:
            for row in self._remembered.keep_only(kind, group, namespace, present):
                self._store(row)
        self._engine.thaw(kind, group, namespace, present, now)

    def _on_namespace(self, source: Source, name: str, now: datetime) -> None:
        """What is in a namespace is judged as if it were listed now when it is selected, else let go of (T16)."""
        if not self.is_watched(name):
            if name in self._selected:
                self._selected.discard(name)
                self._engine.leave(lambda ref: ref.namespace == name, "namespace not watched", now)
        elif name not in self._selected:
            self._selected.add(name)
            self._judge_all(source, self._cache.objects_in(name), now)

    def _judge_all(self, source: Source, states: Iterable[ObjectState], now: datetime) -> None:
        for state in states:
            self._on_change(source, ObjectChange(Change.EXISTING, state, None, now), now)

    def _on_change(self, source: Source, change: ObjectChange, now: datetime) -> None:
        """Decide, then remember: what waits must still be a change after a crash."""

        def go_on(about: About | None, at: datetime) -> None:
            self._decide_change(change, about, self._rules, at)
            self._store(self._remembered.note(change))

        if self._is_of_interest(change.state.ref):
            self._with_object(source.id, change.state.ref, go_on, now)
        else:
            self._store(self._remembered.note(change))

    def _is_of_interest(self, ref: ObjectRef) -> bool:
        if not self._rules.watches(ref.kind, ref.group):
            return False
        if not self.is_watched(ref.namespace):
            self._outcomes["namespace_not_watched"] += 1
            return False
        return True

    def _judge_again(self, state: ObjectState, rules: RuleSet, now: datetime) -> None:
        """Decide what some of the rules say of an object that is known."""
        change, rules_now = ObjectChange(Change.EXISTING, state, None, now), self._rules

        def go_on(about: About | None, at: datetime) -> None:
            is_outdated = self._rules is not rules_now
            self._decide_change(change, about, self._rules if is_outdated else rules, at)
            self._store(self._remembered.note(change))

        if rules.watches(state.ref.kind, state.ref.group):
            self._guard(self._with_object, "", state.ref, go_on, now)

    def _decide_change(self, change: ObjectChange, about: About | None, rules: RuleSet, now: datetime) -> None:
        ref = change.state.ref
        if self._wishing.opts_out(ref):
            self._outcomes["opted_out"] += 1
            return
        known = about or About.alone(change.state)
        findings = rules.change_findings(change, known, open_alerts=self._engine.open_alerts)
        self._outcomes["finding" if findings else "no_rule"] += 1
        for finding in findings:
            self._engine.observe(finding, now)

    # Waiting

    def _with_object(self, source_id: str, ref: ObjectRef, go_on: Waiting, now: datetime) -> None:
        """Go on now when the object is known, else when it has been looked up; behind what waits for it already.

        `source_id`: whose checkpoint must not move before; empty: none's.
        """
        if (waiting := self._parked.get(ref)) is not None:
            waiting.append((source_id, go_on))
        elif (about := self._cache.about(ref)) is not None:
            go_on(about, now)
        elif len(self._parked) >= MAX_PARKED:
            self._counters.add("lookups_failed")
            go_on(None, now)
        else:
            self._parked[ref] = deque([(source_id, go_on)])
            self._look_up(ref)

    def _sweep(self, now: datetime) -> None:
        for key in counting.stale(self._counts, now):
            del self._counts[key]
            self._store(Row(Table.COUNTS, key, None))
        self._counters.add("emitters_forgotten", self._hearing.sweep(now))

    def _redact(self, text: str) -> str:
        return self._rules.redact(text)

    def _changed_paths(self, kind: str, group: str) -> frozenset[Path]:
        return self._rules.changed_paths(kind, group)

    def _store(self, row: Row | None) -> None:
        """Let a row be written with the next decision; of one key the newest."""
        if row is not None:
            self._rows[row.table, row.key] = row


def _count_key(event: KubeEvent) -> str:
    return f"{event.ref.namespace}/{event.ref.name}"
