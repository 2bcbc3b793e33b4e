"""From the pieces of a watch's body to frames: lines, decoded bodies, bookmarks, errors. No I/O.

See https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from kwatch.cluster.client import error_of
from kwatch.errors import ClusterError
from kwatch.watch.extract import Body, Projection, form_of, metadata_of
from kwatch.watch.normalise import EVENT_DECODER, EVENT_FRAME_DECODER, KubeEventBody, Version

LIST_ENDS = "k8s.io/initial-events-end"

#: What decoding raises: not JSON or not the form, not UTF-8, nested without end.
MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Frame(Protocol):
    """One line of a watch."""

    @property
    def type(self) -> str: ...

    @property
    def object(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Decoding:
    """How one source's bodies are read, in frames and in lists. All three raise what is in MALFORMED."""

    frame: Callable[[bytes], Frame]
    item: Callable[[msgspec.Raw], Any]
    version: Callable[[Any], str]


class _ObjectFrame(msgspec.Struct, frozen=True):
    type: str
    object: dict[str, Any]


class _ObjectMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What no object is without."""

    name: str
    resource_version: Version


def _event_version(body: KubeEventBody) -> str:
    if not body.metadata.resource_version:
        raise msgspec.ValidationError("an Event without a resource version")
    return body.metadata.resource_version


def _object_version(body: Body) -> str:
    if isinstance(body, msgspec.Struct):
        return metadata_of(body).resource_version
    return msgspec.convert(body.get("metadata"), _ObjectMetadata).resource_version


EVENTS = Decoding(EVENT_FRAME_DECODER.decode, EVENT_DECODER.decode, _event_version)
OBJECTS = Decoding(
    msgspec.json.Decoder(_ObjectFrame).decode, msgspec.json.Decoder(dict[str, Any]).decode, _object_version
)


def objects(projection: Projection) -> Decoding:
    """Return how objects are read of which that much is kept: the rest of a body is passed over, not decoded.

    What has another form than most objects of its kind is decoded whole.
    """
    form = form_of(projection)
    if form is None:
        return OBJECTS
    frame = msgspec.json.Decoder(msgspec.defstruct("Frame", [("type", str), ("object", form)], frozen=True))
    return Decoding(
        _first_of(frame.decode, OBJECTS.frame),
        _first_of(msgspec.json.Decoder(form).decode, OBJECTS.item),
        _object_version,
    )


def _first_of(narrow: Callable[[Any], Any], wide: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decode(line: bytes | msgspec.Raw) -> Any:
        try:
            return narrow(line)
        except msgspec.ValidationError:
            return wide(line)

    return decode


class Bookmark(msgspec.Struct, frozen=True, gc=False):
    """The server's word that everything up to `version` has been sent; `ends_list`: that the initial list has."""

    version: str
    ends_list: bool


class _ControlMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource_version: Version | None = None
    annotations: dict[str, str] | None = None


class _ControlObject(msgspec.Struct, frozen=True, gc=False):
    """A bookmark's object has metadata only; an error's is a Status."""

    metadata: _ControlMetadata = _ControlMetadata()
    code: int | None = None
    message: str | None = None


class _Control(msgspec.Struct, frozen=True, gc=False):
    type: str
    object: _ControlObject


_CONTROL = msgspec.json.Decoder(_Control)


def control_of(line: bytes) -> Bookmark | ClusterError:
    """Return what a line says that is no change of an object. Raise what is in MALFORMED."""
    control = _CONTROL.decode(line)
    told = control.object
    if control.type == "ERROR":
        return error_of(told.code or 500, told.message or "the watch ended with an error")
    version = told.metadata.resource_version
    if control.type != "BOOKMARK" or not version:
        raise msgspec.ValidationError(f"a frame of type {control.type!r}")
    return Bookmark(version, (told.metadata.annotations or {}).get(LIST_ENDS) == "true")


class Lines:
    """Cut pieces at line ends. A line longer than `limit` bytes is counted and left out, whatever it is."""

    def __init__(self, limit: int) -> None:
        self.too_long = 0
        self._limit = limit
        self._rest = b""
        self._is_skipping = False

    @property
    def is_inside(self) -> bool:
        """Whether the last line is not complete."""
        return bool(self._rest) or self._is_skipping

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if lines and self._is_skipping:
            del lines[0]
            self._is_skipping = False
        if len(self._rest) > self._limit:
            self._is_skipping = True
            self.too_long += 1
        if self._is_skipping:
            self._rest = b""
        return lines
