"""The demo cluster: the fake one in this process, in real time, with incidents that come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kwatch.clock import SystemClock
from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.scenario import DEMO, ScenarioPlayer, load_scenario
from kwatch.testing.fake.wire import FakeWire


@asynccontextmanager
async def demo_wire() -> AsyncIterator[FakeWire]:
    """Play the demonstration while the context is open; give a wire to it."""
    cluster = FakeCluster(SystemClock())
    player = ScenarioPlayer(load_scenario(DEMO), cluster)
    player.begin()
    playing = asyncio.create_task(player.run(), name="demo")
    try:
        yield FakeWire(cluster)
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
