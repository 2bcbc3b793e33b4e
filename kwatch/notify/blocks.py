"""How a message looks in Slack: Block Kit from facts.

Untrusted text goes into `rich_text`, where nothing is parsed, or is encoded for mrkdwn. Sizes stay below Slack's limits
by construction (https://docs.slack.dev/reference/block-kit/blocks). A root always has one `rich_text` block, as Slack
refuses to replace it by another kind. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kwatch.notify.buttons import Action, Signer, Wish
from kwatch.notify.escape import cut, fit, slack
from kwatch.notify.markup import PLAIN, whole_text
from kwatch.notify.page import Item, Listing, Page, Row, fitting
from kwatch.notify.words import WORDS

_BLOCKS = 13_000  # characters of all blocks as JSON in ASCII: above 13,200 Slack says msg_blocks_too_long
_TEXT = 3000  # of a section
_SAID = 4000  # bytes of `text`: an update with more is refused
_HEADER = 150
_FIELDS, _FIELD = 10, 500  # of a section; Slack takes 2000 characters in a field; nobody reads them there
_QUOTE = 2500  # of a Kubernetes message
_PARAGRAPH, _LINE = 1000, 500
_URL = 3000  # of a button


def plain_message(page: Page, mention: str) -> Mapping[str, Any]:
    """Return the message without blocks: what Slack takes when it refuses the layout."""
    short = fit(whole_text(page, PLAIN), _SAID - len(mention) - 1, slack, _bytes)
    return {"text": f"{mention} {short}".strip(), "blocks": []}


def message(page: Page, mention: str, buttons: Sequence[Any] = ()) -> Mapping[str, Any]:
    """Return the layout: header, state, facts in two columns, sentences and the quoted message, context, buttons."""

    def blocks(part: Page) -> list[Any]:
        return [_header(part.title), *_sections(part, mention), _rich(part), *_footer(part), *buttons]

    return {"text": fit(page.title, _SAID, slack, _bytes), "blocks": fitting(page, blocks, _fits)}


def buttons(page: Page, signer: Signer) -> list[Any]:
    """Return what can be done about the incident of a page, and where more is; what silences asks once more."""
    if page.incident is None:
        return []
    say, incident = WORDS[page.language], page.incident

    def value(action: Action) -> str:
        return signer.value(Wish(action, incident.id), incident.told_at)

    lengths = {
        Action.SILENCE_1H: say("for 1 hour"),
        Action.SILENCE_4H: say("for 4 hours"),
        Action.SILENCE_UNTIL_RESOLVED: say("until resolved, 24 hours at most"),
    }
    options = [{"text": _label(text), "value": value(action)} for action, text in lengths.items()]
    confirm = {
        "title": _label(say("Silence")),
        "text": _label(say("All alerts of this message will be silent, and no others.")),
        "confirm": _label(say("Silence")),
        "deny": _label(say("Cancel")),
    }
    menu = {"type": "static_select", "placeholder": _label(say("Silence")), "options": options, "confirm": confirm}
    ack = {"type": "button", "text": _label(say("Acknowledge")), "value": value(Action.ACK), "action_id": "ack"}
    runbook = next((row.text for row in page.sentences if row.is_link), "")
    pages = (("Details", page.url), ("Runbook", runbook))
    links = [
        {"type": "button", "text": _label(say(name)), "url": url, "action_id": name.lower()}
        for name, url in pages
        if url and len(url) <= _URL
    ]
    return [{"type": "actions", "elements": [ack, {**menu, "action_id": "silence"}, *links]}]


def _label(text: str) -> Any:
    return {"type": "plain_text", "text": text, "emoji": False}


def _bytes(text: str) -> int:
    return len(text.encode())


def _fits(blocks: list[Any]) -> bool:
    return len(json.dumps(blocks, separators=(",", ":"))) <= _BLOCKS


def _sections(page: Page, mention: str) -> list[Any]:
    """Return mention, states and facts; without facts the states stand in the body."""
    if not page.facts:
        return [{"type": "section", "text": _mrkdwn(mention)}] if mention else []
    states = fit("\n".join(page.states), 2000, slack)
    text = _mrkdwn(" ".join(filter(None, (mention, states))))
    fields = [_field(row) for row in page.facts]
    first, *more = (fields[at : at + _FIELDS] for at in range(0, len(fields), _FIELDS))
    return [{"type": "section", "text": text, "fields": first}, *({"type": "section", "fields": part} for part in more)]


def _rich(page: Page) -> Any:
    quote = [{"type": "rich_text_preformatted", "elements": [_plain(cut(page.quote, _QUOTE))]}] if page.quote else []
    lists = [part for listing in page.listings for part in _listing(listing)]
    sentences, advice = ([_sentence(row) for row in rows] for rows in (page.sentences, page.advice))
    said = [*sentences, *quote, *lists, *advice]
    alone = page.text or ("" if page.facts and said else "\n".join(page.states))
    text = [_paragraph([_plain(cut(alone, _TEXT))])] if alone else []
    return {"type": "rich_text", "elements": [*text, *said]}


def _listing(listing: Listing) -> list[Any]:
    title = [_paragraph([_bold(f"{listing.title}\n")])] if listing.title else []
    lines = {"type": "rich_text_list", "style": "bullet", "elements": [_item(item) for item in listing.items]}
    more = [_paragraph([_plain(f"{listing.rest}\n")])] if listing.rest else []
    return [*title, lines, *more]


def _item(item: Item) -> Any:
    return _paragraph([_bold(cut(item.name, 100)), _plain(cut(item.text, _LINE))])


def _footer(page: Page) -> list[Any]:
    said = [fit(page.footer, 500, slack)] if page.footer else []
    said += [f"<{page.url}|{WORDS[page.language]('details')}>"] if page.url else []
    return [{"type": "context", "elements": [_mrkdwn(" · ".join(said))]}] if said else []


def _header(title: str) -> Any:
    return {"type": "header", "text": {"type": "plain_text", "text": fit(title, _HEADER, slack), "emoji": False}}


def _mrkdwn(text: str) -> Any:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _field(row: Row) -> Any:
    return _mrkdwn(f"*{fit(row.label, 100, slack)}*\n{fit(row.text, _FIELD, slack)}")


def _paragraph(elements: list[Any]) -> Any:
    return {"type": "rich_text_section", "elements": [one for one in elements if one.get("text") != ""]}


def _sentence(row: Row) -> Any:
    said = {"type": "link", "url": row.text} if row.is_link else _plain(cut(row.text, _PARAGRAPH))
    return _paragraph([_bold(f"{row.label}  "), said, _plain("\n")])


def _plain(text: str) -> Any:
    return {"type": "text", "text": text}


def _bold(text: str) -> Any:
    return {"type": "text", "text": text, "style": {"bold": True}}
