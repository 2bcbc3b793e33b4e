"""The dead-man's switch: a ping that stays away as soon as kwatch does not see, keep and tell problems any more.

Each beat is an Event of kwatch's own that goes the way of every other: decoded, decided by a rule, committed to the
disk, queued and delivered (`pulse`). Only when it has come, every watch is in sync, and the oldest message that waits
is younger than five minutes, the URL is pinged. Whoever watches the pings need not trust what kwatch says of itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from kwatch.clock import Clock
from kwatch.errors import SendError, StateError
from kwatch.notify.heartbeat import Ping
from kwatch.outbox.outbox import DestinationStatus
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

#: How long a message may wait before kwatch counts as one that does not tell.
OLDEST: Final = timedelta(minutes=5)
#: Seconds that a beat has for its way.
WAY_SECONDS: Final = 10.0


class Heartbeat:
    """Beat while everything works. `go_through` sends a beat the whole way, and returns once it has come."""

    def __init__(
        self,
        ping: Ping | None,
        *,
        clock: Clock,
        counters: Counters,
        is_in_sync: Callable[[], bool],
        go_through: Callable[[], Awaitable[None]],
        status: Callable[[], Awaitable[tuple[DestinationStatus, ...]]],
        store_error: Callable[[], str],
    ) -> None:
        self._ping = ping  # None: nobody asked for it
        self._clock = clock
        self._counters = counters
        self._is_in_sync = is_in_sync
        self._go_through = go_through
        self._status = status
        self._store_error = store_error  # why nothing can be committed; empty: it can
        self._wanted = asyncio.Event()  # there is something to ping
        if ping is not None:
            self._wanted.set()
        self._withheld = ""  # why the last beat was no ping; empty: it was one

    async def use(self, ping: Ping | None) -> None:
        """Ping this from now on."""
        before, self._ping = self._ping, ping
        if ping is None:
            self._wanted.clear()
        else:
            self._wanted.set()
        if before is not None and before is not ping:
            await before.close()

    async def run(self) -> None:
        """Beat until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                await self._clock.sleep(self._ping.words.every.total_seconds() if self._ping is not None else 0)
                if self._ping is not None:
                    await self._beat(self._ping)
        finally:
            await self.use(None)

    async def _beat(self, ping: Ping) -> None:
        try:
            reason = await self._why_not()
            if not reason:
                async with asyncio.timeout(ping.timeout):
                    await ping.send()
        except SendError as error:
            reason = f"failed_{error.reason.value}"
        except TimeoutError:
            reason = "failed_timeout"
        except Exception:  # the bulkhead
            log.exception("a heartbeat failed by a bug")
            reason = "failed_other"
        self._note(reason)

    async def _why_not(self) -> str:
        """Return why nobody may take kwatch for well; empty: it is."""
        if not self._is_in_sync():
            return "watch"
        try:
            async with asyncio.timeout(WAY_SECONDS):
                await self._go_through()
                statuses = await self._status()
        except StateError:
            return "store"
        except TimeoutError:
            return "store" if self._store_error() else "pipeline"
        return _why_untold(statuses, self._clock.now())

    def _note(self, reason: str) -> None:
        self._counters.add("heartbeats", outcome=reason or "sent")
        if reason and reason != self._withheld:
            log.warning("no heartbeat", extra={"reason": reason})
        elif self._withheld and not reason:
            log.info("heartbeats go on")
        self._withheld = reason


def _why_untold(statuses: tuple[DestinationStatus, ...], now: datetime) -> str:
    """Return why not everything is told; what waits for a destination that was removed does not count."""
    configured = [each for each in statuses if each.suspended != "not_configured"]
    if configured and all(each.suspended or each.failing for each in configured):
        return "destinations"
    is_old = any(each.oldest_at is not None and now - each.oldest_at >= OLDEST for each in configured)
    return "unsent" if is_old else ""
