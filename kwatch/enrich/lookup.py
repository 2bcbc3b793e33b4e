"""One fetch for an object that an Event is about and no watch has shown: at most 2 s, then it is unknown.

The time runs from the request, whether it waits for others or for the API server: no Event is told later than that.
Requests beyond the queue are answered at once: unknown. The caller keeps the order of what waits for an object, and
asks for it once at a time.
"""

import asyncio
import logging
from collections.abc import Callable

from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.errors import ClusterError
from kwatch.model.objects import ObjectRef
from kwatch.telemetry import Counters
from kwatch.watch.cache import ObjectCache

log = logging.getLogger(__name__)

#: Seconds from a request to its answer, the queue and discovery included.
ANSWER_SECONDS = 2.0
#: Fetches at a time.
CONCURRENCY = 8
#: Objects that may wait for their fetch.
QUEUE_SIZE = 1000


class Lookup:
    """Answer `request(ref)` by `found(ref)`, later, exactly once; what was fetched is in the cache by then."""

    def __init__(
        self,
        client: KubeClient,
        discovery: Discovery,
        cache: ObjectCache,
        *,
        counters: Counters,
        found: Callable[[ObjectRef], None],
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._cache = cache
        self._counters = counters
        self._found = found
        self._queue: asyncio.Queue[tuple[ObjectRef, float]] = asyncio.Queue(QUEUE_SIZE)  # with the loop's time to end

    def request(self, ref: ObjectRef) -> None:
        """Ask for all that is missing of an object: itself, or what owns it."""
        try:
            self._queue.put_nowait((ref, asyncio.get_running_loop().time() + ANSWER_SECONDS))
        except asyncio.QueueFull:
            self._found(ref)

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CONCURRENCY):
                tasks.create_task(self._work(), name=f"lookup {number}")

    async def _work(self) -> None:
        while True:
            ref, ends_at = await self._queue.get()
            try:
                async with asyncio.timeout_at(ends_at):
                    await self._complete(ref)
            except (ClusterError, TimeoutError) as error:
                log.debug("lookup failed", extra={"object": str(ref), "error": str(error)})
            except Exception:  # the bulkhead
                log.exception("lookup failed by a bug", extra={"object": str(ref)})
                self._counters.add("lookup_errors")
            self._found(ref)

    async def _complete(self, ref: ObjectRef) -> None:
        while (missing := self._cache.missing(ref)) is not None:
            resource = await self._discovery.resolve(
                f"{missing.kind}.{missing.group}" if missing.group else missing.kind
            )
            if resource is None:
                return
            body = await self._client.fetch(
                resource, missing.namespace, missing.name, metadata_only=False, timeout=ANSWER_SECONDS
            )
            self._cache.put_fetched(missing, resource, body)
