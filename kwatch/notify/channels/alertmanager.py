"""Prometheus Alertmanager: not told of changes, but of what is so, again and again.

The contract: https://prometheus.io/docs/alerting/latest/alerts_api/. An alert is its labels, and is over when its
`endsAt` is past: who posts it says so anew before that. A notification posts what it changes, and it is enough that one
replica takes it; `reconcile`, which is called every `resend`, posts all that fires to each replica, and what has ended
for another 15 minutes. So a replica that was away is right again within one `resend`, and what fires when kwatch ends
is over after four.

Labels hold no count and no text. The severity is one, for routes need it: an alert that rises is another one there.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Self

import msgspec
from pydantic import AfterValidator, Field, model_validator

from kwatch.errors import Failure, PermanentSendError, Reason, SendError
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content, Delivery, Message, Notification, NotificationKind, Receipt, Thread
from kwatch.notify.base import Channel, ChannelConfig, Duration, Secret, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.http import HttpClient, classify, failed
from kwatch.notify.incidents import alone
from kwatch.notify.postings import WHOLE, Posting, Standing, document, moment, posting
from kwatch.notify.render import MessageTemplates
from kwatch.notify.urls import check_url_address

#: An alert ends by itself after so many `resend`, as Prometheus' own do.
_LASTS: Final = 4
#: Alerts in one request, as Prometheus sends them, and the most that a notification posts: `reconcile` posts them all.
_BATCH: Final = 64
#: Of the time of an attempt, what one replica of several may take.
_SHARE: Final = 0.8


def _check_urls(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or any(re.fullmatch(r"https?://[^@?#\s]+/", url) is None for url in value):
        raise ValueError("give the URL of each replica, with a slash at its end: http://alertmanager-0:9093/")
    for url in value:
        check_url_address(url)
    return value


class Config(ChannelConfig):
    """The keys of `type: alertmanager`."""

    pages: ClassVar[bool] = True

    #: Every replica, never a balancer before them: replicas do not tell each other of alerts.
    urls: Annotated[tuple[str, ...], AfterValidator(_check_urls)]
    #: How often what fires is posted again; four times that long it lasts there.
    resend: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(seconds=60)
    #: For basic authentication, with `password`.
    username: str = ""
    password: Secret | None = None
    #: For a bearer token, instead.
    token: Secret | None = None

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("username goes with password, and password with username")
        if self.username and self.token is not None:
            raise ValueError("give username and password, or token: one of the two")
        return self


class Alertmanager:
    """Posts alerts to every replica, and remembers which of them go on."""

    max_age = timedelta(hours=24)

    def __init__(self, config: Config, tools: Tools) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self.interval = config.resend.total_seconds()
        self._config = config
        self._tools = tools
        self._client = HttpClient(config, tools)
        self._standing = Standing()
        self._made: dict[str, tuple[AlertView, Posting]] = {}  # by fingerprint: rendering takes time

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the alerts that a notification changes."""
        postings, problems = [], []
        templates = self._tools.templates.for_message()
        listed = () if notification.kind is NotificationKind.DIGEST else notification.content.alerts[:_BATCH]
        for view in listed:
            texts = self._compose(notification, view, templates)
            postings.append(posting(view, texts, degraded=degraded))
            problems.append(texts.problem)
        if notification.kind in WHOLE:
            texts = Composition(self._config, templates, notification)
            postings.append(moment(notification, texts, degraded=degraded))
            problems.append(texts.problem)
        return Message(msgspec.json.encode(postings), fallback_reason=next(filter(None, problems), ""))

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Post the alerts; one replica that takes them is enough, for the others get them by `reconcile`."""
        postings = msgspec.json.decode(message.body, type=tuple[Posting, ...])
        failures = await self._post(postings)
        refused = [failure for failure in failures if failure is not None]
        if len(refused) == len(failures):
            raise min(refused, key=lambda failure: isinstance(failure, PermanentSendError))
        self._standing.note(postings, self._tools.clock.now())
        return Receipt()

    async def reconcile(self, content: Content) -> tuple[str, ...]:
        """Post all that fires, and what has ended lately; return how it went with each replica.

        `content` lists what this destination was told of and what goes on, all of it.
        """
        since = self._standing.snapshot()
        fires = {made.key: made async for made in self._current(content)}
        now = self._tools.clock.now()
        postings = self._standing.settle(fires, since, now, ends=self._config.send_resolved)
        if not postings:
            return ()
        failures = await self._post(postings)
        return tuple("ok" if failure is None else failure.reason.value for failure in failures)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _compose(self, about: Notification, view: AlertView, templates: MessageTemplates) -> Composition:
        return Composition(self._config, templates, alone(about, view))

    async def _current(self, content: Content) -> AsyncIterator[Posting]:
        """Yield what fires; what has not changed is not rendered again, and of what has others may run in between."""
        now = self._tools.clock.now()
        about = Notification(
            id="",
            destination=self._config.name,
            incident="",
            sequence=0,
            kind=NotificationKind.UPDATE,
            severity=content.severity,
            content=content,
            created_at=now,
        )
        known, self._made = self._made, {}
        for view in content.alerts:
            before, made = known.get(view.fingerprint, (None, None))
            if made is None or before != view:
                made = posting(view, self._compose(about, view, self._tools.templates.for_message()), degraded=False)
                await asyncio.sleep(0)
            self._made[view.fingerprint] = view, made
            yield made

    async def _post(self, postings: Iterable[Posting]) -> list[SendError | None]:
        """Post to every replica at once; return what went wrong with each."""
        lasts_until = self._tools.clock.now() + _LASTS * self._config.resend
        documents = [document(made, lasts_until) for made in postings]
        bodies = [msgspec.json.encode(documents[start : start + _BATCH]) for start in range(0, len(documents), _BATCH)]
        return await asyncio.gather(*(self._post_to(url, bodies) for url in self._config.urls))

    async def _post_to(self, url: str, bodies: Iterable[bytes]) -> SendError | None:
        """Post to one replica, as far as it takes it; of several, none may spend the time of the whole attempt."""
        try:
            async with asyncio.timeout(_SHARE * self.timeout if len(self._config.urls) > 1 else None):
                headers = {"Content-Type": "application/json", **self._identity()}
                for body in bodies:
                    failure = classify(await self._client.post(f"{url}api/v2/alerts", body, headers))
                    if failure is not None:
                        return failure
                return None
        except SendError as error:
            return error
        except TimeoutError:
            return failed(Failure.AMBIGUOUS, Reason.TIMEOUT, "a replica did not answer in time")

    def _identity(self) -> Mapping[str, str]:
        if self._config.token is not None:
            return {"Authorization": f"Bearer {self._tools.read(self._config.token)}"}
        if self._config.password is None:
            return {}
        pair = f"{self._config.username}:{self._tools.read(self._config.password)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Alertmanager(config, tools)
