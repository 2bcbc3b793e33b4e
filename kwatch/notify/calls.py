"""A notification as the calls that an on-call tool is to get: planned by `incidents`, kept as the bytes of its row."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from kwatch.model.notifications import Message, Notification, Thread
from kwatch.notify.base import ChannelConfig, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import line
from kwatch.notify.incidents import Act, Step, plan

#: A call that comes later than that helps nobody (spec 3.3).
MAX_AGE: Final = timedelta(hours=24)
#: Said of an incident of which no end will be told.
BY_HAND: Final = "by hand: kwatch tells no end of this"


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


def render(
    config: ChannelConfig,
    tools: Tools,
    notification: Notification,
    thread: Thread,
    call: Callable[[Step, Composition], Call],
) -> Message:
    """Return the message whose calls are made by `call`, from each step and what is to be said of it."""
    planned = plan(notification, thread, send_resolved=config.send_resolved)
    texts = [Composition(config, tools.templates, step.told) for step in planned.steps]
    calls = tuple(call(step, said) for step, said in zip(planned.steps, texts, strict=True))
    problem = next((said.problem for said in texts if said.problem), "")
    return Message(msgspec.json.encode(Calls(calls, planned.open)), fallback_reason=problem)


def headline(texts: Composition) -> str:
    """Return the line that is sent to a phone, or read out: without a glyph, unless the user's template has one."""
    title = line(texts.text("title")) if texts.has_own("title") else texts.context["title"]
    return f"[{texts.context['cluster']}] {title}"


def source(texts: Composition) -> str:
    """Return where it is: `prod-eu/payments/Deployment/api`."""
    cluster, place = texts.context["cluster"], texts.context["place"]
    return cluster if place == cluster else f"{cluster}/{place}"


def labels(texts: Composition) -> Mapping[str, str]:
    """Return the labels of the alert, or those that its group shares."""
    facts = texts.context
    only = facts["alerts"][0]["labels"] if facts["alert_count"] == 1 and facts["alerts"] else facts["labels"]
    return dict(only)


def read(message: Message) -> Calls:
    """Return the calls of a message."""
    return msgspec.json.decode(message.body, type=Calls)
