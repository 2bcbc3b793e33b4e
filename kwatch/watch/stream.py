"""One watch, for ever: list, watch, resume, list again.

        ┌────────── 410, or nothing at all was ever said ──────────┐
        ▼                                                          │
    listing ── SYNCED ──▶ watching ── broken, silent, refused ──▶ waiting ── resumed: SYNCED ──▶ watching
        ▲                    │  ▲                                  │
        │                    └──┘ the server ends it: open again   │ 403: state `forbidden`, tried again like the rest
        └──────────────────────────────────────────────────────────┘

What is listed comes as LISTED, and SYNCED with a resource version says that this was all; SYNCED without one, that a
broken watch goes on where it was. LOST says that changes may stay unseen for a while, and makes an unfinished list
void. A batch holds what one piece of the body held. Pauses have full jitter and double from 1 s to 60 s, or are what
the server asks for; they shrink only after a watch that stood.

Nothing that the server sends ends `run`: what cannot be decoded is counted and left out, and what fails in a way that
nobody thought of is tried again like the rest, from a new list, as part of a batch may be lost.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Never

from kwatch.clock import Clock
from kwatch.cluster.client import KubeClient
from kwatch.errors import ClusterError, ForbiddenError, GoneError
from kwatch.model.objects import Batch, Source, WatchEvent, WatchEventType
from kwatch.telemetry import Counters
from kwatch.watch.frames import MALFORMED, Bookmark, Decoding, Lines, control_of
from kwatch.watch.pauses import Pauses
from kwatch.watch.status import Shown, SourceState, SourceStatus

log = logging.getLogger(__name__)

LIST_BATCH = 100  # objects; a page of 500 Pods decoded at once would hold the loop for 15 ms
STOOD = 5.0  # seconds after which an open watch counts as a success
QUIET_SYNC = 1.0  # seconds of an open, silent watch after which it is known to go on

Put = Callable[[Batch], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Seconds, bytes, objects. Servers send a bookmark each minute: silence for longer is a dead connection."""

    first_pause: float = 1.0
    longest_pause: float = 60.0
    watch_for: tuple[int, int] = (240, 300)
    watch_for_without_bookmarks: tuple[int, int] = (45, 60)
    silence: tuple[float, float] = (75.0, 90.0)
    line_limit: int = 16 << 20
    page: int = 500


_WATCHED = {
    "ADDED": WatchEventType.ADDED,
    "MODIFIED": WatchEventType.MODIFIED,
    "DELETED": WatchEventType.DELETED,
}
_LISTED = {
    "ADDED": WatchEventType.LISTED,
    "MODIFIED": WatchEventType.LISTED,
    "DELETED": WatchEventType.DELETED,
}


class Stream:
    """One source. `run` is called once; `status` may be read at any time."""

    def __init__(
        self,
        client: KubeClient,
        source: Source,
        *,
        clock: Clock,
        rng: random.Random,
        decode: Decoding,
        settings: StreamSettings,
        counters: Counters,
    ) -> None:
        self.settled = asyncio.Event()  # it has listed once, or was refused
        self.is_unserved = False  # the server has said that it has no such resource (any more)
        self._client = client
        self._source = source
        self._clock = clock
        self._rng = rng
        self._decode = decode
        self._settings = settings
        self._counters = counters
        self._version = ""  # where to resume; empty: a list is needed
        self._is_listing = False
        self._is_partial = False  # a part of a list has been put
        self._is_lost = True  # the reader of the batches does not know yet that all is seen
        self._watch_for = settings.watch_for
        self._has_bookmarked = False
        self._pieces = 0  # of the watch that is open
        self._opened_at: float | None = None  # on the monotonic clock
        self._pauses = Pauses(rng, first=settings.first_pause, longest=settings.longest_pause)
        self._attempt: asyncio.Timeout | None = None  # None: between two
        self._is_doubted = False  # it is to be opened anew, without a rest
        self._shown = Shown(source.id, clock.now())

    @property
    def status(self) -> SourceStatus:
        """How it is now."""
        return self._shown.status

    async def run(self, resume_from: str, put: Put) -> Never:
        """Give `put` every batch, for ever, and wait for it: what is not taken holds the server back.

        `resume_from`: the resource version of the last batch that was kept; empty lists everything first.
        """
        self._version = resume_from
        while True:
            self._opened_at = None
            self._pieces = 0
            try:
                async with asyncio.timeout(None) as self._attempt:
                    await self._stream(put)
                error: Exception | None = None
            except (ClusterError, TimeoutError) as caught:
                error = caught
            except Exception as caught:  # the bulkhead
                log.exception("watch failed by a bug", extra={"source": self._source.id})
                self._counters.add("watch_errors", source=self._source.id)
                self._version = ""
                error = caught
            self._attempt = None
            await self._recover(error, put)

    def doubt(self) -> None:
        """Open the watch anew: nobody knows whether its connection still lives."""
        self.settled.clear()
        if self._attempt is not None:
            self._is_doubted = True
            self._attempt.reschedule(0.0)

    async def _stream(self, put: Put) -> None:
        """List where that is needed, then watch until the server ends it."""
        if self._version:
            await self._watch(put, initial=False)
            return
        self._is_listing = True
        if self.status.state is not SourceState.FORBIDDEN:  # which it is until the server lets it in
            self._show(SourceState.LISTING)
        self._counters.add("watch_lists", source=self._source.id)
        if self._client.has_watch_list and await self._watch_list(put):
            return
        await self._list(put)
        await self._watch(put, initial=False)

    async def _watch_list(self, put: Put) -> bool:
        """List and watch in one stream; False when the server refuses that."""
        try:
            await self._watch(put, initial=True)
        except ClusterError as error:
            if self._opened_at is not None or error.status not in (400, 422):
                raise
            log.info("no watch-list, listing by pages", extra={"source": self._source.id, "error": str(error)})
            self._client.has_watch_list = False
            return False
        return True

    async def _list(self, put: Put) -> None:
        version = ""
        async for page in self._client.list_pages(self._source, limit=self._settings.page):
            version = page.resource_version
            self._show(SourceState.LISTING)
            for start in range(0, len(page.items), LIST_BATCH):
                now = self._clock.now()
                listed = self._listed(page.items[start : start + LIST_BATCH], now)
                self._is_partial = True
                await put(Batch(self._source, listed, self._version, now))
        self._version = version
        await self._put(self._synced(version), put)

    def _listed(self, items: Iterable[Any], now: datetime) -> tuple[WatchEvent, ...]:
        events = []
        for item in items:
            try:
                body = self._decode.item(item)
                version = self._decode.version(body)
            except MALFORMED:
                self._count_bad(1)
            else:
                events.append(WatchEvent(WatchEventType.LISTED, body, version, now))
        return tuple(events)

    async def _watch(self, put: Put, *, initial: bool) -> None:
        async with self._client.watch(
            self._source,
            resource_version=self._version,
            initial=initial,
            timeout_seconds=self._rng.randint(*self._watch_for),
            read_timeout=self._rng.uniform(*self._settings.silence),
        ) as pieces:
            self._opened_at = self._clock.monotonic()
            self.is_unserved = False
            self._show(SourceState.LISTING if initial else SourceState.WATCHING)
            await self._follow(pieces, put)

    async def _follow(self, pieces: AsyncIterator[bytes], put: Put) -> None:
        lines = Lines(self._settings.line_limit)
        piece = await self._first(pieces, put)
        while piece:
            self._pieces += 1
            too_long = lines.too_long
            await self._take(lines.feed(piece), put)
            self._count_bad(lines.too_long - too_long)
            piece = await _next(pieces)
        if lines.is_inside:
            raise ClusterError("the watch broke off inside a frame")
        if self._is_listing:
            self._client.has_watch_list = False
            raise ClusterError("the watch ended before its list was complete")

    async def _first(self, pieces: AsyncIterator[bytes], put: Put) -> bytes:
        """Wait for the first piece. A resumed watch that is open and silent for a second goes on: say so then."""
        if self._is_listing or not self._is_lost:
            return await _next(pieces)
        first = asyncio.create_task(_next(pieces), name=f"first piece of {self._source.id}")
        try:
            await asyncio.wait({first}, timeout=QUIET_SYNC)
            if not first.done():
                await self._put(self._synced(""), put)
            return await first
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    async def _take(self, lines: list[bytes], put: Put) -> None:
        """Put what the lines say as one batch; raise what an ERROR among them says."""
        if not lines:
            return
        now = self._shown.last_frame_at = self._clock.now()
        before = self._version
        events: list[WatchEvent] = []
        error = self._decode_lines(lines, events, now)
        self._is_partial = self._is_listing
        if events or self._version != before:
            await put(Batch(self._source, tuple(events), self._version, now))
        if error is not None:
            raise error

    def _decode_lines(self, lines: Iterable[bytes], events: list[WatchEvent], now: datetime) -> ClusterError | None:
        """Append what the lines say, up to the first ERROR, which is returned. The hot path."""
        frame_of, version_of = self._decode.frame, self._decode.version
        for line in lines:
            try:
                frame = frame_of(line)
                kind = (_LISTED if self._is_listing else _WATCHED).get(frame.type)
                if kind is None:
                    error = self._obey(control_of(line), events, now)
                    if error is not None:
                        return error
                    continue
                version = version_of(frame.object)
            except MALFORMED:
                self._count_bad(1)
                continue
            if not self._is_listing:
                self._version = version
                if self._is_lost:
                    events.append(self._synced("", now))
            events.append(WatchEvent(kind, frame.object, version, now))
        return None

    def _obey(self, control: Bookmark | ClusterError, events: list[WatchEvent], now: datetime) -> ClusterError | None:
        if isinstance(control, ClusterError):
            return control
        self._has_bookmarked |= not control.ends_list  # each list ends with one, also where none come later
        if self._is_listing and not control.ends_list:
            self._client.has_watch_list = False
            return ClusterError("the server does not say where its list ends")
        if self._is_listing:
            events.append(self._synced(control.version, now))
        elif self._is_lost:
            events.append(self._synced("", now))
        self._version = control.version
        return None

    def _synced(self, version: str, now: datetime | None = None) -> WatchEvent:
        """Note that all is seen again, by a list of this version or, with none, by a watch that goes on."""
        self._is_listing = self._is_partial = self._is_lost = False
        self._show(SourceState.WATCHING)
        return WatchEvent(WatchEventType.SYNCED, None, version, now or self._clock.now())

    async def _recover(self, error: Exception | None, put: Put) -> None:
        """Decide from how a watch ended where the next one starts, and wait as long as is due."""
        if self._is_doubted:
            self._is_doubted = False
            await self._lose(put)
            return
        if self._opened_at is not None and self._clock.monotonic() - self._opened_at >= STOOD:
            self._pauses.stood()
        elif error is None:
            self._pauses.failed()
        if error is None and self._pauses.failures <= 1:
            return
        self.is_unserved = isinstance(error, ClusterError) and error.status == 404
        if error is not None:
            self._pauses.failed()
            self._note(error)
        await self._lose(put)
        self._show(
            SourceState.FORBIDDEN if isinstance(error, ForbiddenError) else SourceState.WAITING,
            "the server ends each watch at once" if error is None else str(error) or type(error).__name__,
        )
        await self._clock.sleep(self._pauses.seconds(error.retry_after if isinstance(error, ClusterError) else None))

    def _note(self, error: Exception) -> None:
        self._counters.add("watch_breaks", source=self._source.id)
        said = str(error) or type(error).__name__
        log.info("watch broken", extra={"source": self._source.id, "error": said, "failures": self._pauses.failures})
        is_silent = isinstance(error, TimeoutError) and self._opened_at is not None
        is_refused = isinstance(error, ClusterError) and error.status == 400  # no version that this server knows
        if isinstance(error, GoneError) or is_refused or (is_silent and not self._pieces):
            self._version = ""
        if is_silent and not self._has_bookmarked:
            self._watch_for = self._settings.watch_for_without_bookmarks

    async def _lose(self, put: Put) -> None:
        is_told = self._is_lost and not self._is_partial
        self._is_listing = self._is_partial = False
        self._is_lost = True
        if not is_told:
            await self._put(WatchEvent(WatchEventType.LOST, None, "", self._clock.now()), put)

    async def _put(self, event: WatchEvent, put: Put) -> None:
        await put(Batch(self._source, (event,), self._version, event.received_at))

    def _count_bad(self, n: int) -> None:
        if n:
            self._counters.add("watch_frames_bad", n, source=self._source.id)

    def _show(self, state: SourceState, error: str = "") -> None:
        self._shown.show(state, self._clock.now(), error)
        if state is SourceState.FORBIDDEN:
            self.settled.set()


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the next piece; empty at the end."""
    return await anext(pieces, b"")
