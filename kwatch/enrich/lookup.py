"""One fetch for an object that an Event is about and no watch has shown: at most 2 s, then it is unknown.

Requests beyond what may run at a time wait; those beyond the queue are answered at once: unknown. The caller keeps the
order of what waits for an object; here each object is asked for once at a time.
"""

import asyncio
import logging
from collections.abc import Callable

from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.errors import ClusterError
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About
from kwatch.watch.cache import ObjectCache

log = logging.getLogger(__name__)

#: Seconds for one fetch in all, discovery included.
FETCH_SECONDS = 2.0
#: Fetches at a time.
CONCURRENCY = 8
#: Objects that may wait for their fetch.
QUEUE_SIZE = 1000


class Lookup:
    """Answer `request(ref)` by `found(ref, about)`, later, exactly once; `about` is None when it cannot be had."""

    def __init__(
        self,
        client: KubeClient,
        discovery: Discovery,
        cache: ObjectCache,
        *,
        found: Callable[[ObjectRef, About | None], None],
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._cache = cache
        self._found = found
        self._queue: asyncio.Queue[ObjectRef] = asyncio.Queue(QUEUE_SIZE)

    def request(self, ref: ObjectRef) -> None:
        """Ask for an object."""
        try:
            self._queue.put_nowait(ref)
        except asyncio.QueueFull:
            self._found(ref, None)

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CONCURRENCY):
                tasks.create_task(self._work(), name=f"lookup {number}")

    async def _work(self) -> None:
        while True:
            ref = await self._queue.get()
            self._found(ref, await self._fetch(ref))

    async def _fetch(self, ref: ObjectRef) -> About | None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                token = f"{ref.kind}.{ref.group}" if ref.group else ref.kind
                resource = await self._discovery.resolve(token)
                if resource is None:
                    return None
                body = await self._client.fetch(
                    resource, ref.namespace, ref.name, metadata_only=False, timeout=FETCH_SECONDS
                )
        except (ClusterError, TimeoutError) as error:
            log.debug("lookup failed", extra={"object": str(ref), "error": str(error)})
            return None
        if body is None:
            return None
        self._cache.put_fetched(resource, body)
        return self._cache.about(ref)
