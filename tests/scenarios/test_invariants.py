"""The machine of `worlds` holds for kwatch as it is shipped, and notices each saboteur: it would notice a bug."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState, Notification, NotificationKind
from kwatch.store.deliveries import Settlement
from kwatch.store.state import Snapshot, State
from tests.scenarios.worlds import CONFIGS, Worlds

TestWorlds = Worlds.TestCase
TestWorlds.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)

BOUNDED = settings(max_examples=400, stateful_step_count=50, derandomize=True, database=None, phases=[Phase.generate])


class Forgetful(State):
    """What ends is decided, and has no row."""

    async def commit(self, decision: Decision) -> None:
        kept = tuple(each for each in decision.notifications if not each.kind.closes)
        await super().commit(msgspec.structs.replace(decision, notifications=kept))


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


class Stuttering(State):
    """What was sent is queued again, once."""

    async def settle(self, settlement: Settlement) -> None:
        if settlement.state is DeliveryState.SENT and settlement.attempts == 1:
            settlement = msgspec.structs.replace(settlement, state=DeliveryState.QUEUED)
        await super().settle(settlement)


class Untidy(State):
    """What has ended is not in the books any more."""

    async def settle(self, settlement: Settlement) -> None:
        await super().settle(settlement)
        await self.prune(settlement.at + timedelta(days=1))


class Amnesiac(State):
    """A restart knows nothing of the alerts."""

    def load(self) -> Snapshot:
        return msgspec.structs.replace(super().load(), rows=())


class Unpaced(Worlds):
    """A destination goes by another pace than was asked for."""

    configs = tuple(text.replace("per_minute: 6, burst: 5", "per_minute: 600, burst: 50") for text in CONFIGS)


class Talkative(Worlds):
    """It is told again and again though nothing happens."""

    configs = tuple(text.replace("repeat_interval: 0s", "repeat_interval: 5m") for text in CONFIGS)


class Deaf(Worlds):
    """What is loaded anew is not heeded."""

    def _load(self, text: str) -> None:
        self.advance(1)


def running(saboteur: type[State]) -> type[Worlds]:
    return type(saboteur.__name__, (Worlds,), {"state_type": saboteur})


SABOTEURS = (*map(running, (Forgetful, Hasty, Stuttering, Untidy, Amnesiac)), Unpaced, Talkative, Deaf)


@pytest.mark.parametrize("world", SABOTEURS, ids=lambda world: world.__name__)
def test_a_saboteur_is_noticed(world: type[Worlds]) -> None:
    with pytest.raises(AssertionError, match=r"I[1-7]:"):
        run_state_machine_as_test(world, settings=BOUNDED)
