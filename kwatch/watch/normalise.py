"""One model for Events, whichever API they come through (spec 2.3, rows D2, D4, D6).

core/v1 and events.k8s.io/v1 are views of the same objects with other names for the same fields, and any of the times
and the count may be null. Bodies are decoded into one projection that knows both spellings. Pure.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import KubeEvent

COMBINED = "(combined from similar events): "

#: int32 in the API.
Number = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
#: Opaque, but not endless: it is compared as an integer, and sent back.
Version = Annotated[str, msgspec.Meta(max_length=256)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Instant = Moment | None


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is read of `metadata`."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: Version | None = None
    creation_timestamp: Instant = None


class Regarding(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An ObjectReference."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    api_version: str | None = None


class EventSource(msgspec.Struct, frozen=True, gc=False):
    """Who saw it, in the core API's older form."""

    component: str | None = None
    host: str | None = None


class EventSeries(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How it went on, as newer recorders write it."""

    count: Number | None = None
    last_observed_time: Instant = None


class KubeEventBody(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An Event as it is sent: fields of both APIs, any of them absent or null."""

    metadata: Metadata = Metadata()
    type: str | None = None
    reason: str | None = None
    series: EventSeries | None = None
    event_time: Instant = None
    reporting_instance: str | None = None
    # events.k8s.io/v1
    regarding: Regarding | None = None
    note: str | None = None
    reporting_controller: str | None = None
    deprecated_source: EventSource | None = None
    deprecated_count: Number | None = None
    deprecated_first_timestamp: Instant = None
    deprecated_last_timestamp: Instant = None
    # core/v1
    involved_object: Regarding | None = None
    message: str | None = None
    reporting_component: str | None = None
    source: EventSource | None = None
    count: Number | None = None
    first_timestamp: Instant = None
    last_timestamp: Instant = None


class EventFrame(msgspec.Struct, frozen=True, gc=False):
    """One line of a watch on Events."""

    type: str
    object: KubeEventBody


EVENT_FRAME_DECODER = msgspec.json.Decoder(EventFrame)
EVENT_DECODER = msgspec.json.Decoder(KubeEventBody)

_NOBODY = EventSource()
_NO_SERIES = EventSeries()
_NOTHING = Regarding()


def subject_of(body: KubeEventBody) -> tuple[str, str, str, str, str]:
    """Return kind, group and namespace of the regarding object, type and reason: what tells most rules apart."""
    regarding = body.regarding or body.involved_object or _NOTHING
    group, slash, _ = (regarding.api_version or "").partition("/")
    return (
        regarding.kind or "",
        group if slash else "",
        regarding.namespace or "",
        body.type or "Normal",
        body.reason or "",
    )


def without_secrets(body: KubeEventBody, redact: Callable[[str], str]) -> KubeEventBody:
    """Return the Event with its short texts redacted; the message is, where it is kept (`kwatch.rules`).

    Its writer chooses all of them, but they hardly ever hold a secret: they are looked at as one text.
    """
    texts = "\n".join(filter(None, _short_texts(body)))
    if redact(texts) == texts:
        return body
    cleaned: KubeEventBody = _cleaned(body, redact)
    return msgspec.structs.replace(cleaned, note=body.note, message=body.message)


def _short_texts(body: KubeEventBody) -> Iterator[str | None]:
    yield from (body.metadata.name, body.metadata.namespace, body.metadata.uid, body.type, body.reason)
    yield from (body.reporting_instance, body.reporting_controller, body.reporting_component)
    for regarding in (body.regarding, body.involved_object):
        if regarding is not None:
            yield from (regarding.kind, regarding.namespace, regarding.name, regarding.uid, regarding.api_version)
    for source in (body.source, body.deprecated_source):
        if source is not None:
            yield from (source.component, source.host)


def _cleaned(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: _cleaned(getattr(value, name), redact) for name in value.__struct_fields__}
    return msgspec.structs.replace(value, **fields)


def event_of(body: KubeEventBody) -> KubeEvent | None:
    """Return the normalised Event; None when it has no name, no object that it is about, or no time at all."""
    metadata = body.metadata
    regarding = body.regarding or body.involved_object
    series = body.series or _NO_SERIES
    last_at = _last_at(body, series)
    if regarding is None or last_at is None or not metadata.name:
        return None
    source = body.deprecated_source or body.source or _NOBODY
    message = body.note or body.message or ""
    is_combined = message.startswith(COMBINED)
    return KubeEvent(
        ref=ObjectRef("Event", metadata.name, metadata.namespace or "", "", metadata.uid or ""),
        regarding=_ref_of(regarding),
        type=body.type or "Normal",
        reason=body.reason or "",
        message=message.removeprefix(COMBINED),
        is_combined=is_combined,
        component=body.reporting_controller or body.reporting_component or source.component or "",
        host=source.host or body.reporting_instance or "",
        count=max(body.deprecated_count or 0, body.count or 0, series.count or 0, 1),
        is_series=body.series is not None,
        first_at=_first_at(body) or last_at,
        last_at=last_at,
        resource_version=metadata.resource_version or "",
    )


def _ref_of(regarding: Regarding) -> ObjectRef:
    group, slash, _ = (regarding.api_version or "").partition("/")
    return ObjectRef(
        regarding.kind or "",
        regarding.name or "",
        regarding.namespace or "",
        group if slash else "",
        regarding.uid or "",
    )


def _last_at(body: KubeEventBody, series: EventSeries) -> datetime | None:
    """Return the effective time: the latest that is there."""
    times = (
        series.last_observed_time,
        body.deprecated_last_timestamp,
        body.last_timestamp,
        body.event_time,
        body.deprecated_first_timestamp,
        body.first_timestamp,
        body.metadata.creation_timestamp,
    )
    return max((at for at in times if at is not None), default=None)


def _first_at(body: KubeEventBody) -> datetime | None:
    """Return the time of the first occurrence; `eventTime` is the more exact one where both are there."""
    return (
        body.event_time or body.deprecated_first_timestamp or body.first_timestamp or body.metadata.creation_timestamp
    )
