"""Slack's Block Kit as HTML: the blocks that kwatch writes, about as Slack shows them."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from typing import Any

_LINE = 84

_STYLE = """
body{margin:0;padding:20px;background:#fff;font:15px/1.46 Lato,'Helvetica Neue',Arial,sans-serif;color:#1d1c1d}
.pair{display:flex;gap:24px;align-items:flex-start}.chat{width:600px;flex:none}.json{flex:1;min-width:0}
.json pre{margin:0;padding:14px;background:#f8f8f8;border:1px solid #ddd;border-radius:6px;white-space:pre-wrap;
word-break:break-word;font:9.5px/1.4 Menlo,Consolas,monospace}
.message{display:flex;gap:10px;padding:8px 0}.reply{margin-left:46px;padding-left:14px;border-left:2px solid #ddd}
.face{flex:none;width:36px;height:36px;border-radius:6px;background:#1d4ed8;color:#fff}
.face{text-align:center;font:700 20px/36px Arial}
.name{font-weight:900}.app{font-size:10px;background:#ddd;color:#616061;border-radius:2px;padding:1px 3px;margin:0 6px}
.at,.edited,.context{color:#616061;font-size:12.5px}.header{font-size:18px;font-weight:900;margin:4px 0}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:6px 16px;margin:8px 0}a{color:#1264a3;text-decoration:none}
.rich pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;white-space:pre-wrap;margin:6px 0;
font:12.5px/1.5 Menlo,Consolas,monospace}.rich ul{margin:2px 0;padding-left:22px}.rich div{white-space:pre-wrap}
"""


def message(blocks: Sequence[Mapping[str, Any]], at: str, *, is_reply: bool = False, is_edited: bool = False) -> str:
    """Return one message of a channel or a thread."""
    edited = ' <span class="edited">(edited)</span>' if is_edited else ""
    head = f'<span class="name">kwatch</span><span class="app">APP</span><span class="at">{at}</span>{edited}'
    body = "".join(_block(block) for block in blocks)
    place = "message reply" if is_reply else "message"
    return f'<div class="{place}"><div class="face">k</div><div><div>{head}</div>{body}</div></div>'


def page(messages: Sequence[str], shown: object = None) -> str:
    """Return a page of messages, and beside them what was sent."""
    sent = escape(_json(shown))
    beside = f'<div class="json"><pre>{sent}</pre></div>' if shown else ""
    chat = f'<div class="chat">{"".join(messages)}</div>'
    return f'<meta charset="utf-8"><style>{_STYLE}</style><div class="pair">{chat}{beside}</div>'


def _json(value: Any, indent: str = "") -> str:
    """Return JSON in which what is short stands in one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) <= _LINE or not isinstance(value, dict | list):
        return flat
    inner = indent + " "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _json(each, inner) for each in value) + "]"
    return "{\n" + ",\n".join(f"{inner}{json.dumps(key)}: {_json(each, inner)}" for key, each in value.items()) + "}"


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f'<div class="header">{escape(unescape(block["text"]["text"]))}</div>'
        case "section":
            text = _mrkdwn(block["text"]["text"]) if "text" in block else ""
            fields = "".join(f"<div>{_mrkdwn(field['text'])}</div>" for field in block.get("fields", ()))
            return f'<div>{text}</div><div class="fields">{fields}</div>'
        case "context":
            return f'<div class="context">{"".join(_mrkdwn(each["text"]) for each in block["elements"])}</div>'
        case "rich_text":
            return f'<div class="rich">{"".join(_rich(each) for each in block["elements"])}</div>'
        case other:
            raise ValueError(f"no block of kwatch: {other}")


def _mrkdwn(text: str) -> str:
    """Return the mrkdwn that kwatch writes: bold labels, links of its own, entities."""
    links = re.sub(r"<(https://[^|>]+)\|([^>]+)>", r'<a href="\1">\2</a>', text)
    return re.sub(r"(?m)^\*([^*\n]+)\*$", r"<b>\1</b>", links).replace("\n", "<br>")


def _rich(element: Mapping[str, Any]) -> str:
    inner = "".join(_rich(each) for each in element.get("elements", ()))
    match element["type"]:
        case "rich_text_section":
            return f"<div>{inner}</div>"
        case "rich_text_preformatted":
            return f"<pre>{inner}</pre>"
        case "rich_text_list":
            return f"<ul>{''.join(f'<li>{_rich(each)}</li>' for each in element['elements'])}</ul>"
        case "link":
            return f'<a href="{escape(element["url"])}">{escape(element["url"])}</a>'
        case _:
            text = escape(element["text"])
            return f"<b>{text}</b>" if element.get("style", {}).get("bold") else text
