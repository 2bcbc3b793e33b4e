"""One run: a cluster, a receiver, and a kwatch that is killed three times; and the fifty plans for it."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.crash.entry import AT_START, BOUNDARIES
from tests.crash.history import History, repetitions, violations
from tests.crash.receiver import Mood, Receiver, serve
from tests.crash.stream import CONFIG, Stream, kubelet_of

ROOT = Path(__file__).parents[2]
#: Requests that a webhook may have in flight (docs/channels.md).
WIDTH = 4
#: Seconds after which a stream that is not over has lost something, also where much else goes on; it takes ten.
DEADLINE = 120.0
#: Where the receiver kills the shipped command: the request is read, or answered.
AT_RECEIVER = ("read", "answered")
BREAK = "repeat: 1s\nsteps: [{at: 500ms, compact: all}]\n"
STILL = "steps: []\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How one process ends: at the n-th passage of a boundary, or after some seconds."""

    boundary: str = ""
    passages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens in a run. `forgets`: the API server forgets its history each second."""

    name: str
    seed: int
    mood: Mood
    lives: tuple[Life, ...]
    forgets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a run."""

    plan: Plan
    violations: tuple[str, ...]
    crashes: int  # kills as planned: at the boundary where there is one
    receipts: int
    repetitions: int
    seconds: float
    log: Path  # what the processes wrote


def plans(seed: int) -> Iterator[Plan]:
    """Return fifty plans: each boundary twice, the rest at random instants."""
    targets = [*BOUNDARIES, *AT_RECEIVER] * 2
    targets += ["random"] * (50 - len(targets))
    for number, target in enumerate(targets):
        rng = random.Random(seed * 1000 + number)
        yield Plan(
            name=f"{number:02}-{target.replace(' ', '-')}",
            seed=seed * 1000 + number,
            mood=list(Mood)[number % 3],
            lives=tuple(_lives(target, rng)),
            forgets=number % 4 == 0,
        )


def _lives(target: str, rng: random.Random) -> Iterator[Life]:
    for number in range(3):
        if target == "random" or (target in AT_START and number != 1):
            yield Life(seconds=rng.uniform(0.3, 2.2))
        else:
            yield Life(boundary=target, passages=1 if target in AT_START else rng.randint(1, 15))


class Run:
    """Play one plan in a folder of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._rng = random.Random(plan.seed)
        self._receiver = Receiver(plan.mood, random.Random(plan.seed))
        self._starts: list[float] = []
        self._crashes = 0

    async def play(self) -> Report:
        """Let the stream happen, kill kwatch as planned, and judge what the receiver has read."""
        began = _now()
        problems = []
        async with AsyncExitStack() as stack:
            kubeconfig = await stack.enter_async_context(self._cluster())
            kubelet = await stack.enter_async_context(kubelet_of(kubeconfig))
            url = await stack.enter_async_context(serve(self._receiver))
            (self._folder / "kwatch.yaml").write_text(CONFIG.format(url=url))
            stream = Stream(kubelet, self._receiver, self._rng)
            try:
                async with asyncio.timeout(DEADLINE):
                    await self._live_and_die(stream, kubeconfig)
            except TimeoutError:
                problems.append(f"not over after {DEADLINE:g} s")
        history = History(
            expected=stream.expected,
            receipts=tuple(self._receiver.receipts),
            starts=tuple(self._starts),
            width=WIDTH,
        )
        return Report(
            plan=self._plan,
            violations=(*problems, *violations(history)),
            crashes=self._crashes,
            receipts=len(history.receipts),
            repetitions=repetitions(history),
            seconds=_now() - began,
            log=self._folder / "kwatch.log",
        )

    async def _live_and_die(self, stream: Stream, kubeconfig: Path) -> None:
        await stream.begin()
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(stream.run())
            for life in self._plan.lives:
                await self._live(life, kubeconfig, playing)
            async with self._kwatch(kubeconfig):  # this one is left in peace
                await asyncio.wait([playing])
        await stream.go_wrong_late()
        async with self._kwatch(kubeconfig) as process:
            await stream.end_late()
            process.terminate()
            if await process.wait() != 0:
                raise RuntimeError("kwatch did not end well")

    async def _live(self, life: Life, kubeconfig: Path, playing: asyncio.Task[None]) -> None:
        """Be alive until killed, or until everything is over."""
        if playing.done():
            return
        async with self._kwatch(kubeconfig, life) as process:
            dying = asyncio.create_task(process.wait())
            await asyncio.wait([dying, playing], timeout=life.seconds or None, return_when=asyncio.FIRST_COMPLETED)
            if dying.done() and dying.result() != -signal.SIGKILL:
                raise RuntimeError(f"kwatch ended by itself: {dying.result()}")
            self._crashes += dying.done() if life.boundary else not playing.done()
            if not dying.done():
                process.kill()
            await dying
        await asyncio.sleep(self._rng.uniform(0, 0.3))

    @asynccontextmanager
    async def _kwatch(self, kubeconfig: Path, life: Life | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start the shipped command, or the one with the failpoint; killed at the end of the context."""
        config, state = str(self._folder / "kwatch.yaml"), str(self._folder / "state")
        command = ["-m", "kwatch", "run", "--config", config, "--state", state]
        if life and life.boundary in BOUNDARIES:
            command = ["-m", "tests.crash.entry", life.boundary, str(life.passages), config, state]
        self._starts.append(_now())
        with (self._folder / "kwatch.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(self._folder)},
            )  # fmt: skip
        if life and life.boundary in AT_RECEIVER:
            self._kill_at_receiver(process, life)
        try:
            yield process
        finally:
            self._receiver.on_read = self._receiver.on_answered = lambda: None
            if process.returncode is None:
                process.kill()
            await process.wait()

    def _kill_at_receiver(self, process: asyncio.subprocess.Process, life: Life) -> None:
        passages = count(1)

        def kill() -> None:
            if next(passages) == life.passages:
                process.kill()

        if life.boundary == "read":
            self._receiver.on_read = kill
        else:
            self._receiver.on_answered = kill

    @asynccontextmanager
    async def _cluster(self) -> AsyncIterator[Path]:
        """Serve a fake cluster from a process of its own; give its kubeconfig."""
        scenario = self._folder / "scenario.yaml"
        scenario.write_text(BREAK if self._plan.forgets else STILL)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kwatch.testing.fake", "--scenario", str(scenario),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        if process.stdout is None:
            raise AssertionError("unreachable")
        try:
            yield Path((await process.stdout.readline()).decode().strip())
        finally:
            process.terminate()
            await process.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
