"""How a message looks in Slack: Block Kit from facts.

Untrusted text goes into `rich_text`, where nothing is parsed, or is encoded for mrkdwn. Sizes stay below Slack's limits
by construction (https://docs.slack.dev/reference/block-kit/blocks). A root always has one `rich_text` block, as Slack
refuses to replace it by another kind. Pure.
"""

from collections.abc import Mapping
from typing import Any

from kwatch.notify.context import Context
from kwatch.notify.escape import cut, fit, slack

_TEXT = 3000  # of a section and of `text`, which may be longer but is read on phones
_HEADER = 150
_FIELDS, _FIELD = 10, 500  # Slack takes 2000 characters in a field; nobody reads them there
_QUOTE = 2500  # of a Kubernetes message
_PARAGRAPH, _LINE = 1000, 500
_IN_SECTION = 10  # alerts of each section of a digest

#: Rows that are sentences; the others stand in two columns.
_SENTENCES = frozenset({"Cause", "Was", "Means", "Next", "Runbook", "Ended"})
_ELSEWHERE = frozenset({"Rule"})  # in the footer


def plain_message(title: str, text: str, mention: str) -> Mapping[str, Any]:
    """Return the message without blocks: what Slack takes when it refuses the layout."""
    short = fit(f"{title}\n{text}", _TEXT - len(mention) - 1, slack)
    return {"text": f"{mention} {short}".strip(), "blocks": []}


def text_message(title: str, text: str, mention: str) -> Mapping[str, Any]:
    """Return the layout of a text of the user's."""
    return _message(title, [_header(title), *_mentioned(mention), _rich([_paragraph([_plain(cut(text, _TEXT))])])])


def fact_message(title: str, context: Context, mention: str) -> Mapping[str, Any]:
    """Return the built-in layout: header, state, facts in two columns, sentences and the quoted message, context."""
    fields = [_field(label, text) for label, text in _columns(context)]
    state = "\n".join([context["status"], *context["notes"]])
    section: dict[str, Any] = {
        "type": "section",
        "text": _mrkdwn(" ".join(filter(None, (mention, fit(state, 2000, slack))))),
    }
    if fields:
        section["fields"] = fields[:_FIELDS]
    footer = {"type": "context", "elements": [_mrkdwn(_footer(context))]}
    return _message(title, [_header(title), section, _rich(_body(context)), footer])


def _message(title: str, blocks: list[Any]) -> Mapping[str, Any]:
    return {"text": fit(title, _TEXT, slack), "blocks": blocks}


def _columns(context: Context) -> list[tuple[str, str]]:
    severity = [] if context["kind"] in {"meta", "test", "summary", "digest"} else [("Severity", context["severity"])]
    facts = [(label, text) for label, text in context["rows"] if label not in _SENTENCES | _ELSEWHERE]
    return [("Cluster", context["cluster"]), *severity, *facts]


def _body(context: Context) -> list[Any]:
    if context["message"]:
        return [_quote(context["message"])]
    if context["sections"]:
        return [part for section in context["sections"] for part in _section(section)]
    if not context["rows"]:
        return _list(context)
    elements = [_sentence(label, text) for label, text in context["rows"] if label in _SENTENCES]
    alert = context["listed"][0]
    is_quoted = not alert["end"] and alert["message"] not in {"", alert["cause"]}
    return [*elements, _quote(alert["message"])] if is_quoted else elements


def _section(section: Context) -> list[Any]:
    """Return a part of a digest: a heading, and some of its alerts in a line each."""
    shown = section["alerts"][:_IN_SECTION]
    lines = [
        [_bold(cut(alert["rule"], 100)), _plain(cut(f" · {alert['where']} · {alert['status']}", _LINE))]
        for alert in shown
    ]
    left = section["count"] - len(shown)
    more = [_paragraph([_plain(f"and {left} more\n")])] if left else []
    return [_paragraph([_bold(f"{section['title'].capitalize()} ({section['count']})\n")]), _bullets(lines), *more]


def _list(context: Context) -> list[Any]:
    counted = [_bullets([[_plain(count)] for count in context["counts"][:20]])] if context["counts"] else []
    lines = [_alert_line(alert) for alert in context["listed"]]
    more = [_paragraph([_plain(f"and {context['more']} more")])] if context["more"] else []
    advice = [
        _sentence(f"Next for {item['rule']}", f"{item['next_step']} {item['runbook']}") for item in context["advice"]
    ]
    listed = [_bullets(lines)] if lines else []
    return [*counted, *listed, *more, *advice] or [_paragraph([_plain(context["status"])])]


def _alert_line(alert: Context) -> list[Any]:
    often = f" ({alert['how_often']})" if alert["how_often"] else ""
    rest = f" · {alert['where']} · {alert['status']}\n{alert['cause']}{often}"
    return [_bold(cut(alert["rule"], 100)), _plain(cut(rest, _LINE))]


def _footer(context: Context) -> str:
    alert = context["listed"][0] if context["alert_count"] == 1 and context["listed"] else None
    facts = ["kwatch", context["cluster"]]
    if alert is not None:
        facts = [f"rule {alert['rule']}", alert["continuity"], alert["fingerprint"][:8]]
    said = fit(" · ".join(filter(None, facts)), 500, slack)
    return f"{said} · <{context['url']}|details>" if context["url"].startswith("https://") else said


def _header(title: str) -> Any:
    return {"type": "header", "text": {"type": "plain_text", "text": fit(title, _HEADER, slack), "emoji": False}}


def _mentioned(mention: str) -> list[Any]:
    return [{"type": "section", "text": _mrkdwn(mention)}] if mention else []


def _mrkdwn(text: str) -> Any:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _field(label: str, text: str) -> Any:
    return _mrkdwn(f"*{fit(label, 100, slack)}*\n{fit(text, _FIELD, slack)}")


def _rich(elements: list[Any]) -> Any:
    return {"type": "rich_text", "elements": elements}


def _paragraph(elements: list[Any]) -> Any:
    return {"type": "rich_text_section", "elements": [one for one in elements if one.get("text") != ""]}


def _sentence(label: str, text: str) -> Any:
    said = {"type": "link", "url": text} if label == "Runbook" else _plain(cut(text, _PARAGRAPH))
    return _paragraph([_bold(f"{label}  "), said, _plain("\n")])


def _quote(text: str) -> Any:
    return {"type": "rich_text_preformatted", "elements": [_plain(cut(text, _QUOTE))]}


def _bullets(lines: list[list[Any]]) -> Any:
    return {"type": "rich_text_list", "style": "bullet", "elements": [_paragraph(elements) for elements in lines]}


def _plain(text: str) -> Any:
    return {"type": "text", "text": text}


def _bold(text: str) -> Any:
    return {"type": "text", "text": text, "style": {"bold": True}}


def news(context: Context, title: str, mention: str = "") -> Mapping[str, Any] | None:
    """Return what is worth a word in the thread: an end, that it goes on or is worse, alerts that are new; or None."""
    new = [alert for alert in context["listed"] if alert["is_new"]]
    if context["is_quiet"] or (context["kind"] == "update" and not new and not context["is_raised"]):
        return None
    about = new if context["kind"] == "update" else context["listed"] if context["alert_count"] > 1 else []
    shown = [_bullets([_alert_line(alert) for alert in about])] if about else []
    how = ", ".join(filter(None, (context["status"], *(alert["end"] for alert in context["listed"][:1]))))
    ending = [_paragraph([_plain(how)])] if not about else []
    body = {"type": "rich_text", "elements": [_paragraph([_bold(cut(title, _HEADER))]), *ending, *shown]}
    return {"text": fit(title, _TEXT, slack), "blocks": [*_mentioned(mention), body]}
