"""Looks after destinations that cannot be told: reports them, and lets their fallbacks be told in their place."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.errors import FencedError, StateError
from kwatch.model.routes import Handling
from kwatch.outbox.ports import Elsewhere, Tools
from kwatch.outbox.trouble import NO_ANSWER, PATIENCE, TOLD_EVERY, Trouble, failing, given_up, look, recovered
from kwatch.outbox.worker import Worker

log = logging.getLogger(__name__)

#: Seconds between two looks, if nothing gives a reason for one before.
LOOK_SECONDS: Final = 15.0


class Troubles:
    """Look at every worker now and then, and whenever one has come to a stop."""

    def __init__(
        self,
        tools: Callable[[], Tools],
        workers: Mapping[str, Worker],
        elsewhere: Elsewhere,
    ) -> None:
        self._tools = tools
        self._workers = workers
        self._elsewhere = elsewhere
        self._troubles: dict[str, Trouble] = {}
        self._over_told_at: dict[str, datetime] = {}  # when somebody was told last that it does not fail any more
        self._dead_told_at: dict[str, datetime] = {}  # when somebody was told last that it loses messages
        self._look_soon = asyncio.Event()

    @property
    def failing(self) -> frozenset[str]:
        """The destinations that cannot be told."""
        now = self._tools().clock.now()
        return frozenset(name for name, trouble in self._troubles.items() if trouble.is_failing(now))

    def reason(self, name: str) -> str:
        """Return why a destination cannot be told; empty: it can."""
        return self._troubles[name].reason if name in self.failing else ""

    def jump(self, by: timedelta) -> None:
        """The clock was set: troubles last as long as they did."""
        for name, trouble in self._troubles.items():
            self._troubles[name] = trouble.moved(by)
        for told_at in (self._over_told_at, self._dead_told_at):
            told_at.update({name: at + by for name, at in told_at.items()})

    def look_soon(self) -> None:
        """Something has happened that may be a trouble, or is to be told while there is one."""
        self._look_soon.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._look_soon.clear()
            try:
                await self._look()
            except FencedError:
                raise
            except StateError as error:
                log.warning("troubles wait for the state", extra={"error": str(error)})
            except Exception:  # the bulkhead
                log.exception("looking after destinations failed by a bug")
                self._tools().counters.add("outbox_errors", destination="")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._look_soon.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        for name in [each for each in self._troubles if each not in self._workers]:
            del self._troubles[name]
        for name, worker in list(self._workers.items()):
            now = self._tools().clock.now()
            before = self._troubles.get(name)
            trouble = look(before, worker.gate, worker.taken, now)
            if trouble is None:
                self._recovered(name, before, now)
            else:
                self._troubles[name] = trouble
        for name, worker in list(self._workers.items()):
            await self._tell_of(name, worker)

    def _recovered(self, name: str, before: Trouble | None, now: datetime) -> None:
        if before is None:
            return
        del self._troubles[name]
        if before.is_told:
            self._over_told_at[name] = now
            self._elsewhere.report(recovered(name, before, now))

    async def _tell_of(self, name: str, worker: Worker) -> None:
        """Report what is new of one destination, and let its fallbacks be told."""
        now, trouble = self._tools().clock.now(), self._troubles.get(name)
        is_failing = trouble is not None and trouble.is_failing(now)
        if trouble is not None and is_failing and not trouble.is_told:
            await self._tell_failing(name, trouble, now)
        is_losing = worker.given_up > 0
        if is_failing or is_losing:
            await self._detour(name, now if trouble is not None and is_failing else None, now)
        if is_losing:
            self._tell_losing(name, worker, now)

    async def _tell_failing(self, name: str, trouble: Trouble, now: datetime) -> None:
        over_told_at = self._over_told_at.get(name)
        is_again = over_told_at is not None and now - over_told_at < TOLD_EVERY
        queue = (await self._tools().state.queues()).get(name)
        self._tools().counters.add("destination_failures", destination=name, reason=trouble.reason)
        self._troubles[name] = msgspec.structs.replace(trouble, is_told=True, is_again=is_again)
        self._elsewhere.report(failing(name, trouble, queue.queued if queue else 0))

    def _tell_losing(self, name: str, worker: Worker, now: datetime) -> None:
        told_at = self._dead_told_at.get(name)
        if told_at is not None and now - told_at < TOLD_EVERY:
            return
        self._dead_told_at[name] = now
        self._elsewhere.report(given_up(name, worker.given_up, worker.given_up_for))
        worker.given_up = 0

    async def _detour(self, name: str, before: datetime | None, now: datetime) -> None:
        fallbacks = self._tools().policies.handlings.get(name, Handling()).fallbacks
        if not fallbacks:
            return
        if before is not None and self._troubles[name].reason == NO_ANSWER:
            before -= PATIENCE
        while untold := await self._tools().state.untold(name, fallbacks, before, now):
            if not await self._elsewhere.detour(untold, fallbacks):
                return
