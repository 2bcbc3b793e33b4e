"""What a newer notification takes over from those that it replaces in their lane. Pure.

Each is a snapshot of what goes on, but ends, what came and went, and what is new are told once: they must not get lost
with the message that was never sent.
"""

from collections.abc import Iterable

import msgspec

from kwatch.alerts.announcing import ALERTS
from kwatch.alerts.views import order_of
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Content, Notification


def merge(newest: Notification, replaced: Iterable[Notification]) -> Notification:
    """Return the newest with what the others, oldest first, would have told and it does not."""
    content = newest.content
    for older in reversed(tuple(replaced)):
        content = _merged(content, older.content)
    return msgspec.structs.replace(newest, content=content, severity=content.severity)


def _merged(content: Content, older: Content) -> Content:
    known = {_identity(view) for view in content.alerts}
    untold = {_identity(view) for view in older.alerts if view.is_new}
    lost = [view for view in older.alerts if view.state is not AlertState.FIRING and _identity(view) not in known]
    kept = [msgspec.structs.replace(view, is_new=view.is_new or _is_news(view, untold)) for view in content.alerts]
    ordered = sorted([*kept, *lost], key=order_of)
    severities = [view.severity for view in lost] if not content.firing_count else []
    return msgspec.structs.replace(
        content,
        alerts=tuple(ordered[:ALERTS]),
        alert_count=content.alert_count + len(lost),
        severity=max([content.severity, *severities]),
        starts_at=min([content.starts_at, *(view.starts_at for view in lost)]),
        came_and_went=tuple(dict.fromkeys((*older.came_and_went, *content.came_and_went)))[:ALERTS],
        is_raised=content.is_raised or older.is_raised,
        is_late=content.is_late or older.is_late,
        is_quiet=content.is_quiet and older.is_quiet,
    )


def _identity(view: AlertView) -> tuple[str, int]:
    return view.fingerprint, view.episode


def _is_news(view: AlertView, untold: set[tuple[str, int]]) -> bool:
    return view.state is AlertState.FIRING and _identity(view) in untold
