"""What the endpoints answer, as plain values for JSON. Pure: `now` comes with the overview."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kwatch.model.alerts import AlertView
from kwatch.model.decisions import AuditEntry
from kwatch.model.notifications import Attempt, Delivery, Folded
from kwatch.model.silences import Silence
from kwatch.web.views import Overview, SourceState, readiness


def readiness_report(overview: Overview) -> dict[str, Any]:
    """Return the body of `/readyz`."""
    return {
        "status": readiness(overview).value,
        "stopping": overview.is_stopping,
        "store": {"ok": not overview.store.error, "error": overview.store.error},
        "configuration": {
            "ok": not overview.configuration.error,
            "loaded_at": overview.configuration.loaded_at.isoformat(),
            "error": overview.configuration.error,
        },
        "sources": [
            {
                "id": source.id,
                "ok": source.state is SourceState.WATCHING,
                "state": source.state.value,
                "since": source.since.isoformat(),
                "last_frame_at": _instant(source.last_frame_at),
                "error": source.error,
            }
            for source in overview.sources
        ],
        "destinations": [
            {
                "name": destination.name,
                "ok": not destination.is_closed,
                "queued": destination.queued,
                "oldest_at": _instant(destination.oldest_at),
                "suspended": destination.suspended,
                "failing": destination.failing,
                "paused_until": _instant(destination.paused_until),
                "silent_until": _instant(destination.silent_until),
                "storm_since": _instant(destination.storm_since),
            }
            for destination in overview.destinations
        ],
    }


def alert_report(alert: AlertView, muted_by: str = "") -> dict[str, Any]:
    """Return one alert as `/api/v1/alerts` lists it, with what holds it back; empty: nothing does."""
    return {
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "rule": alert.rule,
        "state": alert.state.value,
        "severity": alert.severity.word,
        "labels": dict(alert.labels),
        "message": alert.message,
        "details": dict(alert.details),
        "count": alert.count,
        "starts_at": alert.starts_at.isoformat(),
        "members": list(alert.members),
        "member_count": alert.member_count,
        "late": alert.is_late,
        "throttled": alert.is_throttled,
        "flapping": alert.is_flapping,
        "acked_by": alert.acked_by,
        "acked_at": _instant(alert.acked_at),
        "ack_comment": alert.ack_comment,
        "escalated_to": list(alert.escalated_to),
        "muted_by": muted_by,
    }


def silence_report(silence: Silence) -> dict[str, Any]:
    """Return one silence as `/api/v1/silences` lists it."""
    return {
        "id": silence.id,
        "match": silence.asked,
        "starts_at": silence.starts_at.isoformat(),
        "ends_at": _instant(silence.ends_at),
        "until_resolved": silence.is_until_resolved,
        "owner": silence.owner,
        "comment": silence.comment,
        "created_at": silence.created_at.isoformat(),
    }


def audit_report(entry: AuditEntry) -> dict[str, Any]:
    """Return one change as `/api/v1/audit` lists it."""
    return {
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }


def delivery_report(delivery: Delivery) -> dict[str, Any]:
    """Return one delivery as `/api/v1/deliveries` lists it; without the message, which may be long."""
    notification = delivery.notification
    return {
        "id": notification.id,
        "destination": notification.destination,
        "incident": notification.incident,
        "sequence": notification.sequence,
        "kind": notification.kind.value,
        "severity": notification.severity.word,
        "state": delivery.state.value,
        "title": title_of(delivery),
        "attempts": delivery.attempts,
        "created_at": notification.created_at.isoformat(),
        "due_at": None if delivery.state.is_final else delivery.due_at.isoformat(),
        "finished_at": _instant(delivery.finished_at),
        "reason": delivery.reason,
    }


def delivery_story(delivery: Delivery, attempts: tuple[Attempt, ...], folded: tuple[Folded, ...]) -> dict[str, Any]:
    """Return `/api/v1/deliveries/{id}`: the delivery, every attempt, what was sent, and of an overflow for what.

    The body is in the message as text; it holds no credential, as those are added when a request is made.
    """
    message = delivery.message
    return {
        **delivery_report(delivery),
        "degraded": delivery.is_degraded,
        "ambiguous": delivery.is_ambiguous,
        "tries": [
            {
                "number": attempt.number,
                "started_at": attempt.started_at.isoformat(),
                "ended_at": attempt.ended_at.isoformat(),
                "outcome": attempt.outcome,
                "reason": attempt.reason,
                "detail": attempt.detail,
            }
            for attempt in attempts
        ],
        "folded": [{"id": each.id, "kind": each.kind.value, "incident": each.incident} for each in folded],
        "message": None
        if message is None
        else {
            "content_type": message.content_type,
            "body": message.body.decode(errors="replace"),
            "fallback_reason": message.fallback_reason,
        },
    }


def title_of(delivery: Delivery) -> str:
    """Say in one line what a delivery is about."""
    content = delivery.notification.content
    if not content.alerts:
        return content.text.partition("\n")[0]
    first = content.alerts[0]
    others = content.alert_count - 1
    return f"{first.rule} {place_of(first.labels)}".rstrip() + (f" and {others} more" if others > 0 else "")


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def place_of(labels: Mapping[str, str]) -> str:
    """Name the object: `namespace/Kind/name` of the workload, as messages do."""
    subject = labels.get("workload") or "/".join(filter(None, (labels.get("kind"), labels.get("name"))))
    return "/".join(filter(None, (labels.get("namespace"), subject)))
