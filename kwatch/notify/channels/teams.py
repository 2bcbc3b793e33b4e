"""Microsoft Teams: a workflow that posts each Adaptive Card it is given.

Contract: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (cards
only, 28 KB), …/task-modules-and-cards/cards/cards-format (where Markdown is read, and mentions) and https://adaptivecards.io/explorer.
The address holds the signature: it is the secret. A 202 says that the workflow has started, not that it has posted:
what it does after that cannot be seen from here. Untrusted text stands in TextRuns, where nothing is parsed; in facts,
where Markdown is, it is encoded.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from pydantic import Field

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, SecretUrl, SeverityWord, Tools
from kwatch.notify.chat import Body, Chat, PostsOnly
from kwatch.notify.escape import markdown, unmentioned
from kwatch.notify.http import HttpClient, Reply, classify, document_of, failed, found
from kwatch.notify.markup import Markup, whole_text
from kwatch.notify.page import Listing, Page, Row, Tone, fitting
from kwatch.notify.words import WORDS

_MESSAGE = 27_000  # bytes of about 28 KB
_SCHEMA, _VERSION = "http://adaptivecards.io/schemas/adaptive-card.json", "1.4"
_STYLES: Mapping[Tone, str] = {
    Tone.CRITICAL: "attention",
    Tone.WARNING: "warning",
    Tone.INFO: "accent",
    Tone.GOOD: "good",
    Tone.NEUTRAL: "emphasis",
}
_WHOM = r"^([A-Za-z0-9._+-]+@[A-Za-z0-9.-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
_AT = re.compile(r"<(?=/?at\b)", re.IGNORECASE)
_CONNECTOR_ERROR = re.compile(rb"HTTP error (\d{3})")
#: Of a workflow that is switched off or was deleted, however it answers.
_OFF = frozenset({"WorkflowTriggerIsNotEnabled", "WorkflowNotFound", "WorkflowTriggerNotFound"})


class Config(ChannelConfig):
    """The keys of `type: teams`."""

    limited_by: ClassVar[tuple[str, ...]] = ("url",)

    #: What a person reads; a connection of Power Automate takes 100 a minute.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    #: Of the workflow "When a Teams webhook request is received", with its signature.
    url: SecretUrl
    #: Whom to alert when an incident of a severity opens, or rises to it: the name of a user, as `ann@example.com`
    #: (UPN), or the object id that Entra has for one.
    mention: Mapping[SeverityWord, Annotated[str, Field(pattern=_WHOM)]] = {}


class Teams(PostsOnly):
    """One workflow: its posts cannot be changed from outside, and have no answers."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config = config
        self._read = tools.read
        self._client = HttpClient(config, tools)

    def write(self, page: Page, mention: str) -> Body:
        """Return a card."""
        return fitting(page, lambda part: _message(_card(part), mention), _fits)

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return a card of nothing but lines."""

        def lines(part: Page) -> Body:
            return _message({"body": list(_lines(whole_text(part, Markup(text=_inert, quote=_inert))))}, mention)

        return fitting(page, lines, _fits)

    async def post(self, body: Body, key: str) -> Receipt:
        """Start the workflow."""
        failure = failure_of(await self._client.send_json("POST", self._read(self._config.url), body))
        if failure is not None:
            raise failure
        return Receipt()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, Teams(config, tools), config.mention)


def failure_of(reply: Reply) -> SendError | None:
    """Return what an answer means for the delivery; None for success. Pure.

    Connectors, and what stands in for them, answer 200 and say in the text that Teams has refused the message.
    """
    said = _CONNECTOR_ERROR.search(reply.body)
    if reply.status == 200 and said is not None:
        return classify(Reply(int(said[1]), reply.headers, b""))
    failure, code = classify(reply), found(document_of(reply), "error", "code")
    if failure is not None and isinstance(code, str) and code in _OFF:
        return failed(Failure.DESTINATION, Reason.REJECTED, f"the workflow is off or deleted ({code})")
    return failure


# Writing. Pure.


def _card(page: Page) -> Mapping[str, Any]:
    title = _block([_run(page.title, size="large", weight="bolder")])
    states = [block for state in (page.text, *page.states) for block in _lines(state)]
    header = {"type": "Container", "style": _STYLES[page.tone], "bleed": True, "items": [title]}
    facts = {"type": "FactSet", "facts": [_fact(row) for row in page.facts]}
    sentences, advice = (
        [block for row in rows if not row.is_link for block in _lines(row.text, row.label)]
        for rows in (page.sentences, page.advice)
    )
    footer = [_block([_run(page.footer, isSubtle=True, size="small")])] if page.footer else []
    quote = {"type": "Container", "style": "emphasis", "items": list(_lines(page.quote, fontType="monospace"))}
    body = [
        header,
        *states,
        *sentences,
        *([quote] if page.quote.strip() else []),
        *(block for listing in page.listings for block in _listing(listing)),
        *advice,
        *([facts] if page.facts else []),
        *footer,
    ]
    links = [(WORDS[page.language]("Details"), page.url)] if page.url else []
    links += [(row.label, row.text) for row in page.sentences if row.is_link]
    actions = [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in links]
    return {"body": body, "actions": actions}


def _message(card: Mapping[str, Any], mention: str) -> Body:
    """Return a card as it is posted, led by whom it alerts."""
    calls = f"<at>{mention}</at>"
    entity = {"type": "mention", "text": calls, "mentioned": {"id": mention, "name": mention}}
    lead, entities = ([{"type": "TextBlock", "text": calls}], {"entities": [entity]}) if mention else ([], {})
    content = {
        "$schema": _SCHEMA,
        "type": "AdaptiveCard",
        "version": _VERSION,
        **card,
        "body": [*lead, *card["body"]],
        "msteams": {"width": "Full", **entities},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _listing(listing: Listing) -> Iterable[Any]:
    if listing.title:
        yield _block([_run(listing.title, weight="bolder")])
    for item in listing.items:
        first, _, rest = item.text.partition("\n")
        yield _block([_run(f"• {item.name}", weight="bolder"), *([_run(first)] if first else [])])
        yield from _lines(rest, isSubtle=True)
    if listing.rest:
        yield _block([_run(listing.rest)])


def _fact(row: Row) -> Any:
    return {"title": _marked(row.label), "value": _marked(row.text)}


def _lines(text: str, label: str = "", **style: Any) -> Iterable[Any]:
    """Yield a block for each line that is not empty: a TextRun does not break lines everywhere."""
    lead = [_run(f"{label}  ", weight="bolder")] if label else []
    for line in filter(str.strip, text.split("\n")):
        yield _block([*lead, _run(line, **style)])
        lead = []


def _block(runs: list[Any]) -> Any:
    return {"type": "RichTextBlock", "inlines": runs}


def _run(text: str, **style: Any) -> Any:
    return {"type": "TextRun", "text": _inert(text), **style}


def _inert(text: str) -> str:
    return _AT.sub("<\u200b", unmentioned(text))


def _marked(text: str) -> str:
    return _AT.sub("<\u200b", markdown(text, special=r"\`*_[]"))


def _fits(message: Body) -> bool:
    return len(msgspec.json.encode(message)) <= _MESSAGE
