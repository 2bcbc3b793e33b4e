"""Raw requests that keep each of Slack's limits, and the same over it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from kwatch.testing.vendors import Limit

POST = "https://docs.slack.dev/reference/methods/chat.postMessage"
UPDATE = "https://docs.slack.dev/reference/methods/chat.update"
PACE = "https://docs.slack.dev/apis/web-api/rate-limits"
METADATA = "https://docs.slack.dev/messaging/message-metadata"
BLOCKS = "https://docs.slack.dev/reference/block-kit/blocks/"
ELEMENTS = "https://docs.slack.dev/reference/block-kit/block-elements/"
OBJECTS = "https://docs.slack.dev/reference/block-kit/composition-objects/"
MEASURED = "https://github.com/slackapi/bolt-js/issues/2509"
HOOKS = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"

Payload = Mapping[str, Any]


class Case(NamedTuple):
    """A payload that is taken, one that is not, and the word for it."""

    name: str
    source: str
    at: Payload
    over: Payload
    says: str = "invalid_blocks"


def plain(length: int) -> Payload:
    """Return a plain text of so many characters."""
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> Payload:
    """Return a text in Slack's markup of so many characters."""
    return {"type": "mrkdwn", "text": "x" * length}


def button(**more: Any) -> Payload:
    """Return a button."""
    return {"type": "button", "text": plain(1), **more}


def option(text: int = 1, value: int = 1) -> Payload:
    """Return an entry of a menu."""
    return {"text": plain(text), "value": "v" * value}


def layout(*blocks: Payload) -> Payload:
    """Return a post of these blocks."""
    return {"text": "x", "blocks": list(blocks)}


def actions(*elements: Payload) -> Payload:
    """Return a post with these elements."""
    return layout({"type": "actions", "elements": list(elements)})


def menu(kind: str, *options: Payload) -> Payload:
    """Return a post with a menu of these options."""
    return actions({"type": kind, "options": list(options)})


def sized(kind: str, source: str, make: Callable[[int], Payload], limit: int) -> Case:
    """Return the case of a number that may be as large as the limit."""
    return Case(f"{kind}: {limit}", source, make(limit), make(limit + 1))


def section(**parts: Any) -> Payload:
    """Return a post of one section."""
    return layout({"type": "section", **parts})


def rich(text: str) -> Payload:
    """Return a post of rich text."""
    return layout({"type": "rich_text", "elements": [{"type": "text", "text": text}]})


def header(text: Payload) -> Payload:
    """Return a post of a header."""
    return layout({"type": "header", "text": text})


def context(*elements: Payload) -> Payload:
    """Return a post of a context block."""
    return layout({"type": "context", "elements": list(elements)})


def divider(**more: Any) -> Payload:
    """Return the simplest of all blocks."""
    return {"type": "divider", **more}


def layouts() -> Iterator[Case]:
    """Yield what is refused of a layout."""
    of_section, of_text = f"{BLOCKS}section-block", f"{OBJECTS}text-object"
    text = section(text=mrkdwn(1))
    twice = divider(block_id="b")
    yield sized("blocks", POST, lambda n: layout(*[divider()] * n), 50)
    yield sized("header", f"{BLOCKS}header-block", lambda n: header(plain(n)), 150)
    yield Case("header: plain", f"{BLOCKS}header-block", header(plain(1)), header(mrkdwn(1)))
    yield sized("section text", of_section, lambda n: section(text=mrkdwn(n)), 3000)
    yield Case("section: not empty", of_section, text, section())
    yield sized("section fields", of_section, lambda n: section(fields=[mrkdwn(1)] * n), 10)
    yield sized("section field", of_section, lambda n: section(fields=[mrkdwn(n)]), 2000)
    yield sized("context elements", f"{BLOCKS}context-block", lambda n: context(*[mrkdwn(1)] * n), 10)
    yield sized("text object", of_text, lambda n: context(mrkdwn(n)), 3000)
    yield Case("text object: not empty", of_text, text, section(text=mrkdwn(0)))
    yield Case("rich text: not empty", f"{BLOCKS}rich-text-block", rich("x"), rich(""))
    yield sized("markdown", f"{BLOCKS}markdown-block", lambda n: layout({"type": "markdown", "text": "x" * n}), 12_000)
    yield sized("block_id", of_section, lambda n: layout(divider(block_id="b" * n)), 255)
    yield Case("block_id: once", of_section, layout(twice), layout(twice, twice))
    yield Case("kind of block", BLOCKS, layout(divider()), layout({"type": "input"}))


def elements() -> Iterator[Case]:
    """Yield what is refused of buttons and menus."""
    of_button, of_option = f"{ELEMENTS}button-element", f"{OBJECTS}option-object"
    yield sized("actions", f"{BLOCKS}actions-block", lambda n: actions(*[button()] * n), 25)
    yield sized("button text", of_button, lambda n: actions({**button(), "text": plain(n)}), 75)
    yield sized("button value", of_button, lambda n: actions(button(value="v" * n)), 2000)
    yield sized("button url", of_button, lambda n: actions(button(url="u" * n)), 3000)
    yield sized("action_id", of_button, lambda n: actions(button(action_id="a" * n)), 255)
    yield Case("button style", of_button, actions(button(style="danger")), actions(button(style="x")))
    yield sized("overflow", f"{ELEMENTS}overflow-menu-element", lambda n: menu("overflow", *[option()] * n), 5)
    yield sized("select", f"{ELEMENTS}select-menu-element", lambda n: menu("static_select", *[option()] * n), 100)
    yield sized("option text", of_option, lambda n: menu("overflow", option(text=n)), 75)
    yield sized("option value", of_option, lambda n: menu("overflow", option(value=n)), 150)


def posts() -> Iterator[Case]:
    """Yield what is refused of a post besides its layout."""
    attached = {"text": "x", "attachments": [{"text": "x"}] * 100}
    more = {"text": "x", "attachments": [{"text": "x"}] * 101}
    named = {"text": "x", "metadata": {"event_type": "x", "event_payload": {}}}
    yield Case("something to say", POST, {"text": "x"}, {"text": ""}, "no_text")
    yield Case("attachments: 100", POST, attached, more, "too_many_attachments")
    yield Case("metadata", METADATA, named, {"text": "x", "metadata": {}}, "invalid_metadata_format")
    yield Case("thread", POST, {"text": "x"}, {"text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message")
    yield Case("channel", POST, {"text": "x"}, {"text": "x", "channel": "#other"}, "channel_not_found")


def all_blocks(length: int) -> Payload:
    """Return a post whose blocks are so long, as JSON."""
    blocks = [{"type": "section", "text": mrkdwn(3000)}] * 4
    room = length - len(json.dumps([*blocks, {"type": "section", "text": mrkdwn(0)}], separators=(",", ":")))
    return layout(*blocks, {"type": "section", "text": mrkdwn(room)})


class Api(NamedTuple):
    """The Web API as a bot calls it: the parts of its requests, and the `ts` of the first post."""

    url: str
    token: str
    ts: str

    def post(self, payload: Payload, **headers: str) -> httpx.Request:
        """Return a post to the channel."""
        return self.call("chat.postMessage", {"channel": "C042", **payload}, **headers)

    def update(self, payload: Payload) -> httpx.Request:
        """Return an update of the first post."""
        first = {"channel": "C042", "ts": self.ts, "parse": "none", "link_names": False}
        return self.call("chat.update", {**first, **payload})

    def call(self, method: str, payload: Payload, **headers: str) -> httpx.Request:
        """Return a call."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return httpx.Request("POST", self.url + method, headers=sent, json=payload)


def of_api(api: Api) -> Iterator[Limit]:
    """Yield everything that the Web API refuses."""
    for case in (*layouts(), *elements(), *posts()):
        yield Limit(case.name, case.source, (api.post(case.at),), (api.post(case.over),), 200, case.says)
    sizes = (api.post(all_blocks(13_200)),), (api.post(all_blocks(13_201)),)
    yield Limit("all blocks: 13 200", MEASURED, *sizes, 200, "msg_blocks_too_long")
    yield from _updates(api)
    good, paused = api.post({"text": "x"}), (429, "ratelimited")
    yield Limit("a token", POST, (good,), (api.post({"text": "x"}, Authorization=""),), 200, "not_authed")
    yield Limit("its token", POST, (good,), (api.post({"text": "x"}, Authorization="Bearer x"),), 200, "invalid_auth")
    form = api.post({"text": "x"}, **{"Content-Type": "text/plain"})
    yield Limit("JSON", POST, (good,), (form,), 200, "invalid_post_type")
    yield Limit("posts at once: 10", PACE, (good,) * 10, (good,) * 11, *paused)
    edit = api.update({"text": "y"})
    yield Limit("updates at once: 50", PACE, (good, *(edit,) * 50), (good, *(edit,) * 51), *paused)


def _updates(api: Api) -> Iterator[Limit]:
    """Yield what is refused of an update."""
    posted = api.post(rich("x"))
    cases = (
        Case("text of an update: 4000 bytes", UPDATE, {"text": "é" * 2000}, {"text": "é" * 2001}, "msg_too_long"),
        Case("rich text stays", UPDATE, rich("y"), section(text=mrkdwn(1)), "block_mismatch"),
        Case("channel by its id", UPDATE, rich("y"), {**rich("y"), "channel": "#alerts"}, "message_not_found"),
        Case("message that is there", UPDATE, rich("y"), {**rich("y"), "ts": "1.000001"}, "message_not_found"),
        Case("parse", UPDATE, rich("y"), {**rich("y"), "parse": "full"}, "invalid_arguments"),
        Case("link_names", UPDATE, rich("y"), {**rich("y"), "link_names": True}, "invalid_arguments"),
    )
    for case in cases:
        at, over = (posted, api.update(case.at)), (posted, api.update(case.over))
        yield Limit(case.name, case.source, at, over, 200, case.says)


def of_webhook(url: str) -> Sequence[Limit]:
    """Return everything that an incoming webhook refuses."""

    def sent(payload: Payload, to: str = url) -> httpx.Request:
        return httpx.Request("POST", to, json=payload)

    good, bad = sent({"text": "x"}), (400, "invalid_payload")
    cases = (*layouts(), *elements())
    return (
        *(Limit(case.name, case.source, (sent(case.at),), (sent(case.over),), *bad) for case in cases),
        Limit("something to say", HOOKS, (good,), (sent({"text": ""}),), *bad),
        Limit("its address", HOOKS, (good,), (sent({"text": "x"}, f"{url}x"),), 403, "invalid_token"),
        Limit("posts at once: 10", PACE, (good,) * 10, (good,) * 11, 429, "rate_limited"),
    )
