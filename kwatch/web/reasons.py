"""The answer to "why was I (not) told?", as JSON has it. Pure; every fact is said by who decides it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kwatch.alerts.annotated import Asked
from kwatch.alerts.story import AlertStory
from kwatch.model.notifications import Attempt, Delivery
from kwatch.rules.verdicts import Verdict
from kwatch.web.views import delivery_story

Told = tuple[Delivery, tuple[Attempt, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What is known of a subject: an alert by its fingerprint, or an object by `Kind/namespace/name`."""

    subject: str
    problem: str = ""  # why nothing can be said of it; empty: something can
    verdicts: tuple[Verdict, ...] = ()  # of the rules on objects; those on Events speak of Events alone
    stories: tuple[AlertStory, ...] = ()
    asked: tuple[Asked, ...] = ()  # annotations that may act on the object, the nearest first
    deliveries: Mapping[tuple[str, str], Sequence[Told]] = field(default_factory=dict)  # by destination and incident


def reasons_report(reasons: Reasons) -> dict[str, Any]:
    """Return the body of `/api/v1/why/…`."""
    return {
        "subject": reasons.subject,
        "problem": reasons.problem,
        "rules": msgspec.to_builtins(reasons.verdicts),
        "annotations": msgspec.to_builtins(reasons.asked),
        "alerts": [_story_report(story, reasons.deliveries) for story in reasons.stories],
    }


def _story_report(story: AlertStory, deliveries: Mapping[tuple[str, str], Sequence[Told]]) -> dict[str, Any]:
    view = story.view
    return {
        "fingerprint": view.fingerprint,
        "rule": view.rule,
        "state": view.state.value,
        "severity": view.severity.word,
        "episode": view.episode,
        "labels": dict(view.labels),
        "starts_at": msgspec.to_builtins(view.starts_at),
        "reason": story.reason,
        "due_at": msgspec.to_builtins(story.due_at),
        "occurrences": view.count,
        "in_window": view.window_count,
        "rate_count": story.rate_count,
        "held_by": story.held_by,
        "hold": story.hold_fate,
        "annotations": msgspec.to_builtins(story.asked),
        "members": msgspec.to_builtins(story.members),
        "told": [
            {
                **msgspec.to_builtins(telling),
                "deliveries": [
                    delivery_story(*told, ()) for told in deliveries.get((telling.destination, telling.incident), ())
                ],
            }
            for telling in story.tellings
        ],
    }
