"""The clock was set: what durations count from moves along, so that none of them ends early or late by it (S-117).

Instants that were told (when an episode began, ended, was acknowledged) stay as they are. Those of Events move too: an
Event of before must not lie after one of now, be it that the cluster's clock was set as well, or that what comes from
then on is cut to ours.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from kwatch.alerts import quiet
from kwatch.alerts.records import Alert, Group, NoticeBatch, PlannedChange


def move_alert(alert: Alert, by: timedelta) -> None:
    """Move the instants of an alert from which `for`, rates, quiet, holds, windows of flapping and memories count."""
    alert.seen_at += by
    alert.ended_at, alert.notice_at = _moved(alert.ended_at, by), _moved(alert.notice_at, by)
    alert.planned_at = _moved(alert.planned_at, by)
    alert.transitions = [at + by for at in alert.transitions]
    alert.window = [replace(kept, t0=kept.t0 + by, t1=kept.t1 + by) for kept in alert.window]
    alert.values = {value: at + by for value, at in alert.values.items()}
    alert.steps = [replace(step, at=step.at + by, heard_at=step.heard_at + by) for step in alert.steps]
    for member in alert.members.values():
        member.since_at += by
        member.seen_at += by
        quiet.move(member, by)
    alert.escalates_from = _moved(alert.escalates_from, by)
    for step in alert.escalation:
        step.due_at, step.turned_at = step.due_at + by, step.turned_at + by


def move_group(group: Group, by: timedelta) -> None:
    """Move the instants of a group from which its waits, intervals and repeats count."""
    group.due_at, group.forget_at = _moved(group.due_at, by), _moved(group.forget_at, by)
    group.flushed_at, group.sent_at = _moved(group.flushed_at, by), _moved(group.sent_at, by)


def move_notices(batch: NoticeBatch, by: timedelta) -> None:
    """Move the end of a batch's wait."""
    batch.due_at += by


def move_change(change: PlannedChange, by: timedelta) -> None:
    """Move the limits of a planned change; its begin only backwards, so that what began during it still did."""
    change.started_at = min(change.started_at, change.started_at + by)
    change.uncounted += max(by, timedelta(0))
    change.until, change.done_at = change.until + by, _moved(change.done_at, by)


def _moved(at: datetime | None, by: timedelta) -> datetime | None:
    return None if at is None else at + by
