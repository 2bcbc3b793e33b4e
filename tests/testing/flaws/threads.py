"""Channels that lose the thread."""

import msgspec

from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.testing.contract.samples import ALONE
from tests.testing.flaws.sound import Sound


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
