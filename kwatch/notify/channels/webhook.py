"""A JSON document to any URL: `docs/channels.md` describes it, `body` replaces it, `sign` signs it, `format` wraps it.

Its schema is `kwatch/notify/schemas/webhook-v1.json`.

Signatures follow Standard Webhooks (https://www.standardwebhooks.com): `webhook-id` is the same over all attempts,
`webhook-timestamp` and `webhook-signature` belong to one attempt.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from pydantic import AfterValidator, JsonValue

from kwatch.errors import Failure, PermanentSendError, Reason, TemplateError
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify import cloudevents
from kwatch.notify.base import Channel, ChannelConfig, Secret, SecretUrl, TemplateText, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import cut, is_cut, line
from kwatch.notify.http import HttpClient, classify, failed, merged
from kwatch.notify.render import check_template
from kwatch.notify.urls import parse_url

_JSON = "application/json"
_VERSION = 1
_MAX_BODY = 20 * 1024  # bytes of a request, when the document is our own
_PLAIN = (10, 250)  # items of a list, and characters of a text, of a body of the user's that was refused
_MAX_DEGRADED = 4096  # room for one alert with all its keys, and some words of its message
_IDS = ("id", "incident")
_ESSENTIAL = {*_IDS, "version", "sequence", "kind", "severity", "title", "cluster", "starts_at", "ends_at", "truncated"}
_OWN_KEYS = {"overflow": ("folded", "counts"), "digest": ("sections", "report")}
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_OF_THE_SIGNATURE = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})


def _check_url(value: str) -> str:
    url = parse_url(value)
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise ValueError("not a URL; write https://host/path, without a user")
    return value


def _check_header(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value) or value.lower() in _RESERVED | _OF_THE_SIGNATURE:
        raise ValueError("not the name of a header that can be set")
    return value


def _check_headers(value: Mapping[str, Secret | str]) -> Mapping[str, Secret | str]:
    if len({name.lower() for name in value}) < len(value):
        raise ValueError("a header is given twice; the case of its name makes no difference")
    return value


def _check_body(value: JsonValue) -> JsonValue:
    for text in _texts(value):
        problem = check_template(text)
        if problem is not None:
            raise ValueError(f"{text[:40]!r}: {problem}")
    return value


def _texts(tree: JsonValue) -> list[str]:
    match tree:
        case str():
            return [tree]
        case list():
            return [text for item in tree for text in _texts(item)]
        case dict():
            return [text for item in tree.values() for text in _texts(item)]
        case _:
            return []


Url = Annotated[str, AfterValidator(_check_url)]
HeaderName = Annotated[str, AfterValidator(_check_header)]


class Format(Enum):
    """What the request is."""

    JSON = "json"  # the document
    CLOUDEVENTS = "cloudevents"  # a CloudEvent that holds it (structured mode)
    CLOUDEVENTS_BINARY = "cloudevents-binary"  # the document, with the event's attributes as headers


class Config(ChannelConfig):
    """The keys of `type: webhook`."""

    template_keys: ClassVar[tuple[str, ...]] = ("template", "body", "headers")
    limited_by: ClassVar[tuple[str, ...]] = ("url",)

    #: Where to; from a secret when it is one.
    url: SecretUrl | Url
    #: A document of your own: any JSON whose texts are templates; one `{{ … }}` alone keeps its type.
    body: Annotated[JsonValue, AfterValidator(_check_body)] = None
    #: `json`, `cloudevents` (structured), or `cloudevents-binary`.
    format: Format = Format.JSON
    #: More headers: templates, or secrets, which are read when the request is made.
    headers: Annotated[Mapping[HeaderName, Secret | TemplateText], AfterValidator(_check_headers)] = {}
    #: A Standard Webhooks key, `whsec_…`; during a rotation the new and the old one, separated by a space.
    sign: Secret | None = None


class Webhook:
    """Posts each notification as one request; any 2xx is success."""

    max_age = timedelta(hours=24)

    def __init__(self, config: Config, tools: Tools) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self._config = config
        self._tools = tools
        self._client = HttpClient(config, tools)

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the document; degraded, with its first facts only; a user's own with short texts."""
        texts = Composition(self._config, self._tools.templates.for_message(), notification)
        event = cloudevents.attributes(notification, self._tools.instance)
        headers = self._headers(texts, notification)  # first, so that the document says which of them failed
        data = self._data(texts, len(msgspec.json.encode(event)), degraded=degraded)
        match self._config.format:
            case Format.JSON:
                content_type = _JSON
            case Format.CLOUDEVENTS:
                content_type, data = cloudevents.STRUCTURED, msgspec.json.encode({**event, "data": msgspec.Raw(data)})
            case Format.CLOUDEVENTS_BINARY:
                content_type, headers = _JSON, merged(headers, cloudevents.headers(event))
        return Message(data, content_type, headers, texts.problem)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Post once; credentials and signature are added here, so that they are in no row."""
        read = self._tools.read
        url = read(self._config.url) if isinstance(self._config.url, Secret) else self._config.url
        kind = {"Content-Type": message.content_type}
        headers = merged(kind, message.headers, self._secret_headers(), self._signature(message))
        failure = classify(await self._client.post(url, message.body, headers))
        if failure is not None:
            raise failure
        return Receipt()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _data(self, texts: Composition, envelope: int, *, degraded: bool) -> bytes:
        """Return the document, with room for an envelope of so many bytes, or the user's own, which stays theirs.

        Whoever reads that one would take any other schema for something else, with no key to end it by.
        """
        if self._config.body is None:
            return bounded(document(texts), (_MAX_DEGRADED if degraded else _MAX_BODY) - envelope)
        own = _filled(self._config.body, texts)
        return msgspec.json.encode(_cut(own, *_PLAIN) if degraded else own)

    def _headers(self, texts: Composition, notification: Notification) -> Mapping[str, str]:
        headers = {"webhook-id": notification.id.replace(".", "-")}
        for name, value in self._config.headers.items():
            if isinstance(value, str):
                try:
                    headers[name] = _ascii(line(texts.templates.render(value, texts.context)))
                except TemplateError as error:
                    texts.flag(f"header {name}: {error}")
        return headers

    def _secret_headers(self) -> Mapping[str, str]:
        secrets = {name: value for name, value in self._config.headers.items() if isinstance(value, Secret)}
        headers = {name: line(self._tools.read(value)) for name, value in secrets.items()}
        for name, value in headers.items():
            if not value.isascii():
                raise failed(Failure.DESTINATION, Reason.SECRET, f"the secret of the header {name} is not ASCII")
        return headers

    def _signature(self, message: Message) -> Mapping[str, str]:
        if self._config.sign is None:
            return {}
        timestamp = str(int(self._tools.clock.now().timestamp()))
        keys = self._tools.read(self._config.sign).split()
        signed = signature(keys, message.headers["webhook-id"], timestamp, message.body)
        return {"webhook-timestamp": timestamp, "webhook-signature": signed}


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Webhook(config, tools)


def signature(keys: list[str], message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature per key, over the bytes that are sent."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digests = (hmac.digest(_key(key), signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        detail = "the key to sign with is not whsec_ and base64 of 24 to 64 bytes"
        raise PermanentSendError(Failure.DESTINATION, Reason.SECRET, detail)
    return key


def document(texts: Composition) -> dict[str, Any]:
    """Return the built-in document, version 1; new keys may be added to it."""
    facts = texts.context
    keys = (
        "id incident sequence kind severity status cluster receiver place labels starts_at ends_at is_late is_raised "
        "is_quiet held_in alert_count firing_count came_and_went notices_dropped notes alerts message url"
    )
    head: dict[str, Any] = {"version": _VERSION, "title": line(texts.text("title")), "text": texts.text("text")}
    told: dict[str, Any] = {key: facts[key] for key in (*keys.split(), *_OWN_KEYS.get(facts["kind"], ()))}
    return {**head, "truncated": any(map(is_cut, _texts({**head, **told}))), **told}


def bounded(document: Mapping[str, Any], limit: int) -> bytes:
    """Return the document in at most `limit` bytes (at least 1024): what matters least goes first, and it says so."""
    encoded = msgspec.json.encode(document)
    for items, characters in ((25, 1000), (10, 1000), (10, 250), (3, 100)):
        if len(encoded) <= limit:
            return encoded
        encoded = msgspec.json.encode(_shortened(document, items, characters))
    if len(encoded) <= limit:
        return encoded
    essential = {key: value for key, value in document.items() if key in _ESSENTIAL}
    return msgspec.json.encode(_shortened(essential, 0, 15))


def _shortened(document: Mapping[str, Any], items: int, characters: int) -> dict[str, Any]:
    """Cut lists and texts; those of the document itself may be four times as long as those of its alerts."""
    shortened = {
        key: cut(value, 4 * characters) if isinstance(value, str) else _cut(value, items, characters)
        for key, value in document.items()
        if key not in _IDS
    }
    return {**{key: document[key] for key in _IDS}, **shortened, "truncated": True}


def _cut(value: Any, items: int, characters: int) -> Any:
    match value:
        case str():
            return cut(value, characters)
        case list():
            return [_cut(item, items, characters) for item in value[:items]]
        case dict():
            return {key: _cut(item, items, characters) for key, item in value.items()}
        case _:
            return value


def _ascii(value: str) -> str:
    """Percent-encode what is not ASCII, as CloudEvents does: raw, many servers refuse it."""
    return "".join(each if each.isascii() else quote(each, errors="replace") for each in value)


def _filled(tree: JsonValue, texts: Composition) -> Any:
    """Return the tree with every text rendered, the title where it fails; its depth is what its author gave it."""
    match tree:
        case str():
            return _leaf(tree, texts)
        case list():
            return [_filled(item, texts) for item in tree]
        case dict():
            return {key: _filled(item, texts) for key, item in tree.items()}
        case _:
            return tree


def _leaf(text: str, texts: Composition) -> Any:
    try:
        return texts.templates.render_value(text, texts.context)
    except TemplateError as error:
        texts.flag(f"body: {error}")
        return line(texts.text("title"))
