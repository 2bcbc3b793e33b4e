"""What a notification makes of the incidents of an on-call tool, such as PagerDuty. Pure.

Such a tool calls people when an incident opens, and never again for what joins one that somebody has acknowledged. So
a critical alert is an incident of its own, by the key `kw/<fingerprint>/<episode>`. The other alerts of a group share
one, the group's `kw/<group>/<episode>`; so do critical ones beyond the first `OWN`, so that an outage of everything
does not ring a hundred times.

The receipt of an incident's last message names those that are open by their keys. Every step may be repeated: the tool
takes it for the same incident.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Final

import msgspec

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Content, Notification, NotificationKind, Thread
from kwatch.model.rules import Severity

#: Alerts of one group that are incidents of their own at a time: as many calls as one person can take in.
OWN: Final = 10

#: Kinds that tell of many groups: each of those tells the ends of its own, and nobody that of the list. What a summary
#: tells opens the incidents of the groups; it is one itself only where it tells of more.
_LISTS: Final = frozenset({NotificationKind.SUMMARY, NotificationKind.OVERFLOW})
_OVER: Final[Mapping[AlertState, NotificationKind]] = {
    AlertState.RESOLVED: NotificationKind.RESOLVED,
    AlertState.EXPIRED: NotificationKind.EXPIRED,
}
_LASTING: Final = frozenset({NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.REPEAT})


class Act(Enum):
    """What is done to an incident."""

    OPEN = "open"  # also of one that is open: it is said again, and opened anew where somebody has closed it
    UPDATE = "update"  # something of an open one has changed
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One act on one incident, and what is to be said of it."""

    act: Act
    key: str
    severity: Severity
    told: Notification
    is_closed_by_hand: bool = False  # no end of it will ever be told


class Plan(msgspec.Struct, frozen=True):
    """What is to be done, the worst first, and the keys of what is open then."""

    steps: tuple[Step, ...]
    open: tuple[str, ...]


def plan(notification: Notification, thread: Thread, *, send_resolved: bool) -> Plan:
    """Return what a notification asks for, where `thread` is the incident as the tool knows it."""
    kind, key, content = notification.kind, notification.incident, notification.content
    if kind not in _LASTING and kind not in _LISTS and not kind.closes:
        moment = Step(act=Act.OPEN, key=key, severity=notification.severity, told=notification, is_closed_by_hand=True)
        return Plan((moment,), (key,))
    known = frozenset(filter(_is_key, thread.root.values if thread.root is not None else ()))
    firing = [view for view in content.alerts if view.state is AlertState.FIRING]
    own = {key_of(view): view for view in _own(firing, known)}
    rest = [view for view in firing if key_of(view) not in own]
    steps = [step for view in own.values() if (step := _about(notification, view, known)) is not None]
    shared = _by_incident(notification, rest)
    if kind in _LISTS and not _says_where(content, firing):
        shared.setdefault(key, [])
    for incident, views in shared.items():
        if (step := _shared(notification, incident, views, is_known=incident in known)) is not None:
            steps.append(step)
    still = {*own, *shared}
    ended = tuple(_ended(notification, thread, known, still)) if send_resolved else ()
    return Plan((*steps, *ended), _open(thread, known, still, ended))


def _open(thread: Thread, known: frozenset[str], still: set[str], ended: Iterable[Step]) -> tuple[str, ...]:
    """Return the keys of what is open after the steps; what another's thread knows beside these stays there."""
    kept = known if thread.is_own else frozenset()
    return tuple(sorted((kept | still) - {step.key for step in ended}))


def key_of(view: AlertView) -> str:
    """Return the key of an alert's own incident: another one for each episode."""
    return f"kw/{view.fingerprint}/{view.episode}"


def _is_key(name: str) -> bool:
    """Tell a key from what the receipts of other channels hold: a destination may have been one of another type."""
    return name.startswith("kw/")


def _own(firing: list[AlertView], known: frozenset[str]) -> list[AlertView]:
    """Return the alerts that are incidents of their own: those that are already, and then critical ones."""
    already = [view for view in firing if key_of(view) in known]
    others = [view for view in firing if view.severity is Severity.CRITICAL and view not in already]
    return already + others[: max(0, OWN - len(already))]


def _about(notification: Notification, view: AlertView, known: frozenset[str]) -> Step | None:
    """Return what is to be done about an alert's own incident, if anything."""
    key = key_of(view)
    act = _act(notification.kind, [view], is_known=key in known)
    if act is Act.UPDATE:  # nothing of it has changed
        return None
    return Step(act=act, key=key, severity=view.severity, told=alone(notification, view))


def _says_where(content: Content, firing: list[AlertView]) -> bool:
    """Return whether a list names the incident of each alert that it is about, and so has no need of its own."""
    named = [view for view in firing if view.incident]
    return content.kind is NotificationKind.SUMMARY and content.alert_count == len(named)


def _by_incident(notification: Notification, rest: list[AlertView]) -> dict[str, list[AlertView]]:
    """Return the alerts that share an incident, by its key: those of a summary share that of their group."""
    shared: dict[str, list[AlertView]] = {}
    for view in rest:
        own = view.incident if notification.kind is NotificationKind.SUMMARY else ""
        shared.setdefault(own or notification.incident, []).append(view)
    return shared


def _shared(notification: Notification, key: str, rest: list[AlertView], *, is_known: bool) -> Step | None:
    """Return what is to be done about the group's incident: it tells of all of the group, as bad as what it is for."""
    if key != notification.incident:
        told = alone(notification, *rest)
        return Step(act=_act(notification.kind, rest, is_known=is_known), key=key, severity=told.severity, told=told)
    severity = max((view.severity for view in rest), default=Severity.INFO)
    act, is_list = _act(notification.kind, rest, is_known=is_known), notification.kind in _LISTS
    if act is Act.UPDATE and (notification.content.is_quiet or notification.kind is NotificationKind.REPEAT):
        return None  # it might be opened anew, and call
    content = msgspec.structs.replace(notification.content, severity=severity)
    return Step(
        act=act,
        key=key,
        severity=severity,
        told=notification if is_list else msgspec.structs.replace(notification, severity=severity, content=content),
        is_closed_by_hand=is_list,
    )


def _act(kind: NotificationKind, views: list[AlertView], *, is_known: bool) -> Act:
    """Return what is done to an incident of these alerts; what is muted is not said again."""
    if not is_known:
        return Act.OPEN
    if all(view.acked_by for view in views):
        return Act.ACKNOWLEDGE
    is_said_again = kind is NotificationKind.REPEAT and not all(view.muted_by for view in views)
    return Act.OPEN if is_said_again else Act.UPDATE


def _ended(notification: Notification, thread: Thread, known: frozenset[str], still: set[str]) -> Iterator[Step]:
    """Yield the ends: of alerts that are told as ended, and of what is open though nothing of it fires any more.

    Where it is not known what is open (the destination may have been told, or the list of another group told it), an
    end is sent on suspicion: of what is not there it ends nothing.
    """
    content = notification.content
    ended = {key_of(view): view for view in content.alerts if view.state in _OVER}
    is_sure = thread.root is not None and thread.is_own
    over = [key for key, view in ended.items() if key in known or (not is_sure and view.severity is Severity.CRITICAL)]
    if is_sure and (notification.kind.closes or content.alert_count <= len(content.alerts)):
        over += sorted(known)
    elif notification.kind.closes:
        over.append(notification.incident)
    for key in dict.fromkeys(over):
        if key not in still:
            told = alone(notification, ended[key]) if key in ended else _as_over(notification, tuple(ended.values()))
            yield Step(act=Act.CLOSE, key=key, severity=told.severity, told=told)


def alone(notification: Notification, *views: AlertView) -> Notification:
    """Return the notification as if it told of one alert only, or of some that are alike in their state."""
    is_kept = notification.kind in {*_LASTING, NotificationKind.NOTICE}
    kind = _OVER.get(views[0].state, notification.kind if is_kept else NotificationKind.FIRING)
    severity = max(view.severity for view in views)
    content = msgspec.structs.replace(
        notification.content,
        kind=kind,
        severity=severity,
        alerts=views,
        alert_count=len(views),
        firing_count=sum(view.state is AlertState.FIRING for view in views),
        starts_at=min(view.starts_at for view in views),
        ends_at=views[0].ends_at,
        came_and_went=(),
        is_late=any(view.is_late for view in views),
        held_in="",
        folded=0,
        counts=(),
    )
    return msgspec.structs.replace(notification, kind=kind, severity=severity, content=content)


def _as_over(notification: Notification, ended: tuple[AlertView, ...]) -> Notification:
    """Return the notification as the end of a group of which something else goes on."""
    if notification.kind.closes:
        return notification
    kind = NotificationKind.RESOLVED
    content = msgspec.structs.replace(
        notification.content, kind=kind, alerts=ended, alert_count=len(ended), firing_count=0
    )
    return msgspec.structs.replace(notification, kind=kind, content=content)
