"""The recorders of client-go and the API server that they write to, as far as a watch shows them. Nothing of kwatch.

After client-go: `tools/record` (correlator: aggregation, counting, then the spam filter) for core/v1, and
`tools/events` (series) for events.k8s.io/v1. Time is seconds of the play; each occurrence is remembered until a write
has told of it, so that the truth needs no arithmetic on counts.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]

TIME_TO_LIVE = 3600.0
CACHE = 4096
SIMILAR, SIMILAR_WITHIN = 10, 600.0
BURST, REFILL = 25, 300.0
FINISH, REFRESH = 360.0, 1800.0


@dataclass(frozen=True)
class Frame:
    """One frame of a watch: when, what, the object as it was then, and which occurrences writes had told of by then."""

    at: float
    kind: str
    body: Body
    told: dict[str, tuple[int, float]]  # by reason: how many, and the last of them


@dataclass
class Server:
    """Events by name, their time to live, and every frame of a watch that never breaks."""

    instant: Callable[[float, bool], str]
    frames: list[Frame] = field(default_factory=list)
    objects: dict[str, Body] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    told: dict[str, tuple[int, float]] = field(default_factory=dict)
    pending: dict[str, list[float]] = field(default_factory=dict)  # by the Event's name: not told of yet
    version: int = 100

    def create(self, at: float, body: Body) -> None:
        name = body["metadata"]["name"]
        metadata = {**body["metadata"], "namespace": "shop", "uid": f"event-{self.version}"}
        metadata["creationTimestamp"] = self.instant(at, False)
        self._write(at, "ADDED", name, {**body, "metadata": metadata})

    def patch(self, at: float, name: str, changes: Body) -> bool:
        """Change an Event; False: there is none of that name (404)."""
        self.expire(at)
        before = self.objects.get(name)
        if before is None:
            return False
        if {**before, **changes} != before:
            self._write(at, "MODIFIED", name, {**before, **changes})
        return True

    def expire(self, at: float) -> None:
        """Delete what nobody has written for an hour."""
        for name in [name for name, written in self.written.items() if written + TIME_TO_LIVE <= at]:
            body = self.objects.pop(name)
            when = self.written.pop(name) + TIME_TO_LIVE
            self.version += 1
            self.frames.append(Frame(when, "DELETED", self._versioned(body), dict(self.told)))

    def _write(self, at: float, kind: str, name: str, body: Body) -> None:
        self.expire(at)
        self.version += 1
        self.objects[name] = self._versioned(body)
        self.written[name] = at
        number, last = self.told.get(body["reason"], (0, 0.0))
        happened = self.pending.pop(name, [])
        self.told[body["reason"]] = (number + len(happened), max([last, *happened]))
        self.frames.append(Frame(at, kind, self.objects[name], dict(self.told)))

    def _versioned(self, body: Body) -> Body:
        return {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}


class Cache(OrderedDict[Any, Any]):
    """The least recently used is forgotten."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def look(self, key: Any) -> Any:
        if key in self:
            self.move_to_end(key)
        return self.get(key)

    def add(self, key: Any, value: Any) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._size:
            self.popitem(last=False)


class CoreRecorder:
    """`tools/record`: the kubelet and most controllers."""

    def __init__(self, server: Server, component: str, host: str, size: int = CACHE) -> None:
        self._server = server
        self._source = {"component": component, "host": host}
        self._similar, self._logged, self._buckets = Cache(size), Cache(size), Cache(size)

    def occur(self, at: float, about: Body, reason: str, message: str) -> None:
        key, message, is_combined = self._aggregate(at, about["uid"], reason, message)
        name, first, count = self._observe(at, key, f"{about['name']}.{int(at * 1e9):x}")
        self._server.pending.setdefault(name, []).append(at)
        if not self._accept(at, about["uid"]):
            return
        changes = {"count": count, "lastTimestamp": self._server.instant(at, False), "message": message}
        if count > 1 and self._server.patch(at, name, changes):
            return
        controller = {} if is_combined else {"reportingComponent": self._source["component"]}
        body = {"metadata": {"name": name}, "involvedObject": about, "type": "Warning", "reason": reason}
        times = {"firstTimestamp": self._server.instant(first, False), "source": self._source}
        self._server.create(at, {**body, **times, **controller, **changes})

    def _aggregate(self, at: float, uid: str, reason: str, message: str) -> tuple[Any, str, bool]:
        """From the tenth other text on within ten minutes, similar ones are one."""
        key = (uid, reason)
        texts, last = self._similar.look(key) or (set(), 0.0)
        if at - last > SIMILAR_WITHIN:
            texts = set()
        texts.add(message)
        self._similar.add(key, (texts, at))
        if len(texts) < SIMILAR:
            return (uid, reason, message), message, False
        texts.pop()
        return key, f"(combined from similar events): {message}", True

    def _observe(self, at: float, key: Any, name: str) -> tuple[str, float, int]:
        """Count, whether or not it will be written."""
        name, first, count = self._logged.look(key) or (name, at, 0)
        self._logged.add(key, (name, first, count + 1))
        return name, first, count + 1

    def _accept(self, at: float, uid: str) -> bool:
        tokens, last = self._buckets.look(uid) or (float(BURST), at)
        tokens = min(float(BURST), tokens + (at - last) / REFILL)
        is_accepted = tokens >= 1.0
        self._buckets.add(uid, (tokens - is_accepted, at))
        return is_accepted


@dataclass
class Series:
    """An Event in the memory of a newer recorder."""

    name: str
    began: float
    last: float
    count: int = 1


class SeriesRecorder:
    """`tools/events`: the scheduler and newer controllers. `wake` runs its timers.

    They start together, at `phase`; the refresh falls behind by `drift`, the time that its writes have taken since.
    """

    def __init__(self, server: Server, controller: str, *, phase: float, drift: float) -> None:
        self._server = server
        self._controller = controller
        self._kept: dict[Any, Series] = {}
        self._next = {FINISH: phase, REFRESH: phase + drift}

    def occur(self, at: float, about: Body, reason: str, message: str) -> None:
        key = (about["uid"], reason)
        name = f"{about['name']}.{int(at * 1e9):x}"
        series = self._kept.setdefault(key, Series(name, at, at, 0))
        series.count += 1
        series.last = at
        self._server.pending.setdefault(series.name, []).append(at)
        if series.count == 1:
            body = {"metadata": {"name": name}, "regarding": about, "type": "Warning", "reason": reason}
            more = {"note": message, "eventTime": self._server.instant(at, True)}
            who = {"reportingController": self._controller, "reportingInstance": f"{self._controller}-1"}
            self._server.create(at, {**body, **more, **who})
        elif series.count == 2:
            self._record(at, series)

    def wake(self, until: float) -> None:
        """Do what is due before an instant: the sweep of what is idle, the refresh of all series."""
        while (due := min(self._next.values())) < until:
            for period, at in self._next.items():
                if at == due:
                    self._next[period] = due + period
                    (self._refresh if period == REFRESH else self._finish)(due)

    def _refresh(self, at: float) -> None:
        for series in self._kept.values():
            if series.count > 1:
                self._record(at, series)

    def _finish(self, at: float) -> None:
        for key, series in list(self._kept.items()):
            if series.last < at - FINISH:
                if series.count > 1:
                    self._record(at, series)
                del self._kept[key]

    def _record(self, at: float, series: Series) -> None:
        last = self._server.instant(series.last, True)
        changes = {"series": {"count": series.count, "lastObservedTime": last}}
        self._server.patch(at, series.name, changes)
