"""A notification as a CloudEvent 1.0, in both content modes of its HTTP binding. Pure.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from kwatch.model.notifications import Notification, NotificationKind

STRUCTURED: Final = "application/cloudevents+json"

#: Kinds that tell of alerts; the others stand for themselves.
_OF_ALERTS = frozenset(
    {
        NotificationKind.FIRING,
        NotificationKind.UPDATE,
        NotificationKind.REPEAT,
        NotificationKind.RESOLVED,
        NotificationKind.EXPIRED,
        NotificationKind.NOTICE,
    }
)


def attributes(notification: Notification, instance: str) -> Mapping[str, str]:
    """Return the context attributes; `severity` is an extension, for those who filter without reading the data."""
    content, kind = notification.content, notification.kind
    alone = content.alerts[0].fingerprint if content.alert_count == 1 and content.alerts else ""
    return {
        "specversion": "1.0",
        "id": notification.id,
        "source": f"/kwatch/{quote(instance, safe='')}/{quote(content.cluster, safe='')}",
        "type": f"kwatch.{'alert.' if kind in _OF_ALERTS else ''}{kind.value}.v1",
        "subject": alone or notification.incident,
        "time": _timestamp(_happened_at(notification)),
        "datacontenttype": "application/json",
        "severity": notification.severity.word,
    }


def _happened_at(notification: Notification) -> datetime:
    """Return when what is told came to be: the beginning of what fires, the end of what is over."""
    content = notification.content
    began = content.starts_at if notification.kind is NotificationKind.FIRING else None
    return content.ends_at or began or notification.created_at


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def headers(attributes: Mapping[str, str]) -> Mapping[str, str]:
    """Return the attributes as headers (binary mode); the type of the data is the request's own."""
    return {f"ce-{name}": encode(value) for name, value in attributes.items() if name != "datacontenttype"}


def encode(value: str) -> str:
    """Percent-encode what may not stand in a header: all but printable ASCII, and space, double quote and percent."""
    return re.sub(r"[^\x21\x23\x24\x26-\x7e]", lambda found: quote(found[0], safe="", errors="replace"), value)
