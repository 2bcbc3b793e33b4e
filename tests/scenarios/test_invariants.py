"""The machine of `worlds` holds for kwatch as it is shipped, and notices each saboteur: it would notice a bug."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, DeliveryState, Notification, NotificationKind
from kwatch.store.deliveries import Settlement
from kwatch.store.state import Snapshot, State
from tests.scenarios.world_configs import CONFIGS
from tests.scenarios.worlds import Worlds

TestWorlds = Worlds.TestCase
TestWorlds.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)

BOUNDED = settings(max_examples=400, stateful_step_count=50, derandomize=True, database=None, phases=[Phase.generate])


class Forgetful(State):
    """What begins is decided, and has no row."""

    async def commit(self, decision: Decision) -> None:
        await super().commit(_without(decision, lambda each: each.kind is NotificationKind.FIRING))


class Overtaking(State):
    """The newest of a lane goes first."""

    async def due(self, destination: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
        waiting = await self.newest((DeliveryState.QUEUED, DeliveryState.RETRY_WAIT), limit)
        return tuple(each for each in waiting if each.notification.destination == destination and each.due_at <= now)


class Stuttering(State):
    """What was sent is queued again, once."""

    async def settle(self, settlement: Settlement) -> None:
        if settlement.state is DeliveryState.SENT and settlement.attempts == 1:
            settlement = msgspec.structs.replace(settlement, state=DeliveryState.QUEUED)
        await super().settle(settlement)


class Endless(State):
    """What ends is decided, and has no row."""

    async def commit(self, decision: Decision) -> None:
        await super().commit(_without(decision, lambda each: each.kind.closes))


class Untidy(State):
    """What has ended is not in the books any more."""

    async def settle(self, settlement: Settlement) -> None:
        await super().settle(settlement)
        await self.prune(settlement.at + timedelta(days=1))


class Talkative(Worlds):
    """It is told again and again though nothing happens."""

    configs = tuple(text.replace("repeat_interval: 0s", "repeat_interval: 5m") for text in CONFIGS)


class Unpaced(Worlds):
    """A destination goes by another pace than was asked for."""

    configs = tuple(text.replace("per_minute: 6, burst: 5", "per_minute: 600, burst: 50") for text in CONFIGS)


class Hasty(State):
    """What begins is told as over, without evidence."""

    async def commit(self, decision: Decision) -> None:
        told = tuple(map(as_over, decision.notifications))
        await super().commit(msgspec.structs.replace(decision, notifications=told))


def as_over(each: Notification) -> Notification:
    if each.kind is not NotificationKind.FIRING:
        return each
    content = msgspec.structs.replace(each.content, kind=NotificationKind.RESOLVED)
    return msgspec.structs.replace(each, kind=NotificationKind.RESOLVED, content=content)


class Amnesiac(State):
    """A restart knows nothing of the alerts."""

    def load(self) -> Snapshot:
        return msgspec.structs.replace(super().load(), rows=())


class Deaf(Worlds):
    """What is loaded anew is not heeded."""

    def _load(self, text: str) -> None:
        self.advance(1)


class Heedless(Worlds):
    """Silences are about something else than was asked."""

    def silence_of(self, name: str) -> dict[str, Any]:
        return super().silence_of("nobody")


def _without(decision: Decision, is_left_out: Callable[[Notification], bool]) -> Decision:
    kept = tuple(each for each in decision.notifications if not is_left_out(each))
    return msgspec.structs.replace(decision, notifications=kept)


class Unsettled(Worlds):
    """What holds at each step is asked alone, not how it all ends."""

    def settle(self) -> None:
        pass


def running(saboteur: type[State], **left_out: None) -> type[Worlds]:
    """Return a machine on a saboteur, without the rules that are left out: what they do would fill its steps."""
    return type(saboteur.__name__, (Unsettled,), {"state_type": saboteur, **left_out})


#: Each with the invariant that it breaks, at a step; the last three break some.
SABOTEURS = {
    running(Forgetful): "I1",
    running(Overtaking, notice=None): "I2",
    running(Stuttering): "I3",
    running(Endless): "I4",
    running(Untidy): "I5",
    Talkative: "I6",
    Unpaced: "I7",
    Heedless: "S-77",
    running(Hasty): "I[1-7]",
    running(Amnesiac): "I[1-7]",
    Deaf: "I[1-7]",
}


@pytest.mark.parametrize(("world", "broken"), SABOTEURS.items(), ids=lambda each: getattr(each, "__name__", each))
def test_a_saboteur_is_noticed(world: type[Worlds], broken: str) -> None:
    with pytest.raises(AssertionError, match=f"^{broken}:"):
        run_state_machine_as_test(world, settings=BOUNDED)
