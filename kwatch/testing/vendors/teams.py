"""A workflow of Microsoft Teams, "When a Teams webhook request is received".

The real one answers 202 before it looks at the card, and fails later, unseen, for one that is too long or none. This
one refuses at once, so that tests see it. https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors

No page of Microsoft lists the codes of such a trigger; these are what people report of it: one that is switched off or
deleted https://github.com/microsoft/coe-starter-kit/issues/8684, one whose URL bears no signature
https://learn.microsoft.com/power-automate/oauth-authentication.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.errors import Failure
from kwatch.testing.markdown import read_markdown
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown

CONNECTORS = "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using"
FORMAT = "https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format"
CARDS = "https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#adaptive-card"
MENTIONS = f"{FORMAT}#user-mention-in-incoming-webhook-with-adaptive-cards"
SIGNED = "https://learn.microsoft.com/azure/logic-apps/logic-apps-securing-a-logic-app#sas"
_PATH = "/workflows/0123456789abcdef/triggers/manual/paths/invoke"
URL = f"https://prod-42.westeurope.logic.azure.com{_PATH}?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig={CANARY}"
_MESSAGE = 28 * 1024
_ACTIONS = 6
_WHOM = re.compile(r"[^@\s]+@[^@\s]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # a UPN or an id of Entra
_ELEMENTS = frozenset({"TextBlock", "RichTextBlock", "FactSet", "Container", "ActionSet"})
_ESCAPABLE = r"\`*_[]()"


class Teams:
    """A channel, and the cards that the workflow has posted there."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}
    secrets: Mapping[str, str] = {"url": URL}

    def __init__(self, clock: Clock) -> None:
        self.cards: list[Mapping[str, Any]] = []

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that makes a workflow fail."""
        lines = [{"type": "TextBlock", "text": "x"}]
        link = {"type": "Action.OpenUrl", "title": "x", "url": "https://example.com"}
        room = _MESSAGE - len(_post({"body": [{"type": "TextBlock", "text": ""}]}).content)
        return (
            Limit(
                "size",
                CONNECTORS,
                (_post({"body": [{"type": "TextBlock", "text": "x" * room}]}),),
                (_post({"body": [{"type": "TextBlock", "text": "x" * (room + 1)}]}),),
                413,
            ),
            Limit("card", CONNECTORS, (_post({"body": lines}),), (_raw({"text": "x"}),), 400),
            Limit("version", CARDS, (_post({"body": lines}),), (_post({"body": lines, "version": "1.9"}),), 400),
            Limit(
                "elements", CARDS, (_post({"body": lines}),), (_post({"body": [{"type": "Html", "text": "x"}]}),), 400
            ),
            Limit(
                "actions",
                CARDS,
                (_post({"body": lines, "actions": [link] * 6}),),
                (_post({"body": lines, "actions": [link] * 7}),),
                400,
            ),
            Limit(
                "mention",
                MENTIONS,
                (_post(_mentioning("ann@example.com", "<at>ann</at>")),),
                (_post(_mentioning("ann@example.com", "ann")),),
                400,
            ),
            Limit(
                "who is mentioned",
                MENTIONS,
                (_post(_mentioning("87d349ed-44d7-43e1-9a83-5f2406dee5bd", "<at>ann</at>")),),
                (_post(_mentioning("ann", "<at>ann</at>")),),
                400,
            ),
            Limit("signature", SIGNED, (_post({"body": lines}),), (_post({"body": lines}, f"{URL}x"),), 401),
        )

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What Power Automate and the old connectors say."""
        return (
            Refusal("rate limit of a connector", httpx.Response(200, text=_connector(429)), Failure.PACE),
            Refusal("size at a connector", httpx.Response(200, text=_connector(413)), Failure.MESSAGE),
            Refusal("no channel behind a connector", httpx.Response(200, text=_connector(404)), Failure.DESTINATION),
            Refusal("rate limit", httpx.Response(429, headers={"Retry-After": "9"}), Failure.PACE, 9.0),
            Refusal("signature", _error(401, "DirectApiAuthorizationRequired"), Failure.DESTINATION),
            Refusal("switched off", _error(400, "WorkflowTriggerIsNotEnabled"), Failure.DESTINATION),
            Refusal("deleted", _error(400, "WorkflowTriggerIsNotEnabled"), Failure.DESTINATION),
            Refusal("unknown", _error(404, "WorkflowNotFound"), Failure.DESTINATION),
            Refusal("schema", _error(400, "TriggerInputSchemaMismatch"), Failure.MESSAGE),
            Refusal("gateway", _error(502, "NoResponse"), Failure.AMBIGUOUS),
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Post the card."""
        body = await request.aread()
        if request.url.path != _PATH or request.url.params.get("sig") != CANARY:
            return _error(401, "DirectApiAuthorizationRequired")
        if len(body) > _MESSAGE:
            return _error(413, "RequestEntityTooLarge")
        card = _card(json.loads(body))
        if card is None:
            return _error(400, "TriggerInputSchemaMismatch")
        self.cards.append(card)
        return httpx.Response(202)

    def shown(self) -> list[Shown]:
        """Return the cards."""
        return [_shown(number, card) for number, card in enumerate(self.cards, 1)]


def _card(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the card of a message, if Teams shows it."""
    match message:
        case {
            "type": "message",
            "attachments": [{"contentType": str(kind), "content": {"type": "AdaptiveCard"} as card}],
        }:
            is_known = kind == "application/vnd.microsoft.card.adaptive" and card.get("version") in {"1.4", "1.5"}
            is_small = len(card.get("actions", [])) <= _ACTIONS
            is_valid = all(_is_valid(element) for element in card["body"]) and _names_people(card)
            return card if is_known and is_small and is_valid else None
    return None


def _names_people(card: Mapping[str, Any]) -> bool:
    """Return whether each mention stands in a text, and says who that is."""
    texts = [element["text"] for element in card["body"] if element["type"] == "TextBlock"]
    return all(
        any(each["text"] in text for text in texts)
        and each["mentioned"]["name"]
        and _WHOM.fullmatch(each["mentioned"]["id"])
        for each in _mentions(card)
    )


def _mentions(card: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [each for each in card.get("msteams", {}).get("entities", ()) if each["type"] == "mention"]


def _is_valid(element: Mapping[str, Any]) -> bool:
    if element["type"] == "Container":
        return bool(element["items"]) and all(_is_valid(item) for item in element["items"])
    if element["type"] == "RichTextBlock":
        return bool(element["inlines"]) and all(run["type"] == "TextRun" for run in element["inlines"])
    return element["type"] in _ELEMENTS


def _shown(number: int, card: Mapping[str, Any]) -> Shown:
    lines = list(_texts(card["body"]))
    said = "\n".join(text for text, _ in lines)
    known = {each["text"]: each["mentioned"]["id"] for each in _mentions(card)}
    buttons = [f"{action['title']} {action['url']}" for action in card.get("actions", [])]
    return Shown(
        id=str(number),
        text="\n".join([said.replace("\u200b", ""), *buttons]),
        pings=tuple(known.get(found, found) for found in re.findall(r"<at\b[^>]*>(?:[^<]*</at>)?", said)),
        links=tuple(link for _, links in lines for link in links),
    )


def _texts(elements: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each line with the links behind words in it."""
    for element in elements:
        match element:
            case {"type": "Container", "items": items}:
                yield from _texts(items)
            case {"type": "RichTextBlock", "inlines": runs}:
                yield "".join(run["text"] for run in runs), ()  # nothing in a TextRun is parsed
            case {"type": "FactSet", "facts": facts}:
                for fact in facts:
                    title, value = (read_markdown(fact[name], _ESCAPABLE) for name in ("title", "value"))
                    yield f"{title.text} {value.text}", title.links + value.links
            case {"type": "TextBlock", "text": str(text)}:
                reading = read_markdown(text, _ESCAPABLE)
                yield reading.text, reading.links


def _connector(status: int) -> str:
    detail = "with ContextId tcid=0,server=DB3PEPF00000039"
    return f"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} {detail}"


def _error(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "…"}})


def _post(card: Mapping[str, Any], url: str = URL) -> httpx.Request:
    content = {"type": "AdaptiveCard", "version": "1.4", **card}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}
    return _raw({"type": "message", "attachments": [attachment]}, url)


def _mentioning(whom: str, text: str) -> Mapping[str, Any]:
    """Return a card that mentions somebody as `<at>ann</at>`, with a text."""
    entity = {"type": "mention", "text": "<at>ann</at>", "mentioned": {"id": whom, "name": "ann"}}
    return {"body": [{"type": "TextBlock", "text": text}], "msteams": {"entities": [entity]}}


def _raw(document: Mapping[str, Any], url: str = URL) -> httpx.Request:
    return httpx.Request("POST", url, json=document)
