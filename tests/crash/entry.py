"""kwatch as `kwatch run` composes it, with one failpoint: `python -m tests.crash.entry BOUNDARY PASSAGE CONFIG FOLDER`.

At the n-th passage of the named boundary the process kills itself as `kill -9` would: nothing is finished, closed or
written any more. The failpoints are wrappers around the state and the transport; kwatch knows nothing of them.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import httpx

from kwatch.app import App
from kwatch.cluster.credentials import load_credentials
from kwatch.cluster.http import AiohttpWire
from kwatch.config.load import load
from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, DeliveryState, Message
from kwatch.notify.base import Connection
from kwatch.notify.http import system_transport
from kwatch.ports import Ports
from kwatch.store.deliveries import Settlement
from kwatch.store.state import Snapshot, State
from kwatch.telemetry import Counters
from kwatch.web.server import listen

#: Every boundary, as (before | during | after) an act. A checkpoint is a commit that tells nobody anything.
ACTS = ("decision", "checkpoint", "lease", "sent")
BOUNDARIES = (
    *(f"{when} {act}" for act in ACTS for when in ("before", "during", "after")),
    "before request",
    "after reply",
    "after load",
    *(f"{when} recovery" for when in ("before", "during", "after")),
)
#: Those that a process passes once, at its start.
AT_START = BOUNDARIES[-4:]


Result = TypeVar("Result")


@dataclass(slots=True)
class Failpoint:
    """Where the process ends, and how many passages are left until then."""

    boundary: str
    passages: int

    def passed(self, boundary: str) -> None:
        """End the process when it is time."""
        if boundary != self.boundary:
            return
        self.passages -= 1
        if not self.passages:
            os.kill(os.getpid(), signal.SIGKILL)

    async def around(self, act: str, acting: Awaitable[Result]) -> Result:
        """Do something that the store's thread does, past the boundaries before, while and after it is done."""
        self.passed(f"before {act}")
        task = asyncio.ensure_future(acting)
        await asyncio.sleep(0)  # the store's thread has begun
        self.passed(f"during {act}")
        result = await task
        self.passed(f"after {act}")
        return result


class FailingState(State):
    """A state with a failpoint around each of its commits."""

    failpoint: Failpoint

    def load(self) -> Snapshot:
        snapshot = super().load()
        self.failpoint.passed("after load")
        return snapshot

    async def commit(self, decision: Decision) -> None:
        act = "decision" if decision.notifications else "checkpoint"
        await self.failpoint.around(act, super().commit(decision))

    async def lease(self, delivery: Delivery, message: Message) -> bool:
        return await self.failpoint.around("lease", super().lease(delivery, message))

    async def settle(self, settlement: Settlement) -> None:
        act = "sent" if settlement.state is DeliveryState.SENT else "retry"
        await self.failpoint.around(act, super().settle(settlement))

    async def recover(self, now: datetime) -> int:
        return await self.failpoint.around("recovery", super().recover(now))


class FailingTransport(httpx.AsyncBaseTransport):
    """The transport of production, with a failpoint on both sides of the request."""

    def __init__(self, inner: httpx.AsyncBaseTransport, failpoint: Failpoint) -> None:
        self._inner = inner
        self._failpoint = failpoint

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._failpoint.passed("before request")
        response = await self._inner.handle_async_request(request)
        self._failpoint.passed("after reply")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


async def run(failpoint: Failpoint, path: Path, folder: Path) -> None:
    """Run until killed, or until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config, counters = load(path, environ=os.environ), Counters()
    credentials = await load_credentials(None, None)
    state = FailingState.open(folder, counters=counters)
    state.failpoint = failpoint

    def transport(connection: Connection) -> httpx.AsyncBaseTransport:
        return FailingTransport(system_transport(connection), failpoint)

    ports = Ports(
        wire=AiohttpWire(credentials), cluster=config.cluster or credentials.cluster_name, transport=transport
    )
    app = App(config, ports, state, counters)
    await app.run(stop, listen(config.web.host, config.web.port))
    state.close()


def main() -> None:
    boundary, passages, path, folder = sys.argv[1:]
    asyncio.run(run(Failpoint(boundary, int(passages)), Path(path), Path(folder)))


if __name__ == "__main__":
    main()
