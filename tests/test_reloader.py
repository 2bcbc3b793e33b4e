"""Following the configuration outlives its own bugs, and says so to who asks and to people."""

import asyncio
from pathlib import Path

from kwatch.clock import SystemClock
from kwatch.config.config import Config
from kwatch.config.files import ConfigFiles
from kwatch.reload import Reloader
from kwatch.telemetry import Counters


def test_a_bug_while_reading_is_told_and_the_next_reading_mends_it(tmp_path: Path) -> None:
    (tmp_path / "kwatch.yaml").write_text("cluster: one\n", "utf-8")
    files = ConfigFiles(tmp_path / "kwatch.yaml")
    told: list[str] = []
    used = asyncio.Event()

    async def fail_once(config: Config) -> None:
        if not told:
            raise RuntimeError("nobody expected this")
        used.set()

    async def play() -> tuple[str, str]:
        def tell(text: str) -> None:
            told.append(text)
            is_told.set()

        is_told = asyncio.Event()
        reloader = Reloader(files, files.read(), clock=SystemClock(), counters=Counters(), use=fail_once, tell=tell)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(reloader.run())
            reloader.request()
            await is_told.wait()
            wrong = reloader.error
            reloader.request()
            await used.wait()
            await asyncio.sleep(0)
            following.cancel()
        return wrong, reloader.error

    wrong, mended = asyncio.run(play())
    assert wrong == "reading it failed by a bug: RuntimeError; the log has all of it"
    assert mended == ""
    assert told == [f"the new configuration is wrong, the old one stays in use\n{wrong}"]
