"""From a batch of watch events to decisions, without waiting for anything.

    WatchEvent ─normalise─▶ KubeEvent ─count─▶ Contribution ┐
    WatchEvent ─cache─▶ ObjectChange ───────────────────────┴─rules─▶ Finding ─▶ engine ─▶ Decision

Takes `now`, keeps its state in memory and gives what must survive as rows of the decision. An Event about an object
that is not known is parked: `look_up` asks for the object, `found` goes on with what waited for it, in order. While
anything of a source is parked its checkpoint stays, so that a crash replays it.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.engine import Engine
from kwatch.model.decisions import Checkpoint, Decision, Row, Table
from kwatch.model.findings import FindingKind
from kwatch.model.notifications import NotificationKind
from kwatch.model.objects import Batch, ObjectRef, Source, WatchEvent, WatchEventType
from kwatch.model.observations import About, KubeEvent, ObjectChange
from kwatch.rules.compile import CompiledRule, RuleSet
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache
from kwatch.watch.counting import Counted, count, is_stale
from kwatch.watch.normalise import event_of

log = logging.getLogger(__name__)

#: Events that may wait for an object at a time; one more is decided at once, its object unknown.
MAX_PARKED = 10_000
#: How often counts of Events that are long gone are dropped.
SWEEP_EVERY = timedelta(minutes=5)

_encode = msgspec.msgpack.Encoder().encode
_decode_counted = msgspec.msgpack.Decoder(Counted).decode


class Decider:
    """Hold the cache, the counts and the engine together; see the module's words."""

    def __init__(
        self,
        *,
        rules: RuleSet,
        cache: ObjectCache,
        engine: Engine,
        counters: Counters,
        is_watched: Callable[[str], bool],
        look_up: Callable[[ObjectRef], None],
        covered_from: datetime,
    ) -> None:
        self._rules = rules
        self._cache = cache
        self._engine = engine
        self._counters = counters
        self._is_watched = is_watched  # whether a namespace is; cluster-scoped objects always are
        self._look_up = look_up
        self._covered_from = covered_from
        self._counts: dict[str, Counted] = {}
        self._rows: dict[str, Row] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._parked: dict[ObjectRef, deque[tuple[str, KubeEvent]]] = {}
        self._next_sweep_at: datetime | None = None

    def load(self, rows: Iterable[Row]) -> None:
        """Take over the counts of an earlier run."""
        for row in rows:
            if row.table is Table.COUNTS and row.body is not None:
                self._counts[row.key] = _decode_counted(row.body)

    def decide(self, batch: Batch, now: datetime) -> None:
        """Observe everything in the batch, in order."""
        if batch.source.resource.kind == "Event":
            for frame in batch.events:
                self._on_event_frame(batch.source, frame, now)
        else:
            for frame in batch.events:
                self._on_object_frame(batch.source, frame, now)
        if batch.resource_version:
            self._progress(batch)

    def tick(self, now: datetime) -> None:
        """Run the engine's timers that are due."""
        self._engine.tick(now)
        if self._next_sweep_at is None or now >= self._next_sweep_at:
            self._next_sweep_at = now + SWEEP_EVERY
            self._sweep(now)

    def wake_at(self) -> datetime | None:
        """Return when `tick` has something to do next."""
        return self._engine.wake_at()

    def sent(self, destination: str, incident: str, kind: NotificationKind, at: datetime) -> None:
        """A destination has been told."""
        self._engine.sent(destination, incident, kind, at)

    def found(self, ref: ObjectRef, about: About | None, now: datetime) -> None:
        """Go on with what waited for the object; None: it cannot be had."""
        if about is None:
            self._counters.add("lookups_failed")
        for _, event in self._parked.pop(ref, ()):
            regarding = event.regarding
            candidates = self._rules.event_candidates(
                regarding.kind, regarding.group, regarding.namespace, event.type, event.reason
            )
            self._on_event(event, candidates, about, now)

    def take(self) -> Decision | None:
        """Return all that was decided since the last call, with rows and checkpoints; None when nothing was."""
        decision = self._engine.take()
        held = {source_id for waiting in self._parked.values() for source_id, _ in waiting}
        checkpoints = tuple(c for source_id, c in self._checkpoints.items() if source_id not in held)
        if decision is None and not self._rows and not checkpoints:
            return None
        for checkpoint in checkpoints:
            del self._checkpoints[checkpoint.source]
        rows, self._rows = tuple(self._rows.values()), {}
        decision = decision or Decision()
        return msgspec.structs.replace(decision, rows=decision.rows + rows, checkpoints=checkpoints)

    # Events

    def _on_event_frame(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        if frame.type in (WatchEventType.SYNCED, WatchEventType.LOST, WatchEventType.DELETED):
            return  # an Event that is deleted has only aged (C12)
        body = frame.body
        regarding = body.about
        if not self._is_watched(regarding.namespace):
            self._counters.add("observations", outcome="namespace")
            return
        candidates = self._rules.event_candidates(
            regarding.kind, regarding.group, regarding.namespace, body.type, body.reason
        )
        if not candidates:
            self._counters.add("observations", outcome="no_rule")
            return
        event = event_of(body)
        if event is None:
            self._counters.add("observations", outcome="malformed")
        elif self._must_wait(event, candidates):
            self._park(source, event)
        else:
            self._on_event(event, candidates, self._cache.about(event.regarding), now)

    def _must_wait(self, event: KubeEvent, candidates: Iterable[CompiledRule]) -> bool:
        """Return whether the object must be asked for first; also to keep the order behind those that wait for it."""
        if event.regarding in self._parked:
            return True
        if len(self._parked) >= MAX_PARKED or not self._rules.needs_object(candidates):
            return False
        return self._cache.about(event.regarding) is None

    def _park(self, source: Source, event: KubeEvent) -> None:
        waiting = self._parked.get(event.regarding)
        if waiting is None:
            self._parked[event.regarding] = waiting = deque()
            self._look_up(event.regarding)
        waiting.append((source.id, event))

    def _on_event(
        self, event: KubeEvent, candidates: Iterable[CompiledRule], about: About | None, now: datetime
    ) -> None:
        key = f"{event.ref.namespace}/{event.ref.name}"
        counted = count(event, self._counts.get(key), covered_from=self._covered_from, now=now)
        self._counters.add("contributions", case=counted.case.name)
        self._counts[key] = counted.state
        self._rows[key] = Row(Table.COUNTS, key, _encode(counted.state))
        if counted.contribution is None:
            return
        findings = self._rules.event_findings(event, about, candidates, now)
        if not findings:
            self._counters.add("observations", outcome="no_rule")
        for finding in findings:
            self._engine.observe(msgspec.structs.replace(finding, contribution=counted.contribution), now)
            if finding.rule.resolve is not None and about is not None and about.state is not None:
                truth = self._rules.evidence(finding.rule, about.state)
                self._engine.observe(msgspec.structs.replace(finding, kind=FindingKind.EVIDENCE, truth=truth), now)

    # Objects

    def _on_object_frame(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        resource = source.resource
        if frame.type is WatchEventType.LOST:
            self._engine.freeze(resource.kind, resource.group, source.namespace, now)
        for change in self._cache.apply(source, frame):
            self._on_change(change, now)
        if frame.type is WatchEventType.SYNCED:
            present = self._cache.uids(resource.kind, resource.group, source.namespace)
            self._engine.thaw(resource.kind, resource.group, source.namespace, present, now)

    def _on_change(self, change: ObjectChange, now: datetime) -> None:
        ref = change.state.ref
        if not self._rules.watches(ref.kind, ref.group) or not self._is_watched(ref.namespace):
            return
        about = self._cache.about(ref) or About(change.state, f"{ref.kind}/{ref.name}")
        findings = self._rules.change_findings(change, about, open_alerts=self._engine.open_alerts)
        self._counters.add("observations", outcome="finding" if findings else "no_rule")
        for finding in findings:
            self._engine.observe(finding, now)

    # Progress

    def _progress(self, batch: Batch) -> None:
        source_id = batch.source.id
        self._checkpoints[source_id] = Checkpoint(source_id, batch.resource_version, batch.received_at)

    def _sweep(self, now: datetime) -> None:
        for key in [key for key, counted in self._counts.items() if is_stale(counted, now)]:
            del self._counts[key]
            self._rows[key] = Row(Table.COUNTS, key, None)
