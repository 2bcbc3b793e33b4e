"""The demo cluster: a fake one in this process in which problems come and go, without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kwatch.clock import SystemClock
from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.scenario import DEMO, ScenarioPlayer, load_scenario
from kwatch.testing.fake.wire import FakeWire


@asynccontextmanager
async def demo_wire() -> AsyncIterator[FakeWire]:
    """Play the demonstration while the wire to it is in use."""
    cluster = FakeCluster(SystemClock())
    player = ScenarioPlayer(load_scenario(DEMO), cluster)
    player.begin()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(player.run(), name="demo scenario")
        yield FakeWire(cluster)
        playing.cancel()
