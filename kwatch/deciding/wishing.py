"""From objects to what their annotations ask for: handed to the engine, and what of it is ignored is said once."""

import logging
from collections.abc import Iterator
from datetime import datetime

from kwatch.alerts.annotated import TOO_MANY, Asked, places_of, places_of_object
from kwatch.alerts.engine import Engine
from kwatch.alerts.wishes import Ignored
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Change, ObjectChange, ObjectState
from kwatch.model.self_service import Watching
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache

log = logging.getLogger(__name__)


class Wishing:
    """What the annotations of an object, of its workload and of its namespace say to kwatch."""

    def __init__(self, engine: Engine, cache: ObjectCache, counters: Counters) -> None:
        self._engine = engine
        self._cache = cache
        self._counters = counters
        self._said_too_many = False

    @property
    def is_on(self) -> bool:
        """Whether annotations may do anything."""
        return self._engine.self_service is not None

    def hear(self, change: ObjectChange, now: datetime) -> bool:
        """Let the annotations of an object take effect; return whether it is now watched and was not."""
        if not self.is_on:
            return False
        ref = change.state.ref
        was_out = self._is_out(ref)
        annotations = {} if change.change is Change.DELETED else change.state.annotations
        for ignored in self._engine.annotate(ref, annotations, now):
            self._counters.add("annotations_ignored", reason=ignored.reason)
            self._say(ref, ignored)
        is_out = self._is_out(ref)
        if is_out and not was_out:
            namespace = ref.name if _is_namespace(ref) else ref.namespace
            self._engine.leave(lambda each: each.namespace == namespace and self.opts_out(each), "opted out", now)
        return was_out and not is_out

    def _say(self, ref: ObjectRef, ignored: Ignored) -> None:
        """Say it where somebody can mend it; that there are too many of them once."""
        if ignored is not TOO_MANY or not self._said_too_many:
            facts = {"object": str(ref), "annotation": ignored.annotation, "reason": ignored.says}
            log.warning("annotation ignored", extra=facts)
        self._said_too_many |= ignored is TOO_MANY

    def opts_out(self, ref: ObjectRef) -> bool:
        """Return whether an object is not to be watched."""
        allowed = self._engine.self_service
        if allowed is None or allowed.watch is Watching.ALL:
            return False
        return self._engine.opts_out(places_of_object(ref, self._workload_of(ref)))

    def _is_out(self, ref: ObjectRef) -> bool:
        """Return whether an object is not to be watched; of a namespace, what is in it."""
        return self._engine.opts_out(places_of({"namespace": ref.name})) if _is_namespace(ref) else self.opts_out(ref)

    def asked(self, ref: ObjectRef) -> tuple[Asked, ...]:
        """Return the annotations that may act on an object, the nearest first."""
        return self._engine.insight.asked(places_of_object(ref, self._workload_of(ref)))

    def inside(self, ref: ObjectRef) -> Iterator[ObjectState]:
        """Yield the known objects of a namespace, or of a workload."""
        if _is_namespace(ref):
            return self._cache.objects_in(ref.name)
        workload = f"{ref.kind}/{ref.name}"
        return (each for each in self._cache.objects_in(ref.namespace) if self._workload_of(each.ref) == workload)

    def _workload_of(self, ref: ObjectRef) -> str:
        about = self._cache.about(ref)
        return about.workload if about is not None else f"{ref.kind}/{ref.name}"


def _is_namespace(ref: ObjectRef) -> bool:
    return (ref.kind, ref.group) == ("Namespace", "")
