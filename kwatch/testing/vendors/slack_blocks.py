"""What Slack refuses in a message's layout, and what people read in it.

Sources: https://docs.slack.dev/reference/block-kit/blocks (each block on its page),
https://docs.slack.dev/reference/block-kit/composition-objects/text-object and
https://docs.slack.dev/reference/block-kit/block-elements. What all blocks may have together is documented for markdown
blocks only; for the others it was measured: https://github.com/slackapi/bolt-js/issues/2509.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

_MARKED = re.compile(r"<(!(?:here|channel|everyone|subteam)[^>]*|@[^>]+)>")
_NAMED = re.compile(r"(?:(?<=\s)|^)@(?:here|channel|everyone)\b")
_MASKED = re.compile(r"<(https?://[^|>]+)\|")
_ALL_BLOCKS = 13_200  # characters of the JSON

Block = Mapping[str, Any]


def fault(payload: Mapping[str, Any]) -> str:
    """Return Slack's word for what is wrong with `blocks` and `attachments`, or nothing."""
    blocks, attachments = payload.get("blocks", []), payload.get("attachments", [])
    if len(attachments) > 100:
        return "too_many_attachments"
    if len(blocks) > 50 or not all(isinstance(block, Mapping) and _is_valid(block) for block in blocks):
        return "invalid_blocks"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    markdown = [len(block["text"]) for block in blocks if block["type"] == "markdown"]
    if len(set(ids)) != len(ids) or sum(markdown) > 12_000:
        return "invalid_blocks"
    return ""


def excess(payload: Mapping[str, Any]) -> str:
    """Return the Web API's word for blocks that are too long together, or nothing; webhooks take them."""
    encoded = json.dumps(payload.get("blocks", []), separators=(",", ":"), ensure_ascii=False)
    return "msg_blocks_too_long" if len(encoded) > _ALL_BLOCKS else ""


def _is_valid(block: Block) -> bool:
    if not 0 <= len(block.get("block_id", "")) <= 255:
        return False
    match block:
        case {"type": "header", "text": text}:
            return _is_text(text, 150, "plain_text")
        case {"type": "section"}:
            return _is_section(block)
        case {"type": "context", "elements": [_, *_] as elements}:
            return len(elements) <= 10 and all(_is_text(element, 3000) for element in elements)
        case {"type": "actions", "elements": [_, *_] as elements}:
            return len(elements) <= 25 and all(_is_element(element) for element in elements)
        case {"type": "rich_text", "elements": [_, *_] as elements}:
            return all(text for text, _ in _rich_texts(elements))
        case {"type": "markdown", "text": str(text)}:
            return 1 <= len(text) <= 12_000
        case _:
            return block.get("type") == "divider"


def _is_section(block: Block) -> bool:
    fields = block.get("fields", [])
    if not fields and "text" not in block:
        return False
    is_short = len(fields) <= 10 and all(_is_text(text, 2000) for text in fields)
    is_told = "text" not in block or _is_text(block["text"], 3000)
    return is_short and is_told and ("accessory" not in block or _is_element(block["accessory"]))


def _is_text(text: Any, limit: int, *types: str) -> bool:
    """Tell a text object; `emoji` goes with plain text only, and `verbatim` with mrkdwn."""
    match text:
        case {"type": "plain_text" | "mrkdwn" as kind, "text": str(words)} if kind in (
            types or ("plain_text", "mrkdwn")
        ):
            return ("verbatim" if kind == "plain_text" else "emoji") not in text and 1 <= len(words) <= limit
        case _:
            return False


def _is_element(element: Any) -> bool:
    match element:
        case {"type": "button", "text": text}:
            is_styled = element.get("style", "primary") in {"primary", "danger"}
            is_short = len(element.get("value", "")) <= 2000 and len(element.get("url", "")) <= 3000
            return _is_text(text, 75, "plain_text") and is_styled and is_short and _has_id(element)
        case {"type": "overflow", "options": [*options]}:
            return 1 <= len(options) <= 5 and all(_is_option(option) for option in options) and _has_id(element)
        case {"type": "static_select", "options": [*options]}:
            return 1 <= len(options) <= 100 and all(_is_option(option) for option in options) and _has_id(element)
        case _:
            return False


def _has_id(element: Mapping[str, Any]) -> bool:
    return len(element.get("action_id", "")) <= 255


def _is_option(option: Any) -> bool:
    return _is_text(option.get("text"), 75, "plain_text") and 1 <= len(option.get("value", "")) <= 150


# Reading


def read(blocks: Any) -> str:
    """Return everything that can be read in blocks, in reading order."""
    return "\n".join(text if is_literal else unescape(text) for text, is_literal in _rich_texts(blocks))


def pings(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the mentions that Slack acts on: in blocks, or in the text where there are none."""
    is_named = payload.get("parse") == "full" or bool(payload.get("link_names"))
    elements = [str(element) for element in _mentions(payload.get("blocks", []))]
    found = [ping for text in _parsed(payload) for ping in _MARKED.findall(text)]
    named = [ping for text in _parsed(payload) for ping in _NAMED.findall(text)] if is_named else []
    return (*found, *named, *elements)


def links(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses behind words of their own."""
    return tuple(link for text in _parsed(payload) for link in _MASKED.findall(text))


def _parsed(payload: Mapping[str, Any]) -> list[str]:
    blocks = payload.get("blocks", [])
    return [text for text, is_literal in _rich_texts(blocks) if not is_literal] if blocks else [payload.get("text", "")]


def _rich_texts(tree: Any) -> Iterator[tuple[str, bool]]:
    """Yield each text and whether it is shown as it is."""
    match tree:
        case {"type": "mrkdwn" | "markdown", "text": str(text)}:
            yield text, False
        case {"type": "plain_text" | "text", "text": str(text)} | {"type": "link", "url": str(text)}:
            yield text, True
        case list():
            for item in tree:
                yield from _rich_texts(item)
        case dict():
            for item in tree.values():
                yield from _rich_texts(item)


def _mentions(tree: Any) -> Iterator[str]:
    match tree:
        case {"type": "user" | "usergroup" | "broadcast" as kind}:
            yield kind
        case list():
            for item in tree:
                yield from _mentions(item)
        case dict():
            for item in tree.values():
                yield from _mentions(item)
