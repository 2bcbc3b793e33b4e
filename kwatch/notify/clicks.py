"""What people do to messages with their buttons: heard by channels, decided here, done through `Desk`.

A vendor that has several connections of one app gives a click to any of them, and may give it twice; so clicks of all
channels meet here, where each goes to the destination whose button it is, once. Nothing of what a click says is
believed but who clicked: the vendor vouches for that. Every refusal is audited; clicks are few.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from kwatch.clock import Clock
from kwatch.errors import RefusedError, SendError, StateError
from kwatch.notify.buttons import SILENCES, Action, Refusal, Seen, Wish
from kwatch.notify.escape import line
from kwatch.telemetry import Counters

log = logging.getLogger(__name__)

#: Seconds that the vendor has to answer a question that a click leads to.
_SECONDS = 20.0
_WHY: Mapping[Refusal, str] = {
    Refusal.FORGED: "this button is none of this kwatch, or of a destination that is gone",
    Refusal.EXPIRED: "this message is too old to be answered to",
    Refusal.NOT_ALLOWED: "you are not among those whom this destination allows to use its buttons",
}


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """One press of a button, as the vendor tells of it."""

    names: tuple[tuple[str, ...], ...]  # each is the same at every delivery of this click, and of no other's
    id: str  # the same at every delivery, also after a restart
    user: str  # an id
    user_name: str
    value: str  # of the button
    room: str  # where it was pressed

    @property
    def actor(self) -> str:
        """Who it is, for people and for the audit log."""
        return f"{line(self.user_name)[:60]} ({line(self.user)[:30]})"


class Desk(Protocol):
    """What may be done by a click. The first two may raise RefusedError, with the reason, and StateError."""

    async def ack(self, target: str, actor: str, comment: str) -> object:
        """Note that somebody takes care of all that an incident tells of."""
        ...

    async def silence_incident(self, incident: str, length: Mapping[str, object], actor: str, *, id_: str) -> object:
        """Silence exactly the alerts that an incident tells of, by a silence of that id."""
        ...

    async def has_silenced(self, id_: str) -> bool:
        """Whether there has been a silence of that id, also one that is over."""
        ...

    async def note_refused(self, why: str, subject: str, actor: str) -> None:
        """Write down that somebody wanted what they may not have."""
        ...


@runtime_checkable
class Clickable(Protocol):
    """A channel whose messages have buttons."""

    async def listen(self, take: Callable[[Click], Awaitable[None]]) -> None:
        """Hear of clicks until cancelled, also of those on other messages of the same app."""
        ...

    def wish(self, value: str, now: datetime) -> Wish | Refusal:
        """Return what a button asks for; FORGED: it is none of this channel's."""
        ...

    async def allows(self, user: str) -> bool:
        """Whether somebody may use the buttons; raises SendError where that is not to be known."""
        ...

    async def whisper(self, click: Click, text: str) -> None:
        """Tell the one who clicked, and nobody else; raises SendError."""
        ...


class Clicks:
    """Listens where channels can, from the start on."""

    def __init__(self, channels: Mapping[str, Any], desk: Desk, *, clock: Clock, counters: Counters) -> None:
        self._desk = desk
        self._clock = clock
        self._counters = counters
        self._seen = Seen()
        self._changed = asyncio.Event()
        self.use(channels)

    def use(self, channels: Mapping[str, Any]) -> None:
        """Go by other channels; those that stay go on listening."""
        self._channels = {name: channel for name, channel in channels.items() if isinstance(channel, Clickable)}
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        loops: dict[Clickable, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._changed.wait()
                self._changed.clear()
                wanted = {channel: name for name, channel in self._channels.items()}
                for channel in loops.keys() - wanted.keys():
                    loops.pop(channel).cancel()
                for channel in wanted.keys() - loops.keys():
                    name = wanted[channel]
                    loops[channel] = tasks.create_task(self._listen(name, channel), name=f"buttons of {name}")

    async def _listen(self, name: str, channel: Clickable) -> None:
        async def take(click: Click) -> None:
            try:
                outcome = await self._take(click, (name, channel))
            except Exception:
                log.exception("a click failed by a bug", extra={"destination": name})
                outcome = "failed"
            self._counters.add("clicks", destination=name, outcome=outcome)

        await channel.listen(take)

    async def _take(self, click: Click, heard_by: "_Owner") -> str:
        """Do what a click asks for, once; return what came of it."""
        now = self._clock.now()
        (name, channel), wish = self._meant(click, heard_by, now)
        is_new = self._seen.is_new(click.names, now)
        try:
            if not is_new or await self._desk.has_silenced(click.id):
                wish = Refusal.REPLAYED
            elif isinstance(wish, Wish) and not await _allows(channel, click.user, name):
                wish = Refusal.NOT_ALLOWED
            if isinstance(wish, Wish):
                return await self._fulfil(wish, click)
            await self._desk.note_refused(wish.value, name, click.actor)
            outcome, why = wish.value, _WHY.get(wish, "")
        except (RefusedError, StateError) as error:
            outcome, why = "refused", str(error)
        if why:
            await _whisper(channel, click, f"Nothing was done: {why}.", name)
        return outcome

    def _meant(self, click: Click, heard_by: "_Owner", now: datetime) -> tuple["_Owner", Wish | Refusal]:
        """Return whose button it is, and what it asks for; what is nobody's is left to who heard of it."""
        for name, channel in self._channels.items():
            wish = channel.wish(click.value, now)
            if wish is not Refusal.FORGED:
                return (name, channel), wish
        return heard_by, Refusal.FORGED

    async def _fulfil(self, wish: Wish, click: Click) -> str:
        """Change what was asked for; the incident's message then says so, as after any other change.

        A click that comes again after a restart changes nothing: who has acknowledged has, and silences have ids.
        """
        if wish.action is Action.ACK:
            await self._desk.ack(wish.incident, click.actor, "")
            return "acknowledged"
        await self._desk.silence_incident(wish.incident, SILENCES[wish.action], click.actor, id_=click.id)
        return "silenced"


_Owner = tuple[str, Clickable]


async def _allows(channel: Clickable, user: str, name: str) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            return await channel.allows(user)
    except (SendError, TimeoutError) as error:
        log.warning("not known who may use buttons", extra={"destination": name, "error": str(error)})
        return False


async def _whisper(channel: Clickable, click: Click, text: str, name: str) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            await channel.whisper(click, text)
    except (SendError, TimeoutError) as error:
        log.warning("who clicked was not answered", extra={"destination": name, "error": str(error)})
