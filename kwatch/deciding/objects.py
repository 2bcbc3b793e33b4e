"""From the frames of objects to what the engine is told: of each change, and of what is known, by other rules."""

from collections.abc import Container, Iterable
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.engine import Engine
from kwatch.deciding.coverage import Coverage, Gap
from kwatch.deciding.outcomes import Outcomes
from kwatch.deciding.parked import Parked
from kwatch.deciding.scope import Scope
from kwatch.deciding.unwritten import Unwritten
from kwatch.deciding.wishing import Wishing
from kwatch.model.decisions import Row
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef, Source, WatchEvent, WatchEventType
from kwatch.model.observations import About, Change, ObjectChange, ObjectState
from kwatch.namespaces import NamespaceFilter
from kwatch.rules.compile import RuleSet
from kwatch.rules.planned import PlanReader
from kwatch.watch.cache import ObjectCache
from kwatch.watch.frames import MALFORMED
from kwatch.watch.remembered import Asked, Remembered

#: By how much the API server's clock, which dates objects, may be behind.
CLOCKS_DIFFER = timedelta(minutes=1)


class Objects:
    """Keeps the cache as the frames say, and tells the engine what that means."""

    def __init__(
        self,
        scope: Scope,
        engine: Engine,
        cache: ObjectCache,
        parked: Parked,
        wishing: Wishing,
        unwritten: Unwritten,
        outcomes: Outcomes,
        coverage: Coverage,
    ) -> None:
        self._scope = scope
        self._engine = engine
        self._cache = cache
        self._parked = parked
        self._wishing = wishing
        self._unwritten = unwritten
        self._outcomes = outcomes
        self._coverage = coverage
        asked = Asked(scope.changed_paths, scope.asks_of_life, scope.notices_states)
        self._remembered = Remembered(asked, scope.redact, covered_until=coverage.others_covered_from)
        self._plans = PlanReader(cache.get, cache.about, lambda: cache.objects_of("Pod", ""))
        self._selected: set[str] = set()  # the namespaces that are known and watched, where labels choose them
        self._knows_namespaces = False  # all of them have been listed

    def load(self, rows: Iterable[Row]) -> None:
        """Take over the values of an earlier run."""
        self._remembered.load(rows)
        self._store(self._remembered.forget_unasked())

    def draining(self) -> Container[str]:
        """Return the Nodes, as drains name them, that have Pods left to move."""
        return self._plans.draining()

    def review(self, before: NamespaceFilter, fresh: RuleSet, now: datetime) -> None:
        """Judge what is known: by the rules that are `fresh`, and by all in namespaces that were not watched before."""
        namespaces = self._scope.namespaces
        self._store(self._remembered.forget_unasked())
        known = tuple(self._cache.objects_in(""))
        names = (state.ref.name for state in known if _is_namespace(state.ref.kind, state.ref.group))
        self._selected = {name for name in names if namespaces.is_watched(name)}
        for state in known:
            namespace = state.ref.namespace
            if namespaces.is_watched(namespace):
                self._judge_again(state, fresh if before.is_watched(namespace) else self._scope.rules, now)

    def observe(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        """Take one frame."""
        resource = source.resource
        if frame.type is WatchEventType.LOST:
            self._coverage.lose(source.id, now)
            self._engine.freeze(resource.kind, resource.group, source.namespace, now)
        try:
            changes = self._cache.apply(source, frame)
        except MALFORMED:
            self._outcomes.seen["malformed"] += 1
            return
        for change in changes:
            is_opted_in = self._wishing.hear(change, now)
            if _is_namespace(resource.kind, resource.group):
                self._on_namespace(source, change, now)
            if self._scope.namespaces.is_watched(change.state.ref.namespace):
                for step in self._plans.read(change):
                    since = self._coverage.lost_since(source.id, now)
                    self._engine.plan(msgspec.structs.replace(step, unwatched_since=since), now)
            self._complete(source, change, self._unwatched_since(source, change.state), now)
            if is_opted_in:
                self._judge_all(source, self._wishing.inside(change.state.ref), now)
        if frame.type is WatchEventType.SYNCED:
            self._coverage.close_gap(source.id, now)
            self._on_synced(source, is_listed=bool(frame.resource_version), now=now)

    def _complete(self, source: Source, change: ObjectChange, unwatched_since: datetime | None, now: datetime) -> None:
        """Take a change, with what must have happened before it while nobody watched."""
        for each in self._remembered.complete(change, unwatched_since):
            if each is not change and each.change is Change.DELETED:
                self._cache.bury(each.state)
            self._on_change(source, each, now)

    def _on_synced(self, source: Source, *, is_listed: bool, now: datetime) -> None:
        """Let timers go on; after a list, what it did not show is gone."""
        kind, group, namespace = source.resource.kind, source.resource.group, source.namespace
        present = self._cache.uids(kind, group, namespace) if is_listed else None
        if present is not None:
            self._knows_namespaces |= _is_namespace(kind, group)
            for end in self._remembered.gone(kind, group, namespace, present, now):
                self._on_gone(source, end, now)
        self._engine.thaw(kind, group, namespace, present, now)

    def _unwatched_since(self, source: Source, state: ObjectState) -> datetime | None:
        """Return since when nobody watched, of an object that is newer than all that was seen before; else None."""
        gap = self._coverage.gap(source.id)
        is_newer = gap is not None and self._coverage.is_beyond(source.id, state.resource_version)
        return gap.since - CLOCKS_DIFFER if gap is not None and is_newer else None

    def _on_gone(self, source: Source, end: ObjectChange, now: datetime) -> None:
        """An object that an earlier run saw is not there any more."""
        ref = end.state.ref
        if self._scope.asks_of_life(ref.kind, ref.group):
            self._cache.bury(end.state)
            self._on_change(source, end, now)
        else:
            self._unwritten.store(self._remembered.forget(ref))

    def _on_namespace(self, source: Source, change: ObjectChange, now: datetime) -> None:
        """What is in a namespace is judged as if it were listed now when it is selected, else let go of (T16)."""
        name = change.state.ref.name
        if not self._scope.namespaces.is_watched(name):
            if name in self._selected:
                self._selected.discard(name)
                self._engine.leave(lambda ref: ref.namespace == name, "namespace not watched", now)
                if change.change is not Change.DELETED:  # else what is in it is about to be told to go, too
                    self._store(self._remembered.forget_inside(name))
        elif name not in self._selected:
            self._selected.add(name)
            for state in self._cache.objects_in(name):  # an earlier run may have known it
                self._complete(source, ObjectChange(Change.EXISTING, state, None, now), None, now)

    def _judge_all(self, source: Source, states: Iterable[ObjectState], now: datetime) -> None:
        for state in states:
            self._on_change(source, ObjectChange(Change.EXISTING, state, None, now), now)

    def _on_change(self, source: Source, change: ObjectChange, now: datetime) -> None:
        """Decide, then remember: what waits must still be a change after a crash."""

        gap = self._coverage.gap(source.id)

        def go_on(about: About | None, at: datetime) -> None:
            if change.workload:  # its owners may have gone with it
                about = About(change.state, change.workload, is_gone=True)
            self._decide(change, about, self._scope.rules, at, gap)
            self._remember(change, about)

        ref = change.state.ref
        if self._is_of_interest(change):
            self._parked.with_object(source.id, ref, go_on, now)
        elif change.change is Change.DELETED or self._scope.namespaces.is_left_out(ref.namespace):
            self._unwritten.store(self._remembered.forget(ref))

    def _is_of_interest(self, change: ObjectChange) -> bool:
        ref = change.state.ref
        if not self._scope.rules.watches(ref.kind, ref.group):
            return False
        if self._scope.namespaces.is_watched(ref.namespace) or self._has_gone_with_namespace(change):
            return True
        self._outcomes.seen["namespace_not_watched"] += 1
        return False

    def _has_gone_with_namespace(self, change: ObjectChange) -> bool:
        """Return whether an object was watched to its end: its namespace has ended, and may have begun again since."""
        ref = change.state.ref
        is_known_end = change.change is Change.DELETED and self._remembered.knows(ref) and self._knows_namespaces
        if not is_known_end or not self._scope.namespaces.is_named(ref.namespace):
            return False
        namespace = self._cache.get(ObjectRef("Namespace", ref.namespace))
        if namespace is None or namespace.created_at is None:
            return namespace is None
        return namespace.created_at > change.received_at

    def _judge_again(self, state: ObjectState, rules: RuleSet, now: datetime) -> None:
        """Decide what some of the rules say of an object that is known."""
        change, rules_now = ObjectChange(Change.EXISTING, state, None, now), self._scope.rules

        def go_on(about: About | None, at: datetime) -> None:
            is_outdated = self._scope.rules is not rules_now
            self._decide(change, about, self._scope.rules if is_outdated else rules, at)
            self._remember(change, about)

        if rules.watches(state.ref.kind, state.ref.group):
            self._outcomes.guard(self._parked.with_object, "", state.ref, go_on, now)

    def _remember(self, change: ObjectChange, about: About | None) -> None:
        noticed = self._scope.rules.noticing(change.state, about)
        self._unwritten.store(self._remembered.note(change, noticed, about))

    def _decide(
        self, change: ObjectChange, about: About | None, rules: RuleSet, now: datetime, gap: Gap | None = None
    ) -> None:
        ref = change.state.ref
        if self._wishing.opts_out(ref):
            self._outcomes.seen["opted_out"] += 1
            return
        known = about or About.alone(change.state)
        found = rules.change_findings(change, known, open_alerts=self._engine.open_alerts)
        findings = [each for each in found if not self._is_unseen(change, each)]
        self._outcomes.seen["finding" if findings else "no_rule"] += 1
        for finding in findings:
            self._engine.observe(self._dated(finding, gap), now)

    def _is_unseen(self, change: ObjectChange, finding: Finding) -> bool:
        """Return whether something is only known to have happened while nobody looked for it there by such a rule."""
        is_moment = finding.kind is FindingKind.STATE and finding.truth is Truth.TRUE and not finding.is_initial
        return is_moment and change.listed_at is not None and self._engine.is_unseen(finding)

    def _store(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._unwritten.store(row)

    def _dated(self, finding: Finding, gap: Gap | None) -> Finding:
        """Return what was looked for before the gap as begun in it."""
        return finding if gap is None or self._engine.is_present(finding) else gap.date(finding)


def _is_namespace(kind: str, group: str) -> bool:
    return (kind, group) == ("Namespace", "")
