"""The loop beside the outbox: what is so now, said again and again to destinations that forget it.

The rows of the outbox say what changes, each until it has arrived. An Alertmanager holds an alert only for as long as
somebody goes on posting it, and each replica by itself; so its channel is given, every interval, all that the
destination was told of and that still fires. Nothing of this is stored: it follows from the engine's alerts, which are.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from kwatch.clock import Clock
from kwatch.model.notifications import Content
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)


@runtime_checkable
class Reconciling(Protocol):
    """A channel whose destination has to be told again and again."""

    interval: float  # seconds

    async def reconcile(self, content: Content) -> tuple[str, ...]:
        """Say all of it; return how it went with each replica: `ok`, or the value of a Reason."""
        ...


class Reconciler:
    """Calls each such channel at its interval, from the start on; `told` gives what a destination was told of."""

    def __init__(
        self, channels: Mapping[str, Any], told: Callable[[str], Content], *, clock: Clock, counters: Counters
    ) -> None:
        self._told = told
        self._clock = clock
        self._counters = counters
        self._changed = asyncio.Event()
        self.use(channels)

    def use(self, channels: Mapping[str, Any]) -> None:
        """Go by other channels, and let each say all of it at once."""
        self._channels = {name: channel for name, channel in channels.items() if isinstance(channel, Reconciling)}
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._changed.clear()
            async with asyncio.TaskGroup() as tasks:
                loops = [
                    tasks.create_task(self._repeat(name, channel), name=f"reconcile {name}")
                    for name, channel in self._channels.items()
                ]
                await self._changed.wait()
                for loop in loops:
                    loop.cancel()

    async def _repeat(self, name: str, channel: Reconciling) -> None:
        while True:
            try:
                outcomes = await channel.reconcile(self._told(name))
            except Exception:
                log.exception("reconciling failed by a bug", extra={"destination": name})
                outcomes = ("other",)
            for outcome in outcomes:
                self._counters.add("reconciled", destination=name, outcome=outcome)
            await self._clock.sleep(channel.interval)
