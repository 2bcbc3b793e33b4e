"""Opsgenie, and Jira Service Management, which takes the same requests: alerts by alias.

The contract: https://docs.opsgenie.com/docs/alert-api and
https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events/. An alias is a part of
a path, so it is the incident's key with `-` for `/`. Each request is taken with 202 and done later, or not: so what has
become of it is asked for twice. What is not known then counts as taken, as it was; what has failed is sent again.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import msgspec
from pydantic import Field

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Delivery, Message, Receipt
from kwatch.model.rules import Severity
from kwatch.notify import calls
from kwatch.notify.base import Channel, ChannelConfig, Secret, Tools
from kwatch.notify.calls import Call, IncidentChannel
from kwatch.notify.compose import Composition
from kwatch.notify.escape import cut, fit, plain
from kwatch.notify.http import Reply, classify, document_of, failed, found
from kwatch.notify.incidents import Act, Step

#: Seconds to wait before each question of what has become of the requests.
POLLS: Final = (1.0, 3.0)

_PRIORITIES: Final = {Severity.CRITICAL: "P1", Severity.WARNING: "P3", Severity.INFO: "P5"}
_PATHS: Final[Mapping[Act, str]] = {Act.UPDATE: "notes", Act.ACKNOWLEDGE: "acknowledge", Act.CLOSE: "close"}
_MAX_MESSAGE = 130
_MAX_DESCRIPTION = 15_000
_MAX_NOTE = 25_000
_MAX_PLAIN = 500
_MAX_ENTITY = 512
_MAX_USER = 100
_MAX_TAG = 50
_MAX_DETAILS = 8000  # characters of all names and values
_MORE = 20  # of them for how many are missing


class Config(ChannelConfig):
    """The keys of `type: opsgenie`."""

    pages: ClassVar[bool] = True
    limited_by: ClassVar[tuple[str, ...]] = ("api_url", "api_key")

    #: The key of an API integration.
    api_key: Secret
    #: Where the alerts are; `https://api.opsgenie.com/v2/` and `https://api.eu.opsgenie.com/v2/` until they end.
    api_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+/$")] = "https://api.atlassian.com/jsm/ops/integration/v2/"


class Opsgenie(IncidentChannel):
    """Sends the requests of a notification, and asks what has become of them."""

    def __init__(self, config: Config, tools: Tools) -> None:
        super().__init__(config, tools)
        self._config = config
        self._read = tools.read
        self._clock = tools.clock

    def call(self, step: Step, texts: Composition, *, degraded: bool) -> Call:
        """Return the request of a step."""
        return request(step, texts, degraded=degraded)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Send the requests, and raise what is known to have failed of them."""
        told = calls.read(message)
        waiting = [(call, await self._request(call)) for call in told.calls]
        for seconds in POLLS:
            if waiting:
                await self._clock.sleep(seconds)
                waiting = [each for each in waiting if not await self._is_done(*each)]
        return Receipt(dict.fromkeys(told.open, ""))

    async def _request(self, call: Call) -> str:
        """Send a request and return its id."""
        reply = await self._ask("POST", call.path, msgspec.json.encode(call.content))
        failure = verdict(reply)
        if failure is not None:
            raise failure
        return str(document_of(reply)["requestId"])

    async def _is_done(self, call: Call, request_id: str) -> bool:
        """Return whether the request was processed; raise that it has failed, if that means anything."""
        try:
            reply = await self._ask("GET", f"alerts/requests/{request_id}", b"")
        except SendError:
            return False
        if reply.status != 200:  # 404: not yet
            return False
        answer = document_of(reply)
        is_failed = found(answer, "data", "isSuccess") is False
        if is_failed and not is_harmless(call.act, str(found(answer, "data", "status"))):
            raise failed(Failure.RETRY, Reason.REJECTED, "the request was taken, and then failed")
        return True

    async def _ask(self, method: str, path: str, body: bytes) -> Reply:
        headers = {"Content-Type": "application/json", "Authorization": f"GenieKey {self._read(self._config.api_key)}"}
        return await self._client.send(method, self._config.api_url + path, body, headers)


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Opsgenie(config, tools)


def verdict(reply: Reply) -> SendError | None:
    """Return what an answer means; success is what names the request. Pure."""
    failure = classify(reply)
    if reply.status == 402:
        return failed(Failure.DESTINATION, Reason.UNAUTHORIZED, "the plan of the account does not allow it")
    if reply.status == 422 and str(document_of(reply).get("message", "")).startswith("Key format"):
        return failed(Failure.DESTINATION, Reason.UNAUTHORIZED, "the API key is none")
    if failure is not None and failure.failure is Failure.PACE and failure.retry_after is None:
        period = reply.headers.get("x-ratelimit-period-in-sec", "")
        return failed(Failure.PACE, failure.reason, failure.detail, float(period) if period.isdecimal() else None)
    if failure is None and not isinstance(document_of(reply).get("requestId"), str):
        return failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer names no request")
    return failure


def is_harmless(act: Act, status: str) -> bool:
    """Return whether a request failed for there is nothing to do: the alert was closed by somebody, and forgotten."""
    return act is not Act.OPEN and ("does not exist" in status.lower() or "already" in status.lower())


# Requests. Pure.


def request(step: Step, texts: Composition, *, degraded: bool) -> Call:
    """Return the request of a step."""
    alias = step.key.replace("/", "-")
    title, text = calls.headline(texts), calls.text(texts, is_closed_by_hand=step.is_closed_by_hand)
    if step.act is Act.OPEN:
        description = _fitted(text, _MAX_DESCRIPTION, degraded=degraded)
        named = {"alias": alias, "message": cut(title, _MAX_MESSAGE), "description": description}
        return Call(step.key, step.act, "alerts", {**named, **_facts(step, texts)})
    note = {"note": _fitted(f"{title}\n{text}", _MAX_NOTE, degraded=degraded), "source": "kwatch"}
    if step.act is Act.ACKNOWLEDGE:
        note["user"] = cut(step.told.content.alerts[0].acked_by, _MAX_USER)
    return Call(step.key, step.act, f"alerts/{alias}/{_PATHS[step.act]}?identifierType=alias", note)


def _facts(step: Step, texts: Composition) -> dict[str, Any]:
    facts, labels = texts.context, calls.labels(texts)
    tags = (facts["cluster"], step.severity.word, labels.get("namespace", ""))
    return {
        "priority": _PRIORITIES[step.severity],
        "entity": cut(calls.source(texts), _MAX_ENTITY),
        "source": "kwatch",
        "tags": [cut(tag, _MAX_TAG) for tag in tags if tag],
        "details": _bounded(texts, {**_links(texts), **labels}),
    }


def _links(texts: Composition) -> dict[str, str]:
    """Return where the details are, and the first runbook."""
    links = {"runbook": next(iter(calls.runbooks(texts)), ""), "kwatch": texts.context["url"]}
    return {name: url for name, url in links.items() if url}


def _fitted(text: str, limit: int, *, degraded: bool) -> str:
    return fit(text, _MAX_PLAIN if degraded else limit, plain)


def _bounded(texts: Composition, details: Mapping[str, str]) -> Mapping[str, str]:
    """Return the details in the order given, as far as there is room, and how many there are beside them."""
    kept: dict[str, str] = {}
    room = _MAX_DETAILS - _MORE
    for name, value in details.items():
        room -= len(name) + len(value)
        if room < 0:
            return {**kept, "more": texts.say("{count} not shown", count=len(details) - len(kept))}
        kept[name] = value
    return kept
