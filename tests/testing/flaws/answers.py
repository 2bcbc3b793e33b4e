"""Channels that take answers, and the way to them, for what they are not."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import Connection, Tools
from tests.testing.flaws.sound import Sound


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


class Parrot(OwnWay):
    """Repeats in its errors what it was answered."""

    async def asked(self, request: httpx.Request) -> httpx.Response:
        response = await super().asked(request)
        raise PermanentSendError(Failure.MESSAGE, Reason.REJECTED, response.text)


class Trusting(OwnWay):
    """Takes for granted what the words of an answer are."""

    async def asked(self, request: httpx.Request) -> httpx.Response:
        response = await super().asked(request)
        if response.content and hash(response.json()["code"]) == 10008:
            raise PermanentSendError(Failure.MESSAGE, Reason.REJECTED, "unknown message")
        return response


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
            secret=tools.secret,
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
