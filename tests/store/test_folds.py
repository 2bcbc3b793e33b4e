"""Overflows: which one takes in what is folded next."""

from datetime import timedelta

from kwatch.model.decisions import Decision
from kwatch.model.notifications import DeliveryState, NotificationKind
from kwatch.store.state import State
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import run
from tests.store.working import MESSAGE, settled


def test_an_overflow_that_did_not_arrive_takes_in_more_though_another_is_open(state: State) -> None:
    """While it was on its way, a second one was opened."""
    told = [notification(1, incident=f"kw/{name}/1") for name in "abc"]

    async def main() -> list[str]:
        await state.commit(Decision(notifications=tuple(told)))
        await state.fold([told[0].id], START)
        found = await state.due("hook", START + timedelta(minutes=2), 10)
        (first,) = (each for each in found if each.notification.kind is NotificationKind.OVERFLOW)
        await state.complete(first.notification)
        assert await state.lease(first, MESSAGE)
        await state.fold([told[1].id], START + timedelta(seconds=1))
        await state.settle(settled(first, DeliveryState.RETRY_WAIT, is_rendered_again=True))
        await state.fold([told[2].id], START + timedelta(seconds=2))
        return [each.incident for each in await state.folded(first.notification.id)]

    assert run(main()) == ["kw/a/1", "kw/c/1"]
