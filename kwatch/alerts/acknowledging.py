"""Somebody takes care of an alert: no repeats, no escalation, until the episode ends or it becomes worse (S-67)."""

from datetime import datetime

from kwatch.alerts.records import Alert


def acknowledge(alert: Alert, by: str, comment: str, now: datetime) -> None:
    """Note who takes care of it from now on."""
    alert.acked_by, alert.ack_comment, alert.acked_at = by, comment, now


def withdraw(alert: Alert) -> None:
    """Nobody does any more."""
    alert.acked_by, alert.ack_comment, alert.acked_at = "", "", None
