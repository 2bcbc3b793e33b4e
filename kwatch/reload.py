"""The configuration while kwatch runs: read again when its files are others, and when somebody asks (SIGHUP).

    files are others, at two looks the same ──┐
    request ──────────────────────────────────┴─▶ read ─▶ use it; on any error say so, and go on by the old one

What mends a wrong configuration may be no file of its own (a secret): so a wrong one is read again from time to time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kwatch.clock import Clock
from kwatch.config.config import Config, fixed_changes
from kwatch.config.files import ConfigFiles
from kwatch.config.lint import renamed
from kwatch.errors import ConfigError, KwatchError
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

#: Seconds between two looks at the files.
LOOK_SECONDS = 2.0
#: Seconds after which a wrong configuration is read again.
RETRY_SECONDS = 30.0
#: Problems that are told; all are in the log.
TOLD_PROBLEMS = 10


class Reloader:
    """Keep a running kwatch at its configuration. `use` takes another one, or raises and changes nothing."""

    def __init__(
        self,
        files: ConfigFiles,
        config: Config,
        *,
        clock: Clock,
        counters: Counters,
        use: Callable[[Config], Awaitable[None]],
        tell: Callable[[str], None],
    ) -> None:
        self.loaded_at = clock.now()  # what is in use
        self.error = ""  # why what stands in the files is not in use; empty: it is
        self._files = files
        self._config = config
        self._clock = clock
        self._counters = counters
        self._use = use
        self._tell = tell
        self._requested = asyncio.Event()
        self._retry_at = self.loaded_at

    def request(self) -> None:
        """Read the configuration again, whether or not its files are others."""
        self._requested.set()

    async def run(self) -> None:
        """Follow the files until cancelled."""
        loop = asyncio.get_running_loop()
        while self._files.path is not None:
            is_requested = await self._wait()
            try:
                if is_requested or await loop.run_in_executor(None, self._files.are_others):
                    await self._reload()
                elif self.error and (self._clock.now() - self._retry_at).total_seconds() >= RETRY_SECONDS:
                    await self._reload(is_retry=True)
            except Exception as error:  # the bulkhead
                log.exception("following the configuration failed by a bug")
                self._refuse(f"reading it failed by a bug: {type(error).__name__}; the log has all of it")

    async def _wait(self) -> bool:
        """Return at the next look, or at a request; whether it was a request."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._requested.wait()
        except TimeoutError:
            return False
        self._requested.clear()
        return True

    async def _reload(self, *, is_retry: bool = False) -> None:
        self._retry_at = self._clock.now()
        try:
            config = await asyncio.get_running_loop().run_in_executor(None, self._files.read)
            self._check(config)
            await self._use(config)
        except (KwatchError, OSError, ValueError) as error:
            self._refuse(str(error), is_retry=is_retry)
            return
        for hint in renamed(self._config.rules, config.rules):
            log.warning("a rule was renamed without an id", extra={"hint": hint})
        self._config, self.loaded_at, self.error = config, self._clock.now(), ""
        log.info("configuration loaded", extra={"file": str(self._files.path)})

    def _check(self, config: Config) -> None:
        keys = fixed_changes(self._config, config)
        if keys:
            raise ConfigError(
                tuple(f"{self._files.path}: {key}: cannot change while kwatch runs: restart it" for key in keys)
            )

    def _refuse(self, error: str, *, is_retry: bool = False) -> None:
        """Say what is wrong: in the log each time that somebody changed or asked, to people once."""
        before, self.error = self.error, error
        if self.error == before and is_retry:
            return
        self._counters.add("config_reload_failures")
        log.error("configuration refused, the old one stays in use", extra={"error": self.error})
        if self.error != before:
            problems = self.error.splitlines()
            more = len(problems) - TOLD_PROBLEMS
            rest = [f"and {more} more: kwatch check"] if more > 0 else []
            told = "the new configuration is wrong, the old one stays in use"
            self._tell("\n".join((told, *problems[:TOLD_PROBLEMS], *rest)))
