"""The one context of every template of every channel: plain texts, numbers, lists and mappings, cleaned.

`docs/templates.md` describes each variable; what is not there is not here (a test checks).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kwatch.errors import TemplateError
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content, Notification, NotificationKind
from kwatch.notify import facts, titles
from kwatch.notify.escape import clean, cut, line
from kwatch.notify.render import MessageTemplates
from kwatch.notify.report import report
from kwatch.notify.words import WORDS, Language, Words
from kwatch.redaction import redacted_tree

_ALERTS = 100  # in the context, of an overflow all; `alert_count` says how many there are
_LISTED = 10  # in the text; of an overflow all
_SECTION = 50  # of one section of a digest
_MESSAGE = 4000  # characters of a Kubernetes message
_VALUE = 500  # of a name, a label, an annotation
_KEYS = 50  # of a mapping
#: Labels of facts that are told beside these, or in their place.
_BESIDE = ("Cause", "Was", "Rule", "Cluster", "Severity", "Status", "Message", "Notes", "Text", "Close")

_LINK = re.compile(r"""(https://(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?)((?:[/?#][^\s"<>|\\`]*)?)""", re.IGNORECASE)
#: Of links and mentions in Markdown, and of mentions in Telegram.
_ENCODED = {ord(mark): f"%{ord(mark):02X}" for mark in "[]()@"}

Context = dict[str, Any]

_FLAPPING = {
    "flapping": "it begins and ends again and again; held open, and no more told of, until it is stable",
    "stable, still firing": "no more",
}


class Facts(msgspec.Struct, frozen=True):
    """The context of one notification, and why some of the rule's texts are not in it."""

    context: Context
    problem: str = ""


def context_of(
    notification: Notification, timezone: str, templates: MessageTemplates, language: Language = Language.EN
) -> Facts:
    """Return the facts of a notification as templates see them.

    Times are relative to the decision, so each rendering of a notification gives the same bytes.
    """
    content, now, zone = notification.content, notification.created_at, ZoneInfo(timezone)
    say = WORDS[language.value]
    problems: list[str] = []
    annotations = _Annotations(templates, problems, say)

    def told(views: Iterable[AlertView]) -> list[Context]:
        return [_alert(say, _retold(say, view), zone, now, annotations) | _link_to(view, content) for view in views]

    sections = [{**section, "alerts": told(section["alerts"])} for section in _sections(say, content)]
    is_overflow = content.kind is NotificationKind.OVERFLOW
    alerts = told(() if sections else content.alerts if is_overflow else content.alerts[:_ALERTS])
    listed = alerts if is_overflow else alerts[:_LISTED]
    glyph, state = titles.state(say, content, now)
    context = {
        "kind": content.kind.value,
        "state": state,
        "glyph": glyph,
        "title": _short(titles.title(say, content, zone, now)),
        "heading": _short(titles.heading(say, content, now)),
        "so_far": titles.so_far(say, content, zone, now),
        "subject": _short(titles.subject(say, content, zone)),
        "status": _short(facts.status(say, content, zone, now)),
        "cluster": _short(content.cluster),
        "receiver": content.receiver,
        "severity": content.severity.word,
        "place": _short(titles.place(content)),
        "labels": _mapping(content.group_labels),
        "starts_at": content.starts_at.isoformat(),
        "ends_at": content.ends_at.isoformat() if content.ends_at else "",
        "lasted": facts.duration(say, (content.ends_at or now) - content.starts_at),
        "is_late": content.is_late,
        "is_raised": content.is_raised,
        "is_quiet": content.is_quiet,
        "held_in": _short(content.held_in),
        "alerts": alerts,
        "listed": listed,
        "alert_count": content.alert_count,
        "firing_count": content.firing_count,
        "more": max(0, content.alert_count - len(listed)),
        "came_and_went": [_short(title) for title in content.came_and_went[:_ALERTS]],
        "notices_dropped": content.notices_dropped,
        "folded": content.folded,
        "counts": [_short(count) for count in facts.counts(content)],
        "sections": sections,
        "report": report(say, content, zone, now) if content.kind is NotificationKind.DIGEST else {},
        "notes": [_short(note) for note in (*facts.notes(say, content, zone, now), *_way_to_all(say, notification))],
        "message": cut(clean(say.retold(content.text)), _MESSAGE),
        "url": alerts[0]["url"] if content.alert_count == 1 and alerts else content.public_url,
        "language": language.value,
        "id": notification.id,
        "incident": notification.incident,
        "sequence": notification.sequence,
        "rows": _rows(say, alerts[0]) if content.alert_count == 1 and alerts else [],
        "advice": _advice(alerts) if content.alert_count > 1 else [],
    }
    return Facts(redacted_tree(context, templates.redact), templates.redact(problems[0]) if problems else "")


def _sections(say: Words, content: Content) -> list[Context]:
    """Return the parts of a digest, each with its first alerts."""
    sections, start = [], 0
    for section in content.sections:
        views = content.alerts[start : start + min(section.listed, _SECTION)]
        start += section.listed
        named = {"name": section.part.value, "title": say(facts.PARTS[section.part])}
        sections.append({**named, "count": section.count, "alerts": views, "more": section.count - len(views)})
    return sections


def _way_to_all(say: Words, notification: Notification) -> tuple[str, ...]:
    """Say where everything is that an overflow stands for."""
    if notification.kind is not NotificationKind.OVERFLOW:
        return ()
    return (say("each of them: {command}", command=f"kwatch deliveries show {notification.id}"),)


class _Annotations:
    """Renders the rule's own texts with the alert's labels as variables; those of packs in the reader's language."""

    def __init__(self, templates: MessageTemplates, problems: list[str], say: Words) -> None:
        self._templates = templates
        self._problems = problems
        self._say = say

    def render(self, alert: AlertView, variables: Context) -> Context:
        rendered = {}
        for name, text in list(alert.annotations.items())[:_KEYS]:
            try:
                rendered[name] = cut(clean(self._templates.render(self._say(text), variables)), _MESSAGE)
            except TemplateError as error:
                self._problems.append(f"annotation {name} of rule {alert.rule}: {error}")
        return rendered


def annotation_variables(alert: AlertView) -> Context:
    """Return what a rule's own texts see of an alert."""
    labels = _mapping(alert.labels)
    message = cut(clean(alert.message), _MESSAGE)
    return {**labels, "labels": labels, "details": _mapping(alert.details), "message": message, "count": alert.count}


def _alert(say: Words, alert: AlertView, zone: ZoneInfo, now: datetime, annotations: _Annotations) -> Context:
    variables = annotation_variables(alert)
    labels, details, message = variables["labels"], variables["details"], variables["message"]
    rendered = annotations.render(alert, variables)
    return {
        "rule": _short(alert.rule),
        "state": alert.state.value,
        "status": facts.alert_status(say, alert, zone, now),
        "severity": alert.severity.word,
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "incident": alert.incident,
        "continuity": facts.episode(say, alert),
        "labels": labels,
        "annotations": rendered,
        "details": details,
        "where": _short(facts.where(alert.labels)),
        "cause": cut(line(facts.cause(say, alert, rendered.get("summary", ""))), _VALUE),
        "explanation": rendered.get("explanation", ""),
        "next_step": rendered.get("next_step", ""),
        "runbook": _link(rendered.get("runbook", "")),
        "message": message,
        "how_often": facts.how_often(say, alert),
        "last_seen": facts.instant(alert.last_at, zone, now) if alert.last_at else "",
        "count": alert.count,
        "window_count": alert.window_count,
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.ends_at else "",
        "since": facts.instant(alert.starts_at, zone, now),
        "lasted": facts.duration(say, (alert.ends_at or now) - alert.starts_at),
        "end": facts.end(say, alert, zone, now),
        "members": [_short(name) for name in alert.members],
        "member_count": alert.member_count,
        "affected": _short(facts.members(say, alert)),
        "is_late": alert.is_late,
        "is_new": alert.is_new,
        "is_varied": alert.is_varied,
        "held_back_by": _short(say.retold(alert.held_back_by)),
        "stability": facts.stability(say, alert),
        "acknowledged": _short(facts.acknowledgement(say, alert, zone, now)),
        "escalated": _short(facts.escalation(say, alert)),
        "muted_by": _short(say.retold(facts.in_zone(alert.muted_by, zone))),
    }


def _retold(say: Words, alert: AlertView) -> AlertView:
    """Return the alert with a message in the reader's language, if it is one of kwatch's own."""
    message = say.retold(alert.message)
    return alert if message == alert.message else msgspec.structs.replace(alert, message=message)


def _link_to(alert: AlertView, content: Content) -> Context:
    """Return where the status page shows the alert."""
    return {"url": f"{content.public_url}/#{alert.fingerprint}" if content.public_url else ""}


def _rows(say: Words, alert: Context) -> list[list[str]]:
    """Return the facts of a single alert as label and text, in the order in which they are read.

    What to do is not said of an alert that has ended.
    """
    goes_on, node = not alert["end"], alert["labels"].get("node", "")
    held_back = say("until now, by {what}", what=alert["held_back_by"]) if alert["held_back_by"] else ""
    flapping = {say(word): say(meaning) for word, meaning in _FLAPPING.items()}
    acknowledged = say("by {whom}", whom=alert["acknowledged"]) if alert["acknowledged"] else ""
    rows = [
        ["Cause" if goes_on else "Was", alert["cause"]],
        ["Ended", alert["end"]],
        ["Means", alert["explanation"] if goes_on else ""],
        ["Next", alert["next_step"] if goes_on else ""],
        ["Runbook", alert["runbook"] if goes_on else ""],
        ["Where", alert["where"]],
        ["Node", "" if alert["where"] == f"Node/{node}" else node],
        ["Affected", alert["affected"]],
        ["How often", alert["how_often"]],
        ["Last seen", alert["last_seen"]],
        ["Held back", held_back],
        ["Flapping", flapping.get(alert["stability"], "")],
        ["Acknowledged", acknowledged],
        ["Escalated", alert["escalated"]],
        ["Muted", alert["muted_by"]],
    ]
    taken = {say(label) for label in (*_BESIDE, *(label for label, _ in rows))}
    rule = say(", ").join(filter(None, (alert["rule"], alert["continuity"])))
    said = [[say(label), text] for label, text in rows if text]
    return [*said, *_detail_rows(say, alert["details"], taken), [say("Rule"), rule]]


def _detail_rows(say: Words, details: Context, taken: set[str]) -> list[list[str]]:
    """Return the details, `exit_code` as "Exit code"; what is taken has the name that templates know it by.

    For a label says what a fact is, and each fact is told: a detail `runbook` is no link that may be followed.
    """
    labelled: dict[str, str] = {}
    for name, value in details.items():
        label = say(_label(name))
        labelled[f"details.{name}" if label in taken or label in labelled else label] = value
    return [[label, text] for label, text in labelled.items() if text]


def _label(name: str) -> str:
    """Return a detail's name as people read it: `exit_code` is "Exit code"."""
    return name.replace("_", " ").capitalize()


def _advice(alerts: Iterable[Context]) -> list[Context]:
    """Return what to do about several alerts: once per rule, for those that go on, the first three."""
    advised: dict[str, Context] = {}
    for alert in alerts:
        if alert["state"] == "firing" and (alert["next_step"] or alert["runbook"]):
            advised.setdefault(alert["rule"], {key: alert[key] for key in ("rule", "next_step", "runbook")})
    return list(advised.values())[:3]


def _short(text: str) -> str:
    return cut(line(text), _VALUE)


def _mapping(values: Mapping[str, str]) -> Context:
    return {_short(name): _short(value) for name, value in list(values.items())[:_KEYS]}


def _link(text: str) -> str:
    """Return the text if it is a link that may be followed, else nothing.

    A part of it may be somebody else's words, and some chats read links as any text: its marks are percent-encoded.
    """
    found = _LINK.fullmatch(text.strip())
    return f"{found[1]}{found[2].translate(_ENCODED)}" if found else ""
