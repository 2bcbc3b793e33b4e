"""What waits for a destination that is none any more is kept for two days, and then given up: it balances (S-97)."""

from outbox_kit import Machine, Play

from kwatch.testing.samples import notification

HOUR = 3600


def test_it_is_given_up_when_nothing_new_came_for_two_days(play: Play) -> None:
    async def scene(machine: Machine) -> list[object]:
        await machine.commit(notification(1, destination="gone"), notification(1, destination="hook"))
        seen: list[object] = []
        for hours in (47, 3):
            await machine.run(hours * HOUR, hook=machine.sink())
            seen.append(await machine.state.counts())
        seen.append(machine.counted("deliveries", "state"))
        back = machine.sink()
        await machine.run(HOUR, hook=machine.sink(), gone=back)
        return [*seen, back.kinds]

    before, after, counted, told = play(scene)
    assert {name: {state.value: n for state, n in rows.items()} for name, rows in before.items()} == {
        "gone": {"queued": 1},
        "hook": {"sent": 1},
    }
    assert {name: {state.value: n for state, n in rows.items()} for name, rows in after.items()} == {
        "gone": {"dropped": 1},
        "hook": {"sent": 1},
    }
    assert counted == {"queued": 2, "sent": 1, "dropped": 1}
    assert told == []


def test_one_that_is_back_in_time_is_told(play: Play) -> None:
    async def scene(machine: Machine) -> list[str]:
        await machine.commit(notification(1, destination="gone"))
        await machine.run(2 * HOUR, hook=machine.sink())
        back = machine.sink()
        await machine.run(HOUR, gone=back)
        return back.kinds

    assert play(scene) == ["firing"]
