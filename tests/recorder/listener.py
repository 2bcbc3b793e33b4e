"""kwatch from the frames of a watch to what it says, without the network: the decider, in the time of the mix."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.engine import Engine
from kwatch.alerts.routing import Router
from kwatch.alerts.settings import EngineSettings
from kwatch.deciding.coverage import Coverage
from kwatch.deciding.decider import Decider
from kwatch.model.findings import Bucket, Finding
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.objects import Batch, Resource, Source, WatchEvent, WatchEventType
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Rule, Subject
from kwatch.namespaces import NamespaceFilter
from kwatch.rules.compile import RuleSet
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache
from kwatch.watch.normalise import EVENT_DECODER
from tests.recorder.mixes import OVER, START, Mix
from tests.recorder.recorder import Body, Frame

ZERO = timedelta(0)
EVENTS = Source(Resource("events.k8s.io", "v1", "Event", "events", True))
ROUTE = Route(
    receiver="team", group_by=("reason",), group_wait=ZERO, group_interval=ZERO, repeat_interval=ZERO
)  # told at once, each reason by itself
TEAM = Destination(name="team", receiver="team", type="stdout")


@dataclass(frozen=True)
class End:
    """A reason that was said to be over: when, since when, and how often it had happened in this episode."""

    reason: str
    at: float
    ends_at: float
    count: int
    is_resolved: bool


class LevelIgnored(Engine):
    """The negative control: a fixed time of quiet, whatever the emitter could tell."""

    def observe(self, finding: Finding, now: datetime) -> None:
        if finding.emission is not None:
            blind = msgspec.structs.replace(finding.emission, observable_at=now, over_at=now)
            finding = msgspec.structs.replace(finding, emission=blind)
        super().observe(finding, now)

    @property
    def heeded(self) -> Container[Bucket]:
        return ()

    def thaw_quiet(self, namespace: str, observable_at: datetime, now: datetime) -> None:
        super().thaw_quiet(namespace, now, now)


class Listener:
    """One kwatch that hears a mix. `totals` is what it has counted of each reason, over all episodes."""

    def __init__(self, mix: Mix, engine_type: type[Engine] = Engine) -> None:
        rule = Rule(name="any", id="any", on=Subject.EVENT, key=("namespace", "name", "reason"), quiet=mix.quiet)
        began = at(mix.synced_at)
        self.ends: list[End] = []
        self._mix = mix
        self._engine = engine_type(EngineSettings(rules={rule.id: rule}, router=Router(ROUTE, (TEAM,))), cluster="c")
        self._engine.load((), (), started_at=began, covered_until=began)
        self._decider = Decider(
            rules=RuleSet((rule,), cluster="c", label_names=()),
            cache=ObjectCache(),
            engine=self._engine,
            counters=Counters(),
            namespaces=NamespaceFilter(include=("*",), exclude=(), selector=None, labels_of=lambda _: None),
            look_up=lambda _: None,
            coverage=Coverage({}, started_at=began),
        )
        self._hear(mix.synced_at, (WatchEvent(WatchEventType.SYNCED, None, "1", began),))
        self._decider.start_complete(began)

    def totals(self, now: float) -> dict[str, int]:
        found: dict[str, int] = {}
        for reason, count in [
            *((end.reason, end.count) for end in self.ends),
            *((view.labels["reason"], view.count) for view in self._engine.insight.alerts(at(now))),
        ]:
            found[reason] = found.get(reason, 0) + count
        return found

    def play(self) -> Iterable[Frame]:
        """Hear everything; yield each frame that is shown at once, after it."""
        for frame in self._shown():
            if isinstance(frame, Frame):
                self._hear(frame.at, (_event(frame.kind, frame.body, frame.at),))
                yield frame
            else:
                self._hear(*frame)
        self._pass(OVER)

    def _shown(self) -> Iterable[Frame | tuple[float, tuple[WatchEvent, ...]]]:
        """Return what the watch shows: while it is broken nothing, then a list."""
        frames = list(self._mix.frames)
        for begin, end in self._mix.breaks:
            yield from [frame for frame in frames if frame.at <= begin]
            yield begin, (WatchEvent(WatchEventType.LOST, None, "", at(begin)),)
            live: dict[str, Body] = {}
            for frame in self._mix.frames:
                if frame.at <= end:
                    live[frame.body["metadata"]["name"]] = frame.body
                    if frame.kind == "DELETED":
                        del live[frame.body["metadata"]["name"]]
            listed = [_event("LISTED", body, end) for body in live.values()]
            yield end, (*listed, WatchEvent(WatchEventType.SYNCED, None, "1", at(end)))
            frames = [frame for frame in frames if frame.at > end]
        yield from frames

    def _hear(self, seconds: float, events: tuple[WatchEvent, ...]) -> None:
        self._pass(seconds)
        self._decider.decide(Batch(EVENTS, events, "", at(seconds)), at(seconds))
        self._take()

    def _pass(self, until: float) -> None:
        while (due := self._decider.wake_at()) is not None and due <= at(until):
            self._decider.tick(due)
            self._take()

    def _take(self) -> None:
        decision = self._decider.take()
        for notification in decision.notifications if decision is not None else ():
            self._engine.ended("team", notification.incident, notification.kind, notification.created_at)
            if notification.kind.closes:
                self.ends.append(_end(notification))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _event(kind: str, body: Body, seconds: float) -> WatchEvent:
    decoded = EVENT_DECODER.decode(msgspec.json.encode(body))
    return WatchEvent(WatchEventType[kind], decoded, body["metadata"]["resourceVersion"], at(seconds))


def _end(notification: Notification) -> End:
    (view,) = notification.content.alerts
    assert view.ends_at is not None
    return End(
        reason=view.labels["reason"],
        at=(notification.created_at - START).total_seconds(),
        ends_at=(view.ends_at - START).total_seconds(),
        count=view.count,
        is_resolved=notification.kind is NotificationKind.RESOLVED,
    )
