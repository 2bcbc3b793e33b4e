"""The lines that stand for a whole message: on a phone, in a list of mails or of incidents. Pure.

There are two. The title says how it is now: what, where, since when, how often. The subject says what, where and since
when, and nothing that changes: where others put messages together by it, it stays the same through an incident. Both
begin with what must not be cut.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, tzinfo

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Content, NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.facts import PARTS, and_more, dated, duration, instant, problems, stability, summarised, where
from kwatch.notify.words import Words

GLYPHS: Mapping[Severity, str] = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}

_NAMED = 2  # rules
#: Kinds that list what many places have told.
_LISTS = frozenset({NotificationKind.SUMMARY, NotificationKind.OVERFLOW, NotificationKind.DIGEST})
#: Kinds that are kwatch's own words.
_OWN = frozenset({NotificationKind.META, NotificationKind.TEST})


def state(say: Words, content: Content, now: datetime) -> tuple[str, str]:
    """Return glyph and words of the state, the same in every channel."""
    lasted = duration(say, (content.ends_at or now) - content.starts_at)
    severity = content.severity
    match content.kind:
        case NotificationKind.RESOLVED:
            return "✅", say("RESOLVED after {lasted}", lasted=lasted)
        case NotificationKind.EXPIRED:
            return "⚪", say("NO LONGER OBSERVED after {lasted}", lasted=lasted)
        case NotificationKind.REPEAT:
            return GLYPHS[severity], f"{say(severity.name)} · {say('still firing')}"
        case NotificationKind.SUMMARY:
            return "📋", say("SUMMARY")
        case NotificationKind.OVERFLOW:
            return "⚠️", say("OVERFLOW")
        case NotificationKind.DIGEST:
            return "🗞️", say("DIGEST")
        case NotificationKind.META:
            return "⚙️", say("KWATCH")
        case NotificationKind.TEST:
            return "🧪", say("TEST")
        case NotificationKind.FIRING | NotificationKind.UPDATE | NotificationKind.NOTICE:
            shared = {stability(say, alert) for alert in content.alerts}
            words = shared.pop() if len(shared) == 1 else ""
            return GLYPHS[severity], f"{say(severity.name)} · {words}" if words else say(severity.name)


def heading(say: Words, content: Content, now: datetime) -> str:
    """Return how it is, what and where."""
    words = state(say, content, now)[1]
    if content.kind in _OWN:
        return f"{words} · {what(say, content)}"
    return f"{words} · {what(say, content)} · {content.cluster if content.kind in _LISTS else place(content)}"


def title(say: Words, content: Content, zone: tzinfo, now: datetime) -> str:
    """Return the line that phones and screen readers get, without the glyph."""
    return " · ".join(filter(None, (heading(say, content, now), so_far(say, content, zone, now))))


def subject(say: Words, content: Content, zone: tzinfo) -> str:
    """Return the line by which mails and incidents stay together: it tells nothing that changes, at midnight either."""
    said = what(say, content)
    if content.kind in _OWN or content.kind in _LISTS:
        who = say("kwatch digest") if content.kind is NotificationKind.DIGEST else "kwatch"
        return f"[{content.cluster}] {who}{say(': ')}{said}"
    line = f"[{content.cluster}] {say(content.severity.word)}{say(': ')}{said} {place(content)}"
    return say(", ").join((line, _since(say, content, dated(content.starts_at, zone))))


def what(say: Words, content: Content) -> str:
    """Return what it is about, in few words: `crash-loop`, `crash-loop (3), oom-kill`, `12 problems were …`."""
    match content.kind:
        case NotificationKind.META | NotificationKind.TEST:
            return say.retold(content.text.splitlines()[0]) if content.text else content.cluster
        case NotificationKind.SUMMARY:
            return summarised(say, content)
        case NotificationKind.OVERFLOW:
            return say("{count} more", count=content.folded)
        case NotificationKind.DIGEST:
            said = [say("{count} {what}", count=each.count, what=say(PARTS[each.part])) for each in content.sections]
            return say(", ").join(said) or say("nothing happened")
        case _:
            return _rules(say, content)


def _rules(say: Words, content: Content) -> str:
    """Return the rules of what goes on, the worst first; once all has ended, of all of it."""
    about, count = _current(content)
    found = Counter(alert.rule for alert in about)
    if len(found) == 1:
        return _counted(about[0].rule, count)
    if count > len(about):  # there are more than are listed, and of which rules is not known
        return problems(say, count)
    named = list(found.items())[:_NAMED]
    rest = count - sum(number for _, number in named)
    return and_more(say, tuple(_counted(*each) for each in named), len(named) + rest)


def _counted(rule: str, count: int) -> str:
    return rule if count == 1 else f"{rule} ({count})"


def place(content: Content) -> str:
    """Return where all alerts are: the workload if it is one, else the namespace, else the cluster."""
    places = {where(alert.labels) for alert in content.alerts}
    namespaces = {alert.labels.get("namespace", "") for alert in content.alerts}
    for found in (places, namespaces):
        if len(found) == 1 and (only := next(iter(found))):
            return only
    return where(content.group_labels) or content.cluster


def so_far(say: Words, content: Content, zone: tzinfo, now: datetime) -> str:
    """Return `since 14:02 CET · 43×`: since when and how often; `43×` of what has ended, nothing of lists."""
    if content.kind in _LISTS or content.kind in _OWN:
        return ""
    since = "" if content.kind.closes else _since(say, content, instant(content.starts_at, zone, now))
    return " · ".join(filter(None, (since, _times(say, content))))


def _since(say: Words, content: Content, began: str) -> str:
    is_moment = content.kind is NotificationKind.NOTICE
    return say("at {when}", when=began) if is_moment else say("since {since}", since=began)


def _times(say: Words, content: Content) -> str:
    """Return how often, if it is a number of one thing: of one rule, all of whose alerts are there."""
    about, count = _current(content)
    is_known = len({alert.rule for alert in about}) == 1 and len(about) == count
    times = sum(alert.count for alert in about)
    return say("{count}×", count=times) if is_known and times > 1 else ""


def _current(content: Content) -> tuple[tuple[AlertView, ...], int]:
    """Return the alerts that go on, as far as they are listed, and how many do; of all once none does."""
    if not content.firing_count:
        return content.alerts, content.alert_count
    return tuple(alert for alert in content.alerts if alert.state is AlertState.FIRING), content.firing_count
