"""PagerDuty: incidents and change events over the Events API v2.

The contract: https://developer.pagerduty.com/docs/events-api-v2/overview/. `kwatch.notify.incidents` says which
incidents are opened, acknowledged and resolved; an event that is sent again changes nothing that people see but the log
of its incident. What ends one must be said with the routing key that opened it, or PagerDuty drops it without an error:
so the receipt names that key, by its digest and by where it was read.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final

import msgspec
from pydantic import Field, ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, SendError
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify import calls
from kwatch.notify.base import Channel, ChannelConfig, Secret, Tools
from kwatch.notify.calls import Call, Calls, IncidentChannel
from kwatch.notify.compose import Composition
from kwatch.notify.escape import cut
from kwatch.notify.http import Reply, classify, document_of, failed
from kwatch.notify.incidents import Act, Step
from kwatch.notify.words import WORDS

_ACTIONS: Final[Mapping[Act, str]] = {
    Act.OPEN: "trigger",
    Act.UPDATE: "trigger",
    Act.ACKNOWLEDGE: "acknowledge",
    Act.CLOSE: "resolve",
}
#: What is lost on any other routing key than that of the incident.
_ENDS: Final = frozenset({Act.ACKNOWLEDGE, Act.CLOSE})
_MAX_SUMMARY = 1024
_MAX_TEXT = 4000  # of one detail
_MAX_PLAIN = 300
_MAX_DETAILS = 8 * 1024  # bytes in all, far below the 512 KB of an event


class Config(ChannelConfig):
    """The keys of `type: pagerduty`."""

    pages: ClassVar[bool] = True
    limited_by: ClassVar[tuple[str, ...]] = ("api_url", "routing_key")

    #: The integration key; during a rotation the new and the old one, separated by a space.
    routing_key: Secret
    #: Where the Events API is: `https://events.eu.pagerduty.com/v2/` for accounts in Europe.
    api_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+/$")] = "https://events.pagerduty.com/v2/"
    #: Whether what happens once and is of severity info is a change event, which calls nobody: a planned change, or
    #: a start of kwatch.
    change_events: Annotated[bool, Field(strict=True)] = True


class PagerDuty(IncidentChannel):
    """Sends the events of a notification, each with the routing key of its incident."""

    def __init__(self, config: Config, tools: Tools) -> None:
        super().__init__(config, tools)
        self._config = config
        self._read = tools.read

    def call(self, step: Step, texts: Composition, *, degraded: bool) -> Call:
        """Return the event of a step."""
        return Call(step.key, step.act, "enqueue", alert(step, texts, degraded=degraded))

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the events; what only informs is one change event."""
        is_moment = notification.kind in {NotificationKind.NOTICE, NotificationKind.META}
        if not (is_moment and notification.severity is Severity.INFO and self._config.change_events):
            return super().render(notification, thread, degraded=degraded)
        texts = self._write(self._templates.for_message(), notification)
        event = Call("", Act.UPDATE, "change/enqueue", change(texts, degraded=degraded))
        return Message(msgspec.json.encode(Calls((event,), ())), fallback_reason=texts.problem)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Send the events with their routing keys; the receipt names the key of each incident that is open then."""
        told = calls.read(message)
        keys = _Keys(self._config.routing_key, self._read)
        opened = dict(delivery.thread.root.values) if delivery.thread.root is not None else {}
        is_orphaned = False
        for event in told.calls:
            key = keys.find(opened[event.key]) if event.key in opened else keys.current
            if key is None and event.act in _ENDS:
                is_orphaned = True
                continue
            if key is None:  # opened anew, where the current key leads
                opened[event.key] = keys.reference
            await self._post(event, key or keys.current)
        if is_orphaned and delivery.notification.kind.closes:
            raise failed(Failure.MESSAGE, Reason.ORPHANED, "the routing key that opened the incident is gone")
        return Receipt({incident: opened.get(incident, keys.reference) for incident in told.open})

    async def _post(self, event: Call, routing_key: str) -> None:
        document = {"routing_key": routing_key, **event.content}
        failure = verdict(await self._client.send_json("POST", self._config.api_url + event.path, document))
        if failure is not None:
            raise failure


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return PagerDuty(config, tools)


class _Keys:
    """The routing keys that there are; one is named by its digest and by where it was read."""

    def __init__(self, secret: Secret, read: Callable[[Secret], str]) -> None:
        self._read = read
        self._keys = read(secret).split()
        self.current = self._keys[0]
        place = f"file:{secret.file}" if secret.file is not None else f"env:{secret.env}"
        self.reference = f"{_digest(self.current)} {place}"

    def find(self, reference: str) -> str | None:
        """Return the key of that name; None: it is gone."""
        digest, _, place = reference.partition(" ")
        return next((key for key in (*self._keys, *self._read_again(place)) if _digest(key) == digest), None)

    def _read_again(self, place: str) -> Iterator[str]:
        """Yield the keys where one was read that opened an incident: the configuration may name another place since."""
        how, _, where = place.partition(":")
        try:
            yield from self._read(Secret.model_validate({how: where})).split()
        except (PermanentSendError, ValidationError):  # gone; or of a channel that keeps no keys
            pass


def _digest(key: str) -> str:
    """Name a key of 128 bits such that nobody can tell it from that."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def verdict(reply: Reply) -> SendError | None:
    """Return what an answer means; success is what says so. Pure."""
    says = reply.body.decode("utf-8", "replace").lower()
    if reply.status == 400 and ("routing_key" in says or "routing key" in says):
        return failed(Failure.DESTINATION, Reason.UNAUTHORIZED, "PagerDuty does not know the routing key")
    failure = classify(reply)
    if failure is None and document_of(reply).get("status") != "success":
        return failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is not PagerDuty's")
    return failure


# Events. Pure.


def alert(step: Step, texts: Composition, *, degraded: bool) -> Mapping[str, Any]:
    """Return the event of a step."""
    facts = texts.context
    labels = calls.labels(texts)
    payload = {
        **_payload(texts, "" if step.act is not Act.CLOSE else facts["ends_at"]),
        "severity": step.severity.word,
        "component": labels.get("workload", ""),
        "group": labels.get("namespace", ""),
        "class": labels.get("reason", "") or labels.get("rule", ""),
    }
    payload["custom_details"] = _plain(texts) if degraded else details(texts, is_closed_by_hand=step.is_closed_by_hand)
    return {
        "event_action": _ACTIONS[step.act],
        "dedup_key": step.key,
        "client": "kwatch",
        **({"client_url": facts["url"]} if facts["url"] else {}),
        "links": links(texts),
        "payload": {key: value for key, value in payload.items() if value},
    }


def change(texts: Composition, *, degraded: bool) -> Mapping[str, Any]:
    """Return a change event: what has been done, and calls nobody."""
    payload = {**_payload(texts, ""), "custom_details": _plain(texts) if degraded else details(texts)}
    return {"links": links(texts), "payload": payload}


def _payload(texts: Composition, ends_at: str) -> dict[str, Any]:
    return {
        "summary": cut(calls.headline(texts), _MAX_SUMMARY),
        "source": calls.source(texts),
        "timestamp": ends_at or texts.context["starts_at"],
    }


def links(texts: Composition) -> list[dict[str, str]]:
    """Return the runbooks of what is told, and kwatch's own page."""
    pages = [{"href": href, "text": texts.say("Runbook")} for href in calls.runbooks(texts)]
    return pages + ([{"href": texts.context["url"], "text": "kwatch"}] if texts.context["url"] else [])


def _plain(texts: Composition) -> Mapping[str, str]:
    return {WORDS[texts.context["language"]]("Text"): cut(texts.text("text"), _MAX_PLAIN)}


def details(texts: Composition, *, is_closed_by_hand: bool = False) -> Mapping[str, str]:
    """Return what there is to say, at most 8 KiB in all: of longer facts each is cut, and says so."""
    told = calls.facts(texts, is_closed_by_hand=is_closed_by_hand)
    for limit in (_MAX_TEXT, 1000, 300, 80):
        kept = {label: cut(text, limit) for label, text in told.items()}
        if len(msgspec.json.encode(kept)) <= _MAX_DETAILS:
            break
    return kept
