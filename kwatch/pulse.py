"""A beat on its way: an Event that nobody wrote, from the watch's decoder to a destination that only says it came.

It passes what a real Event passes: decoding, the inbox, the rules, the engine, a commit to the disk, the queue of a
destination and its worker. So it comes only while all of these work.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from kwatch.clock import Clock
from kwatch.model.beat import KIND, beat_rule
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.model.objects import Batch, Resource, Source, WatchEvent, WatchEventType
from kwatch.watch.frames import EVENTS

#: What brings it: no watch of an API server.
SOURCE: Final = Source(Resource("kwatch", "v1", "Event", "beats", namespaced=False))


class Pulse:
    """Sends beats by `put`, and is the channel at which they arrive; `secret` is this kwatch's own."""

    concurrency = 1
    max_age = timedelta(minutes=1)
    timeout = 10.0

    def __init__(self, clock: Clock, secret: str, put: Callable[[Batch], Awaitable[None]]) -> None:
        self._clock = clock
        self._put = put
        # Whoever may write Events could send beats otherwise.
        self._reason = hmac.digest(secret.encode(), b"heartbeat", "sha256").hex()
        self.rule = beat_rule(self._reason)
        self._awaited: dict[str, asyncio.Event] = {}

    async def beat(self) -> None:
        """Send a beat, and return when it has come."""
        now = self._clock.now()
        name = f"beat-{now.timestamp():.6f}"
        came = self._awaited[name] = asyncio.Event()
        try:
            await self._put(self._batch(name, now))
            await came.wait()
        finally:
            del self._awaited[name]

    def _batch(self, name: str, now: datetime) -> Batch:
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "uid": name, "resourceVersion": "1"},
            "involvedObject": {"kind": KIND, "name": "kwatch"},
            "reason": self._reason,
            "message": name,
            "type": "Normal",
            "count": 1,
            "firstTimestamp": now.isoformat(),
            "lastTimestamp": now.isoformat(),
        }
        frame = EVENTS.frame(json.dumps({"type": "ADDED", "object": event}).encode())
        return Batch(SOURCE, (WatchEvent(WatchEventType(frame.type), frame.object, "1", now),), "", now)

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return nothing: nobody reads it."""
        return Message(b"")

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Note that a beat has come."""
        for alert in delivery.notification.content.alerts:
            if alert.message in self._awaited:
                self._awaited[alert.message].set()
        return Receipt()

    async def close(self) -> None:
        """There is nothing to give back."""
