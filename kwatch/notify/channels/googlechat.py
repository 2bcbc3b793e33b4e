"""Google Chat: an incoming webhook of a space, whose messages are cards in threads.

Contract: https://developers.google.com/workspace/chat/quickstart/webhooks (threads),
…/chat/api/reference/rest/v1/spaces.messages/create (32,000 bytes), …/rest/v1/cards (100 widgets, HTML in texts) and
…/chat/limits (60 writes a minute and space, of all apps). A webhook cannot edit. Its address holds key and token: it is
the secret.
"""

import html
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from pydantic import Field

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, SecretUrl, SeverityWord, Tools
from kwatch.notify.chat import Body, Chat, PostsOnly
from kwatch.notify.escape import clean, fenced
from kwatch.notify.http import HttpClient, Reply, classify, document_of, failed, with_query
from kwatch.notify.markup import PLAIN, Markup, linked, rows, whole_text
from kwatch.notify.page import Listing, Page, Row, fitting
from kwatch.notify.words import WORDS

_MESSAGE = 31_000  # bytes of 32,000: the thread's key is added
_REPLY = {"messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"}
_WRONG_KEY = "API key not valid"  # said with 400


class Config(ChannelConfig):
    """The keys of `type: googlechat`."""

    limited_by: ClassVar[tuple[str, ...]] = ("url",)

    #: Half of what a space takes of all apps together.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    #: The webhook's, with key and token: a secret.
    url: SecretUrl
    #: Whom to alert when an incident of a severity opens, or rises to it: `{critical: "<users/all>"}`, or a user's id.
    mention: Mapping[SeverityWord, Annotated[str, Field(pattern=r"^<users/(all|[0-9]{1,30})>$")]] = {}


def _text(text: str) -> str:
    return html.escape(clean(text), quote=False)


_HTML = Markup(
    text=_text,
    bold=lambda text: f"<b>{text}</b>",
    quote=_text,
    link=lambda url: f'<a href="{_text(url)}">{_text(url)}</a>',
)


class GoogleChat(PostsOnly):
    """One space: a webhook cannot edit, but answer in threads."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)

    def write(self, page: Page, mention: str) -> Body:
        """Return a card, and what phones show of it."""

        def message(part: Page) -> Body:
            text = {"text": mention} if mention else {}
            return {
                **text,
                "fallbackText": _label(part.title),
                "cardsV2": [{"cardId": "kwatch", "card": _card(part)}],
            }

        return fitting(page, message, _fits)

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return a text in a block of code: there is no other way to write a `*` that means nothing."""

        def message(part: Page) -> Body:
            return {"text": f"{mention} ```\n{fenced(whole_text(part, PLAIN))}\n```".strip()}

        return fitting(page, message, _fits)

    async def post(self, body: Body, key: str) -> Receipt:
        """Start a thread; a message that is sent again is in the same one."""
        await self._send(body, key)
        return Receipt({"thread": key})

    async def answer(self, root: Receipt, body: Body, key: str) -> None:
        """Answer in a thread; where that is gone, the space starts another."""
        await self._send(body, root.values["thread"])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, body: Body, thread: str) -> None:
        url = with_query(self._read(self._config.url), _REPLY)
        failure = failure_of(await self._client.send_json("POST", url, {**body, "thread": {"threadKey": thread}}))
        if failure is not None:
            raise failure


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, GoogleChat(config, tools), config.mention)


def failure_of(reply: Reply) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure."""
    failure, answer = classify(reply), document_of(reply)
    if failure is None:
        is_message = isinstance(answer.get("name"), str)
        return None if is_message else failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is not Google Chat's")
    error = answer.get("error")
    if isinstance(error, dict) and _WRONG_KEY in str(error.get("message", "")):
        return failed(Failure.DESTINATION, Reason.UNAUTHORIZED, "the key of the webhook is not valid")
    return failure


# Writing. Pure.


def _card(page: Page) -> Body:
    say = WORDS[page.language]
    texts = [_text(text) for text in (page.text, *page.states) if text]
    lead = "\n".join([*texts, *rows(page.sentences, _HTML)])
    facts = [_fact(row) for row in page.facts]
    advice = "\n".join(rows(page.advice, _HTML))
    buttons = [{"text": say("Details"), "onClick": {"openLink": {"url": page.url}}}] if page.url else []
    footer = [{"textParagraph": {"text": f"<i>{_text(page.footer)}</i>"}}] if page.footer else []
    sections = [
        _section([_paragraph(lead)] if lead else []),
        _section([_paragraph(_text(page.quote))] if page.quote.strip() else [], say("Message")),
        *(_listing(listing) for listing in page.listings),
        _section([_paragraph(advice)] if advice else []),
        _section(facts),
        _section([*footer, *([{"buttonList": {"buttons": buttons}}] if buttons else [])]),
    ]
    return {
        "header": {"title": _label(page.title)},
        "sections": [section for section in sections if section["widgets"]],
    }


def _section(widgets: list[Any], header: str = "") -> Mapping[str, Any]:
    return {"header": _text(header), "widgets": widgets} if header else {"widgets": widgets}


def _listing(listing: Listing) -> Mapping[str, Any]:
    lines = [f"• <b>{_text(item.name)}</b>{_text(item.text)}" for item in listing.items]
    lines += [listing.rest] if listing.rest else []
    return _section([_paragraph("\n".join(lines))], listing.title)


def _paragraph(text: str) -> Any:
    return {"textParagraph": {"text": text}}


def _fact(row: Row) -> Any:
    return {"decoratedText": {"topLabel": _label(row.label), "text": linked(row, _HTML), "wrapText": True}}


def _label(text: str) -> str:
    """Return a text for where HTML may be read or not: no tag begins in it."""
    return clean(text).replace("<", "<\u200b")


def _fits(message: Body) -> bool:
    return len(msgspec.json.encode(message)) <= _MESSAGE
