"""WATCH: initial objects, changes, bookmarks, the end after `timeoutSeconds`. Time is the running loop's."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import msgspec

from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.faults import Effect, Fault, Frames, error_frame, struck
from kwatch.testing.fake.lists import ListOptions, scoped, version_number
from kwatch.testing.fake.shapes import Form, bookmark
from kwatch.testing.fake.statuses import expired
from kwatch.testing.fake.store import Change, CompactedError, Entry, Object, Store

#: Seconds that a watch lives when the client names none (a real server: 30 to 60 minutes).
LIFETIME = 1800
#: Seconds between bookmarks; Events have no watch cache and hear of progress from etcd only.
BOOKMARKS = 60
EVENT_BOOKMARKS = 600


class Watch:
    """One open watch. Raise StatusError in the constructor for what the server refuses before the stream begins."""

    def __init__(self, store: Store, kind: Kind, namespace: str, options: ListOptions, form: Form) -> None:
        self._store, self._kind, self._options, self._form = store, kind, options, form
        self._wanted = scoped(kind, namespace, options)
        self._version = version_number(options.version or "0")
        self._wake = asyncio.Event()
        self._struck: Fault | None = None
        self._is_ending = self._is_over = False

    def strike(self, fault: Fault) -> None:
        """Let `fault` happen to the open stream now."""
        self._struck = fault
        self._wake.set()

    def end(self) -> None:
        """Let the body end once all that has changed until now is told."""
        self._is_ending = True
        self._wake.set()

    async def frames(self) -> Frames:
        """Yield one line per frame."""
        with self._store.listening(self._kind.storage, self._wake.set):
            for frame in self._initial():
                yield frame
            async with aclosing(self._following()) as following:
                async for frame in following:
                    yield frame

    async def _following(self) -> Frames:
        loop = asyncio.get_running_loop()
        end = loop.time() + (self._options.timeout or LIFETIME)
        every = EVENT_BOOKMARKS if self._kind.is_event else BOOKMARKS
        bookmark_at = loop.time() + every
        while loop.time() < end and not self._is_over:
            self._wake.clear()
            async for frame in self._suffered():
                yield frame
            for frame in self._changes():
                yield frame
            if loop.time() >= bookmark_at:
                bookmark_at += every
                for frame in self._progress():
                    yield frame
            if self._is_ending:
                return
            if not self._is_over:
                await self._woken_before(min(end, bookmark_at))

    async def _suffered(self) -> Frames:
        """Yield what a fault that struck the open stream lets through."""
        fault, self._struck = self._struck, None
        if fault is not None:
            async for piece in struck(fault):
                yield piece
            self._is_over = fault.effect is not Effect.DELAY

    def _initial(self) -> Iterator[bytes]:
        """Yield what exists when the client asked for it, or named no version to start from."""
        options = self._options
        if options.sends_initial or (options.sends_initial is None and self._version == 0):
            objects = self._store.objects(self._kind.storage)
            self._version = self._store.version
            for body in objects:
                if self._wanted(body):
                    yield self._frame(Change.ADDED, body)
            if options.sends_initial and options.bookmarks:
                yield self._bookmark(ends_initial=True)
        elif options.sends_initial is False and self._version == 0:
            self._version = self._store.version

    def _changes(self) -> Iterator[bytes]:
        if self._is_over:
            return
        try:
            entries = self._store.entries(self._kind.storage, self._version)
        except CompactedError:
            self._is_over = True
            yield error_frame(expired(self._too_old()))
            return
        for entry in entries:
            self._version = entry.version
            frame = self._frame_of(entry)
            if frame is not None:
                yield frame

    def _frame_of(self, entry: Entry) -> bytes | None:
        """An object that leaves the selection is told as DELETED, one that enters it as ADDED."""
        was = entry.before is not None and self._wanted(entry.before)
        if entry.change is Change.DELETED:
            return self._frame(Change.DELETED, entry.object) if was else None
        match was, self._wanted(entry.object):
            case True, True:
                return self._frame(Change.MODIFIED, entry.object)
            case False, True:
                return self._frame(Change.ADDED, entry.object)
            case True, False:
                return self._frame(Change.DELETED, self._left(entry))
        return None

    @staticmethod
    def _left(entry: Entry) -> Object:
        """The object as it was when it was still selected, at the version at which it left."""
        before = entry.before or entry.object
        return {**before, "metadata": {**before["metadata"], "resourceVersion": str(entry.version)}}

    def _frame(self, change: Change, body: Object) -> bytes:
        served = self._form.one(self._kind, body)
        return msgspec.json.encode({"type": change.value, "object": served}) + b"\n"

    def _progress(self) -> Iterator[bytes]:
        """Yield a bookmark, unless changes wait that it would skip."""
        if self._options.bookmarks and not self._wake.is_set() and not self._is_over:
            self._version = max(self._version, self._store.version)
            yield self._bookmark()

    def _bookmark(self, *, ends_initial: bool = False) -> bytes:
        body = self._form.one(self._kind, bookmark(self._kind, self._version, ends_initial=ends_initial))
        return msgspec.json.encode({"type": "BOOKMARK", "object": body}) + b"\n"

    def _too_old(self) -> str:
        if self._kind.is_event:
            return "The resourceVersion for the provided watch is too old."
        return f"too old resource version: {self._version} ({self._store.version})"

    async def _woken_before(self, at: float) -> None:
        try:
            async with asyncio.timeout_at(at):
                await self._wake.wait()
        except TimeoutError:
            pass
