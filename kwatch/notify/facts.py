"""The sentences that every channel says: what, where, since when, how often, what to do.

A channel lays these out and encodes them; it adds no fact of its own, so all channels say the same. Pure.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.notifications import Content, NotificationKind, Part
from kwatch.model.rules import Severity

GLYPHS: Mapping[Severity, str] = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}

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
}


def duration(span: timedelta) -> str:
    """Return `45 s`, `14 m`, `1 h 05 m`, `2 d 3 h`; never negative."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} m"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} m"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def instant(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Return `14:02 CET`, with the date unless it is that of `now`."""
    local = at.astimezone(zone)
    form = "%H:%M %Z" if local.date() == now.astimezone(zone).date() else "%Y-%m-%d %H:%M %Z"
    return local.strftime(form)


def where(labels: Mapping[str, str]) -> str:
    """Return `payments/Deployment/worker`, or `Node/n1` for what has no namespace."""
    subject = labels.get("workload") or "/".join(filter(None, (labels.get("kind"), labels.get("name"))))
    return "/".join(filter(None, (labels.get("namespace"), subject)))


def place(content: Content) -> str:
    """Return where all alerts are: the workload if it is one, else the namespace, else the cluster."""
    places = {where(alert.labels) for alert in content.alerts}
    namespaces = {alert.labels.get("namespace", "") for alert in content.alerts}
    for found in (places, namespaces):
        if len(found) == 1 and (only := next(iter(found))):
            return only
    return where(content.group_labels) or content.cluster


def subject(content: Content) -> str:
    """Return what it is about, in few words: `crash-loop`, `crash-loop (3)`, `3 problems`."""
    rules = {alert.rule for alert in content.alerts}
    if len(rules) == 1 and (rule := next(iter(rules))):
        return rule if content.alert_count == 1 else f"{rule} ({content.alert_count})"
    return problems(content.alert_count)


def problems(count: int) -> str:
    """Return `1 problem`, `3 problems`."""
    return f"{count} problem" if count == 1 else f"{count} problems"


def state(content: Content, now: datetime) -> tuple[str, str]:
    """Return glyph and words of the state, the same in every channel."""
    lasted = duration((content.ends_at or now) - content.starts_at)
    severity = content.severity
    match content.kind:
        case NotificationKind.RESOLVED:
            return "✅", f"RESOLVED after {lasted}"
        case NotificationKind.EXPIRED:
            return "⚪", f"NO LONGER OBSERVED after {lasted}"
        case NotificationKind.REPEAT:
            return GLYPHS[severity], f"{severity.name} · still firing after {lasted}"
        case NotificationKind.SUMMARY:
            return "📋", "SUMMARY"
        case NotificationKind.OVERFLOW:
            return "⚠️", "OVERFLOW"
        case NotificationKind.DIGEST:
            return "🗞️", "DIGEST"
        case NotificationKind.META:
            return "⚙️", "KWATCH"
        case NotificationKind.TEST:
            return "🧪", "TEST"
        case NotificationKind.FIRING | NotificationKind.UPDATE | NotificationKind.NOTICE:
            shared = {stability(alert) for alert in content.alerts}
            words = shared.pop() if len(shared) == 1 else ""
            return GLYPHS[severity], f"{severity.name} · {words}" if words else severity.name


def title(content: Content, now: datetime) -> str:
    """Return the line that phones and screen readers get, without the glyph."""
    words = state(content, now)[1]
    match content.kind:
        case NotificationKind.META | NotificationKind.TEST:
            return f"{words} · {content.text.splitlines()[0] if content.text else content.cluster}"
        case NotificationKind.SUMMARY:
            return f"{words} · {summarised(content)} · {content.cluster}"
        case NotificationKind.OVERFLOW:
            return f"{words} · {content.folded} more · {content.cluster}"
        case NotificationKind.DIGEST:
            return f"{words} · {contents(content)} · {content.cluster}"
        case _:
            return f"{words} · {subject(content)} · {place(content)}"


def mail_subject(content: Content) -> str:
    """Return the subject of a thread: it does not change with the state, so that the thread holds."""
    match content.kind:
        case NotificationKind.META | NotificationKind.TEST:
            text = content.text.splitlines()[0] if content.text else content.kind.value
            return f"[{content.cluster}] kwatch: {text}"
        case NotificationKind.SUMMARY:
            return f"[{content.cluster}] kwatch: {summarised(content)}"
        case NotificationKind.OVERFLOW:
            return f"[{content.cluster}] kwatch: {content.folded} more"
        case NotificationKind.DIGEST:
            return f"[{content.cluster}] kwatch digest: {contents(content)}"
        case _:
            return f"[{content.cluster}] {content.severity.word}: {subject(content)} {place(content)}"


def summarised(content: Content) -> str:
    """Return `12 problems were already there`, or `3 problems after the window nights, 2 came and went`."""
    count = content.alert_count
    if not content.held_in:
        return f"{problems(count)} {'was' if count == 1 else 'were'} already there"
    gone = f", {len(content.came_and_went)} came and went" if content.came_and_went else ""
    return f"{problems(count)} after the window {content.held_in}{gone}"


def status(content: Content, zone: tzinfo, now: datetime) -> str:
    """Return the first line of a body: the state with its times."""
    since = instant(content.starts_at, zone, now)
    lasted = duration((content.ends_at or now) - content.starts_at)
    match content.kind:
        case NotificationKind.RESOLVED:
            return f"RESOLVED after {lasted}: {since} to {_end(content, zone, now)}"
        case NotificationKind.EXPIRED:
            return f"NO LONGER OBSERVED: began {since}, last known {_end(content, zone, now)}"
        case NotificationKind.NOTICE:
            return f"NOTICE at {since}"
        case NotificationKind.SUMMARY:
            return f"SUMMARY: {summarised(content)}" + ("" if content.held_in else " when kwatch began to watch")
        case NotificationKind.OVERFLOW:
            return f"OVERFLOW: {content.folded} more since {since} than may be told one by one"
        case NotificationKind.DIGEST:
            return f"DIGEST of {since} to {_end(content, zone, now)}: {contents(content)}"
        case NotificationKind.META:
            return "KWATCH about itself"
        case NotificationKind.TEST:
            return "TEST: nothing is wrong"
        case NotificationKind.FIRING | NotificationKind.UPDATE | NotificationKind.REPEAT:
            still = "STILL FIRING" if content.kind is NotificationKind.REPEAT else "FIRING"
            of = f", {content.firing_count} of {content.alert_count}" if content.alert_count > 1 else ""
            return f"{still} since {since} ({lasted}{of})"


def _end(content: Content, zone: tzinfo, now: datetime) -> str:
    return instant(content.ends_at or now, zone, now)


#: What the alerts of a digest's section have in common.
PARTS: Mapping[Part, str] = {
    Part.NEW: "new",
    Part.STILL_OPEN: "still open",
    Part.ENDED: "ended",
    Part.CAME_AND_WENT: "came and went",
    Part.NOTICES: "noticed",
}


def contents(content: Content) -> str:
    """Return `3 new, 1 ended`, or that nothing happened."""
    return ", ".join(f"{section.count} {PARTS[section.part]}" for section in content.sections) or "nothing happened"


def counts(content: Content) -> tuple[str, ...]:
    """Return `21 × FailedScheduling (batch)` for each rule and namespace, the most first."""
    return tuple(
        f"{each.count} × {each.rule}" + (f" ({each.namespace})" if each.namespace else "") for each in content.counts
    )


def late(content: Content, zone: tzinfo, now: datetime) -> str:
    """Return what makes a late message understandable, or nothing."""
    if not content.is_late:
        return ""
    return f"late: began at {instant(content.starts_at, zone, now)} while kwatch was not watching"


def alert_status(alert: AlertView, zone: tzinfo, now: datetime) -> str:
    """Return `firing since 14:02 UTC (12 m)`, or how and after how long it ended."""
    since = instant(alert.starts_at, zone, now)
    lasted = duration((alert.ends_at or now) - alert.starts_at)
    match alert.state:
        case AlertState.RESOLVED:
            return f"resolved after {lasted}"
        case AlertState.EXPIRED:
            return f"no longer observed after {lasted}"
        case AlertState.FIRING | AlertState.PENDING | AlertState.INACTIVE:
            acked = f"acknowledged by {alert.acked_by}" if alert.acked_by else ""
            said = (f"{alert.state.value} since {since} ({lasted})", stability(alert), acked)
            return ", ".join(filter(None, said))


def end(alert: AlertView, zone: tzinfo, now: datetime) -> str:
    """Return why it ended, or nothing while it goes on."""
    if alert.end_reason is None:
        return ""
    return _ENDS[alert.end_reason].format(end=instant(alert.ends_at or now, zone, now))


def stability(alert: AlertView) -> str:
    """Return whether it begins and ends again and again, or has done so until now; nothing once it has ended."""
    if alert.ends_at is not None:
        return ""
    return "flapping" if alert.is_flapping else "stable, still firing" if alert.is_stable else ""


def acknowledgement(alert: AlertView, zone: tzinfo, now: datetime) -> str:
    """Return `ann at 14:02 UTC: the disk is being replaced`, or nothing."""
    if alert.acked_at is None:
        return ""
    by = f"{alert.acked_by} at {instant(alert.acked_at, zone, now)}"
    return f"{by}: {alert.ack_comment}" if alert.ack_comment else by


def escalation(alert: AlertView) -> str:
    """Return whom it was escalated to, and why; or nothing."""
    return f"to {', '.join(alert.escalated_to)}, as nobody acknowledged it in time" if alert.escalated_to else ""


def how_often(alert: AlertView) -> str:
    """Return the numbers as far as they are known, and why no more is; nothing for a state that is simply there."""
    if alert.count == 0:
        return ""
    total = "once" if alert.count == 1 else f"{alert.count} times"
    if alert.window_count not in {0, alert.count}:
        total = f"about {alert.window_count} in the window of the rule, {alert.count} in all"
    varied = ["varied messages"] if alert.is_varied else []
    return ", ".join([total, *varied, *([THROTTLED] if alert.is_throttled else [])])


def members(alert: AlertView) -> str:
    """Return `api-1, api-2 and 27 more`; nothing for a single one that the place already names."""
    if alert.member_count <= 1 and where(alert.labels).endswith("/".join(alert.members)):
        return ""
    return and_more(alert.members, alert.member_count)


def and_more(names: tuple[str, ...], count: int) -> str:
    """Join names, and say how many are not among them."""
    if not names:
        return f"{count} objects" if count else ""
    missing = count - len(names)
    return ", ".join(names) + (f" and {missing} more" if missing > 0 else "")


def episode(alert: AlertView) -> str:
    """Return `episode 2, continues episode 1`; nothing for a first one."""
    if alert.continues is not None:
        return f"episode {alert.episode}, continues episode {alert.continues}"
    return f"episode {alert.episode}" if alert.episode > 1 else ""


def cause(alert: AlertView, summary: str) -> str:
    """Return the rule's sentence, else the first line of the message, else what and where."""
    first = alert.message.strip().partition("\n")[0]
    return summary or first or f"{alert.rule} on {where(alert.labels)}"


def notes(content: Content, zone: tzinfo, now: datetime) -> tuple[str, ...]:
    """Return what else is to be said of the whole: lateness, what came and went, what was left out."""
    lines = []
    if said := late(content, zone, now):
        lines.append(said)
    if content.came_and_went:
        lines.append("came and went: " + and_more(content.came_and_went[:10], len(content.came_and_went)))
    if content.notices_dropped:
        times = "once" if content.notices_dropped == 1 else f"{content.notices_dropped} times"
        lines.append(f"the same was noticed {times} more in the meantime")
    if content.slots > 1:
        lines.append(f"stands for {content.slots} digests: kwatch was not running when the others were due")
    if content.kind is NotificationKind.OVERFLOW:
        ended = sum(alert.state in (AlertState.RESOLVED, AlertState.EXPIRED) for alert in content.alerts)
        lines += [f"{ended} of them already ended"] if ended else []
    return tuple(lines)
