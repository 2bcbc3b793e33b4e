"""What every scenario needs: the feeder, the shipped command, a receiver, and what the kernel knows of their costs."""

import asyncio
import contextlib
import json
import os
import re
import sys
import time
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kwatch.config.load import load
from kwatch.testing.fake.server import write_kubeconfig

HERE = Path(__file__).parent
#: Seconds after which something that should have happened is a failure of the benchmark.
PATIENCE = 120.0
RULES = 50
_STAMP = re.compile(rb"@(\d+)@")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds that a process has used, and when that was read."""

    at: float
    loop: float
    threads: float

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.at - other.at, self.loop - other.loop, self.threads - other.threads)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request at the receiver: when its last byte came, and when the Event in it was sent, in nanoseconds."""

    at: int
    sent: int
    body: bytes = field(repr=False)


class Receiver(asyncio.Protocol):
    """Answers each POST at once, and notes it."""

    def __init__(self, arrived: Callable[[Arrival], None]) -> None:
        self._arrived = arrived
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, piece: bytes) -> None:
        now = time.monotonic_ns()
        self._rest += piece
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            length = int(re.search(rb"(?i)content-length: *(\d+)", self._rest[:end])[1])  # type: ignore[index]
            if len(self._rest) < end + 4 + length:
                return
            body, self._rest = self._rest[end + 4 : end + 4 + length], self._rest[end + 4 + length :]
            assert self._transport is not None
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            stamp = _STAMP.search(body)
            self._arrived(Arrival(now, int(stamp[1]) if stamp else 0, body))


@dataclass
class Rig:
    """A running kwatch, fed and heard."""

    feeder: Process
    folder: Path
    arrivals: list[Arrival] = field(default_factory=list)
    said: deque[dict[str, Any]] = field(default_factory=deque)
    logged: list[tuple[float, str]] = field(default_factory=list)
    kwatch: Process | None = None
    is_over: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def order(self, **words: Any) -> None:
        """Tell the feeder what to send."""
        assert self.feeder.stdin is not None
        self.feeder.stdin.write(json.dumps(words).encode() + b"\n")

    async def until(self, find: Callable[[], Any]) -> Any:
        """Return what `find` finds, as soon as it finds something."""
        async with asyncio.timeout(PATIENCE):
            while not (found := find()):
                if self.is_over:
                    raise SystemExit("kwatch has ended:\n" + "".join(line for _, line in self.logged[-10:]))
                self.changed.clear()
                await self.changed.wait()
        return found

    async def heard(self, word: str, value: str) -> float:
        """Wait until the feeder has said something, and return when that was."""
        said = await self.until(lambda: next((each for each in self.said if each.get(word) == value), None))
        self.said.remove(said)
        return float(said["at"])

    async def log_line(self, text: str) -> tuple[float, str]:
        """Return when kwatch logged a line with a text, and the line."""
        return await self.until(lambda: next((each for each in self.logged if text in each[1]), None))  # type: ignore[no-any-return]

    async def told(self, count: int) -> list[Arrival]:
        """Wait until the receiver has so many requests with an Event's stamp."""
        return await self.until(lambda: len(self.arrivals) >= count and self.arrivals)  # type: ignore[no-any-return]

    async def mark(self, number: int) -> Arrival:
        """Send an Event that is told, and wait for it: what was sent before it is decided then."""
        before = len(self.arrivals)
        self.order(what="marks", first=number, count=1)
        return await self.until(  # type: ignore[no-any-return]
            lambda: next((each for each in self.arrivals[before:] if b'"benchmark-mark"' in each.body), None)
        )

    def cpu(self) -> Cpu:
        """Return what kwatch has used."""
        assert self.kwatch is not None
        tasks = Path(f"/proc/{self.kwatch.pid}/task")
        used = {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks.iterdir()}
        return Cpu(time.monotonic(), used[str(self.kwatch.pid)], sum(used.values()))

    def memory(self, name: str = "VmRSS") -> float:
        """Return the resident memory of kwatch in MB: now, or at its peak with VmHWM."""
        assert self.kwatch is not None
        status = Path(f"/proc/{self.kwatch.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024 / 1e6  # type: ignore[index]

    async def metrics(self) -> Counter[str]:
        """Return what /metrics says, by series."""
        _, line = await self.log_line("Status page: ")
        url = line.split("Status page: ")[1].strip() + "metrics"
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read().decode())
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return Counter({name: int(float(value)) for name, value in pairs if value != "NaN"})

    async def stop(self) -> None:
        """Let kwatch end in order."""
        assert self.kwatch is not None
        self.kwatch.terminate()
        await self.kwatch.wait()


def total(metrics: Counter[str], name: str, part: str = "") -> int:
    """Return the sum of a counter's series, of those with `part` in their labels."""
    prefix = f"kwatch_{name}_total"
    return sum(value for series, value in metrics.items() if series.split("{")[0] == prefix and part in series)


@contextlib.asynccontextmanager
async def rig(
    folder: Path,
    *,
    pods: int = 1000,
    events: int = 0,
    resources: tuple[str, ...] = (),
    command: tuple[str, ...] = ("-m", "kwatch"),
    configured: Callable[[str], dict[str, Any]] | None = None,
) -> AsyncIterator[Rig]:
    """Start everything and give it as soon as kwatch runs; `configured` makes another configuration."""
    folder.mkdir(parents=True)
    arguments = ("--pods", str(pods), "--events", str(events))
    feeder = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "feeder.py"), *arguments, stdin=PIPE, stdout=PIPE
    )
    running = Rig(feeder, folder)
    async with asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(_hear(running))
        receiver = await _receive(running)
        write_kubeconfig(folder / "kubeconfig", (await running.until(lambda: running.said and running.said[0]))["url"])
        port = receiver.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/hook"
        config = configured(url) if configured else configuration(url, resources)
        (folder / "kwatch.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        options = ["--kubeconfig", str(folder / "kubeconfig"), "--state", str(folder / "state")]
        options += ["--config", str(folder / "kwatch.yaml")]
        running.kwatch = await asyncio.create_subprocess_exec(
            sys.executable, *command, "run", *options, stdout=PIPE, stderr=PIPE, cwd=folder, env=_environment()
        )
        logging = tasks.create_task(_log(running))
        try:
            yield running
        finally:
            if running.kwatch.returncode is None:
                running.kwatch.kill()
            feeder.kill()
            await asyncio.gather(running.kwatch.wait(), feeder.wait())
            await asyncio.gather(hearing, logging)
            receiver.close()


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths}


async def _hear(running: Rig) -> None:
    assert running.feeder.stdout is not None
    async for line in running.feeder.stdout:
        running.said.append(json.loads(line))
        running.changed.set()


async def _log(running: Rig) -> None:
    assert running.kwatch is not None
    assert running.kwatch.stderr is not None
    async for line in running.kwatch.stderr:
        running.logged.append((time.monotonic(), line.decode()))
        running.changed.set()
    running.is_over = True
    running.changed.set()


async def _receive(running: Rig) -> asyncio.Server:
    def arrived(arrival: Arrival) -> None:
        running.arrivals.append(arrival)
        running.changed.set()

    return await asyncio.get_running_loop().create_server(lambda: Receiver(arrived), "127.0.0.1", 0)


def configuration(url: str, resources: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a configuration with 50 rules, the default packs among them; few of the feeder's Events interest one."""
    own = [
        {
            "name": "benchmark-mark",
            "on": "event",
            "match": {"kind": "Pod", "reason": "Mark"},
            "mode": "notice",
            "key": ["namespace", "name"],
        },
        {
            "name": "benchmark-hit",
            "on": "event",
            "match": {"kind": "Pod", "reason": "Hit"},
            "rate": {"count": 5, "within": "10m", "per": ["namespace", "workload"]},
        },
        {
            "name": "benchmark-state",
            "on": "resource",
            "match": {"kind": "Pod", "labels": {"state": "mark"}},
            "mode": "notice",
            "key": ["namespace", "name"],
        },
    ]
    built_in = len(load(None, environ={}).rules)
    own += [_bystander(number) for number in range(RULES - built_in - len(own))]
    return {
        "cluster": "benchmark",
        "web": {"listen": "127.0.0.1:0"},
        "log": {"format": "json"},
        "watch": {"resources": list(resources)},
        "rules": own,
        "route": {"receiver": "hook", "group_by": ["namespace", "name"], "group_wait": "0s"},
        "receivers": {"hook": [{"type": "webhook", "url": url}]},
    }


def _bystander(number: int) -> dict[str, Any]:
    """Return a rule about some reason; one in ten of them about a namespace that is there."""
    reasons = ("BackOff", "Unhealthy", "Started", "Failed", "Evicted")
    namespaces = [f"team-{number:02d}"] if number % 10 == 0 else [f"other-{number}*", f"prod-{number}"]
    match = {"kind": "Pod", "reason": reasons[number % 5], "namespace": namespaces, "message": f"*exit code {number}*"}
    return {
        "name": f"bystander-{number}",
        "on": "event",
        "match": match,
        "rate": {"count": 5, "within": "10m", "per": ["namespace", "workload", "reason"]},
    }
