"""What a receiver was told, and the line by which tests name it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Told:
    """One message that a receiver accepted: when, at which URL's last segment, what kind, of which rules."""

    at: float
    destination: str
    kind: str
    rules: tuple[str, ...]
    body: bytes = field(default=b"", compare=False, repr=False)

    @property
    def document(self) -> Any:
        """The webhook's document."""
        return json.loads(self.body)

    def __str__(self) -> str:
        """Return `15 hook firing crash-loop shop/Pod/web-1 ×3`: a state only where it is not the message's.

        What tells of no alert is shown by the first line of its text.
        """
        alerts = ", ".join(_alert_line(alert, self.kind) for alert in self.document["alerts"])
        alerts = alerts or self.document["message"].partition("\n")[0]
        return f"{_number(self.at)} {self.destination} {self.kind} {alerts}"


def told_by(request: httpx.Request, at: float) -> Told:
    """Return what a webhook's request tells, at the URL's last segment."""
    document = json.loads(request.content)
    rules = tuple(alert["labels"]["rule"] for alert in document["alerts"])
    return Told(at, request.url.path.rpartition("/")[2], document["kind"], rules, request.content)


def _alert_line(alert: Mapping[str, Any], kind: str) -> str:
    often = f" ×{alert['count']}" if alert["count"] > 1 else ""
    state = "" if alert["state"] in ("firing", kind) or kind == "notice" else f" {alert['state']}"
    return f"{alert['rule']} {alert['where']}{often}{state}"


def _number(at: float) -> str:
    return f"{at:.3f}".rstrip("0").rstrip(".")
