"""From the frames of Events to what the engine is told. Most are of no interest, and told apart first: the hot path."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from kwatch.alerts.engine import Engine
from kwatch.deciding.counts import Counts
from kwatch.deciding.coverage import Coverage
from kwatch.deciding.hearing import Hearing
from kwatch.deciding.parked import Parked
from kwatch.deciding.scope import Scope
from kwatch.deciding.wishing import Wishing
from kwatch.model.findings import Finding, FindingKind
from kwatch.model.objects import Source, WatchEvent, WatchEventType
from kwatch.model.observations import About, KubeEvent
from kwatch.model.rules import Mode
from kwatch.rules.compiled import CompiledRule
from kwatch.watch.counting import CountCase
from kwatch.watch.emitter import bucket_of
from kwatch.watch.normalise import event_of, subject_of, without_secrets


class Events:
    """Counts what rules ask for, and tells the engine of it."""

    def __init__(
        self,
        scope: Scope,
        engine: Engine,
        counts: Counts,
        coverage: Coverage,
        parked: Parked,
        hearing: Hearing,
        wishing: Wishing,
        outcomes: Counter[str],
    ) -> None:
        self._scope = scope
        self._engine = engine
        self._counts = counts
        self._coverage = coverage
        self._parked = parked
        self._hearing = hearing
        self._wishing = wishing
        self._outcomes = outcomes

    def observe(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        """Take one frame; what no rule asks for is told apart without looking closer."""
        if frame.body is None:
            self._on_coverage(source, frame, now)
            self._hearing.on_watch(source, frame, now)
            return
        self._hearing.on_write(source, frame, now)
        subject = subject_of(frame.body)
        candidates = self._scope.rules.event_candidates(*subject)
        if not candidates:
            self._outcomes["no_rule"] += 1
        elif not self._scope.namespaces.is_watched(subject[2]):
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
        body = without_secrets(frame.body, self._scope.redact)
        event = event_of(body)
        if event is None:
            self._outcomes["malformed"] += 1
        elif frame.type is WatchEventType.DELETED:
            self._outcomes["aged"] += 1
            self._counts.end(event, now)
        else:
            # What a list shows beyond the checkpoint is as new as if the watch had brought it, whatever its times say.
            is_listed = frame.type is WatchEventType.LISTED
            is_listed = is_listed and not self._coverage.is_beyond(source.id, event.resource_version)
            bucket = bucket_of(body)

            def go_on(about: About | None, at: datetime) -> None:
                rules = self._scope.rules
                asked = rules.event_candidates(*subject_of(frame.body))  # what has waited may meet other rules
                findings = rules.event_findings(event, about, asked, at)
                findings = self._hearing.complete(findings, source, event, bucket, at)
                self._on_event(source, event, about, findings, is_listed=is_listed, now=at)

            if self._wishing.is_on or self._scope.rules.needs_object(candidates):
                self._parked.with_object(source.id, event.regarding, go_on, now)
            else:
                go_on(None, now)

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
        covered_from = self._coverage.covered_from(source.id)
        counted = self._counts.count(event, covered_from=covered_from, is_listed=is_listed, now=now)
        if counted.contribution is None:
            self._outcomes["nothing_new"] += 1
            if counted.case is CountCase.C5:
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
            truth = self._scope.rules.evidence(finding.rule, about.state)
            self._engine.observe(msgspec.structs.replace(finding, kind=FindingKind.EVIDENCE, truth=truth), now)
