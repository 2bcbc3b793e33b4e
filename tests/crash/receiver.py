"""A webhook's receiver that keeps every request, and answers as its mood is."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from aiohttp import web

from tests.crash.history import Board, Receipt


class Mood(Enum):
    """How requests are answered."""

    PROMPT = "prompt"
    SLOW = "slow"  # up to 0.1 s later
    CUTTING = "cutting"  # each tenth connection is cut once the request was read


@dataclass(slots=True)
class Receiver:
    """What was read, in order. `passed` is told the boundaries of each request: arriving, read, answered."""

    mood: Mood
    rng: random.Random
    passed: Callable[[str], None]
    receipts: list[Receipt] = field(default_factory=list)
    board: Board = field(default_factory=Board)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, claim: Callable[[Board], bool]) -> None:
        """Wait until what was told makes a claim true."""
        async with self._changed:
            await self._changed.wait_for(lambda: claim(self.board))

    async def keep(self, receipt: Receipt) -> None:
        """Note what was read."""
        self.receipts.append(receipt)
        self.board.take(receipt)
        async with self._changed:
            self._changed.notify_all()
        self.passed("read")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keep a request, and answer it or cut it off."""
        self.passed("arriving")
        body = await request.read()
        is_answered = self.mood is not Mood.CUTTING or self.rng.random() > 0.1
        receipt = read(asyncio.get_running_loop().time(), request.headers["webhook-id"], body, is_answered=is_answered)
        await self.keep(receipt)
        if not is_answered and request.transport is not None:
            request.transport.abort()
        if self.mood is Mood.SLOW:
            await asyncio.sleep(self.rng.uniform(0, 0.1))
        answer = web.Response()
        try:
            await answer.prepare(request)
            await answer.write_eof()
        except ConnectionError:  # cut, or kwatch is dead by now
            raise asyncio.CancelledError from None
        self.passed("answered")
        return answer


def read(at: float, webhook_id: str, body: bytes, *, is_answered: bool) -> Receipt:
    """Return what a request says."""
    document = json.loads(body)
    names: dict[str, set[str]] = {"firing": set(), "ended": set()}
    for alert in document["alerts"]:
        names["firing" if alert["state"] == "firing" else "ended"].add(alert["labels"]["name"])
    late = {alert["labels"]["name"] for alert in document["alerts"] if alert["is_late"]}
    return Receipt(
        at=at,
        id=webhook_id,
        incident=document["incident"],
        sequence=document["sequence"],
        kind=document["kind"],
        firing=frozenset(names["firing"]),
        ended=frozenset(names["ended"]),
        late=frozenset(late),
        body=body,
        is_answered=is_answered,
    )


@asynccontextmanager
async def serve(receiver: Receiver) -> AsyncIterator[str]:
    """Receive on a port of this machine while the context is open; give the URL."""
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()
