"""The sentences that every channel says: what, where, since when, how often, what to do.

A channel lays these out and encodes them; it adds no fact of its own, so all channels say the same. Pure.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.notifications import Content, NotificationKind, Part
from kwatch.notify.words import Words

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d) UTC", re.ASCII)

#: Said of an alert whose source keeps what happens to itself.
THROTTLED = "source throttled, end not observable"

_ENDS: Mapping[EndReason, str] = {
    EndReason.HEALTHY: "it is healthy again",
    EndReason.OBJECT_GONE: "the object is gone",
    EndReason.QUIET: "quiet since {end}, and its source would have told of more",
    EndReason.NOT_OBSERVED: "nothing was observed any more, so kwatch cannot say that it is over",
    EndReason.SEEN_AGAIN: "it was seen again",
    EndReason.RULE_REMOVED: "the rule was removed",
    EndReason.RULE_CHANGED: "the rule was changed, and says nothing of it any more",
    EndReason.DESTINATION_REMOVED: "this destination was removed, so kwatch tells it no more: it may go on",
}


def duration(say: Words, span: timedelta) -> str:
    """Return `45 s`, `14 m`, `1 h 05 m`, `2 d`, `2 d 3 h`; never negative."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return say("{seconds} s", seconds=seconds)
    if seconds < 3600:
        return say("{minutes} m", minutes=seconds // 60)
    if seconds < 86400:
        return say("{hours} h {minutes:02} m", hours=seconds // 3600, minutes=seconds % 3600 // 60)
    days, hours = seconds // 86400, seconds % 86400 // 3600
    return say("{days} d {hours} h", days=days, hours=hours) if hours else say("{days} d", days=days)


def instant(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Return `14:02 CET`, with the date unless it is that of `now`."""
    said = dated(at, zone)
    return said.partition(" ")[2] if at.astimezone(zone).date() == now.astimezone(zone).date() else said


def dated(at: datetime, zone: tzinfo) -> str:
    """Return `2026-03-01 14:02 CET`."""
    local = at.astimezone(zone)  # strftime looks at /etc/localtime each time
    return f"{local.date()} {local.hour:02}:{local.minute:02} {local.tzname()}"


def in_zone(text: str, zone: tzinfo) -> str:
    """Return a text whose instants, as in `until 2026-03-01 18:00 UTC`, are those of a zone."""

    def local(found: re.Match[str]) -> str:
        try:
            return dated(datetime.fromisoformat(f"{found[1]}+00:00"), zone)
        except (ValueError, OverflowError):  # of somebody's own words
            return found[0]

    return _INSTANT.sub(local, text)


def where(labels: Mapping[str, str]) -> str:
    """Return `payments/Deployment/worker`, or `Node/n1` for what has no namespace."""
    subject = labels.get("workload") or "/".join(filter(None, (labels.get("kind"), labels.get("name"))))
    return "/".join(filter(None, (labels.get("namespace"), subject)))


def problems(say: Words, count: int) -> str:
    """Return `1 problem`, `3 problems`."""
    return say("{count} problem" if count == 1 else "{count} problems", count=count)


def summarised(say: Words, content: Content) -> str:
    """Return `12 problems were already there`, or `3 problems after the window nights, 2 came and went`.

    In another's place: `3 problems that chat could not be told, 2 came and went`.
    """
    count = content.alert_count
    if not (content.held_in or content.meant_for):
        text = "{problems} was already there" if count == 1 else "{problems} were already there"
        return say(text, problems=problems(say, count))
    text = (
        "{problems} after the window {window}" if content.held_in else "{problems} that {destination} could not be told"
    )
    said = say(text, problems=problems(say, count), window=content.held_in, destination=content.meant_for)
    gone = len(content.came_and_went)
    return say(", ").join((said, say("{count} came and went", count=gone))) if gone else said


def status(say: Words, content: Content, zone: tzinfo, now: datetime) -> str:
    """Return the first line of a body: the state with its times."""
    since, end = instant(content.starts_at, zone, now), _until(content.starts_at, content.ends_at or now, zone, now)
    lasted = duration(say, (content.ends_at or now) - content.starts_at)
    match content.kind:
        case NotificationKind.RESOLVED:
            return say("RESOLVED after {lasted}: {since} to {end}", lasted=lasted, since=since, end=end)
        case NotificationKind.EXPIRED:
            return say("NO LONGER OBSERVED: began {since}, last known {end}", since=since, end=end)
        case NotificationKind.NOTICE:
            return say("NOTICE at {since}", since=since)
        case NotificationKind.SUMMARY:
            is_later = content.held_in or content.meant_for
            text = "SUMMARY: {what}" if is_later else "SUMMARY: {what} when kwatch began to watch"
            return say(text, what=summarised(say, content))
        case NotificationKind.OVERFLOW:
            text = "OVERFLOW: {count} more since {since} than may be told one by one"
            return say(text, count=content.folded, since=since)
        case NotificationKind.DIGEST:
            return say("DIGEST of {since} to {end} ({lasted})", since=since, end=end, lasted=lasted)
        case NotificationKind.META:
            return say("KWATCH about itself")
        case NotificationKind.TEST:
            return say("TEST: nothing is wrong")
        case NotificationKind.FIRING | NotificationKind.UPDATE | NotificationKind.REPEAT:
            text = "STILL FIRING since {since} ({how})" if content.kind is NotificationKind.REPEAT else _FIRING
            of = say("{some} of {all}", some=content.firing_count, all=content.alert_count)
            is_partly = content.firing_count != content.alert_count
            return say(text, since=since, how=say(", ").join((lasted, of)) if is_partly else lasted)


_FIRING = "FIRING since {since} ({how})"


def _until(start: datetime, end: datetime, zone: tzinfo, now: datetime) -> str:
    """Return the end of a span, with the date also where it is that of `now` and not of the start."""
    is_one_day = start.astimezone(zone).date() == end.astimezone(zone).date()
    return instant(end, zone, now) if is_one_day else dated(end, zone)


#: What the alerts of a digest's section have in common.
PARTS: Mapping[Part, str] = {
    Part.NEW: "new",
    Part.STILL_OPEN: "still open",
    Part.ENDED: "ended",
    Part.CAME_AND_WENT: "came and went",
    Part.NOTICES: "noticed",
}


def counts(content: Content) -> tuple[str, ...]:
    """Return `21 × FailedScheduling (batch)` for each rule and namespace, the most first."""
    return tuple(
        f"{each.count} × {each.rule}" + (f" ({each.namespace})" if each.namespace else "") for each in content.counts
    )


def late(say: Words, content: Content, zone: tzinfo, now: datetime) -> str:
    """Return what makes a late message understandable, or nothing."""
    if not content.is_late:
        return ""
    began = instant(content.starts_at, zone, now)
    if content.kind is NotificationKind.OVERFLOW:
        return say("late: the first of them is of {since}, and could not be delivered", since=began)
    return say("late: began at {since} while kwatch was not watching", since=began)


def alert_status(say: Words, alert: AlertView, zone: tzinfo, now: datetime) -> str:
    """Return `firing since 14:02 UTC (12 m)`, or how and after how long it ended."""
    since = instant(alert.starts_at, zone, now)
    lasted = duration(say, (alert.ends_at or now) - alert.starts_at)
    match alert.state:
        case AlertState.RESOLVED:
            return say("resolved after {lasted}", lasted=lasted)
        case AlertState.EXPIRED:
            return say("no longer observed after {lasted}", lasted=lasted)
        case AlertState.FIRING | AlertState.PENDING | AlertState.INACTIVE:
            acked = say("acknowledged by {who}", who=alert.acked_by) if alert.acked_by else ""
            lasts = say("{state} since {since} ({lasted})", state=say(alert.state.value), since=since, lasted=lasted)
            return say(", ").join(filter(None, (lasts, stability(say, alert), acked)))


def end(say: Words, alert: AlertView, zone: tzinfo, now: datetime) -> str:
    """Return why it ended, or nothing while it goes on."""
    if alert.end_reason is None:
        return ""
    return say(_ENDS[alert.end_reason], end=instant(alert.ends_at or now, zone, now))


def stability(say: Words, alert: AlertView) -> str:
    """Return whether it begins and ends again and again, or has done so until now; nothing once it has ended."""
    if alert.ends_at is not None:
        return ""
    return say("flapping") if alert.is_flapping else say("stable, still firing") if alert.is_stable else ""


def acknowledgement(say: Words, alert: AlertView, zone: tzinfo, now: datetime) -> str:
    """Return `ann at 14:02 UTC: the disk is being replaced`, or nothing."""
    if alert.acked_at is None:
        return ""
    by = say("{who} at {when}", who=alert.acked_by, when=instant(alert.acked_at, zone, now))
    return f"{by}: {alert.ack_comment}" if alert.ack_comment else by


def escalation(say: Words, alert: AlertView) -> str:
    """Return whom it was escalated to, and why; or nothing."""
    receivers = ", ".join(alert.escalated_to)
    return say("to {receivers}, as nobody acknowledged it in time", receivers=receivers) if receivers else ""


def how_often(say: Words, alert: AlertView) -> str:
    """Return the numbers as far as they are known, and why no more is; nothing for a state that is simply there."""
    if alert.count == 0:
        return ""
    total = say("once") if alert.count == 1 else say("{count} times", count=alert.count)
    if alert.window_count not in {0, alert.count}:
        window = duration(say, alert.window) if alert.window else say("the window of the rule")
        text = "about {some} in {window}, {all} in all"
        total = say(text, some=alert.window_count, window=window, all=alert.count)
    varied = [say("varied messages")] if alert.is_varied else []
    return say(", ").join([total, *varied, *([say(THROTTLED)] if alert.is_throttled else [])])


def members(say: Words, alert: AlertView) -> str:
    """Return `api-1, api-2 and 27 more`; nothing for a single one that the place already names."""
    if alert.member_count <= 1 and where(alert.labels).endswith("/".join(alert.members)):
        return ""
    return and_more(say, alert.members, alert.member_count)


def and_more(say: Words, names: tuple[str, ...], count: int) -> str:
    """Join names, and say how many are not among them."""
    if not names:
        return say("{count} objects", count=count) if count else ""
    listed, missing = ", ".join(names), count - len(names)
    return say("{names} and {count} more", names=listed, count=missing) if missing > 0 else listed


def episode(say: Words, alert: AlertView) -> str:
    """Return `episode 2, continues episode 1`; nothing for a first one."""
    if alert.continues is not None:
        return say("episode {number}, continues episode {earlier}", number=alert.episode, earlier=alert.continues)
    return say("episode {number}", number=alert.episode) if alert.episode > 1 else ""


def cause(say: Words, alert: AlertView, summary: str) -> str:
    """Return the rule's sentence, else the first line of the message, else what and where."""
    first = alert.message.strip().partition("\n")[0]
    return summary or first or say("{rule} on {where}", rule=alert.rule, where=where(alert.labels))


_NOTICED = "the same was noticed {count} times more in the meantime"
_SLOTS = "stands for {count} digests: kwatch was not running when the others were due"


def notes(say: Words, content: Content, zone: tzinfo, now: datetime) -> tuple[str, ...]:
    """Return what else is to be said of the whole: lateness, what came and went, what was left out."""
    lines = []
    if content.meant_for:
        lines.append(say("meant for {destination}, which cannot be told", destination=content.meant_for))
    if said := late(say, content, zone, now):
        lines.append(said)
    if content.came_and_went:
        names = and_more(say, content.came_and_went[:10], len(content.came_and_went))
        lines.append(say("came and went: {names}", names=names))
    if content.notices_dropped:
        text = "the same was noticed once more in the meantime" if content.notices_dropped == 1 else _NOTICED
        lines.append(say(text, count=content.notices_dropped))
    if content.slots > 1:
        lines.append(say(_SLOTS, count=content.slots))
    if content.kind is NotificationKind.OVERFLOW:
        ended = sum(alert.state in (AlertState.RESOLVED, AlertState.EXPIRED) for alert in content.alerts)
        lines += [say("{count} of them already ended", count=ended)] if ended else []
    return tuple(lines)
