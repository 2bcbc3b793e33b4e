"""A clock that goes on as it was until what has happened to the time is taken over."""

from datetime import UTC, datetime, timedelta

from kwatch.clock import Change, SteadyClock

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Machine:
    """Three clocks of a machine, each moved by hand."""

    def __init__(self) -> None:
        self.wall = START
        self.seconds = self.woken = 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def awake(self) -> float:
        return self.woken

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("unreachable")

    def passes(self, seconds: float, *, wall: float | None = None, is_asleep: bool = False) -> None:
        self.wall += timedelta(seconds=seconds if wall is None else wall)
        self.seconds += seconds
        self.woken += 0 if is_asleep else seconds


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def test_it_goes_with_the_machine() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.passes(3600)
    assert (clock.now(), clock.has_jumped, clock.adopt()) == (at(3600), False, Change())


def test_it_goes_on_from_what_is_written_down_where_the_machine_is_behind() -> None:
    machine = Machine()
    clock = SteadyClock(machine, not_before=at(3600))
    assert (clock.now(), clock.has_jumped) == (at(3600), True)
    machine.passes(5)
    assert clock.now() == at(3605)
    assert clock.adopt() == Change(set_by=timedelta(hours=-1))
    assert clock.now() == at(5)


def test_what_is_written_down_is_past_otherwise() -> None:
    machine = Machine()
    clock = SteadyClock(machine, not_before=at(-3600))
    assert (clock.now(), clock.has_jumped) == (at(0), False)


def test_small_steps_are_no_change_however_many() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    for step in range(1, 11):
        machine.passes(10, wall=12)
        assert clock.now() == at(12 * step)
    assert clock.adopt() == Change()


def test_it_goes_on_as_it_was_when_the_clock_was_set() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.passes(10, wall=-3590)
    assert (clock.now(), clock.has_jumped) == (at(10), True)
    machine.passes(5)
    assert clock.now() == at(15)
    assert clock.adopt() == Change(set_by=timedelta(hours=-1))
    machine.passes(1)
    assert (clock.now(), clock.has_jumped) == (at(-3584), False)


def test_it_has_no_time_asleep_when_the_machine_has_slept() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.passes(7200, is_asleep=True)
    machine.passes(3)
    assert (clock.now(), clock.undisturbed_until) == (at(3), at(0))
    assert clock.adopt() == Change(slept=timedelta(hours=2))
    assert clock.now() == at(7203)


def test_both_at_once_are_told_apart() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.passes(7200, wall=3600, is_asleep=True)
    assert clock.adopt() == Change(set_by=timedelta(hours=-1), slept=timedelta(hours=2))
