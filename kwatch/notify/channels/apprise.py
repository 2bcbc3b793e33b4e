"""Everything else: apprise (https://appriseit.com), an extra of the package, knows more than a hundred services.

One address of its own is one destination: `url` holds its credentials. It is told title and text, without edits or
threads; what its service takes no more of is cut here. It blocks, so it runs in a thread of its own, one attempt at a
time: one that hangs holds up its own destination and nothing else, not even the end of kwatch. What went wrong is only
in its log, which is read here and goes nowhere else, as it may name addresses.
"""

import asyncio
import importlib
import importlib.util
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, Self, TypeVar

from pydantic import model_validator

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, Tools
from kwatch.notify.chat import Body, Chat, PostsOnly
from kwatch.notify.escape import cut, unmentioned
from kwatch.notify.http import Reply, classify, failed
from kwatch.notify.markup import Markup, below_title
from kwatch.notify.page import Page, Tone, fitting

_PLAIN = Markup(text=unmentioned, quote=unmentioned)
_KINDS = {Tone.CRITICAL: "failure", Tone.WARNING: "warning", Tone.GOOD: "success"}
_CONNECT_SECONDS = 5.0
_STATUS = re.compile(r"\berror=(\d{3})\b")

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Config(ChannelConfig):
    """The keys of `type: apprise`."""

    #: What a person reads.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    #: An address as apprise writes them: `ntfy://…`, `pover://…`; a secret.
    url: Secret

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("apprise is not installed: pip install 'kwatch-bot[apprise]'")
        for key in ("proxy", "ca", "cert", "key"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} means nothing here: apprise makes its own connections")
        return self


class Apprise(PostsOnly):
    """One address: apprise knows neither edits nor threads."""

    def __init__(self, config: Config, tools: Tools, executor: Executor) -> None:
        self._config = config
        self._read = tools.read
        self._executor = executor
        for name in ("apprise", "urllib3"):  # at debug they write addresses and whole requests
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("apprise").propagate = False

    def write(self, page: Page, mention: str) -> Body:
        """Return title, text and kind; how long the text may be is known when it is sent."""
        return fitting(page, _message, lambda _: True)

    def write_plain(self, page: Page, mention: str) -> Body:
        """Return the same: there is no layout."""
        return self.write(page, mention)

    async def post(self, body: Body, key: str) -> Receipt:
        """Hand it to apprise."""
        loop = asyncio.get_running_loop()
        failure = await loop.run_in_executor(self._executor, self._tell, self._read(self._config.url), body)
        if failure is not None:
            raise failure
        return Receipt()

    async def close(self) -> None:
        """Leave the thread to its end."""
        self._executor.shutdown(wait=False)

    def _tell(self, url: str, body: Body) -> SendError | None:
        """Tell the service, in the thread; return what went wrong."""
        with _Log() as log:
            server = importlib.import_module("apprise").Apprise.instantiate(url)
            if server is None:
                return failed(Failure.DESTINATION, Reason.SECRET, "apprise cannot use the address")
            server.redirects = False
            server.socket_connect_timeout = _CONNECT_SECONDS
            server.socket_read_timeout = self._config.timeout.total_seconds()
            title, text = str(body["title"]), str(body["body"])
            if server.title_maxlen <= 0:
                title, text = "", f"{title}\n{text}"
            short = {"title": cut(title, server.title_maxlen), "body": cut(text, server.body_maxlen)}
            is_told = server.notify(**short, notify_type=body["kind"], body_format="text")
        return None if is_told else failure_of("\n".join(log.lines))


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Chat(config, tools, Apprise(config, tools, OneThread()))


def failure_of(said: str) -> SendError:
    """Return what apprise's log means for the delivery: it names the status, if there was an answer. Pure."""
    found = _STATUS.search(said)
    failure = classify(Reply(int(found[1]), {}, b"")) if found else None
    return failure or failed(Failure.AMBIGUOUS, Reason.OTHER, "apprise could not deliver it")


def _message(page: Page) -> Body:
    text = "\n".join(below_title(page, _PLAIN))
    return {"title": unmentioned(page.title), "body": text or "·", "kind": _KINDS.get(page.tone, "info")}


class OneThread(Executor):
    """Runs one call at a time, in a thread that the process does not wait for at its end."""

    def __init__(self) -> None:
        self._running: Future[Any] | None = None

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Start the call; raise RetryableSendError while another has not ended."""
        if self._running is not None and not self._running.done():
            raise failed(Failure.RETRY, Reason.TIMEOUT, "an earlier attempt has not ended yet")
        future: Future[_T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except Exception as error:  # noqa: BLE001 - an executor hands every exception to the one who asked
                    future.set_exception(error)

        self._running = future
        threading.Thread(target=run, name="apprise", daemon=True).start()
        return future


class _Log(logging.Handler):
    """What apprise says in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if record.thread == self._thread:
            self.lines.append(record.getMessage())
