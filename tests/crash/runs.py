"""One run: a cluster, a webhook and a mailbox, and a kwatch that is killed three times; and the plans for it.

Fifty plans kill nothing but the shipped command, from outside. Boundaries that nobody sees from there (before, during
and after the store's commits, by what is committed) are passed by `tests.crash.entry`, which composes the same parts
and kills itself: a plan for each. The receivers of these also lose answers.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.crash.entry import BOUNDARIES
from tests.crash.history import History, repetitions, violations
from tests.crash.mailbox import TEXT, Mailbox
from tests.crash.receiver import Mood, Receiver, serve
from tests.crash.stream import CONFIG, Stream, kubelet_of
from tests.crash.traps import OUTSIDE, Life, Trap, lives, see_writes

ROOT = Path(__file__).parents[2]
#: Plans for the shipped command: eight for each boundary seen from outside, the rest at random instants.
SHIPPED = 50
#: Seconds after which a stream that is not over has lost something, also where much else goes on; it takes ten.
DEADLINE = 120.0
BREAK = "repeat: 1s\nsteps: [{at: 500ms, compact: all}]\n"
STILL = "steps: []\n"


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
    hits: int  # processes that were killed as planned: at the boundary, where there is one
    receipts: int
    repetitions: int
    seconds: float
    log: Path  # what the processes wrote


def plans(seed: int) -> Iterator[Plan]:
    """Return fifty plans for the shipped command, and one for each boundary inside."""
    shipped = [*OUTSIDE] * 8
    shipped += ["random"] * (SHIPPED - len(shipped))
    for number, target in enumerate((*shipped, *BOUNDARIES)):
        rng = random.Random(seed * 1000 + number)
        moods = (Mood.PROMPT, Mood.SLOW) if number < SHIPPED else tuple(Mood)
        yield Plan(
            name=f"{number:02}-{target.replace(' ', '-')}",
            seed=seed * 1000 + number,
            mood=moods[number % len(moods)],
            lives=tuple(lives(target, rng)),
            forgets=number % 4 == 0,
        )


class Run:
    """Play one plan in a folder of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._rng = random.Random(plan.seed)
        self._receiver = Receiver(plan.mood, random.Random(plan.seed), self._see)
        self._mailbox = Mailbox(plan.mood, random.Random(plan.seed), self._see)
        self._trap: Trap | None = None
        self._starts: list[float] = []
        self._hits = 0
        self._crashes = 0

    async def play(self) -> Report:
        """Let the stream happen, kill kwatch as planned, and judge what each receiver has read."""
        began = _now()
        problems = []
        async with AsyncExitStack() as stack:
            kubeconfig = await stack.enter_async_context(self._cluster())
            kubelet = await stack.enter_async_context(kubelet_of(kubeconfig, self._see))
            url = await stack.enter_async_context(serve(self._receiver))
            port = await stack.enter_async_context(self._mailbox.serve())
            config = CONFIG.replace("URL", url).replace("PORT", str(port)).replace("TEXT", TEXT)
            (self._folder / "kwatch.yaml").write_text(config)
            stream = Stream(kubelet, (self._receiver, self._mailbox), self._rng)
            try:
                async with asyncio.timeout(DEADLINE):
                    await self._live_and_die(stream, kubeconfig)
            except TimeoutError:
                problems.append(f"not over after {DEADLINE:g} s")
        histories = [self._history(each, stream) for each in (self._receiver, self._mailbox)]
        return Report(
            plan=self._plan,
            violations=(*problems, *chain(*map(violations, histories)), *_bugs(self._folder / "kwatch.log")),
            hits=self._hits,
            receipts=sum(len(history.receipts) for history in histories),
            repetitions=sum(map(repetitions, histories)),
            seconds=_now() - began,
            log=self._folder / "kwatch.log",
        )

    def _history(self, receiver: Receiver, stream: Stream) -> History:
        return History(
            expected=stream.expected,
            receipts=tuple(receiver.receipts),
            starts=tuple(self._starts),
            crashes=self._crashes,
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
            self._hits += dying.done() if life.boundary else not playing.done()
            if not dying.done():
                process.kill()
            await dying
        await asyncio.sleep(self._rng.uniform(0, 0.3))

    @asynccontextmanager
    async def _kwatch(self, kubeconfig: Path, life: Life = Life()) -> AsyncIterator[asyncio.subprocess.Process]:  # noqa: B008 - frozen
        """Start the shipped command, or the one with the failpoint; killed at the end of the context."""
        config, state = str(self._folder / "kwatch.yaml"), self._folder / "state"
        command = ["-m", "kwatch", "run", "--config", config, "--state", str(state)]
        if life.boundary in BOUNDARIES:
            command = ["-m", "tests.crash.entry", life.boundary, str(life.passages), config, str(state)]
        self._starts.append(_now())
        with (self._folder / "kwatch.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(self._folder)},
            )  # fmt: skip
        self._trap = Trap(process, life) if life.boundary in OUTSIDE else None
        watching = asyncio.create_task(see_writes(state / "state.db-wal", lambda: self._see("journal")))
        try:
            yield process
        finally:
            watching.cancel()
            self._trap = None
            if process.returncode is None:
                process.kill()
            self._crashes += await process.wait() == -signal.SIGKILL

    def _see(self, boundary: str) -> None:
        """Something has happened outside of kwatch that shows where it is."""
        if self._trap is not None:
            self._trap.passed(boundary)

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


def _bugs(log: Path) -> Iterator[str]:
    """What kwatch survived must not have happened either."""
    for line in log.read_text().splitlines():
        if '"traceback":' in line:
            yield f"a bug: {line}"


def _now() -> float:
    return asyncio.get_running_loop().time()
