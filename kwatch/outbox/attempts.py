"""One attempt over a channel: to render a message, and to send it. What goes wrong is classified, bugs too."""

import asyncio
import logging

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Delivery, Message, Receipt
from kwatch.outbox.ports import Channel, Reconciling, Tools

log = logging.getLogger(__name__)


class Attempts:
    """Renders for one channel, and sends over it."""

    def __init__(self, channel: Channel, tools: Tools) -> None:
        self._channel = channel
        self._tools = tools

    def render(self, delivery: Delivery) -> Message:
        """Render; a template engine that fails against its promise is a refusal of this message."""
        try:
            message = self._channel.render(delivery.notification, delivery.thread, degraded=delivery.is_degraded)
        except Exception as error:
            log.exception("rendering failed by a bug", extra=facts_of(delivery))
            raise PermanentSendError(Failure.MESSAGE, Reason.TEMPLATE, type(error).__name__) from error
        if message.fallback_reason:
            log.warning("a template failed", extra={**facts_of(delivery), "error": message.fallback_reason})
            self._tools.counters.add("template_failures", destination=delivery.notification.destination)
        return message

    async def send(self, message: Message, delivery: Delivery) -> Receipt | SendError:
        """Make one attempt, cut at the channel's timeout; what cannot be told apart from success is ambiguous."""
        try:
            async with asyncio.timeout(self._channel.timeout):
                found = await self._find(message, delivery)
                return found if found is not None else await self._channel.send(message, delivery)
        except SendError as error:
            return error
        except TimeoutError:
            return RetryableSendError(Failure.AMBIGUOUS, Reason.TIMEOUT, f"no answer in {self._channel.timeout:g} s")
        except Exception as error:
            log.exception("channel failed by a bug", extra=facts_of(delivery))
            return RetryableSendError(Failure.AMBIGUOUS, Reason.OTHER, type(error).__name__)

    async def _find(self, message: Message, delivery: Delivery) -> Receipt | None:
        """Look whether an earlier attempt has arrived, where that is possible and in doubt."""
        if delivery.is_ambiguous and isinstance(self._channel, Reconciling):
            return await self._channel.find(message, delivery)
        return None


def facts_of(delivery: Delivery) -> dict[str, str]:
    """Return what a log line may say of a delivery: names, never a URL or a body."""
    notification = delivery.notification
    return {
        "destination": notification.destination,
        "receiver": notification.content.receiver,
        "rules": ", ".join(sorted({alert.rule for alert in notification.content.alerts})),
        "delivery": notification.id,
    }
