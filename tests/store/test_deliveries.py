"""Deliveries on a real SQLite file: when each is due, leased once, and what its end means for the others."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kwatch.model.decisions import Decision, IncidentRow
from kwatch.model.notifications import (
    Attempt,
    Delivery,
    DeliveryState,
    Message,
    NotificationKind,
    Receipt,
    Thread,
)
from kwatch.model.rules import Severity
from kwatch.store.deliveries import Queue
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.samples import START, notification
from kwatch.testing.virtual import run
from tests.store.working import FIRING, MESSAGE, RESOLVED, UPDATE, in_state, lease_next, open_state, settled, states


def test_a_notification_becomes_a_delivery_that_is_due(state: State) -> None:
    async def main() -> tuple[Delivery, ...]:
        await state.commit(Decision(notifications=(notification(1),)))
        return await state.due("hook", START, 10)

    assert run(main()) == (Delivery(notification=notification(1), state=DeliveryState.QUEUED, due_at=START),)


def test_a_commit_that_is_repeated_changes_nothing(state: State) -> None:
    async def main() -> tuple[Delivery, ...]:
        for _ in range(2):
            await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        delivery = await lease_next(state)
        await state.settle(settled(delivery, DeliveryState.SENT))
        await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        return await state.due("hook", START, 10)

    assert run(main()) == ()
    assert run(states(state)) == {"1": "superseded", "2": "sent"}


def test_one_row_per_lane_is_due_and_the_urgent_come_first(state: State) -> None:
    async def main() -> list[str]:
        await state.commit(
            Decision(
                notifications=(
                    notification(1, incident="old"),
                    notification(1, NotificationKind.NOTICE, incident="notes"),
                    notification(2, NotificationKind.NOTICE, incident="notes"),
                    notification(1, RESOLVED, incident="over"),
                    notification(1, incident="worst", severity=Severity.CRITICAL),
                    notification(1, incident="elsewhere", destination="mail"),
                )
            )
        )
        return [delivery.notification.incident for delivery in await state.due("hook", START, 10)]

    assert run(main()) == ["worst", "over", "old", "notes"]


def test_f_28_an_end_waits_until_its_trigger_is_final(state: State) -> None:
    later = START + timedelta(minutes=5)

    async def main() -> list[tuple[str, ...]]:
        seen = []

        async def look() -> None:
            due = await state.due("hook", START, 10)
            seen.append(tuple(delivery.notification.kind.value for delivery in due))

        await state.commit(Decision(notifications=(notification(1),)))
        delivery = await lease_next(state)
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))
        await look()
        await state.settle(settled(delivery, DeliveryState.RETRY_WAIT, due_at=later))
        await look()
        assert await state.earliest_due("hook") == later
        (again,) = await state.due("hook", later, 10)
        await state.lease(again, MESSAGE)
        await state.settle(settled(again, DeliveryState.SENT))
        await look()
        return seen

    assert run(main()) == [(), (), ("resolved",)]


def test_an_end_cancels_what_was_never_attempted(state: State) -> None:
    run(state.commit(Decision(notifications=(notification(1), notification(2, RESOLVED)))))
    assert run(states(state)) == {"1": "cancelled", "2": "cancelled"}


@pytest.mark.parametrize("then", [DeliveryState.RETRY_WAIT, DeliveryState.QUEUED])
def test_an_end_does_not_cancel_what_was_attempted(state: State, then: DeliveryState) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), then))
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))

    run(main())
    assert run(states(state)) == {"1": then.value, "2": "queued"}


def test_a_trigger_that_only_had_to_wait_counts_as_never_attempted(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.QUEUED, attempts=0))
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))

    run(main())
    assert run(states(state)) == {"1": "cancelled", "2": "cancelled"}


def test_an_update_in_the_triggers_place_is_told_as_firing(state: State) -> None:
    async def main() -> Delivery:
        await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        (delivery,) = await state.due("hook", START, 10)
        return delivery

    told = run(main()).notification
    assert (told.id, told.kind, told.content.kind) == ("kw/group/1/hook/2", FIRING, FIRING)


def test_f_29_a_dead_trigger_cancels_its_end(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        delivery = await lease_next(state)
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))
        await state.settle(settled(delivery, DeliveryState.DEAD, reason="rejected"))

    run(main())
    assert run(states(state)) == {"1": "dead", "2": "cancelled"}


def test_f_30_the_end_of_a_dead_trigger_that_may_have_arrived_stays(state: State) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        delivery = await lease_next(state)
        await state.commit(Decision(notifications=(notification(2, RESOLVED),)))
        await state.settle(settled(delivery, DeliveryState.DEAD, is_ambiguous=True, reason="too_old"))

    run(main())
    assert run(states(state)) == {"1": "dead", "2": "queued"}
    assert state.load().incidents == (
        IncidentRow(destination="hook", incident="kw/group/1", is_open=True, last_sent_at=None),
    )


def test_a_lease_is_given_once(state: State) -> None:
    async def main() -> list[bool]:
        await state.commit(Decision(notifications=(notification(1),)))
        (delivery,) = await state.due("hook", START, 1)
        return [await state.lease(delivery, MESSAGE), await state.lease(delivery, MESSAGE)]

    assert run(main()) == [True, False]


def test_what_was_superseded_since_it_was_read_is_not_leased(state: State) -> None:
    async def main() -> bool:
        await state.commit(Decision(notifications=(notification(1),)))
        (delivery,) = await state.due("hook", START, 1)
        await state.commit(Decision(notifications=(notification(2, UPDATE),)))
        return await state.lease(delivery, MESSAGE)

    assert run(main()) is False


def test_the_leased_bytes_are_shown_again_until_they_are_rendered_again(state: State) -> None:
    async def main() -> list[Message | None]:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.RETRY_WAIT))
        (kept,) = await state.due("hook", START, 1)
        await state.lease(kept, MESSAGE)
        await state.settle(settled(kept, DeliveryState.QUEUED, is_degraded=True, is_rendered_again=True))
        (dropped,) = await state.due("hook", START, 1)
        return [kept.message, dropped.message]

    assert run(main()) == [MESSAGE, None]


def test_the_next_of_a_lane_knows_the_root(state: State) -> None:
    root = Receipt({"ts": "1.5"})

    async def main() -> list[Thread]:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=root))
        await state.commit(
            Decision(notifications=(notification(2, UPDATE), notification(1, incident="next", thread_of="kw/group/1")))
        )
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=Receipt()))
        await state.commit(Decision(notifications=(notification(3, RESOLVED),)))
        return [delivery.thread for delivery in await state.due("hook", START, 10)]

    assert run(main()) == [Thread(root, is_own=True), Thread(root, is_own=False)]


@pytest.mark.parametrize("kind", [NotificationKind.NOTICE, NotificationKind.SUMMARY])
def test_what_stands_for_itself_opens_nothing(state: State, kind: NotificationKind) -> None:
    async def main() -> None:
        await state.commit(Decision(notifications=(notification(1, kind),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT))

    run(main())
    assert [incident.is_open for incident in state.load().incidents] == [False]


def test_an_end_that_died_leaves_the_incident_open(state: State) -> None:
    async def main() -> None:
        for sequence, kind, then in ((1, FIRING, DeliveryState.SENT), (2, RESOLVED, DeliveryState.DEAD)):
            await state.commit(Decision(notifications=(notification(sequence, kind),)))
            await state.settle(settled(await lease_next(state), then, is_ambiguous=True))

    run(main())
    assert [incident.is_open for incident in state.load().incidents] == [True]


def test_an_incident_that_goes_on_in_anothers_thread_never_owns_its_root(state: State) -> None:
    root = Receipt({"ts": "1.5"})

    async def main() -> list[Thread]:
        await state.commit(Decision(notifications=(notification(1),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=root))
        await state.commit(Decision(notifications=(notification(1, incident="next", thread_of="kw/group/1"),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT, receipt=root))
        await state.commit(Decision(notifications=(notification(2, RESOLVED, incident="next"),)))
        return [delivery.thread for delivery in await state.due("hook", START, 10)]

    assert run(main()) == [Thread(root, is_own=False)]


def test_a_root_that_was_lost_is_replaced_by_the_new_one(state: State) -> None:
    async def main() -> list[Thread]:
        for sequence, ts in ((1, "1.5"), (2, "2.5")):
            await state.commit(Decision(notifications=(notification(sequence, UPDATE),)))
            delivery = await lease_next(state)
            await state.settle(settled(delivery, DeliveryState.SENT, receipt=Receipt({"ts": ts})))
        await state.commit(Decision(notifications=(notification(3, RESOLVED),)))
        return [delivery.thread for delivery in await state.due("hook", START, 10)]

    assert run(main()) == [Thread(Receipt({"ts": "2.5"}), is_own=True)]


def test_an_incident_is_open_from_its_first_message_to_its_end(state: State) -> None:
    async def main() -> list[IncidentRow]:
        seen = []
        for sequence, kind in ((1, FIRING), (2, UPDATE), (3, RESOLVED)):
            await state.commit(Decision(notifications=(notification(sequence, kind),)))
            await state.settle(settled(await lease_next(state), DeliveryState.SENT))
            seen.extend(state.load().incidents)
        return seen

    assert [incident.is_open for incident in run(main())] == [True, True, False]


def test_f_03_every_lease_is_given_back_at_a_start(tmp_path: Path) -> None:
    async def crash(state: State) -> None:
        await state.commit(Decision(notifications=(notification(1),)))
        await lease_next(state)

    async def restart(state: State) -> Delivery:
        await state.recover(START + timedelta(seconds=7))
        (delivery,) = await state.due("hook", START + timedelta(seconds=7), 10)
        return delivery

    in_state(tmp_path, crash)
    delivery = in_state(tmp_path, restart)
    assert (delivery.state, delivery.attempts, delivery.is_ambiguous) == (DeliveryState.QUEUED, 1, True)
    assert delivery.message == MESSAGE


def test_s_97_the_ledger_and_the_counters_balance(tmp_path: Path) -> None:
    counters = Counters()
    state = open_state(tmp_path, counters)

    async def main() -> Any:
        await state.commit(Decision(notifications=(notification(1), notification(2, UPDATE))))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT))
        await state.commit(
            Decision(
                notifications=(
                    notification(1, incident="short"),
                    notification(2, RESOLVED, incident="short"),
                    notification(1, incident="open"),
                )
            )
        )
        return await state.counts(), await state.queues()

    ledger, queues = run(main())
    state.close()
    assert ledger == {
        "hook": {
            DeliveryState.CANCELLED: 2,
            DeliveryState.QUEUED: 1,
            DeliveryState.SENT: 1,
            DeliveryState.SUPERSEDED: 1,
        }
    }
    assert queues == {"hook": Queue(1, START)}
    assert {
        dict(labels)["state"]: count for (name, labels), count in counters.read().items() if name == "deliveries"
    } == {
        "queued": 5,
        "sent": 1,
        "superseded": 1,
        "cancelled": 2,
    }


def test_one_delivery_is_shown_with_its_attempts(state: State) -> None:
    def attempt(number: int, outcome: str) -> Attempt:
        return Attempt(number=number, started_at=START, ended_at=START, outcome=outcome)

    async def main() -> Any:
        await state.commit(Decision(notifications=(notification(1),)))
        first = await lease_next(state)
        await state.settle(settled(first, DeliveryState.RETRY_WAIT, attempt=attempt(1, "retry")))
        second = await lease_next(state)
        await state.settle(settled(second, DeliveryState.SENT, attempt=attempt(2, "sent")))
        return await state.find("kw/group/1/hook/1"), await state.find("no such")

    found, missing = run(main())
    assert (found[0].state, found[0].attempts, found[0].finished_at) == (DeliveryState.SENT, 2, START)
    assert found[0].message == MESSAGE
    assert found[1] == (attempt(1, "retry"), attempt(2, "sent"))
    assert missing is None


def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not(state: State) -> None:
    async def main() -> tuple[int, int]:
        for incident in ("closed", "open"):
            await state.commit(Decision(notifications=(notification(1, incident=incident),)))
            await state.settle(settled(await lease_next(state), DeliveryState.SENT))
        await state.commit(Decision(notifications=(notification(2, RESOLVED, incident="closed"),)))
        await state.settle(settled(await lease_next(state), DeliveryState.SENT))
        await state.commit(Decision(notifications=(notification(1, incident="waits"),)))
        return await state.prune(START), await state.prune(START + timedelta(seconds=1))

    assert run(main()) == (0, 3)
    assert run(states(state)) == {"1": "queued"}
    assert [incident.incident for incident in state.load().incidents] == ["open"]
