"""What goes wrong on request: in answers that are still to come, and in watches that are open."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

import msgspec

from kwatch.testing.fake.statuses import StatusError, expired

#: The body of a watch: one line per frame. May raise ConnectionDroppedError.
Frames = AsyncGenerator[bytes, None]


class Effect(Enum):
    """What a fault does. The last three need frames to work on; in an answer without frames they do nothing."""

    DROP = "drop"  # the connection is reset
    HALF_OPEN = "half_open"  # silence without an end
    DELAY = "delay"  # `seconds` of silence, then as usual
    CLOSE = "close"  # the body ends early, cleanly
    HTML_500 = "html_500"  # a proxy's error page
    TOO_MANY = "too_many"  # 429 with Retry-After: `seconds`
    GONE = "gone"  # 410: as the status of the answer, or as an ERROR frame of an open stream
    TRUNCATE = "truncate"  # half a line, then the connection is reset
    DUPLICATE = "duplicate"  # one frame twice
    REORDER = "reorder"  # two frames in the wrong order


#: Effects that can strike a stream between two frames.
ON_OPEN = frozenset({Effect.DROP, Effect.HALF_OPEN, Effect.DELAY, Effect.CLOSE, Effect.GONE, Effect.TRUNCATE})
#: Effects that need frames.
ON_FRAMES = frozenset({Effect.TRUNCATE, Effect.DUPLICATE, Effect.REORDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble.

    path: a glob (`*/pods`); method: a glob too. `times`: how many requests it hits. `after`: None strikes before the
    head of the answer; a number lets a watch begin and strikes after so many frames. `watch`: only watches (True), only
    other requests (False), any (None).
    """

    effect: Effect
    path: str = "*"
    method: str = "*"
    times: int = 1
    after: int | None = None
    watch: bool | None = None
    seconds: float = 1.0

    def concerns(self, method: str, path: str, *, is_watch: bool) -> bool:
        fits = fnmatchcase(path, self.path) and fnmatchcase(method, self.method)
        return fits and self.watch in (None, is_watch) and (is_watch or not self.is_within)

    @property
    def is_within(self) -> bool:
        """Whether it strikes inside a stream."""
        return self.after is not None or self.effect in ON_FRAMES


class ConnectionDroppedError(Exception):
    """The connection is reset here."""


class Faults:
    """The faults that wait for their requests, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, path: str, *, is_watch: bool) -> Fault | None:
        """Return the first fault that concerns a request, and count it."""
        for index, (fault, left) in enumerate(self._waiting):
            if fault.concerns(method, path, is_watch=is_watch):
                self._waiting[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None


def error_frame(error: StatusError) -> bytes:
    return msgspec.json.encode({"type": "ERROR", "object": error.body}) + b"\n"


def too_old() -> StatusError:
    return expired("too old resource version")


async def silence() -> None:
    """Wait for ever."""
    await asyncio.get_running_loop().create_future()


async def struck(fault: Fault) -> Frames:
    """Yield what an open stream still says when `fault`, which needs no frames, strikes it."""
    match fault.effect:
        case Effect.DROP:
            raise ConnectionDroppedError
        case Effect.TRUNCATE:
            yield b'{"type":"MODIFIED","object":{"kind":"'
            raise ConnectionDroppedError
        case Effect.HALF_OPEN:
            await silence()
        case Effect.DELAY:
            await asyncio.sleep(fault.seconds)
        case Effect.GONE:
            yield error_frame(too_old())


async def disturbed(frames: Frames, fault: Fault) -> Frames:
    """Pass `fault.after` frames on, then do what the fault does."""
    async with aclosing(frames):
        async for frame in _some(frames, fault.after or 0):
            yield frame
        if fault.effect in ON_FRAMES:
            async for frame in _mangled(frames, fault.effect):
                yield frame
        else:
            async for piece in struck(fault):
                yield piece
            if fault.effect is not Effect.DELAY:
                return
        async for frame in frames:
            yield frame


async def _mangled(frames: Frames, effect: Effect) -> Frames:
    match effect:
        case Effect.TRUNCATE:
            async for frame in _some(frames, 1):
                yield frame[: len(frame) // 2]
            raise ConnectionDroppedError
        case Effect.DUPLICATE:
            async for frame in _some(frames, 1):
                yield frame
                yield frame
        case Effect.REORDER:
            for frame in reversed([frame async for frame in _some(frames, 2)]):
                yield frame


async def _some(frames: Frames, number: int) -> Frames:
    """Pass at most `number` frames on, and leave the rest."""
    for _ in range(number):
        async for frame in frames:
            yield frame
            break
