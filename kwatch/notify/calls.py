"""A notification as the calls that an on-call tool is to get: planned by `incidents`, kept as the bytes of its row."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

import msgspec

from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import ChannelConfig, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import line
from kwatch.notify.http import HttpClient
from kwatch.notify.incidents import Act, Step, plan
from kwatch.notify.words import WORDS

#: A call that comes later than that helps nobody (spec 3.3).
MAX_AGE: Final = timedelta(hours=24)


class Call(msgspec.Struct, frozen=True):
    """One request, without its credentials; `path` is that of the tool's API."""

    key: str  # of the incident that it is about; empty: of none
    act: Act
    path: str
    content: Mapping[str, Any]


class Calls(msgspec.Struct, frozen=True):
    """What to send, one after the other, and the keys of the incidents that are open then."""

    calls: tuple[Call, ...]
    open: tuple[str, ...]


class IncidentChannel(ABC):
    """A channel whose messages are calls about incidents; each says how they are made and sent."""

    max_age = MAX_AGE

    def __init__(self, config: ChannelConfig, tools: Tools) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self._send_resolved = config.send_resolved
        self._write = partial(Composition, config)
        self._templates = tools.templates
        self._client = HttpClient(config, tools)

    @abstractmethod
    def call(self, step: Step, texts: Composition, *, degraded: bool) -> Call:
        """Return the call of a step, from what is to be said of it."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the calls; degraded, their texts are short."""
        planned = plan(notification, thread, send_resolved=self._send_resolved)
        templates = self._templates.for_message()
        texts = [self._write(templates, step.told) for step in planned.steps]
        made = [self.call(step, said, degraded=degraded) for step, said in zip(planned.steps, texts, strict=True)]
        problem = next((said.problem for said in texts if said.problem), "")
        return Message(msgspec.json.encode(Calls(tuple(made), planned.open)), fallback_reason=problem)

    @abstractmethod
    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Make the calls one after the other; one that is made again is taken for the same."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class CallByCall(IncidentChannel):
    """One whose calls need nothing of one another."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        told = read(message)
        for call in told.calls:
            await self.post(call)
        return Receipt(dict.fromkeys(told.open, ""))

    @abstractmethod
    async def post(self, call: Call) -> None:
        """Make one call; raise SendError where it is not taken."""


def read(message: Message) -> Calls:
    """Return the calls of a message."""
    return msgspec.json.decode(message.body, type=Calls)


def headline(texts: Composition) -> str:
    """Return the line that is sent to a phone, or read out: the incident's subject, or the user's own title."""
    context = texts.context
    return f"[{context['cluster']}] {line(texts.text('title'))}" if texts.has_own("title") else str(context["subject"])


def source(texts: Composition) -> str:
    """Return where it is: `prod-eu/payments/Deployment/api`."""
    cluster, place = texts.context["cluster"], texts.context["place"]
    return cluster if place == cluster else f"{cluster}/{place}"


def is_listed(texts: Composition) -> bool:
    """Return whether what there is to say is a list of facts, not a text."""
    return bool(texts.context["rows"]) and not texts.has_own("text")


def facts(texts: Composition, *, is_closed_by_hand: bool) -> dict[str, str]:
    """Return what there is to say, as label and text in reading order; one text where it is no list."""
    context, say = texts.context, WORDS[texts.context["language"]]
    if is_listed(texts):
        notes, message = "\n".join(context["notes"]), context["alerts"][0]["message"]
        told = {say("Status"): context["status"], **dict(context["rows"]), say("Message"): message, say("Notes"): notes}
    else:
        told = {say("Text"): texts.text("text")}
    if is_closed_by_hand:
        told[say("Close")] = say("by hand: kwatch tells no end of this")
    return {label: text for label, text in told.items() if text}


def text(texts: Composition, *, is_closed_by_hand: bool) -> str:
    """Return what there is to say, as lines."""
    say = WORDS[texts.context["language"]]
    by_hand = f"\n{say('Close it by hand: kwatch tells no end of this')}" if is_closed_by_hand else ""
    return texts.text("text") + by_hand


def runbooks(texts: Composition) -> tuple[str, ...]:
    """Return the runbooks of what is told, each once, the worst alert's first."""
    return tuple(dict.fromkeys(each["runbook"] for each in texts.context["listed"] if each["runbook"]))


def labels(texts: Composition) -> Mapping[str, str]:
    """Return the labels of the alert, or those that its group shares."""
    facts = texts.context
    only = facts["alerts"][0]["labels"] if facts["alert_count"] == 1 and facts["alerts"] else facts["labels"]
    return dict(only)
