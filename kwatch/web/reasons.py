"""The answer to "why was I (not) told?", as JSON has it. Pure; every fact is said by who decides it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from kwatch.alerts.annotated import Asked
from kwatch.alerts.story import AlertStory, TellingStory
from kwatch.model.notifications import Attempt, Delivery
from kwatch.rules.verdicts import Verdict
from kwatch.web.reports import alert_report, delivery_story
from kwatch.web.status_page import queue_note
from kwatch.web.views import DestinationView

Told = tuple[Delivery, tuple[Attempt, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What is known of a subject: an alert by its fingerprint, or an object by `Kind/namespace/name`."""

    subject: str
    now: datetime
    problem: str = ""  # why nothing can be said of it; empty: something can
    verdicts: tuple[Verdict, ...] = ()  # of the rules on objects; those on Events speak of Events alone
    stories: tuple[AlertStory, ...] = ()
    asked: tuple[Asked, ...] = ()  # annotations that may act on the object, the nearest first
    deliveries: Mapping[tuple[str, str], Sequence[Told]] = field(default_factory=dict)  # by destination and incident
    destinations: Mapping[str, DestinationView] = field(default_factory=dict)


def incidents_of(telling: TellingStory) -> Iterable[str]:
    """Return the incidents whose deliveries a destination was told it in."""
    return dict.fromkeys(filter(None, (telling.thread, telling.incident)))


def reasons_report(reasons: Reasons) -> dict[str, Any]:
    """Return the body of `/api/v1/why/…`."""
    return {
        "subject": reasons.subject,
        "problem": reasons.problem,
        "rules": [
            {**msgspec.to_builtins(verdict), "says": str(verdict.why).splitlines()} for verdict in reasons.verdicts
        ],
        "annotations": msgspec.to_builtins(reasons.asked),
        "alerts": [_story_report(story, reasons) for story in reasons.stories],
    }


def _story_report(story: AlertStory, reasons: Reasons) -> dict[str, Any]:
    view, said = story.view, msgspec.to_builtins(story)
    return {
        **alert_report(view, story.hold.says if story.hold is not None else ""),
        "key": said["key"],
        "ends_at": msgspec.to_builtins(view.ends_at),
        "end_reason": view.end_reason.value if view.end_reason is not None else "",
        "reason": story.reason,
        "due_at": said["due_at"],
        "quiet_at": said["quiet_at"],
        "stable_at": said["stable_at"],
        "in_window": view.window_count,
        "rate_count": story.rate_count,
        "hold": said["hold"],
        "drop": story.drop,
        "drops": said["drops"],
        "escalation": said["escalation"],
        "notice": said["notice"],
        "annotations": said["asked"],
        "objects": said["members"],
        "told": [_telling_report(telling, reasons) for telling in story.tellings],
    }


def _telling_report(telling: TellingStory, reasons: Reasons) -> dict[str, Any]:
    destination = reasons.destinations.get(telling.destination)
    return {
        **msgspec.to_builtins(telling),
        "queue": queue_note(destination, reasons.now) if destination is not None else "",
        "deliveries": [delivery_story(*told, ()) for told in _deliveries(telling, reasons)],
    }


def _deliveries(telling: TellingStory, reasons: Reasons) -> Iterator[Told]:
    for incident in incidents_of(telling):
        yield from reasons.deliveries.get((telling.destination, incident), ())
