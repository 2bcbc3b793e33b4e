"""The newest deliveries, as people list them."""

from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState
from kwatch.store.state import State
from kwatch.testing.samples import notification
from kwatch.testing.virtual import run
from tests.store.working import lease_next, settled


def test_they_are_listed_of_all_states_and_destinations_or_of_those_asked_for(state: State) -> None:
    async def listed(*chosen: DeliveryState, destination: str = "") -> list[str]:
        return [row.notification.id for row in await state.newest(chosen, 10, destination)]

    async def main() -> list[list[str]]:
        places = (("one", "hook"), ("two", "mail"), ("three", "hook"))
        await state.commit(
            Decision(notifications=tuple(notification(1, incident=name, destination=to) for name, to in places))
        )
        await state.settle(settled(await lease_next(state), DeliveryState.DEAD))
        dead = DeliveryState.DEAD
        return [
            await listed(),
            await listed(destination="hook"),
            await listed(dead, destination="hook"),
            await listed(dead, destination="mail"),
            await listed(destination="nobody"),
        ]

    all_, hook = ["three/hook/1", "two/mail/1", "one/hook/1"], ["three/hook/1", "one/hook/1"]
    assert run(main()) == [all_, hook, ["one/hook/1"], [], []]
