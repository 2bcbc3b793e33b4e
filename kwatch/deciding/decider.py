"""The door to deciding: batches of watch events in, decisions out.

Takes `now`, keeps its state in memory and gives what must survive as rows of the decision. An observation about an
object that is not known well enough (itself, or what owns it) is parked: `look_up` asks for what is missing, and
`found` goes on with what waited, in order per object. While anything of a source is parked its checkpoint stays, so
that a crash replays it. Until every source has been heard (`start_complete`) no checkpoint moves: what a start that is
cut short has not listed yet does not count as seen, and a first start that is cut short is a first start again.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.annotated import Asked
from kwatch.alerts.engine import Engine
from kwatch.deciding.counts import Counts
from kwatch.deciding.coverage import Coverage
from kwatch.deciding.events import Events
from kwatch.deciding.hearing import Hearing
from kwatch.deciding.objects import Objects
from kwatch.deciding.outcomes import Outcomes
from kwatch.deciding.parked import Parked
from kwatch.deciding.scope import Scope
from kwatch.deciding.unwritten import Unwritten
from kwatch.deciding.wishing import Wishing
from kwatch.model.decisions import Checkpoint, Decision, Row
from kwatch.model.objects import Batch, ObjectRef, WatchEvent, WatchEventType
from kwatch.namespaces import NamespaceFilter
from kwatch.rules import verdicts
from kwatch.rules.compile import RuleSet
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache
from kwatch.watch.moves import Moves

#: How often counts of Events that are long gone are dropped.
SWEEP_EVERY = timedelta(minutes=5)

#: What each rule says of one object.
Verdicts = tuple[verdicts.Verdict, ...]


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
        coverage: Coverage,
    ) -> None:
        self._scope = scope = Scope(rules, namespaces)
        self._cache = cache
        self._engine = engine
        self._counters = counters
        self._outcomes = outcomes = Outcomes(counters)
        self._unwritten = unwritten = Unwritten()
        self._coverage = coverage
        self._parked = parked = Parked(cache, look_up, counters)
        self._counts = counts = Counts(unwritten, counters, engine.forgot_count)
        self._hearing = hearing = Hearing(engine, is_asked_for=rules.end_by_quiet())
        self._wishing = wishing = Wishing(engine, cache, counters)
        self._events = Events(scope, engine, counts, coverage, parked, hearing, wishing, outcomes.seen)
        self._objects = Objects(scope, engine, cache, parked, wishing, unwritten, outcomes, coverage)
        self._is_starting = True
        self._next_sweep_at: datetime | None = None

    def load(self, rows: Iterable[Row]) -> None:
        """Take over the counts and values of an earlier run."""
        rows = tuple(rows)
        self._objects.load(rows)
        self._counts.load(rows)

    def use(self, rules: RuleSet, fresh: RuleSet, namespaces: NamespaceFilter, *, moves: Moves, now: datetime) -> None:
        """Go by other rules: judge what is known by those that are `fresh`, and by all in namespaces that are new."""
        before = self._scope.namespaces
        self._scope.rules, self._scope.namespaces = rules, namespaces
        self._hearing.use(is_asked_for=rules.end_by_quiet(), now=now)
        for source in moves.stopped:
            lost = WatchEvent(WatchEventType.LOST, None, "", now)
            self.decide(Batch(source, (lost,), "", now), now)
        self._cache.rearrange(moves)
        for source in moves.started:
            self._coverage.begin(source.id, now)
        self._objects.review(before, fresh, now)
        self._outcomes.report()

    def decide(self, batch: Batch, now: datetime) -> None:
        """Observe everything in the batch, in order."""
        observe = self._events.observe if batch.source.resource.kind == "Event" else self._objects.observe
        for frame in batch.events:
            self._outcomes.guard(observe, batch.source, frame, now)
        if batch.resource_version:
            self._unwritten.reach(Checkpoint(batch.source.id, batch.resource_version, batch.received_at))
        self._outcomes.report()

    def tick(self, now: datetime) -> None:
        """Run the engine's timers that are due."""
        self._engine.tick(now)
        if self._next_sweep_at is None or now >= self._next_sweep_at:
            self._next_sweep_at = now + SWEEP_EVERY
            self._counts.sweep(now)
            self._counters.add("emitters_forgotten", self._hearing.sweep(now))

    def jump(self, by: timedelta) -> None:
        """The clock was set: what durations count from moves along."""
        self._engine.jump(by)
        self._hearing.jump(by)
        self._unwritten.jump(by)
        self._coverage.jump(by)

    def start_complete(self, now: datetime) -> None:
        """Every source has been heard once, or is given up."""
        self._is_starting = False
        is_left_out = self._scope.namespaces.is_left_out
        self._engine.leave(lambda ref: is_left_out(ref.namespace), "namespace not watched", now)
        self._engine.leave(self._wishing.opts_out, "opted out", now)
        self._engine.end_drains(self._objects.draining(), now)
        self._engine.start_complete(now)

    def wake_at(self) -> datetime | None:
        """Return when `tick` has something to do next."""
        return self._engine.wake_at()

    def found(self, ref: ObjectRef, now: datetime) -> None:
        """Go on with what waited for an object, whether or not it was found."""
        about = self._cache.about(ref)
        if about is None:
            self._counters.add("lookups_failed")
        for go_on in self._parked.take(ref):
            self._outcomes.guard(go_on, about, now)
        self._outcomes.report()

    def kinds(self) -> Iterable[str]:
        """Return the kinds that rules need to see."""
        return self._scope.rules.needs()

    def is_watched(self, namespace: str) -> bool:
        """Return whether a namespace is watched; the empty one stands for cluster-scoped objects."""
        return self._scope.namespaces.is_watched(namespace)

    def judged(self, kind: str, namespace: str, name: str, now: datetime) -> tuple[tuple[ObjectRef, Verdicts], ...]:
        """Return the objects of that name, each with what the rules say of it as it is; it decides nothing."""
        rules, cache = self._scope.rules, self._cache
        return tuple(
            (state.ref, verdicts.of_state(rules, state, cache.about(state.ref), now))
            for state in cache.named(kind, namespace, name)
        )

    def asked(self, ref: ObjectRef) -> tuple[Asked, ...]:
        """Return the annotations that may act on an object, the nearest first."""
        return self._wishing.asked(ref)

    def take(self) -> Decision | None:
        """Return all that was decided since the last call, with rows and checkpoints; None when nothing was."""
        decision, rows = self._engine.take(), self._unwritten.take_rows()
        checkpoints = () if self._is_starting else self._unwritten.take_checkpoints(self._parked.holding())
        set_by = self._unwritten.take_clock_set_by()
        if decision is None and not rows and not checkpoints and not set_by:
            return None
        decision = decision or Decision()
        rows = decision.rows + rows
        return msgspec.structs.replace(decision, rows=rows, checkpoints=checkpoints, clock_set_by=set_by)
