"""Notifications on the terminal: for trying things out, and where no receiver is configured."""

import errno
from datetime import timedelta
from textwrap import fill

from rich.console import Console
from rich.text import Text

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify.base import Channel, ChannelConfig, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import line, terminal

#: Where facts begin, behind their labels.
_INDENT = 15
_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold blue"}


class Config(ChannelConfig):
    """The common keys only."""


class Stdout:
    """Writes each notification as a block of lines; the first is in colour on a terminal."""

    max_age = timedelta(hours=1)

    def __init__(self, config: Config, tools: Tools) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self._config = config
        self._tools = tools
        self._console = Console(file=tools.stdout, highlight=False, soft_wrap=True)

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the lines; there is no plainer rendering, and no thread."""
        texts = Composition(self._config, self._tools.templates.for_message(), notification)
        title = line(texts.text("title"))
        body = "".join(f"  {part}".rstrip() + "\n" for part in terminal(texts.text("text")).splitlines())
        return Message(f"{title}\n{body}".encode(), "text/plain; charset=utf-8", fallback_reason=texts.problem)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Write the lines at once."""
        title, _, body = message.body.decode().partition("\n")
        notification = delivery.notification
        style = "bold green" if notification.kind is NotificationKind.RESOLVED else _STYLES[notification.severity]
        if self._console.is_terminal:
            body = wrapped(body, self._console.width)
        self._write(Text(title, style), Text(body))
        return Receipt()

    def _write(self, title: Text, body: Text) -> None:
        """Write past rich, which ends the process when nobody reads any more; it may flush what is left of before."""
        try:
            with self._console.capture() as captured:
                self._console.print(title, body, sep="\n")
            self._tools.stdout.write(captured.get())
            self._tools.stdout.flush()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise RetryableSendError(Failure.RETRY, Reason.UNAVAILABLE, "the disk is full") from error
            raise PermanentSendError(
                Failure.DESTINATION, Reason.GONE, f"standard output cannot be written: {error.strerror}"
            ) from error

    async def close(self) -> None:
        """Leave the stream open: it is not ours."""


def wrapped(body: str, width: int) -> str:
    """Break long lines between words; what a line goes on with stands below its fact."""
    return "\n".join(
        fill(text, max(width, 2 * _INDENT), subsequent_indent=" " * _INDENT, break_on_hyphens=False)
        for text in body.split("\n")
    )


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Stdout(config, tools)
