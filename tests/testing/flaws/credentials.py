"""Channels that cannot keep a secret."""

import logging
from dataclasses import replace
from types import ModuleType
from typing import Any

import msgspec

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.base import Secret, Tools
from tests.testing.flaws.sound import Sound

log = logging.getLogger(__name__)


class LeakyMessage(Sound):
    """Keeps its credential with the message."""

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        message = super().render(notification, thread, degraded=degraded)
        return msgspec.structs.replace(message, headers={**message.headers, "X-Token": self.secret()})


class Secretive(Sound):
    """Reads its credentials by itself, so that nobody knows them."""

    def equipped(self, tools: Tools) -> Tools:
        return replace(tools, read=Secret.read)


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
