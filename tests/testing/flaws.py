"""Channels that are wrong in one thing each: the contract has to refuse them.

Each wraps a sound channel and does one thing as it must not be done.
"""

import asyncio
import html
import json
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import httpx
import msgspec

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import Channel, ChannelConfig, Connection, Secret, Tools, secrets_in
from kwatch.testing.contract.samples import ALONE, content

log = logging.getLogger(__name__)


class Sound:
    """A channel with nothing wrong: it does what it wraps."""

    concurrency = 1
    max_age = timedelta(hours=6)

    def __init__(self, module: ModuleType, config: Any, tools: Tools) -> None:
        self.config = self.configured(config)
        self.tools = self.equipped(tools)
        self.inner: Channel = module.create(self.config, self.tools)
        self.timeout = self.inner.timeout

    def configured(self, config: Any) -> Any:
        return config

    def equipped(self, tools: Tools) -> Tools:
        return tools

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return self.inner.render(notification, thread, degraded=degraded)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return await self.inner.send(message, delivery)

    async def close(self) -> None:
        await self.inner.close()

    def secret(self) -> str:
        """Return the first of its secrets."""
        found: Secret = next(secrets_in(self.config))
        return found.read()


def flawed(flaw: Callable[..., Sound], module: ModuleType) -> ModuleType:
    """Return the module with a flaw."""
    wrapped: Any = ModuleType(module.__name__)
    wrapped.Config = getattr(flaw, "Config", module.Config)
    wrapped.create = lambda config, tools: flaw(module, config, tools)
    made: ModuleType = wrapped
    return made


# What is said


class Mute(Sound):
    """Says nothing."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=b"{}")


class Stuck(Sound):
    """Says that it fires, whatever happens."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        firing = msgspec.structs.replace(notification, content=content(), kind=content().kind)
        return super().render(firing, thread, degraded=degraded)


class Repeating(Sound):
    """Tells everything twice."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        await super().send(message, delivery)
        return await super().send(message, delivery)


class ZoneBlind(Sound):
    """Tells all times in UTC."""

    def configured(self, config: Any) -> Any:
        return config.model_copy(update={"timezone": "UTC"})


class OwnWords(Sound):
    """Does not care for the user's template."""

    def configured(self, config: Any) -> Any:
        return config.model_copy(update={"template": {}})


class Discreet(Sound):
    """Does not say that a template failed."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, fallback_reason="")


class Restless(Sound):
    """Renders and sends other bytes each time."""

    count = 0

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return restless(super().render(notification, thread, degraded=degraded))

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return await super().send(restless(message), delivery)


def restless(message: Message) -> Message:
    """Return the message with as many spaces more as were asked for."""
    Restless.count += 1
    return msgspec.structs.replace(message, body=message.body + b" " * Restless.count)


class Verbose(Sound):
    """Has more to say when it should be short."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=False)
        return msgspec.structs.replace(message, body=message.body + b" " * degraded)


class Tolerant(Sound):
    """Takes any key."""

    class Config(ChannelConfig, extra="allow"):
        pass

    def configured(self, config: Any) -> Any:
        return config


class Hasty(Sound):
    """Has a time of its own."""

    def __init__(self, module: ModuleType, config: Any, tools: Tools) -> None:
        super().__init__(module, config, tools)
        self.timeout = 30.0


# How much, and what it is made of


class Boundless(Sound):
    """Knows no limit."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=message.body + b" " * 20_480)


class Cutter(Sound):
    """Cuts without a word."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=message.body.replace(b"characters more", b""))


class Raw(Sound):
    """Passes on what Kubernetes says as it is."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = self.inner.render(notification, thread, degraded=degraded)
        text = "".join(alert.message[:500] for alert in notification.content.alerts)
        return msgspec.structs.replace(message, body=json.dumps({"text": text}).encode())


class RawPost(Raw):
    """Posts to Slack what Kubernetes says as it is."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = self.inner.render(notification, thread, degraded=degraded)
        steps = json.loads(message.body)
        steps[0]["body"] = json.loads(super().render(notification, thread, degraded=degraded).body)
        return Message(json.dumps(steps).encode())


class Escaping(Sound):
    """Writes entities where nothing is parsed."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        text = "".join(html.escape(alert.message) for alert in notification.content.alerts)
        return msgspec.structs.replace(message, body=json.dumps({"text": text}).encode())


# Credentials


class LeakyMessage(Sound):
    """Keeps its credential with the message."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, headers={**message.headers, "X-Token": self.secret()})


class LeakyReceipt(Sound):
    """Keeps its credential with the thread."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        receipt = await super().send(message, delivery)
        return Receipt({**receipt.values, "url": self.secret()})


class LeakySelf(Sound):
    """Shows its credential to whoever looks at it."""

    def __init__(self, module: ModuleType, config: Any, tools: Tools) -> None:
        super().__init__(module, config, tools)
        self.token = self.secret()


class LeakyLog(Sound):
    """Logs where it sends."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        log.debug("sending", extra={"url": self.secret()})
        return await super().send(message, delivery)


class LeakyError(Sound):
    """Says in its errors where it sent."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        try:
            return await super().send(message, delivery)
        except SendError as error:
            raise type(error)(error.failure, error.reason, f"{error.detail} at {self.secret()}") from None


class Stubborn(Sound):
    """Tries again whatever happened."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        try:
            return await super().send(message, delivery)
        except SendError:
            raise RetryableSendError(Failure.RETRY, Reason.OTHER, "failed") from None


class Unrepentant(Sound):
    """Once suspended, stays so."""

    has_failed = False

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        if self.has_failed:
            raise PermanentSendError(Failure.DESTINATION, Reason.UNAUTHORIZED, "suspended")
        try:
            return await super().send(message, delivery)
        except SendError:
            self.has_failed = True
            raise


# Answers and the way


class Gullible(Sound):
    """Takes every answer for a success."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        try:
            return await super().send(message, delivery)
        except SendError:
            return Receipt()


class Impatient(Sound):
    """Forgets how long it was asked to wait."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        try:
            return await super().send(message, delivery)
        except SendError as error:
            raise type(error)(error.failure, error.reason, error.detail) from None


class Undying(Sound):
    """Goes on when its time is over."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        try:
            return await super().send(message, delivery)
        except asyncio.CancelledError:
            await self.tools.clock.sleep(60)
            raise


class OwnWay(Sound):
    """Sends by itself."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        response = await self.asked(httpx.Request("POST", self.secret(), content=message.body))
        raise RetryableSendError(Failure.AMBIGUOUS, Reason.SERVER, f"answered {response.status_code}")

    async def asked(self, request: httpx.Request) -> httpx.Response:
        """Send the request; return its answer when as much is read as it wants."""
        return await self.tools.transport(Connection()).handle_async_request(request)


class Greedy(OwnWay):
    """Reads a megabyte of each answer."""

    async def asked(self, request: httpx.Request) -> httpx.Response:
        response = await super().asked(request)
        read = 0
        async for chunk in response.aiter_bytes():
            read += len(chunk)
            if read > 1 << 20:
                break
        return response


class Follower(OwnWay):
    """Follows where it is sent."""

    async def asked(self, request: httpx.Request) -> httpx.Response:
        response = await super().asked(request)
        return await super().asked(httpx.Request("POST", request.url.join(response.headers["location"])))


class Picky(Sound):
    """Knows one status for a success."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        raise RetryableSendError(Failure.AMBIGUOUS, Reason.BAD_REPLY, "not 200") from None


class Gibberish(Sound):
    """Sends what is no JSON."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, body=b"{")


class Unbending(Sound):
    """Has no plain form."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return super().render(notification, thread, degraded=False)


class _Adding(httpx.AsyncBaseTransport):
    """Adds a header to each request, and keeps cookies."""

    def __init__(self, inner: httpx.AsyncBaseTransport, header: Mapping[str, str]) -> None:
        self._inner = inner
        self._header = dict(header)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.update(self._header)
        response = await self._inner.handle_async_request(request)
        if "set-cookie" in response.headers:
            self._header["cookie"] = response.headers["set-cookie"]
        return response


class Hoarder(Sound):
    """Keeps cookies."""

    header: Mapping[str, str] = {}

    def equipped(self, tools: Tools) -> Tools:
        def connect(connection: Connection) -> httpx.AsyncBaseTransport:
            return _Adding(tools.transport(connection), self.header)

        return Tools(
            clock=tools.clock,
            templates=tools.templates,
            transport=connect,
            instance=tools.instance,
            stdout=tools.stdout,
        )


class Packed(Hoarder):
    """Asks for gzip."""

    header: Mapping[str, str] = {"Accept-Encoding": "gzip"}


class Torn(Hoarder):
    """Writes a header that ends the line."""

    header: Mapping[str, str] = {"X-Rule": "crash\r\nX-Evil: 1"}


class Direct(Sound):
    """Does not go by the proxy."""

    def configured(self, config: Any) -> Any:
        return config.model_copy(update={"proxy": None})


class Open(Sound):
    """Leaves its connections open."""

    async def close(self) -> None:
        return None


# Threads


class Forgetful(Sound):
    """Forgets its threads."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return super().render(notification, ALONE, degraded=degraded)


class Usurper(Sound):
    """Takes another's thread for its own."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return super().render(notification, Thread(thread.root), degraded=degraded)


class Guest(Sound):
    """Takes its own thread for another's."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return super().render(notification, Thread(thread.root, is_own=thread.root is None), degraded=degraded)


class Clinging(Sound):
    """Tells everything in its first thread."""

    first = ALONE

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        return super().render(notification, self.first, degraded=degraded)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        receipt = await super().send(message, msgspec.structs.replace(delivery, thread=self.first))
        self.first = Thread(receipt)
        return receipt


class Faint(Sound):
    """Gives up on what follows."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        return delivery.thread.root or await super().send(message, delivery)
