"""kwatch as it is shipped, on a fake cluster, in virtual time: YAML and timed acts in, everything that was told out.

    stage = Stage(tmp_path, RULES)
    stage.pod(0, ready=False)
    stage.event(30, reason="BackOff")
    stage.run(until=600)
    assert stage.lines == ["15 hook firing not-ready shop/Pod/web-1", "30 hook firing back-off shop/Pod/web-1"]

Instants are seconds since `START`; kwatch is in sync by then. An act that fails ends the play. Nothing is patched: the
composition is that of `kwatch run`, with an in-memory wire to the API server and an in-memory transport to the
receivers: a webhook at any URL, and a Slack that knows the channel `#alerts` and the token `{file: FOLDER/slack-
token}`; `FOLDER` is the stage's own.
"""

import asyncio
import inspect
import math
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from kwatch.alerts.engine import Engine
from kwatch.app import App
from kwatch.board import LiveBoard
from kwatch.cluster.wire import Wire
from kwatch.config.files import ConfigFiles
from kwatch.control import LiveControl
from kwatch.ports import Ports
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing import manifests, virtual
from kwatch.testing.fake import FakeCluster, FakeWire
from kwatch.testing.timeline import Absence, Timeline
from kwatch.testing.told import Told, told_by
from kwatch.testing.vendors.slack import Slack
from kwatch.web.routes import create_app

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
#: Seconds before the start at which kwatch is started, unless told otherwise: enough for all its watches to list.
LEAD = 30
SLACK_TOKEN = "xoxb-stage"  # noqa: S105 - of the stage's own Slack

Act = Callable[[], object]


class Stage:
    """One cluster, one state folder; `at` writes the play, `run` plays it."""

    def __init__(self, folder: Path, text: str, *, start: datetime = START, lead: float = LEAD) -> None:
        self._folder = folder
        self._lead = lead
        self._text = text
        self._acts: list[tuple[float, Act]] = []
        self._absences: list[Absence] = []
        self._first: dict[str, float] = {}  # instants of the first occurrences, by the Events' names
        self.told: list[Told] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200)
        self.answers_after = 0.0  # seconds that the receiver takes
        self.hosts: dict[str, Callable[[httpx.Request], Awaitable[httpx.Response]]] = {}  # that answer for themselves
        self.wire: Callable[[FakeCluster], Wire] = FakeWire
        self._timeline = Timeline(start, lead)
        self.loop = self._timeline.loop
        self.clock = self._timeline.clock
        self.own_clock = self._timeline.own_clock  # of kwatch's machine
        self.cluster = FakeCluster(self.clock)
        self.counters = Counters()
        self.slack = Slack(self.clock, token=SLACK_TOKEN)
        self.state_type: type[State] = State  # a subclass may cut the process at a point that it knows
        self.follows_files = False  # a look at them each two seconds, in plays that last for days
        self.app: App | None = None
        self._killed = asyncio.Event()
        self._back_at = 0.0  # when kwatch is started again after `kill`

    def now(self) -> float:
        """Return seconds since the start."""
        return self._timeline.now()

    def time(self, at: float) -> str:
        """Return an instant of the play as the API server writes it, with microseconds."""
        return self._timeline.time(at)

    def second(self, at: float) -> str:
        """Return an instant of the play as the API server writes it, cut to the second."""
        return self._timeline.second(at)

    def at(self, seconds: float, act: Act) -> None:
        """Do something at an instant, and await it if it can be; acts of one instant keep their order."""
        self._acts.append((seconds, act))

    def pod(
        self,
        at: float,
        name: str = "web-1",
        *,
        ready: bool | None = None,
        since: float | None = None,
        status: Mapping[str, Any] = {},
        **words: Any,
    ) -> None:
        """Write a Pod; `ready` is its condition, `since` an instant or else now, `words` are those of `manifests`."""
        whole = dict(status)
        if ready is not None:
            began = self.second(at if since is None else since)
            whole["conditions"] = [manifests.condition("Ready", holds=ready, since=began)]
        self.apply(at, manifests.pod(name, status=whole, **words))

    def node(self, at: float, name: str = "node-1", *, ready: bool | None, since: float | None = None) -> None:
        """Write a Node; `ready` None: nobody knows."""
        ready_ = manifests.condition("Ready", holds=ready, since=self.second(at if since is None else since))
        self.apply(at, manifests.node(name, status={"conditions": [ready_]}))

    def event(
        self,
        at: float,
        count: int = 1,
        *,
        name: str = "web-1.a",
        about: str = "Pod/shop/web-1",
        reason: str = "BackOff",
        message: str = "Back-off",
        first: float | None = None,
        last: float | None = None,
    ) -> None:
        """Write an Event as core/v1 recorders do: to the second, the same name with a higher count.

        It is written at `at`, and says that it happened `last` at that instant or another, `first` when the name was
        written first.
        """
        last = at if last is None else last
        began = self._first[name] = self._first.get(name, last) if first is None else first
        times = {"first": self.second(began), "last": self.second(last)}
        self.apply(at, manifests.core_event(name, about, reason=reason, message=message, count=count, **times))

    def new_event(
        self,
        at: float,
        series: int | None = None,
        *,
        name: str = "web-1.a",
        about: str = "Pod/shop/web-1",
        reason: str = "BackOff",
        message: str = "Back-off",
        last: float | None = None,
    ) -> None:
        """Write an Event as events.k8s.io/v1 recorders do: to the microsecond, repeats as a series of that count."""
        last = at if last is None else last
        began = self._first.setdefault(name, last)
        times = {"at": self.time(began), "created": self.second(began)}
        repeats = None if series is None else {"count": series, "lastObservedTime": self.time(last)}
        self.apply(at, manifests.new_event(name, about, reason=reason, message=message, series=repeats, **times))

    def apply(self, at: float, manifest: Mapping[str, Any]) -> None:
        """Create an object at an instant, or merge the manifest into the one that exists."""
        self.at(at, lambda: self.cluster.apply(manifest))

    def delete(self, at: float, name: str, *, kind: str = "Pod", namespace: str = "shop") -> None:
        """Delete a Pod, an Event or another object of core/v1 at an instant."""
        metadata = {"name": name, "namespace": namespace}
        self.at(at, lambda: self.cluster.delete({"apiVersion": "v1", "kind": kind, "metadata": metadata}))

    def ack(self, at: float, rule: str, *, by: str = "ann", comment: str = "") -> None:
        """Let somebody acknowledge what fires of a rule."""
        self.at(at, lambda: self._answer(rule, lambda engine, name, now: engine.ack(name, by, now, comment=comment)))

    def unack(self, at: float, rule: str, *, by: str = "ann") -> None:
        """Let them take it back."""
        self.at(at, lambda: self._answer(rule, lambda engine, name, now: engine.unack(name, by, now)))

    def set_clock(self, at: float, by: float) -> None:
        """Let the clock of kwatch's machine be set; the cluster and the stage keep their time."""
        self.at(at, lambda: self.own_clock.set_by(by))

    def sleep(self, begin: float, end: float) -> None:
        """Let kwatch's machine sleep: nothing of it runs, and what is played meanwhile is on the wire when it wakes."""
        self._timeline.plan_sleep(begin, end)
        self.at(begin, lambda: self._timeline.oversleep(end - begin))

    def absent(self, begin: float, end: float, text: str = "", *, is_killed: bool = True) -> None:
        """Let kwatch be killed, or else stopped by SIGTERM, at `begin` and started again at `end` or as soon as it can.

        It comes back with another configuration if one is given.
        """
        self._absences.append(Absence(begin, end, text, is_killed))

    def write(self, text: str = "", name: str = "kwatch.yaml") -> Path:
        """Let a file of the configuration be another one, from now on; for acts.

        kwatch finds out by itself where `follows_files`; LookupError where it runs and would never see it.
        """
        if self.app is not None and not self.follows_files:
            raise LookupError("kwatch does not look at its files in this play: set follows_files before it starts")
        path, new = self._folder / name, self._folder / f"{name}.new"
        if name == "kwatch.yaml":
            text = self._text = text or self._text
        new.write_text(text.replace("FOLDER", str(self._folder)))
        return new.replace(path)

    def reload(self, at: float, text: str = "") -> None:
        """Change the configuration at an instant, or not, and ask kwatch to load it, as SIGHUP does."""
        self.follows_files = True

        def act() -> None:
            self.write(text)
            if self.app is not None:
                self.app.reloader.request()

        self.at(at, act)

    def kill(self, *, back_after: float = 1.0) -> None:
        """End kwatch now, and start it again so many seconds later; for acts, and for those who cut it in `State`."""
        self._back_at = self.now() + back_after
        self._killed.set()

    async def get(self, path: str) -> httpx.Response:
        """Ask the web of the kwatch that runs now."""
        return await self.request("GET", path)

    async def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the web of the kwatch that runs now, as one who has the token."""
        if self.app is None:
            raise LookupError("kwatch does not run")
        control = LiveControl(self.app)
        transport = httpx.ASGITransport(create_app(LiveBoard(self.app), control))
        headers = {"authorization": f"Bearer {control.token}", "x-kwatch-actor": "alice"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, json=body, headers=headers)

    def run(self, until: float) -> list[Told]:
        """Play until an instant, and return what was told, in order."""
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._play(until))
        return self.told

    @contextmanager
    def live(self) -> Iterator[Callable[[float], None]]:
        """Play without an end; what is given lets so many seconds pass. What fails in the play is raised then."""
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            playing = runner.get_loop().create_task(self._play(math.inf))

            def advance(seconds: float) -> None:
                runner.get_loop().run_until_complete(asyncio.wait({playing}, timeout=seconds))
                if playing.done():
                    playing.result()

            yield advance

    @property
    def lines(self) -> list[str]:
        """What was told, each message as one line."""
        return [str(told) for told in self.told]

    def counted(self, name: str, **labels: str) -> int:
        """Return a counter, `name` and labels as in `docs/metrics.md` without `kwatch_` and `_total`."""
        return self.counters.read().get((name, tuple(sorted(labels.items()))), 0)

    async def _play(self, until: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            acting = tasks.create_task(self._act())
            begin = -self._lead
            for absence in [*self._absences, Absence(until, until)]:
                await self._live(begin, absence)
                begin, self._text = absence.end, absence.text or self._text
            acting.cancel()

    async def _act(self) -> None:
        for seconds, act in sorted(self._acts, key=lambda entry: entry[0]):
            await self._timeline.until_just_before(seconds)
            result = act()
            if inspect.isawaitable(result):
                await result

    async def _live(self, begin: float, absence: Absence) -> None:
        """Let kwatch run from an instant until it is absent, again after each `kill`."""
        while begin < absence.begin:
            await self._timeline.until(begin)
            self._back_at = absence.begin
            await self._live_once(absence)
            begin = self._back_at

    async def _live_once(self, absence: Absence) -> None:
        """Run kwatch until it is absent or until a `kill`, which finishes nothing."""
        self._killed.clear()
        with self._opened() as app:
            self.app = app
            stop = asyncio.Event()
            living = asyncio.create_task(app.run(stop))
            killed = asyncio.create_task(self._killed.wait())
            timeout = self._timeline.left(absence.begin)
            try:
                done, _ = await asyncio.wait({living, killed}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if not done and not absence.is_killed:
                    stop.set()
                    await asyncio.wait({living})
            finally:
                is_over = living.done()
                self.app = None
                for task in (living, killed):
                    task.cancel()
                await asyncio.wait({living, killed})
            if is_over:
                living.result()

    def _answer(self, rule: str, act: Callable[[Engine, str, datetime], object]) -> None:
        if (app := self.app) is None:
            raise LookupError("kwatch does not run")
        engine = app.engine
        firing = [alert.fingerprint for alert in engine.insight.alerts(self.clock.now()) if alert.rule == rule]

        def step(now: datetime) -> None:
            for fingerprint in firing:
                act(engine, fingerprint, now)

        app.pipeline.submit(step)

    @contextmanager
    def _opened(self) -> Iterator[App]:
        files = ConfigFiles(self.write())
        (self._folder / "slack-token").write_text(SLACK_TOKEN)
        state = self.state_type.open(self._folder / "state", virtual.InlineExecutor(), self.counters)
        ports = Ports(
            wire=self.wire(self.cluster),
            cluster="stage",
            clock=self.own_clock,
            rng=random.Random(0),  # noqa: S311 - jitter, the same in every run
            transport=lambda _: httpx.MockTransport(self._receive),
            files=files if self.follows_files else ConfigFiles(),
        )
        try:
            yield App(files.read(), ports, state, self.counters)
        finally:
            state.close()

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        if self.answers_after:
            await asyncio.sleep(self.answers_after)
        if request.url.host in self.hosts:
            return await self.hosts[request.url.host](request)
        if request.url.host == "slack.com":
            return await self.slack.answer(request)
        response = self.answer(request)
        if response.is_success and request.method == "POST":  # a GET is a heartbeat
            self.told.append(told_by(request, self.now()))
        return response
