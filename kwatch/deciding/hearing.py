"""What the silence of emitters means: from the writes that watches of Events show to the engine. Decides nothing."""

from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.engine import Engine
from kwatch.model.findings import Bucket, Finding
from kwatch.model.objects import Source, WatchEvent, WatchEventType
from kwatch.model.observations import KubeEvent
from kwatch.watch.emitter import BLIND, Emitters, bucket_of

_WRITES = (WatchEventType.MODIFIED, WatchEventType.ADDED)


class Hearing:
    """Keep the emitters' buckets, and let the engine know of those that its alerts rest on."""

    def __init__(self, engine: Engine, *, is_asked_for: bool) -> None:
        self._engine = engine
        self._is_asked_for = is_asked_for  # whether any rule ends by quiet
        self._heeded = engine.heeded
        self._emitters = Emitters()

    def use(self, *, is_asked_for: bool, now: datetime) -> None:
        """Go by other rules, for the first of which that end by quiet the account begins."""
        if is_asked_for and not self._is_asked_for:
            self._emitters.begin(now)
        self._is_asked_for = is_asked_for

    def jump(self, by: timedelta) -> None:
        """The clock was set."""
        self._emitters.jump(by)

    def on_watch(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        """Take that a watch of Events is in sync, or is not: silence counts only while every write is seen."""
        if frame.type is WatchEventType.LOST:
            self._emitters.lose(source.namespace)
            self._engine.freeze_quiet(source.namespace, now)
        elif frame.type is WatchEventType.SYNCED:
            self._emitters.regain(source.namespace, now)
            self._engine.thaw_quiet(source.namespace, now + BLIND, now)

    def on_write(self, source: Source, frame: WatchEvent, now: datetime) -> None:
        """Take any write, also of what no rule asks for: it spends the tokens of what one asks for. The hot path."""
        if not self._is_asked_for or frame.type not in _WRITES or (bucket := bucket_of(frame.body)) is None:
            return
        self._emitters.spend(source.namespace, bucket, now)
        if bucket in self._heeded:
            observable_at = self._emitters.observable_at(source.namespace, bucket, now)
            if observable_at is not None and observable_at > now:
                self._engine.wrote(bucket, observable_at, now)

    def complete(
        self, findings: tuple[Finding, ...], source: Source, event: KubeEvent, bucket: Bucket | None, now: datetime
    ) -> tuple[Finding, ...]:
        """Return the findings of one write, with what its emitter could tell from now on where that ends alerts."""
        if not any(finding.rule.ends_by_quiet for finding in findings):
            return findings
        emission = self._emitters.emission(source.namespace, event, bucket, now)
        return tuple([msgspec.structs.replace(finding, emission=emission) for finding in findings])

    def sweep(self, now: datetime) -> int:
        """Drop what is as good as unknown; return how many buckets memory did not suffice for."""
        return self._emitters.sweep(now)
