"""What the running kwatch lets be changed over HTTP and by buttons: what is decided, as a step of the pipeline."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kwatch.alerts.silences import MOST
from kwatch.config.silences import exactly, read_silence
from kwatch.errors import RefusedError, StateError
from kwatch.model.alerts import AlertView
from kwatch.model.silences import Silence

if TYPE_CHECKING:
    from kwatch.app import App

T = TypeVar("T")

#: Seconds that a change may take to be durable.
_TIMEOUT = 10.0


class LiveControl:
    """A `kwatch.web.changes.Control` over an `App`."""

    def __init__(self, app: "App") -> None:
        self._app = app

    @property
    def token(self) -> str:
        """Return the bearer token that a change needs."""
        return self._app.state.token

    async def add_silence(self, asked: Mapping[str, object], actor: str) -> tuple[Silence, int]:
        """Make a silence; return it with the number of open alerts that it matches now."""
        return await self._perform(lambda now: self._add_silence(asked, actor, now))

    def _add_silence(
        self, asked: Mapping[str, object], actor: str, now: datetime, *, id_: str = ""
    ) -> tuple[Silence, int]:
        """Make a silence; `id_` empty: an id that its words give it."""
        app = self._app
        silence = read_silence(asked, app.config.known, cluster=app.cluster, owner=actor, now=now)
        silence = msgspec.structs.replace(silence, id=id_ or silence.id)
        if len(app.engine.insight.silences()) >= MOST:
            raise RefusedError(f"there are {MOST} silences already: let some expire first")
        return silence, app.engine.add_silence(silence, actor, now)

    async def silence_incident(
        self, incident: str, length: Mapping[str, object], actor: str, *, id_: str
    ) -> tuple[Silence, int]:
        """Silence exactly the alerts that an incident tells of, for a length, by a silence of that id."""
        engine = self._app.engine

        def step(now: datetime) -> tuple[Silence, int]:
            names = engine.insight.identities(incident, now)
            if not names:
                raise RefusedError(engine.insight.why_unanswered(incident))
            asked = {"match": exactly(names), **length}
            return self._add_silence(asked, actor, now, id_=id_)

        return await self._perform(step)

    async def has_silenced(self, id_: str) -> bool:
        """Whether there has been a silence of that id, also one that is over: the audit log knows."""
        return await self._app.state.is_audited(id_)

    async def note_refused(self, why: str, subject: str, actor: str) -> None:
        """Write into the audit log that a click came to nothing."""
        await self._perform(lambda now: self._app.engine.note_refused(why, subject, actor, now))

    async def expire_silence(self, silence_id: str, actor: str) -> bool:
        """End a silence now; False: there is none of that id."""
        return await self._perform(lambda now: self._app.engine.expire_silence(silence_id, actor, now))

    async def ack(self, target: str, actor: str, comment: str) -> tuple[AlertView, ...]:
        """Note that somebody takes care of an alert, or of all that an incident tells of; return those."""
        engine = self._app.engine
        return await self._answer(target, lambda now: engine.ack(target, actor, now, comment=comment))

    async def unack(self, target: str, actor: str) -> tuple[AlertView, ...]:
        """Take that back; return what was acknowledged."""
        engine = self._app.engine
        return await self._answer(target, lambda now: engine.unack(target, actor, now))

    async def retry_delivery(self, delivery_id: str, actor: str) -> bool:
        """Have a delivery attempted now, also one that was given up; False: there is none of that id."""
        return await self._app.outbox.retry(delivery_id, actor)

    async def drop_delivery(self, delivery_id: str, actor: str) -> bool:
        """End a delivery that is not to be told; False: there is none of that id."""
        return await self._app.outbox.drop(delivery_id, actor)

    async def _answer(self, target: str, answer: Callable[[datetime], tuple[AlertView, ...]]) -> tuple[AlertView, ...]:
        def step(now: datetime) -> tuple[AlertView, ...]:
            alerts = answer(now)
            if not alerts:
                raise RefusedError(self._app.engine.insight.why_unanswered(target))
            return alerts

        return await self._perform(step)

    async def _perform(self, step: Callable[[datetime], T]) -> T:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._app.pipeline.perform(step)
        except TimeoutError:
            why = self._app.pipeline.store_error or "kwatch is busy"
            raise StateError(f"the change is not durable yet, look before you ask again: {why}") from None
