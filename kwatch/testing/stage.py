"""kwatch as it is shipped, on a fake cluster, in virtual time: YAML and timed acts in, everything that was told out.

    stage = Stage(tmp_path, RULES)
    stage.at(0, lambda: stage.cluster.apply(pod))
    assert stage.run(until=600) == [Told(15, "hook", "firing", ("crash-loop",))]

Instants are seconds since `START`; kwatch is in sync by then. Nothing is patched: the composition is that of `kwatch
run`, with an in-memory wire to the API server and an in-memory transport to the receivers.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from kwatch.app import App, Ports
from kwatch.config.load import load
from kwatch.notify.base import Connection
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing import virtual
from kwatch.testing.fake import FakeCluster, FakeWire

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
#: Seconds before `START` at which kwatch is started: enough for all its watches to list.
LEAD = 30

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Told:
    """One message that a receiver accepted: when, at which URL's last segment, what kind, of which rules."""

    at: float
    destination: str
    kind: str
    rules: tuple[str, ...]
    document: Any = field(compare=False, repr=False)


class Stage:
    """One cluster, one state folder; `at` writes the play, `run` plays it."""

    def __init__(self, folder: Path, text: str, *, start: datetime = START) -> None:
        self._folder = folder
        self._start = start
        self._text = text
        self._acts: list[tuple[float, Act]] = []
        self._absences: list[tuple[float, float]] = []
        self.told: list[Told] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200)
        self.loop = virtual.VirtualLoop()
        self.clock = virtual.VirtualClock(start - timedelta(seconds=LEAD), self.loop)
        self.cluster = FakeCluster(self.clock)
        self.counters = Counters()
        self.app: App | None = None

    def now(self) -> float:
        """Return seconds since the start."""
        return round((self.clock.now() - self._start).total_seconds(), 3)

    def time(self, at: float) -> str:
        """Return an instant of the play as the API server writes it, with microseconds."""
        return (self._start + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def at(self, seconds: float, act: Act) -> None:
        """Do something to the cluster at an instant; acts of one instant keep their order."""
        self._acts.append((seconds, act))

    def absent(self, begin: float, end: float) -> None:
        """Let kwatch be killed at `begin` and started again at `end`."""
        self._absences.append((begin, end))

    def run(self, until: float) -> list[Told]:
        """Play until an instant, and return what was told, in order."""
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._play(until))
        return self.told

    async def _play(self, until: float) -> None:
        acting = asyncio.create_task(self._act())
        begin: float = -LEAD
        for end, resume in [*self._absences, (until, until)]:
            await self._live(begin, end)
            begin = resume
        acting.cancel()

    async def _act(self) -> None:
        for seconds, act in sorted(self._acts, key=lambda entry: entry[0]):
            await asyncio.sleep(max(0.0, seconds + LEAD - self.loop.time()))
            act()

    async def _live(self, begin: float, end: float) -> None:
        """Run kwatch between two instants, and end it as a kill does: nothing is finished."""
        await asyncio.sleep(max(0.0, begin + LEAD - self.loop.time()))
        with self._opened() as app:
            self.app = app
            living = asyncio.create_task(app.run(asyncio.Event()))
            done, _ = await asyncio.wait({living}, timeout=end + LEAD - self.loop.time())
            living.cancel()
            await asyncio.gather(living, return_exceptions=not done)

    @contextmanager
    def _opened(self) -> Iterator[App]:
        path = self._folder / "kwatch.yaml"
        path.write_text(self._text)
        state = State.open(self._folder / "state", virtual.InlineExecutor(), self.counters)
        ports = Ports(
            wire=FakeWire(self.cluster),
            cluster="stage",
            clock=self.clock,
            rng=random.Random(0),  # noqa: S311 - jitter, the same in every run
            transport=self._transport,
        )
        try:
            yield App(load(path, environ={}), ports, state, self.counters)
        finally:
            state.close()

    def _transport(self, _: Connection) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self._receive)

    def _receive(self, request: httpx.Request) -> httpx.Response:
        response = self.answer(request)
        if response.is_success:
            document = json.loads(request.content)
            rules = tuple(alert["labels"]["rule"] for alert in document["alerts"])
            name = request.url.path.rpartition("/")[2]
            self.told.append(Told(self.now(), name, document["kind"], rules, document))
        return response
