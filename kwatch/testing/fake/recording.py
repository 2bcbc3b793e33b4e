"""Recorded watch streams of a real cluster, played into a fake one.

A recording is gzipped lines `{"at": unix seconds, "path": the watched path, "line": the frame}` of many watches.
What came before a stream's initial bookmark was there at the start. All times in the objects move with the recording:
its start becomes the time of the cluster's clock; a clock that stands at `Recording.start` leaves them as they are.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.shapes import core_event
from kwatch.testing.fake.store import Object, key_of

CORE_EVENTS, NEW_EVENTS = "/api/v1/events", "/apis/events.k8s.io/v1/events"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
#: The end of a core Event's name: the time of its first occurrence, in nanoseconds.
_EVENT_NAME = re.compile(r"(.*\.)([0-9a-f]{16})")
NANOSECONDS = 1_000_000_000

Move = Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True)
class Frame:
    """One change of one object, `at` seconds after the start."""

    at: float
    is_deletion: bool
    body: Object


@dataclass(frozen=True, slots=True)
class Recording:
    """What was there at the start, and what happened then."""

    start: datetime
    initial: tuple[Object, ...]
    frames: tuple[Frame, ...]


def load_recording(path: Path) -> Recording:
    """Read a recording; of Events that it holds by both APIs, the core ones."""
    with gzip.open(path, "rb") as file:
        lines = [msgspec.json.decode(line) for line in file]
    paths = {line["path"] for line in lines}
    skipped = NEW_EVENTS if CORE_EVENTS in paths else ""
    began = min(line["at"] for line in lines)
    initial, frames, synced = [], [], set[str]()
    for line in lines:
        frame, path_of = line["line"], line["path"]
        if frame["type"] == "BOOKMARK":
            synced.add(path_of)
        elif path_of == skipped:
            continue
        elif path_of in synced:
            frames.append(Frame(line["at"] - began, frame["type"] == "DELETED", frame["object"]))
        else:
            initial.append(frame["object"])
    initial.sort(key=lambda body: int(body["metadata"]["resourceVersion"]))
    frames.sort(key=lambda frame: frame.at)
    return Recording(datetime.fromtimestamp(began, UTC), tuple(initial), tuple(frames))


class RecordingPlayer:
    """Plays one recording into one cluster. `speed`: 2.0 is twice as fast, in the objects' times too."""

    def __init__(self, recording: Recording, cluster: FakeCluster, *, speed: float = 1.0) -> None:
        self._recording, self._cluster, self._speed = recording, cluster, speed
        self._origin = cluster.clock.now()

    def begin(self) -> None:
        """Put what was there at the start."""
        for body in self._recording.initial:
            self._put(body)

    async def run(self) -> None:
        """Play the changes in time; return after the last one."""
        clock = self._cluster.clock
        began = clock.monotonic()
        for frame in self._recording.frames:
            await clock.sleep(began + frame.at / self._speed - clock.monotonic())
            if frame.is_deletion:
                self._remove(frame.body)
            else:
                self._put(frame.body)

    def _put(self, body: Object) -> None:
        kind = self._cluster.catalog.kind_of(body)
        moved = self._moved(core_event(body) if kind.is_event else body)
        namespace = moved["metadata"].get("namespace", "")
        if namespace:
            self._cluster.ensure_namespace(namespace)
        self._cluster.put(kind, moved)

    def _remove(self, body: Object) -> None:
        kind = self._cluster.catalog.kind_of(body)
        moved = self._moved(core_event(body) if kind.is_event else body)
        if self._cluster.store.get(kind.storage, key_of(moved)) is not None:
            self._cluster.store.remove(kind.storage, key_of(moved), last=moved)

    def _moved(self, body: Object) -> Object:
        if self._origin == self._recording.start and self._speed == 1:
            return body
        moved: Object = _shifted(body, self._move)
        if body["kind"] == "Event":
            moved["metadata"] = {**moved["metadata"], "name": self._event_name(moved["metadata"]["name"])}
        return moved

    def _move(self, at: datetime) -> datetime:
        return self._origin + (at - self._recording.start) / self._speed

    def _event_name(self, name: str) -> str:
        parts = _EVENT_NAME.fullmatch(name)
        if parts is None:
            return name
        seconds, rest = divmod(int(parts[2], 16), NANOSECONDS)
        moved = self._move(datetime.fromtimestamp(seconds, UTC)) - datetime.fromtimestamp(0, UTC)
        return f"{parts[1]}{moved // timedelta(microseconds=1) * 1000 + rest:016x}"


def _shifted(value: Any, move: Move) -> Any:
    match value:
        case dict():
            return {key: _shifted(part, move) for key, part in value.items()}
        case list():
            return [_shifted(part, move) for part in value]
        case str() if _TIME.fullmatch(value):
            return _written(move(datetime.fromisoformat(value)), digits=len(value) - len("2026-01-01T00:00:00Z"))
    return value


def _written(at: datetime, *, digits: int) -> str:
    """Write a time with as many digits of a second as it had."""
    fraction = f".{at.microsecond:06d}" if digits else ""
    return at.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
